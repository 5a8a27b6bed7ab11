// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"slices"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
)

// TestStatusInPartition cuts off the holder. What each side says of the voters, and of
// who holds what, must follow soon; a Backup that asks nobody says of nobody that he
// doesn't answer.
func TestStatusInPartition(t *testing.T) {
	t.Parallel()
	w := newWorld(t, witness)
	w.start()
	w.pass(5 * time.Second) // so that the Backup's last question is long ago
	silent := func(name string) []string {
		st := w.statusOf(name)
		return st.Votes().Silent
	}
	for _, name := range w.configured() {
		if got := silent(name); len(got) > 0 {
			t.Errorf("%s says that %q don't answer", name, got)
		}
	}
	labtest.OK(t, w.lab.Isolate(w.holder().Host))
	at := w.now()
	w.eventually("the holder knows that it is alone", func() bool {
		st := w.statusOf(first.name)
		return !st.Votes().Majority && !st.Guard.Majority && len(st.Votes().Silent) == 2
	})
	t.Logf("it knew %v after the cut", w.now()-at)
	w.answers(second.name)
	w.eventually("the new holder knows who is left", func() bool {
		st := w.statusOf(second.name)
		return st.Votes().Majority && slices.Equal(st.Votes().Silent, []string{first.name})
	})
	t.Logf("the new holder knew %v after the cut", w.now()-at)
	w.eventually("the witness sees one holder, and that the old one is silent", func() bool {
		holders := 0
		st := w.statusOf(arbiter.name)
		for _, n := range st.Fleet {
			for _, r := range n.Resources {
				if r.State == "Active" && !r.Stale {
					holders++
				}
			}
		}
		return holders == 1 && slices.Equal(st.Votes().Silent, []string{first.name})
	})
	t.Logf("the witness knew %v after the cut", w.now()-at)
	labtest.OK(t, w.lab.Heal(w.holder().Host))
	w.eventually("all answer again", func() bool {
		return len(silent(first.name)) == 0 && len(silent(second.name)) == 0 && len(silent(arbiter.name)) == 0
	})
}
