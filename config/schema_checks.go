// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"

	"github.com/invopop/jsonschema"

	"github.com/vicar-ha/vicar/track"
)

// shortOr is the schema of a kind or another section that is either its main
// value or a mapping: fields is its type without methods, so that it is taken
// for a plain struct.
func shortOr[short, fields any]() *jsonschema.Schema {
	return either(schemaOf[short](), schemaOf[fields]())
}

func (*rawICMP) schema() *jsonschema.Schema {
	type fields rawICMP
	return shortOr[hostName, fields]()
}

func (*rawTCP) schema() *jsonschema.Schema {
	type fields rawTCP
	return shortOr[hostPort, fields]()
}

func (*rawUDP) schema() *jsonschema.Schema {
	type fields rawUDP
	return shortOr[hostPort, fields]()
}

func (*rawHTTP) schema() *jsonschema.Schema {
	type fields rawHTTP
	return shortOr[httpURL, fields]()
}

func (*rawGRPC) schema() *jsonschema.Schema {
	type fields rawGRPC
	return shortOr[hostPort, fields]()
}

func (*rawSMTP) schema() *jsonschema.Schema {
	type fields rawSMTP
	return shortOr[smtpServer, fields]()
}

func (*rawHandshake) schema() *jsonschema.Schema {
	type fields rawHandshake
	return shortOr[tlsServer, fields]()
}

func (*rawExec) schema() *jsonschema.Schema {
	type fields rawExec
	return shortOr[argv, fields]()
}

func (*rawProcess) schema() *jsonschema.Schema {
	type fields rawProcess
	return shortOr[processName, fields]()
}

func (*rawFileCheck) schema() *jsonschema.Schema {
	type fields rawFileCheck
	return shortOr[absolute, fields]()
}

func (*rawDevice) schema() *jsonschema.Schema {
	type fields rawDevice
	return shortOr[byNode[device], fields]()
}

func (*rawPoolKind) schema() *jsonschema.Schema {
	type fields rawPoolKind
	return shortOr[text, fields]()
}

func (*rawTrack) schema() *jsonschema.Schema {
	type fields rawTrack
	return shortOr[text, fields]()
}

func (*rawGroup) schema() *jsonschema.Schema {
	type fields rawGroup
	return shortOr[list[text], fields]()
}

func (*rawDNS) schema() *jsonschema.Schema {
	type fields rawDNS
	return either(&jsonschema.Schema{Type: "string", Pattern: `^[^@\s]+@[^@\s]+$`}, schemaOf[fields]())
}

func (*damping) schema() *jsonschema.Schema {
	return either(&jsonschema.Schema{Type: "boolean"}, schemaOf[rawDamping]())
}

func (*weight) schema() *jsonschema.Schema {
	return either(oneWord(weightFault, weightYield), integers(-track.MaxWeight, -1), integers(1, track.MaxWeight))
}

func (*jitter) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[0-9]+(\.[0-9]+)?%$`}
}

func (*fwmark) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "integer", Minimum: "1", Maximum: "4294967295"}
}

func (*httpVersion) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Enum: []any{"1.1", "2", json.Number("1.1"), json.Number("2")}}
}

func (*statuses) schema() *jsonschema.Schema {
	return either(integers(100, 599), &jsonschema.Schema{Type: "string", Pattern: `^[1-5][0-9]{2}(-[1-5][0-9]{2})?$`})
}

func (*headers) schema() *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "object", AdditionalProperties: new(content).schema(),
		PropertyNames: &jsonschema.Schema{Pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"},
	}
}

func (*word) schema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
}

func (*argv) schema() *jsonschema.Schema {
	some := new(list[word]).schema()
	some.MinItems = new(uint64(1))
	return some
}

func (*hostName) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[^/\s]+$`}
}

func (*hostPort) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[^/\s]+:[0-9]{1,5}$`}
}

// hostSchema is a host whose port may be left out.
func hostSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[^/\s]+$`}
}

func (*dnsServer) schema() *jsonschema.Schema  { return hostSchema() }
func (*smtpServer) schema() *jsonschema.Schema { return hostSchema() }
func (*tlsServer) schema() *jsonschema.Schema  { return hostSchema() }

func (*httpURL) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[Hh][Tt][Tt][Pp][Ss]?://[^\s]+$`}
}

func (*absolute) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^/(.|\n)*[^/]$`}
}

func (*sourceAddress) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[0-9A-Fa-f.:]+$`}
}

func (*userName) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: userPattern}
}

func (*dnsName) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[^@\s]+$`}
}

func (*processName) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[^/]+$`}
}

func (*hostHeader) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[^/\s]+$`}
}

func (*text) schema() *jsonschema.Schema    { return &jsonschema.Schema{Type: "string"} }
func (*content) schema() *jsonschema.Schema { return &jsonschema.Schema{Type: "string"} }
func (*pattern) schema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string"}
}
func (*boolean) schema() *jsonschema.Schema      { return &jsonschema.Schema{Type: "boolean"} }
func (*moves) schema() *jsonschema.Schema        { return integers(2, 100) }
func (*inARow) schema() *jsonschema.Schema       { return integers(1, 1000) }
func (*echoSize) schema() *jsonschema.Schema     { return integers(0, 65000) }
func (*processCount) schema() *jsonschema.Schema { return integers(0, 1_000_000) }
func (*speed) schema() *jsonschema.Schema        { return integers(1, 10_000_000) }
func (*initial) schema() *jsonschema.Schema      { return oneWord(initialFail, initialPass) }
func (*httpMethod) schema() *jsonschema.Schema   { return oneWord(httpMethods...) }
func (*dnsType) schema() *jsonschema.Schema      { return oneWord(dnsTypes...) }
func (*eventKind) schema() *jsonschema.Schema    { return oneWord(events...) }
