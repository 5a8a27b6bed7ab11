// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/agent"
)

// inRestart runs f on two nodes with a peer link, of which only the first runs and
// holds the address.
func inRestart(t *testing.T, f func(t *testing.T, b *bound, guarded bool)) {
	t.Helper()
	for name, guarded := range map[string]bool{"guarded": true, "unguarded": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newResting(t, 1, 3, router(300*ms, guardedVIP.String()), guarded)
				if guarded {
					// Two witnesses, so that there is a majority.
					b.linked["lb-2"].vote(t, false)
					b.linked["lb-3"].vote(t, false)
				}
				b.linked["lb-1"].start(t, guarded)
				defer b.end()
				time.Sleep(10 * time.Second)
				b.want("lb-1")
				f(t, b, guarded)
			})
		})
	}
}

// restart stops the first node, and starts it again later, in the bubble.
func (b *bound) restart(t *testing.T, guarded bool, after time.Duration) {
	t.Helper()
	first := b.nodes[0].agent
	b.linked["lb-1"].end(t)
	if got := first.GaveUp(); !slices.Equal(got, []string{"router web"}) {
		t.Fatalf("gave up to nobody %v", got)
	}
	time.Sleep(after)
	b.want()
	b.nodes[0].cfg.Resume = agent.Resume{Resources: first.GaveUp(), Ago: after}
	b.linked["lb-1"].start(t, guarded)
}

// A node that is alone has its addresses back when it is restarted, and waits for no
// timer in the bubble.
func TestResume(t *testing.T) {
	inRestart(t, func(t *testing.T, b *bound, guarded bool) {
		b.restart(t, guarded, 200*ms)
		time.Sleep(50 * ms)
		b.want("lb-1")
	})
}

// One that comes late waits in the bubble, for another may have been there long enough.
func TestResumeLate(t *testing.T) {
	inRestart(t, func(t *testing.T, b *bound, guarded bool) {
		b.restart(t, guarded, 900*ms)
		time.Sleep(900 * ms)
		b.want()
		time.Sleep(100 * ms)
		b.want("lb-1")
	})
}

// Who has a successor resumes nothing after the stop in the bubble.
func TestNothingToResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBound(t, 1, 2, router(time.Second, guardedVIP.String()), false)
		defer b.end()
		time.Sleep(10 * time.Second)
		b.want("lb-1")
		first := b.nodes[0].agent
		b.linked["lb-1"].end(t)
		if got := first.GaveUp(); len(got) > 0 {
			t.Errorf("gave up to nobody %v, and lb-2 is there", got)
		}
	})
}

// Without a link only the only node knows that it is alone.
func TestResumeUnlinked(t *testing.T) {
	for others, want := range map[int][]string{0: {"router web"}, 1: nil} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 1, 1+others, router(time.Second, guardedVIP.String()))
			n := w.nodes[0]
			n.cfg.Names = make(map[netip.Addr]string)
			for _, o := range w.nodes {
				n.cfg.Names[o.addr] = o.name
			}
			n.start(t)
			time.Sleep(10 * time.Second)
			first := n.agent
			n.stop(t)
			if got := first.GaveUp(); !slices.Equal(got, want) {
				t.Errorf("with %d others it gave up to nobody %v, want %v", others, got, want)
			}
		})
	}
}
