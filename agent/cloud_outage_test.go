// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/cloudtest"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vip"
)

var _ cloud.Examiner = (*client)(nil)

// The check whether a node could take over is as the command makes it by default.
const (
	readinessCheck  = "cloud/web"
	readinessEvery  = time.Minute
	readinessWeight = -60
)

// readiness is that check's kind and probe.
type readiness struct{ *client }

func (readiness) Kind() string   { return "cloud" }
func (readiness) Target() string { return "memory" }
func (readiness) Close() error   { return nil }

// Probe looks whether a take-over would succeed. It passes while the node holds
// the router.
func (r readiness) Probe(ctx context.Context) error {
	if r.mover.Status("web").Wanted {
		return nil
	}
	found, err := r.mover.Examine(ctx, vip.Claim{Router: "web", Addresses: r.l.node.cfg.Routers[0].Addresses})
	errs := []error{err}
	for _, f := range found {
		if !f.OK {
			errs = append(errs, fmt.Errorf("%s: %s", f.What, f.Problem))
		}
	}
	return errors.Join(errs...)
}

// Examine looks at the objects, in one request.
func (c *client) Examine(ctx context.Context, objects []cloud.Object) []cloud.Finding {
	f := cloud.Finding{What: "the objects can be read", OK: true}
	if _, err := c.Node.Observe(ctx, objects); err != nil {
		f.OK, f.Problem = false, err.Error()
	}
	return []cloud.Finding{f}
}

// look makes the node look, and lose by it.
func (c *client) look() {
	c.w.t.Helper()
	runner, err := checks.New(checks.Config{
		Checks: []checks.Check{{
			Name: readinessCheck, Kind: readiness{c}, Interval: readinessEvery, Timeout: 10 * time.Second, Rise: 1, Fall: 2, Jitter: 0.1,
		}},
		Build: func(k checks.Kind) (checks.Probe, error) { return k.(readiness), nil },
		Log:   slog.New(slog.NewTextHandler(c.w.t.Output(), nil)),
	})
	if err != nil {
		c.w.t.Fatal(err)
	}
	c.runner = runner
	c.l.node.cfg.Checker = runner
	c.l.node.cfg.Routers = slices.Clone(c.l.node.cfg.Routers)
	c.l.node.cfg.Routers[0].Tracks = []track.Track{{Check: readinessCheck, Weight: readinessWeight}}
	c.l.node.cfg.Routers[0].Readiness = readinessCheck
}

// requests are the node's requests of all actions.
func (c *client) requests() (n uint64) {
	for _, k := range c.Calls() {
		n += k
	}
	return n
}

// outages are the ways in which the cloud's interfaces are no use.
var outages = map[string]func(x *cloudtest.Trouble){
	"no answer": func(x *cloudtest.Trouble) { x.Cut = true },
	"failure":   func(x *cloudtest.Trouble) { x.Down = true },
	"throttled": func(x *cloudtest.Trouble) { x.Throttle = 1 << 30 },
}

// outOfReach runs f for each kind of outage, with a guard and without, on two
// nodes of which lb-1 has held the address for a while. A third votes.
func outOfReach(t *testing.T, f func(w *clouded, outage func(*cloudtest.Trouble))) {
	t.Helper()
	for name, outage := range outages {
		for _, guarded := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, guarded %v", name, guarded), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					interval := time.Second
					if guarded {
						interval = 300 * time.Millisecond // leases are for three, and at most maxLease
					}
					w := newClouded(t, 1, 3, 2, router(interval, guardedVIP.String()), guarded)
					const attempt = 2 * time.Second // the longest, and one may be under way when the outage ends
					w.looks, w.slowest = true, w.poll+attempt
					if name == "throttled" {
						w.slowest *= 8 // who is told that there are too many requests makes fewer
					}
					w.trouble(reached)
					w.start("lb-1")
					w.start("lb-2")
					if guarded {
						w.linked["lb-3"].vote(t, false)
					}
					time.Sleep(3 * time.Minute)
					w.wantOwner("lb-1")
					w.wantReady("lb-2", true)
					f(w, outage)
					w.end()
					for _, wrong := range w.wrong {
						t.Error(wrong)
					}
				})
			})
		}
	}
}

// reached is the end of an outage.
func reached(x *cloudtest.Trouble) { *x = cloudtest.Trouble{Latency: 20 * time.Millisecond} }

// wantReady wants a standby to be ready, or not, and to say why.
func (w *clouded) wantReady(name string, ready bool) {
	w.t.Helper()
	r, look := w.router(name), w.clients[name].runner.Status()[0]
	want := status.Track{Check: readinessCheck, State: "passing", Weight: readinessWeight}
	if !ready {
		want.State, want.Part = "failing", readinessWeight
	}
	if len(r.Tracks) != 1 || r.Tracks[0] != want || r.Priority != r.Base+want.Part {
		w.t.Errorf("%s has the priority %d by %+v, want %+v", name, r.Priority, r.Tracks, want)
	}
	if says := strings.Contains(look.Cause, "the objects can be read"); says == ready {
		w.t.Errorf("%s is ready: %v, and says %q", name, ready, look.Cause)
	}
}

