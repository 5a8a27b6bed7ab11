// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
)

func (n *node) status() status.Guard {
	n.w.t.Helper()
	s, err := n.guard.Status(n.w.t.Context())
	if err != nil {
		n.w.t.Fatal(err)
	}
	return s
}

// current are the voters in force.
func (n *node) current() string {
	var all []string
	for _, v := range n.status().Voters {
		if v.Current {
			all = append(all, v.Name)
		}
	}
	return strings.Join(all, "")
}

// reload gives n a file with these voters.
func (n *node) reload(voters ...string) error {
	n.cfg.Voters.Voters = voters
	return n.guard.Reload(n.w.t.Context(), n.cfg)
}

// A cluster of a, b and c, in which d takes c's place.
func exchange(t *testing.T, f func(t *testing.T, w *world, a, b, c, d *node)) {
	t.Helper()
	bubble(t, []string{"a", "b", "c", "d"}, func(t *testing.T, w *world) {
		a, b, c, d := w.nodes["a"], w.nodes["b"], w.nodes["c"], w.nodes["d"]
		for _, n := range w.nodes {
			n.cfg.Voters.Voters = abc
		}
		for _, n := range []*node{a, b, c} {
			n.start()
		}
		w.pass(1100 * ms)
		d.cfg.Voters.Voters = []string{"a", "b", "d"}
		f(t, w, a, b, c, d)
	})
}

func TestVotersChange(t *testing.T) {
	exchange(t, func(t *testing.T, w *world, a, b, c, d *node) {
		a.guard.Claim("router web", "")
		w.pass(100 * ms)
		granted := a.wants(vip.Granted, "")
		for _, n := range []*node{a, b, c} {
			if got := n.current(); got != "abc" {
				t.Fatalf("%s has %s in force", n.name, got)
			}
		}
		d.start()
		w.pass(100 * ms)
		if s := d.status(); s.Majority || len(s.Voters) == 0 || s.Problem == "" {
			t.Errorf("%+v", s)
		}
		d.guard.Claim("router web", "")
		for _, n := range []*node{a, b, c} {
			if err := n.reload("a", "b", "d"); err != nil {
				t.Fatal(err)
			}
			w.pass(200 * ms)
		}
		if s := a.status(); !s.Staged {
			t.Errorf("%+v", s)
		}
		w.pass(10 * time.Second)
		for _, n := range []*node{a, b, d} {
			if got := n.current(); got != "abd" {
				t.Errorf("%s has %s in force: %+v", n.name, got, n.status())
			}
		}
		if v := a.wants(vip.Granted, ""); v.Term != granted.Term {
			t.Errorf("the lease was lost meanwhile: %+v", a.verdicts)
		}
		d.wants(vip.Refused, "held")
		c.stop()
		b.stop() // a and d are a majority now
		w.pass(time.Second)
		a.wants(vip.Granted, "")
		if s := a.status(); !s.Majority {
			t.Errorf("%+v", s)
		}
	})
}

// c is gone for good: the change waits for it until it is forgotten.
func TestVotersForget(t *testing.T) {
	exchange(t, func(t *testing.T, w *world, a, b, c, d *node) {
		d.start()
		w.pass(100 * ms)
		for _, n := range []*node{a, b} {
			if err := n.reload("a", "b", "d"); err != nil {
				t.Fatal(err)
			}
		}
		w.pass(2 * time.Second)
		if err := a.guard.Forget(t.Context(), "c"); !errors.Is(err, quorum.ErrThere) {
			t.Errorf("forgetting one that is there: %v", err)
		}
		c.stop()
		a.guard.Gone("c")
		w.pass(2 * time.Second)
		s := a.status()
		if !slices.Equal(s.Waits, []string{"c"}) || a.current() != "abc" {
			t.Errorf("%+v", s)
		}
		if err := a.guard.Forget(t.Context(), "x"); !errors.Is(err, quorum.ErrNoVoter) {
			t.Errorf("forgetting nobody: %v", err)
		}
		if err := a.guard.Forget(t.Context(), "c"); err != nil {
			t.Error(err)
		}
		w.pass(100 * ms)
		for _, n := range []*node{a, b, d} {
			s := n.status()
			if c := slices.IndexFunc(s.Voters, func(v status.Voter) bool { return v.Name == "c" }); c < 0 || !s.Voters[c].Forgotten {
				t.Errorf("%s does not say that c is forgotten: %+v", n.name, s.Voters)
			}
		}
		w.pass(6 * time.Second)
		for _, n := range []*node{a, b, d} {
			if got := n.current(); got != "abd" {
				t.Errorf("%s has %s in force: %+v", n.name, got, n.status())
			}
		}
	})
}

