// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"testing"
	"time"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// TestTable has two nodes and a table of DynamoDB as the third voter, which is asked
// when one of them is gone and not before.
func TestTable(t *testing.T) {
	t.Parallel()
	s := routes
	s.guard, s.interval = "table", 500*time.Millisecond
	w := newWorld(t, s)
	w.start()
	w.pass(3 * time.Second)
	began := len(w.written())
	w.pass(5 * time.Second)
	if n := len(w.written()) - began; n > 0 {
		t.Errorf("%d writes to the table while both nodes live", n)
	}
	labtest.OK(t, w.lab.Cut(w.hosts[first]))
	w.eventually("lb-2 holds", func() bool { return w.has(second) && w.state(second) == "Active" })
	w.answered()
	if len(w.written()) == began {
		t.Error("lb-2 took over without the table's vote")
	}
	labtest.OK(t, w.lab.Heal(w.hosts[first]))
	w.settles(first)
}

// written are the writes to tables.
func (w *world) written() (all []awsfake.Request) {
	for _, r := range w.writes() {
		if r.Service == "dynamodb" {
			all = append(all, r)
		}
	}
	return all
}