// TestCloudOutage: an hour without the cloud's interfaces moves nothing. The holder
// says that it can't verify what it holds, the standby is behind, and neither asks
// more often than it would.
func TestCloudOutage(t *testing.T) {
	outOfReach(t, func(w *clouded, outage func(*cloudtest.Trouble)) {
		t := w.t
		before, holder := w.stands(), w.clients["lb-1"]
		asked := map[string]uint64{"lb-1": holder.requests(), "lb-2": w.clients["lb-2"].requests()}
		w.trouble(outage)
		for range 60 {
			time.Sleep(time.Minute)
			w.wantOwner("lb-1")
		}
		if s := holder.mover.Status("web"); !s.Wanted || s.Unverified == "" || s.Moved != len(s.Objects) || time.Since(s.Verified) < time.Hour {
			t.Errorf("the holder's status is %+v", s)
		}
		w.wantReady("lb-2", false)
		// The holder looks at each poll, which may be a quarter early, however often its
		// owner looks again; the standby's looks may be a tenth early.
		most := map[string]uint64{"lb-1": uint64(time.Hour / (w.poll * 3 / 4)), "lb-2": uint64(time.Hour / (readinessEvery * 9 / 10))}
		for name, c := range w.clients {
			n := c.requests() - asked[name]
			t.Logf("%s sent %d requests in an hour", name, n)
			if n > most[name] {
				t.Errorf("%s sent %d requests in an hour, want %d at most", name, n, most[name])
			}
		}

		w.trouble(reached)
		over := time.Now()
		w.until("the holder's next look", func() bool { return holder.mover.Status("web").Verified.After(over) })
		if took := time.Since(over); took > w.slowest {
			t.Errorf("it took %v to verify what is held", took)
		}
		time.Sleep(2 * readinessEvery)
		if s := holder.mover.Status("web"); s.Unverified != "" || s.TakenBack != 0 {
			t.Errorf("after it the holder's status is %+v", s)
		}
		w.wantOwner("lb-1")
		w.wantReady("lb-2", true)
		if l := w.router("lb-1").Lease; l != nil && l.Lost != 0 {
			t.Errorf("the holder has lost its lease: %+v", l)
		}
		if after := w.stands(); !maps.Equal(before, after) {
			t.Errorf("an outage moved something: %v, and then %v", before, after)
		}
	})
}

// TestCloudOutageDies: the holder dies while the cloud can't be asked. The standby
// wins the election, and tries again and again, and not too often; it has the
// address in no kernel before it has it in the cloud, soon after that answers.
func TestCloudOutageDies(t *testing.T) {
	const (
		holdOff = 2 * time.Minute  // the longest
		budget  = 10 * time.Second // of a take-over
		hour    = 40 * time.Minute // what is left of it
	)
	outOfReach(t, func(w *clouded, outage func(*cloudtest.Trouble)) {
		t, standby := w.t, w.clients["lb-2"]
		w.trouble(outage)
		time.Sleep(20 * time.Minute)
		w.wantReady("lb-2", false)
		w.part("lb-1")
		w.linked["lb-1"].end(t)
		died, asked := time.Now(), standby.requests()
		w.until("lb-2 Active", func() bool { return slices.Equal(w.actives(), []string{"lb-2"}) })
		if took := time.Since(died); took > 4*time.Second {
			t.Errorf("lb-2 was Active after %v", took)
		}
		for time.Since(died) < hour {
			time.Sleep(time.Second)
			if names := w.holders(guardedVIP); slices.Contains(names, "lb-2") {
				t.Fatalf("%v after its death lb-2 has the address in the kernel, and not in the cloud", time.Since(died))
			}
		}
		n, times := standby.requests()-asked, w.router("lb-2").Transitions["Active"]
		t.Logf("lb-2 was Active %d times and sent %d requests in %v", times, n, hour)
		// Once it has failed some times it is Active for the budget and holds off.
		if least := uint64(hour / (holdOff + budget)); times < least || times > least+10 {
			t.Errorf("lb-2 was Active %d times in %v, want about %d", times, hour, least)
		}
		// In a budget the waits add up to a second each, after the first few.
		if most := 2*times*2*uint64(budget/time.Second) + 40; n > most {
			t.Errorf("lb-2 sent %d requests in %v, want %d at most", n, hour, most)
		}

		w.trouble(reached)
		back := time.Now()
		w.until("lb-2's take-over", func() bool { return slices.Equal(w.owners(), []string{"lb-2"}) })
		if took := time.Since(back); took > holdOff+budget {
			t.Errorf("lb-2 had it after %v", took)
		}
		time.Sleep(5 * time.Minute)
		w.wantOwner("lb-2")
		w.wantReady("lb-2", true)
	})
}
