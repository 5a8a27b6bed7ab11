// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"testing"
)

func TestSchema(t *testing.T) {
	golden(t, "vicar.schema.json", string(Schema()))
}
