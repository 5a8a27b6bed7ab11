// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/control"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// TestNotReady asks the holder to give up while the other one could not take over.
// It does not, until that one can.
func TestNotReady(t *testing.T) {
	t.Parallel()
	s := routes
	s.change = func(c *awsfake.Config) { c.Latency = awsfake.Exactly(50 * time.Millisecond) }
	w := newWorld(t, s)
	// lb-2 loses little by that: its priority does not keep it from taking over.
	w.conf.AWS.Readiness.Weight = -1
	w.start()
	permit := w.Inject(awsfake.Fault{
		Action: "ReplaceRoute", Caller: awsfake.ClusterNode(second), Effect: awsfake.Fail, Status: 403, Code: "UnauthorizedOperation",
	})
	w.eventually("lb-1 knows that lb-2 is not ready", func() bool { return w.knowsUnready(first, second) })
	for _, command := range [][]string{{"drain"}, {"handover", web}, {"handover", web, "--to", names[second]}} {
		for _, n := range []int{first, second} {
			if command[0] == "drain" && n == second {
				continue
			}
			out, err := w.agents[n].Tell(t.Context(), command...)
			if err == nil || !strings.Contains(err.Error()+out, "its check cloud/web fails") {
				t.Errorf("%q on %s is not refused for that: %v\n%s", command, names[n], err, out)
			}
		}
	}
	w.pass(5 * time.Second)
	if r := w.router(first); r.Transitions["Active"] != 1 || !w.holds(first) {
		t.Errorf("lb-1 became Active %d times, and holds: %t", r.Transitions["Active"], w.holds(first))
	}
	w.answered()
	permit()
	w.eventually("lb-1 knows that lb-2 is ready", func() bool { return !w.knowsUnready(first, second) })
	out, err := w.agents[first].Tell(t.Context(), "drain")
	has := w.has(second)
	if err != nil || !has || !strings.Contains(out, "held after") {
		t.Errorf("drained, lb-2 has the routes: %t, %v\n%s", has, err, out)
	}
	w.answered()
}

// knowsUnready tells whether a node knows that another says that it could not take
// over.
func (w *world) knowsUnready(n, other int) bool {
	for _, node := range w.status(n).Fleet {
		for _, r := range node.Resources {
			if node.Name == names[other] && r.Unready {
				return true
			}
		}
	}
	return false
}

// TestHandoverHeld hands over: the command returns when the other node has the
// addresses in the cloud, and says when it was elected and when it had them.
func TestHandoverHeld(t *testing.T) {
	t.Parallel()
	s := routes
	s.change = func(c *awsfake.Config) { c.Latency = awsfake.Exactly(200 * time.Millisecond) }
	w := newWorld(t, s)
	w.start()
	for _, at := range []int{first, second} {
		for _, to := range []int{second, first} {
			out, err := w.agents[at].Tell(t.Context(), "handover", web, "--to", names[to], "--json")
			has, m := w.has(to), w.stands(to)
			labtest.OK(t, err)
			if !has || m.Moved != w.tables {
				t.Errorf("asked on %s: %s has the routes: %t, moved %d", names[at], names[to], has, m.Moved)
			}
			var r control.HandoverResult
			labtest.OK(t, json.Unmarshal([]byte(out), &r))
			// A write and a look take 200 ms each.
			if r.To != names[to] || r.Took <= 0 || r.Held < 400*time.Millisecond || r.Took >= r.Held {
				t.Errorf("asked on %s: %s", names[at], out)
			}
		}
	}
}

// TestHandoverUntold hands over without a peer link: when the other node has the
// addresses is not known, and that is said.
func TestHandoverUntold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, routes.unguarded())
	w.start()
	out, err := w.agents[first].Tell(t.Context(), "handover", web)
	if err != nil || !strings.Contains(out, "not told without a peer_link") || strings.Contains(out, "held") {
		t.Errorf("%v\n%s", err, out)
	}
}
