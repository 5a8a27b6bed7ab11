// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/vicar"
	"github.com/vicar-ha/vicar/status"
)

// newGossipWorld is three guarded nodes whose adverts go over the peer link,
// with nothing open but its port.
func newGossipWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, three)
	w.conf.Transport = &vicar.Transport{Kind: "gossip"}
	for _, n := range w.nodes {
		nft(t, n.Host, firewall)
	}
	return w
}

// TestKeysRotated changes the key as the manual says, in three steps on three
// nodes. No lease is lost, no message is refused, no advert missed.
func TestKeysRotated(t *testing.T) {
	t.Parallel()
	w := newGossipWorld(t)
	w.start()
	from := w.now()
	missed := w.missed()
	term := w.routerOf(first.name).Term
	old := w.conf.PeerLink.Keys
	for step := 1; step <= 3; step++ {
		w.rotate(step)
		for _, name := range w.shuffled() {
			w.takeKeys(name)
			w.adverts(3)
		}
	}
	if now := w.conf.PeerLink.Keys; slices.ContainsFunc(now, func(line string) bool { return strings.HasPrefix(line, old[0]) }) {
		t.Errorf("the old key is still there: %q", now)
	}
	if now := w.missed(); !maps.Equal(now, missed) {
		t.Errorf("adverts sent and not heard were %v and are %v", missed, now)
	}
	r := w.routerOf(first.name)
	if r.Term != term || r.Lease.Lost > 0 {
		t.Errorf("the term was %d and is %d, %d leases were lost", term, r.Term, r.Lease.Lost)
	}
	for _, name := range w.configured() {
		if n := w.refused(name); n > 0 {
			t.Errorf("%s has refused %d packets for their key", name, n)
		}
		if name != first.name {
			w.neverAnswers(name, from, "only keys were changed")
		}
	}
	w.judge()
}

// TestKeysForgotten leaves a node out of the first step. It is refused and
// refuses, each says so once, and the others go on; with the file it is back.
func TestKeysForgotten(t *testing.T) {
	t.Parallel()
	w := newGossipWorld(t)
	w.start()
	from := w.now()
	const words = "it has none of our keys"
	others := []string{first.name, second.name}
	for round := 1; round <= 2; round++ {
		for step := 1; step <= 2; step++ {
			w.rotate(step)
			for _, name := range others {
				w.takeKeys(name)
			}
		}
		before := w.refused(third.name)
		w.eventually("messages are refused", func() bool { return w.refused(third.name) > before+20 })
		// Two nodes send what it can't read.
		if n := w.nodes[third.name].agent.Output.Count(words); n != 2*round {
			t.Errorf("%s says %d times that a peer has another key, want %d", third.name, n, 2*round)
		}
		w.takeKeys(third.name)
		w.rotate(3)
		for _, name := range w.shuffled() {
			w.takeKeys(name)
		}
		w.settles(first.name)
	}
	w.neverAnswers(second.name, from, "two voters had the same keys")
	w.neverAnswers(third.name, from, "two voters had the same keys")
	w.judge()
}

// rotate does a step with the file of the first node, from where the others
// get it.
func (w *world) rotate(step int) {
	w.t.Helper()
	path := filepath.Join(w.dir, first.name, "keys")
	out, err := w.nodes[first.name].Run(w.t.Context(), binary, "keygen", "--rotate", path)
	labtest.OK(w.t, err)
	if !strings.Contains(out, fmt.Sprintf("Step %d of 3", step)) {
		w.t.Fatalf("step %d: %s", step, out)
	}
	text, err := os.ReadFile(path)
	labtest.OK(w.t, err)
	link := *w.conf.PeerLink
	link.Keys = strings.Split(strings.TrimSpace(string(text)), "\n")
	w.conf.PeerLink = &link
	w.note("keygen: step %d", step)
}

// takeKeys copies the key file to a node, reloads its agent and waits until it
// has done so.
func (w *world) takeKeys(name string) {
	w.t.Helper()
	before := w.statusOf(name).Reloaded
	labtest.OK(w.t, w.nodes[name].agent.Reload(w.conf))
	w.eventually(name+" has reloaded", func() bool { return w.statusOf(name).Reloaded.After(before) })
	w.note("%s has the new keys", name)
}

// adverts waits until the others have heard so many of the first node's.
func (w *world) adverts(n uint64) {
	w.t.Helper()
	before := w.heard()
	w.eventually("adverts come", func() bool {
		now := w.heard()
		for name := range before {
			if now[name] < before[name]+n {
				return false
			}
		}
		return true
	})
}

// heard is how many adverts have come to each node that does not hold.
func (w *world) heard() map[string]uint64 {
	out := make(map[string]uint64)
	for _, name := range w.configured() {
		if name != first.name {
			out[name] = w.routerOf(name).Engines[0].Received
		}
	}
	return out
}

// missed is how many more adverts the first node has sent than have come to
// each other one, at least: one may be on its way at each look.
func (w *world) missed() map[string]uint64 {
	w.t.Helper()
	const looks = 10
	out := make(map[string]uint64)
	for range looks {
		heard := w.heard()
		// After that, so that it is never less. One goes to each of them.
		sent := w.routerOf(first.name).Engines[0].Sent / uint64(len(heard))
		for name, n := range heard {
			if least, ok := out[name]; !ok || sent-n < least {
				out[name] = sent - n
			}
		}
	}
	return out
}

// refused is how many packets a node could not decrypt.
func (w *world) refused(name string) uint64 {
	return w.statusOf(name).PeerLink.Dropped["wrong_key"]
}

// statusOf is what a node's agent says, which must answer.
func (w *world) statusOf(name string) status.Status {
	w.t.Helper()
	s, err := w.nodes[name].agent.Status(w.t.Context())
	labtest.OK(w.t, err)
	return s
}

// routerOf is the router as a node's agent has it.
func (w *world) routerOf(name string) status.Router {
	w.t.Helper()
	s := w.statusOf(name)
	if len(s.Routers) != 1 {
		w.t.Fatalf("%s has %d routers", name, len(s.Routers))
	}
	return s.Routers[0]
}
