// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"math"

	"github.com/invopop/jsonschema"
)

func (*rawListen) schema() *jsonschema.Schema {
	type fields struct {
		Mark   fwmark `yaml:"mark" jsonschema:"required" jsonschema_description:"The firewall mark of packets that somebody else has marked. 1 to 4294967295."`
		Family family `yaml:"family" jsonschema_description:"The packets' family: 4 or 6. Default 4."`
	}
	return either(formed(`^[0-9A-Fa-f.:\[\]-]+:(\*|[0-9]{1,5}(-[0-9]{1,5})?)(/([Tt][Cc][Pp]|[Uu][Dd][Pp]|[Ss][Cc][Tt][Pp]))?$`), schemaOf[fields]())
}

func (*serverAddress) schema() *jsonschema.Schema {
	return formed(`^[0-9A-Fa-f.:\[\]]+$`)
}

func (*rawServer) schema() *jsonschema.Schema {
	type fields rawServer
	return shortOr[serverAddress, fields]()
}

func (*rawSorry) schema() *jsonschema.Schema {
	type fields rawSorry
	return shortOr[serverAddress, fields]()
}

func (*rawForward) schema() *jsonschema.Schema {
	type fields rawForward
	return shortOr[forwardWay, fields]()
}

func (*rawPersistence) schema() *jsonschema.Schema {
	type fields rawPersistence
	return shortOr[seconds, fields]()
}

// schema is that of a check in whose texts words stand for a server's address,
// and whose targets may be left out.
func (*serverChecks) schema() *jsonschema.Schema {
	one := schemaOf[rawServerCheck]()
	for _, other := range []string{"weight", "reverse", "initial", "pool"} {
		one.Properties.Delete(other)
	}
	for p := one.Properties.Oldest(); p != nil; p = p.Next() {
		if _, isKind := serverTargets[p.Key]; isKind {
			p.Value.AnyOf = append(p.Value.AnyOf, &jsonschema.Schema{Type: "null"})
		}
		loosen(p.Value)
	}
	each := either(oneWord(shortServerChecks()...), one)
	return either(each, &jsonschema.Schema{Type: "array", Items: each, MinItems: new(uint64(1))})
}

// loosen takes away what a text with words in it may not fit.
func loosen(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	switch s.Pattern {
	case durationPattern, new(jitter).schema().Pattern:
		return
	}
	s.Pattern, s.Required = "", nil
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		loosen(p.Value)
	}
	if !isNever(s.AdditionalProperties) {
		loosen(s.AdditionalProperties)
	}
	loosen(s.Items)
	for _, form := range s.AnyOf {
		loosen(form)
	}
}

func (*family) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Enum: []any{number64(4), number64(6)}}
}

func (*plane) schema() *jsonschema.Schema         { return oneWord(planes...) }
func (*scheduler) schema() *jsonschema.Schema     { return oneWord(schedulers()...) }
func (*schedulerFlag) schema() *jsonschema.Schema { return oneWord(flagFallback, flagPort) }
func (*forwardWay) schema() *jsonschema.Schema    { return oneWord(forwardWays...) }
func (*tunnelKind) schema() *jsonschema.Schema    { return oneWord(tunnelKinds...) }
func (*poolInitial) schema() *jsonschema.Schema   { return oneWord(initialDown, initialUp) }
func (*atStop) schema() *jsonschema.Schema        { return oneWord(atStopRemove, atStopKeep) }
func (*serverWeight) schema() *jsonschema.Schema  { return integers(0, maxServerWeight) }
func (*threshold) schema() *jsonschema.Schema     { return integers(1, math.MaxUint32) }
func (*quorumWeight) schema() *jsonschema.Schema  { return integers(1, math.MaxUint32) }
func (*hysteresis) schema() *jsonschema.Schema    { return integers(0, math.MaxUint32) }
func (*bits4) schema() *jsonschema.Schema         { return integers(1, 32) }
func (*bits6) schema() *jsonschema.Schema         { return integers(1, 128) }
func (*syncID) schema() *jsonschema.Schema        { return integers(0, 255) }
func (*syncLength) schema() *jsonschema.Schema    { return integers(100, 65507) }
func (*ttl) schema() *jsonschema.Schema           { return integers(1, 255) }
func (*multicastGroup) schema() *jsonschema.Schema {
	return formed(`^[0-9A-Fa-f.:]+$`)
}
