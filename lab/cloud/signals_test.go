// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// TestSpotInterruption announces the end of the holder's machine, and takes it
// back.
func TestSpotInterruption(t *testing.T) {
	t.Parallel()
	w := newWorld(t, routes)
	w.start()
	w.interrupt(first)
	w.eventually("lb-2 holds", func() bool { return w.holds(second) })
	w.answered()
	st := w.status(first)
	if len(st.Signals) != 1 || st.Signals[0].Kind != "terminate" {
		t.Errorf("signals %+v, want terminate", st.Signals)
	}
	if r := w.router(second); !strings.Contains(r.Reason, "hands over") {
		t.Errorf("lb-2 is Active because %q, want a handover", r.Reason)
	}
	labtest.OK(t, w.Interrupt(awsfake.ClusterNode(first), "", time.Time{}))
	w.settles(first)
}

// TestSpotInterruptionAlone announces the end of the holder's machine while the other
// one could not take over. The holder holds on, until that one can.
func TestSpotInterruptionAlone(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]shape{"guarded": routes, "unguarded": routes.unguarded()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, s)
			w.start()
			permit := w.Inject(awsfake.Fault{
				Action: "ReplaceRoute", Caller: awsfake.ClusterNode(second), Effect: awsfake.Fail, Status: 403, Code: "UnauthorizedOperation",
			})
			w.eventually("lb-2 knows that it is not ready", func() bool { return !w.passes(second) })
			w.interrupt(first)
			w.eventually("lb-1 says why it holds on", func() bool { return w.router(first).Keeps != "" })
			w.pass(5 * time.Second)
			w.eventually("lb-1 holds", func() bool { return w.holds(first) })
			if r := w.router(first); r.Priority != 1 || !strings.Contains(r.Yields, "the cloud has announced") {
				t.Errorf("lb-1 has the priority %d, and yields %q", r.Priority, r.Yields)
			}
			if n := w.agents[first].Output.Count(`reason="yields`); n != s.blind() {
				t.Errorf("lb-1 gave up %d times for the signal, want %d", n, s.blind())
			}
			w.answered()
			permit()
			w.eventually("lb-2 holds", func() bool { return w.holds(second) })
			w.answered()
		})
	}
}

// TestSpotInterruptionBack lets the successor die while the signal stands, and come
// back.
func TestSpotInterruptionBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, routes)
	w.start()
	w.interrupt(first)
	w.eventually("lb-2 holds", func() bool { return w.holds(second) })
	labtest.OK(t, w.lab.Cut(w.hosts[second]))
	w.eventually("lb-1 holds again", func() bool { return w.state(first) == "Active" && w.has(first) })
	w.answered()
	labtest.OK(t, w.lab.Heal(w.hosts[second]))
	w.eventually("lb-2 holds again", func() bool { return w.holds(second) })
	w.answered()
}

// interrupt announces the end of a node's machine.
func (w *world) interrupt(n int) {
	w.t.Helper()
	labtest.OK(w.t, w.Interrupt(awsfake.ClusterNode(n), "terminate", time.Now().Add(2*time.Minute)))
}

// blind is how often a holder that yields gives up for nobody: once, where nobody
// tells it how the others stand.
func (s shape) blind() int {
	if s.guard == "" {
		return 1
	}
	return 0
}
