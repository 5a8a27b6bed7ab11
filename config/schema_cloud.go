// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"github.com/invopop/jsonschema"

	"github.com/vicar-ha/vicar/track"
)

func (*rawMover) schema() *jsonschema.Schema {
	type fields rawMover
	return either(oneWord(plainMovers...), schemaOf[fields]())
}

func (*byAddress[T]) schema() *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "object", AdditionalProperties: schemaOf[T](),
		PropertyNames: new(address).schema(),
	}
}

func formed(pattern string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: pattern}
}

func (*routeTableID) schema() *jsonschema.Schema { return formed(routeTableForm) }
func (*interfaceID) schema() *jsonschema.Schema  { return formed(interfaceForm) }
func (*elasticIPID) schema() *jsonschema.Schema  { return formed(elasticIPForm) }
func (*region) schema() *jsonschema.Schema       { return formed(regionForm) }
func (*accountID) schema() *jsonschema.Schema    { return formed(accountForm) }
func (*kmsKeyARN) schema() *jsonschema.Schema    { return formed(kmsKeyForm) }
func (*roleARN) schema() *jsonschema.Schema      { return formed(roleForm) }
func (*tableName) schema() *jsonschema.Schema    { return formed(tableForm) }
func (*resourceTag) schema() *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "object", AdditionalProperties: formed(tagValueForm), PropertyNames: formed(tagKeyForm),
		MinProperties: new(uint64(1)), MaxProperties: new(uint64(1)),
	}
}

func (*serviceURL) schema() *jsonschema.Schema { return new(httpURL).schema() }

func (*destination) schema() *jsonschema.Schema { return new(prefix).schema() }

func (*keysARN) schema() *jsonschema.Schema {
	return either(formed(parameterForm), formed(secretForm))
}

func (*moveIPv6) schema() *jsonschema.Schema        { return oneWord(ipv6Assign) }
func (*readinessWeight) schema() *jsonschema.Schema { return integers(-track.MaxWeight, -1) }
