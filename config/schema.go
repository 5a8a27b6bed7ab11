// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"reflect"

	"github.com/invopop/jsonschema"
)

// schemaID names the schema; editors don't fetch it.
const schemaID = "https://github.com/vicar-ha/vicar/config/vicar.schema.json"

// Schema is the JSON Schema (draft 2020-12) of the file, for editors. It
// accepts every valid file; what needs more than one value to judge, Parse
// alone knows.
func Schema() []byte {
	s := reflector().Reflect(new(rawFile))
	s.ID = schemaID
	s.Title = "vicar configuration"
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("config: the schema is always JSON: " + err.Error())
	}
	return append(b, '\n')
}

func reflector() *jsonschema.Reflector {
	return &jsonschema.Reflector{
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
		DoNotReference:             true,
		ExpandedStruct:             true,
		Anonymous:                  true,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			if s, ok := reflect.TypeAssert[schemaer](reflect.New(t)); ok {
				return s.schema()
			}
			return nil
		},
	}
}

// schemaer is a raw type that is not a plain struct.
type schemaer interface{ schema() *jsonschema.Schema }

// schemaOf is the schema of a type of the file.
func schemaOf[T any]() *jsonschema.Schema {
	s := reflector().Reflect(new(T))
	s.Version = ""
	return s
}

func integers(low, high int) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "integer", Minimum: number64(low), Maximum: number64(high)}
}

func number64(n int) json.Number {
	b, _ := json.Marshal(n)
	return json.Number(b)
}

func oneWord(words ...string) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, w := range words {
		s.Enum = append(s.Enum, w)
	}
	return s
}

func either(schemas ...*jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: schemas}
}

const namePattern = `^[A-Za-z0-9_][A-Za-z0-9._-]*$`

func (*name) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: namePattern, MaxLength: new(uint64(maxName))}
}

func (*address) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[0-9A-Fa-f.:]+$`}
}

func (*prefix) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[0-9A-Fa-f.:]+/[0-9]{1,3}$`}
}

func (*interfaceName) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[^/:\s]{1,15}$`}
}

func (*duration) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: durationPattern}
}

func (*preempt) schema() *jsonschema.Schema {
	return either(&jsonschema.Schema{Type: "boolean"}, new(duration).schema())
}

func (*password) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", MinLength: new(uint64(1)), MaxLength: new(uint64(8))}
}

func (*socketPath) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^/.*[^/]$`, MaxLength: new(uint64(maxSocket))}
}

func (*endpoint) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^.+:[0-9]{1,5}$`}
}

func (*vrid) schema() *jsonschema.Schema     { return integers(1, 255) }
func (*version) schema() *jsonschema.Schema  { return integers(2, 3) }
func (*priority) schema() *jsonschema.Schema { return integers(1, 255) }
func (*repeat) schema() *jsonschema.Schema   { return integers(1, 100) }
func (*rate) schema() *jsonschema.Schema     { return integers(0, 1_000_000) }
func (*port) schema() *jsonschema.Schema     { return integers(1, 65535) }
func (*kind) schema() *jsonschema.Schema {
	return oneWord(string(Multicast), string(Unicast), string(Gossip))
}
func (*checksum) schema() *jsonschema.Schema { return oneWord(checksumRFC, checksumKeepalived) }
func (*ttlMin) schema() *jsonschema.Schema   { return either(oneWord("auto", "none"), integers(1, 255)) }

func (*guardKind) schema() *jsonschema.Schema {
	return oneWord(string(GuardNone), string(GuardQuorum))
}

func (*onLoss) schema() *jsonschema.Schema {
	return oneWord(string(OnLossRelease), string(OnLossHold))
}

func (*fence) schema() *jsonschema.Schema {
	return oneWord(string(FenceAuto), string(FenceRequired), string(FenceARP), string(FenceOff))
}

func (*list[T]) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "array", Items: schemaOf[T]()}
}

func (*oneOrMore[T]) schema() *jsonschema.Schema {
	some := new(list[T]).schema()
	some.MinItems = new(uint64(1))
	return either(schemaOf[T](), some)
}

func (*named[T]) schema() *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "object", AdditionalProperties: schemaOf[T](),
		PropertyNames: &jsonschema.Schema{Pattern: namePattern, MaxLength: new(uint64(maxName))},
	}
}

func (*byNode[T]) schema() *jsonschema.Schema {
	return either(schemaOf[T](), new(named[T]).schema())
}
