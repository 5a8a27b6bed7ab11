// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/vip"
)

// Terms rise from holder to holder, also after one that was cut off, and over a
// start of all nodes.
func TestTermsRise(t *testing.T) {
	bubble(t, abc, func(t *testing.T, w *world) {
		for _, n := range w.nodes {
			n.cfg.StateDir = t.TempDir()
		}
		w.start()
		term := uint64(0)
		rises := func(name string) {
			t.Helper()
			v := w.nodes[name].wants(vip.Granted, "")
			if v.Term <= term {
				t.Errorf("%s holds it in term %d after %d", name, v.Term, term)
			}
			term = v.Term
		}
		hold := func(name string) {
			t.Helper()
			w.nodes[name].guard.Claim("router web", "")
			w.pass(5 * ms) // two round trips: one of them would be a back-off's
			rises(name)
		}
		hold("a")
		w.nodes["a"].giveUp("router web")
		w.pass(5 * ms)
		hold("b")
		w.isolate("b", true)
		w.nodes["c"].guard.Claim("router web", "")
		w.pass(400 * ms)
		rises("c")
		w.isolate("b", false)
		for range 3 {
			for _, n := range w.nodes {
				n.stop()
			}
			w.pass(time.Second)
			w.start()
			hold("b")
			w.nodes["b"].giveUp("router web")
			w.pass(5 * ms)
			hold("a")
		}
	})
}

// The node that takes over missed the last lease: it costs a round trip.
func TestTermsOfOthers(t *testing.T) {
	bubble(t, abc, func(t *testing.T, w *world) {
		w.start()
		w.isolate("c", true)
		for range 5 {
			w.nodes["a"].guard.Claim("router web", "")
			w.pass(5 * ms)
			w.nodes["a"].wants(vip.Granted, "")
			w.nodes["a"].giveUp("router web")
			w.pass(5 * ms)
		}
		w.isolate("c", false)
		w.nodes["a"].stop()
		w.nodes["c"].guard.Claim("router web", "")
		w.pass(8 * ms)
		if v := w.nodes["c"].wants(vip.Granted, ""); v.Term != 6 {
			t.Errorf("%+v", v)
		}
	})
}

func TestTermsFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if all, err := readTerms(dir, "a"); all != nil || err != nil {
		t.Fatalf("%v, %v before anything was written", all, err)
	}
	want := map[string]quorum.Ballot{"router web": {Counter: 7, Node: "a/b", Start: 1<<64 - 1}, "sync group edge": {Counter: 1, Node: "c", Start: 1}}
	if err := writeTerms(dir, "a", want); err != nil {
		t.Fatal(err)
	}
	got, err := readTerms(dir, "a")
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

// A disk that takes nothing costs neither leases nor turns.
func TestTermsCannotBeWritten(t *testing.T) {
	r := newRoom(t, web())
	l := r.a()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.cfg.StateDir = file
	wants := func(again time.Time) {
		t.Helper()
		l.tasks.Wait()
		r.turns()
		if l.terms.writing || !l.terms.again.Equal(again) || l.terms.kept != 0 {
			t.Errorf("%+v, not tried again at %v", l.terms, again)
		}
	}
	l.guard.Claim("router web", "")
	r.turns()
	wants(r.now.Add(rewrite))
	l.guard.GiveUp("router web")
	r.turns()
	if next, ok := l.next(); !ok || !next.Equal(r.now.Add(rewrite)) {
		t.Errorf("the next turn is at %v, %v", next, ok)
	}
	r.now = r.now.Add(rewrite)
	l.turn()
	if next, ok := l.next(); ok && !next.After(r.now) {
		t.Errorf("while it is written turns come at once: %v", next)
	}
	wants(r.now.Add(rewrite))
	r.wants(t, "open 2 for 270ms", "verdict 1", "shut 2")
}

func TestTermsDamaged(t *testing.T) {
	for name, content := range map[string]string{
		"empty":   "",
		"node":    `{"version":1,"node":"b","terms":{}}`,
		"version": `{"version":2,"node":"a","terms":{}}`,
		"unknown": `{"version":1,"node":"a","turms":{}}`,
		"token":   `{"version":1,"node":"a","terms":{"router web":"7"}}`,
		"none":    `{"version":1,"node":"a","terms":{"router web":""}}`,
	} {
		t.Run(name, func(t *testing.T) {
			damaged(t, termsFile, content)
		})
	}
}

func FuzzTerms(f *testing.F) {
	f.Add([]byte(`{"version":1,"node":"a","terms":{"router web":"1/7/ff/a"}}`))
	f.Add([]byte(`{"version":1,"node":"a"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := parseTerms(b, "a")
		if err != nil {
			return
		}
		again, err := encodeTerms(all, "a")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseTerms(again, "a"); err != nil || len(got) != len(all) {
			t.Errorf("%s became %s: %v", b, again, err)
		}
	})
}
