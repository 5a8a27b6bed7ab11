// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import "context"

// Table is a store that has records by key and replaces one only if it is the
// one that was read: a voter, where there is no third machine (quorum.Table). It
// is called by one goroutine per table at a time. A call ends with its context,
// tries once, and may take effect after it has failed.
type Table interface {
	// Read returns the record as it is now, never an older one (a strongly
	// consistent read), and its version; version 0 if there is none.
	Read(ctx context.Context, table, key string) (record []byte, version uint64, err error)
	// Write puts the record and its version in the place of the one of version was;
	// was 0: only if there is none. It is one atomic step. written is false, and err
	// nil, if another version is there. After an error it may have been written, or
	// may be later.
	Write(ctx context.Context, table, key string, record []byte, was, version uint64) (written bool, err error)
}