// Who looks when a reload or Forget has returned sees what came of it, though it
// goes by way of the disk.
func TestVotersAreShownAtOnce(t *testing.T) {
	dir := t.TempDir()
	exchange(t, func(t *testing.T, w *world, a, _, c, _ *node) {
		a.stop()
		a.cfg.StateDir = filepath.Join(dir, "a")
		a.start()
		w.pass(1100 * ms)
		c.stop()
		a.guard.Gone("c")
		if err := a.reload("a", "b", "d"); err != nil {
			t.Fatal(err)
		}
		if s := a.status(); !s.Staged || !slices.Equal(s.Waits, []string{"b", "c", "d"}) {
			t.Errorf("after the reload: %+v", s)
		}
		if err := a.guard.Forget(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		if s := a.status(); !slices.Equal(s.Waits, []string{"b", "d"}) {
			t.Errorf("after c was forgotten: %+v", s)
		}
		// What can't be written has not come about.
		if err := os.Rename(a.cfg.StateDir, dir+"/away"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(a.cfg.StateDir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := a.guard.Forget(t.Context(), "d"); err == nil || !strings.Contains(err.Error(), a.cfg.StateDir) {
			t.Errorf("forgetting d on a full disk: %v", err)
		}
		if s := a.status(); !slices.Equal(s.Waits, []string{"b", "d"}) || s.Problem == "" {
			t.Errorf("after d could not be forgotten: %+v", s)
		}
		if err := a.reload("a", "b", "c"); err != nil { // goes on without the disk
			t.Error(err)
		}
	})
}

// The list in force comes from the disk after a restart, not from the file. A
// node that lost its disk asks the others.
func TestVotersRestart(t *testing.T) {
	dir := t.TempDir()
	bubble(t, abc, func(t *testing.T, w *world) {
		for name, n := range w.nodes {
			n.cfg.StateDir = filepath.Join(dir, name)
		}
		w.start()
		a, b := w.nodes["a"], w.nodes["b"]
		a.guard.Claim("router web", "")
		w.pass(100 * ms)
		a.wants(vip.Granted, "")
		a.stop()
		b.stop()
		b.cfg.StateDir = ""
		a.cfg.Voters.Voters = []string{"a", "b"} // changed while it was down
		a.start()
		if got := a.current(); got != "abc" {
			t.Errorf("%q is in force", got)
		}
		b.start()
		if got := b.current(); got != "" {
			t.Errorf("%q is in force", got)
		}
		b.guard.Claim("router web", "")
		w.pass(5 * ms)
		b.wants(vip.Refused, reasonNotReady)
		if s := b.status(); s.Problem == "" {
			t.Errorf("%+v", s)
		}
		w.pass(3 * time.Second)
		if got := b.current(); got != "abc" {
			t.Errorf("%q is in force", got)
		}
		b.wants(vip.Granted, "")
	})
}

// A disk that doesn't take the list stops the change, and is tried again.
func TestVotersUnwritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	bubble(t, abc, func(t *testing.T, w *world) {
		a := w.nodes["a"]
		a.cfg.StateDir = dir
		w.nodes["b"].start()
		w.nodes["c"].start()
		w.pass(100 * ms)
		a.built = func() {
			if err := os.WriteFile(dir, nil, 0o600); err != nil { // where the directory would be
				t.Fatal(err)
			}
		}
		a.start()
		w.pass(time.Second)
		if s := a.status(); !strings.Contains(s.Problem, dir) || a.current() != "" {
			t.Errorf("%+v", s)
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		w.pass(2 * rewrite)
		if s := a.status(); s.Problem != "" || a.current() != "abc" {
			t.Errorf("%+v", s)
		}
	})
}

func TestReloadResources(t *testing.T) {
	bubble(t, abc, func(t *testing.T, w *world) {
		w.start()
		a := w.nodes["a"]
		a.guard.Claim("router api", "")
		w.pass(10 * ms)
		a.wants(vip.Refused, "unknown")
		api := web()
		api.Name, api.Addresses = "router api", api.Addresses[:1]
		old := web()
		old.Addresses = old.Addresses[1:]
		for _, n := range w.nodes {
			n.cfg.Resources = []Resource{old, api}
			if err := n.guard.Reload(t.Context(), n.cfg); err != nil {
				t.Fatal(err)
			}
		}
		w.pass(time.Second)
		if v := a.wants(vip.Granted, ""); v.Resource != "router api" {
			t.Errorf("%+v", v)
		}
		// It goes, and comes back, and its terms go on.
		term := a.last().Term
		a.giveUp("router api")
		for _, resources := range [][]Resource{{old}, {old, api}} {
			for _, n := range w.nodes {
				n.cfg.Resources = resources
				if err := n.guard.Reload(t.Context(), n.cfg); err != nil {
					t.Fatal(err)
				}
			}
		}
		a.guard.Claim("router api", "")
		w.pass(10 * ms) // its first ballot is above those before
		if v := a.wants(vip.Granted, ""); v.Term <= term {
			t.Errorf("term %d after %d", v.Term, term)
		}
	})
}

func TestStatus(t *testing.T) {
	bubble(t, abc, func(t *testing.T, w *world) {
		a := w.nodes["a"]
		for _, n := range w.nodes {
			n.start()
		}
		w.pass(500 * ms)
		s := a.status()
		if until := a.now().Add(500 * ms); !s.Silent.Equal(until) || s.Majority || s.MaxLease != time.Second {
			t.Errorf("%+v while silent until %v", s, until)
		}
		a.guard.Claim("router web", "")
		w.pass(300 * ms)
		a.wants(vip.Refused, reasonNotReady)
		w.pass(2 * time.Second)
		a.wants(vip.Granted, "")
		w.isolate("c", true)
		w.pass(2 * lately)
		s = a.status()
		if !s.Majority || !s.Silent.IsZero() || s.Grants != 1 || s.Problem != "" || s.Staged || len(s.Waits) > 0 {
			t.Errorf("%+v", s)
		}
		for _, v := range s.Voters {
			if v.Answers == (v.Name == "c") || !v.Current || v.Staged || v.Drift || v.Heard.IsZero() {
				t.Errorf("%+v", v)
			}
		}
		if l := a.guard.Lease("router web"); !l.Held || l.Term == 0 || l.Lost != 0 || l.Until.Before(a.now()) {
			t.Errorf("%+v", l)
		}
		if s := clockSlew(); s < -50 || s > 50 {
			t.Errorf("the clock is slewed by %v %%", s)
		}
	})
}
