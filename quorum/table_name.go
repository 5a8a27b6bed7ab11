// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import "strings"

// tablePrefix begins the name of a voter that is a table. No node's name has a
// space.
const tablePrefix = "table "

// TableName is the name of a table among the voters.
func TableName(table string) string { return tablePrefix + table }

// IsTable tells whether a voter is a table, and which.
func IsTable(voter string) (table string, ok bool) { return strings.CutPrefix(voter, tablePrefix) }
