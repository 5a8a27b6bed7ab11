// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const vipA = "192.0.2.100"

// TestFaults: what each fault does to a write, to the state and to who waits.
func TestFaults(t *testing.T) {
	const patience = 2 * time.Second
	for _, tc := range []struct {
		name   string
		fault  Fault
		err    string
		took   time.Duration
		done   time.Duration // when the address is assigned; never if negative
		logged string
	}{
		{name: "none", fault: Fault{Service: "sts", Effect: Refuse}},
		{name: "slow", fault: Fault{Delay: time.Second}, took: time.Second},
		{name: "too slow: it was done", fault: Fault{Delay: 3 * time.Second}, err: "deadline", took: patience},
		{name: "fails", fault: Fault{Effect: Fail}, err: "InternalError", done: -1, logged: "InternalError"},
		{name: "fails in its own way", fault: Fault{Effect: Fail, Code: "Unavailable", Status: 503}, err: "Unavailable", done: -1, logged: "Unavailable"},
		{name: "refused", fault: Fault{Effect: Refuse}, err: "refused", done: -1, logged: none},
		{name: "a black hole", fault: Fault{Effect: Blackhole}, err: "deadline", took: patience, done: -1, logged: none},
		{name: "the answer is lost", fault: Fault{Effect: LoseResponse}, err: "deadline", took: patience},
		{name: "done late", fault: Fault{Effect: ApplyLate, Delay: time.Second}, took: time.Second, done: time.Second},
		{name: "done when nobody waits any more", fault: Fault{Effect: ApplyLate, Delay: 5 * time.Second}, err: "deadline", took: patience, done: 5 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Cluster(2, 1))
				m := on(w, 1)
				ok(t, m.describe(t.Context())) // has credentials now
				if tc.fault.Service == "" {
					tc.fault.Action = "Assign*"
				}
				w.Inject(tc.fault)
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				began := time.Now()
				err := m.assign(ctx, 1, true, vipA)
				took := time.Since(began)
				switch tc.err {
				case "deadline":
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("got %v", err)
					}
				case "refused":
					if !errors.Is(err, syscall.ECONNREFUSED) {
						t.Errorf("got %v", err)
					}
				default:
					want(t, err, tc.err)
				}
				if took != tc.took {
					t.Errorf("took %s, want %s", took, tc.took)
				}
				if tc.done > took {
					if _, held := w.Holder(addr(vipA)); held {
						t.Error("assigned too early")
					}
				}
				time.Sleep(10 * time.Second)
				if _, held := w.Holder(addr(vipA)); held != (tc.done >= 0) {
					t.Errorf("assigned: %t", held)
				}
				if tc.done >= 0 && !w.history[len(w.history)-1].at.Equal(began.Add(tc.done)) {
					t.Errorf("assigned after %s, want %s", w.history[len(w.history)-1].at.Sub(began), tc.done)
				}
				rs := w.Requests()
				if r := rs[len(rs)-1]; r.Action != "AssignPrivateIpAddresses" || r.Code != tc.logged || !r.Write {
					t.Errorf("logged %+v", r)
				}
			})
		})
	}
}

// TestFaultsMatch: a fault is of a service, an action, a caller, an object; it comes
// after some, and so many times.
func TestFaultsMatch(t *testing.T) {
	w := newWorld(t, Cluster(2, 3))
	a, b, ctx := on(w, 1), on(w, 2), t.Context()
	for n := 1; n <= 3; n++ {
		ok(t, w.SetRoute(ClusterRoutes(n), prefix("198.51.100.7/32"), internet))
	}
	remove := w.Inject(Fault{Action: "ReplaceRoute", Object: ClusterRoutes(2), Effect: Fail})
	for n := 1; n <= 3; n++ {
		want(t, a.replace(ctx, n, 1, "198.51.100.7/32", false), map[bool]string{true: "InternalError"}[n == 2])
	}
	remove()
	ok(t, a.replace(ctx, 2, 1, "198.51.100.7/32", false))
	w.Inject(Fault{Caller: ClusterNode(2), Service: "ec2", Effect: Fail, Code: "Unavailable", Status: 503})
	ok(t, a.describe(ctx))
	want(t, b.describe(ctx), "Unavailable")
	ok(t, b.whoami(ctx))
	w.Heal()
	w.Inject(Fault{Writes: true, Skip: 1, Times: 2, Effect: Fail})
	var got []string
	for range 5 {
		got = append(got, code(a.assign(ctx, 1, true, vipA)))
		ok(t, a.describe(ctx))
	}
	if s := strings.Join(got, ","); s != ",InternalError,InternalError,," {
		t.Errorf("got %q", s)
	}
}

// TestFaultsSeeded: what comes at times comes at the same times again.
func TestFaultsSeeded(t *testing.T) {
	run := func(seed uint64) string {
		cfg := Cluster(1, 1)
		cfg.Seed = seed
		w := newWorld(t, cfg)
		w.SetLimits(Unlimited())
		w.Inject(Fault{Service: "ec2", Probability: 0.3, Effect: Fail})
		m, s := on(w, 1), ""
		for range 200 {
			s += map[bool]string{true: "-", false: "x"}[m.describe(t.Context()) == nil]
		}
		return s
	}
	one := run(1)
	if n := strings.Count(one, "x"); n < 30 || n > 90 || one != run(1) || one == run(2) {
		t.Errorf("%d of 200 fail", n)
	}
}

// TestCancelled: a write that has left is done, though nobody waits for its answer.
func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Cluster(1, 1))
		m := on(w, 1)
		ok(t, m.describe(t.Context()))
		w.SetLatency(Exactly(100 * time.Millisecond))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		want(t, m.assign(ctx, 1, true, vipA), "lost")
		holds(t, w, vipA, "")
		time.Sleep(50 * time.Millisecond)
		holds(t, w, vipA, ClusterInterface(1))
	})
}

// TestLatency is what all answers take.
func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Cluster(1, 1)
		cfg.Latency = Span{Min: 20 * time.Millisecond, Max: 80 * time.Millisecond}
		w := newWorld(t, cfg)
		m := on(w, 1)
		ok(t, m.describe(t.Context()))
		var shortest, longest time.Duration = time.Hour, 0
		for range 20 {
			began := time.Now()
			ok(t, m.describe(t.Context()))
			d := time.Since(began)
			shortest, longest = min(shortest, d), max(longest, d)
		}
		if shortest < 20*time.Millisecond || longest > 80*time.Millisecond || shortest == longest {
			t.Errorf("between %s and %s", shortest, longest)
		}
	})
}

// TestThrottling: "the token bucket size for a non-mutating action is 100 tokens,
// and the refill rate is 20 tokens per second"; without filter or pages it is 50 and
// 10, for mutating ones 50 and 5.
func TestThrottling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Cluster(1, 1)
		w := newWorld(t, cfg)
		m, ctx := on(w, 1), t.Context()
		for _, tc := range []struct {
			name          string
			call          func() error
			burst, second int
		}{
			{"pages", func() error { return m.describe(ctx) }, 100, 20},
			{"neither filter nor pages", func() error { _, err := m.DescribeVpcs(ctx, nil); return err }, 50, 10},
			{"writes", func() error { return m.assign(ctx, 1, true, vipA) }, 50, 5},
		} {
			passed := func() int {
				n := 0
				for {
					switch err := tc.call(); code(err) {
					case "":
						n++
					case "RequestLimitExceeded":
						if status(err) != 503 {
							t.Errorf("%s: answered with %d", tc.name, status(err))
						}
						return n
					default:
						t.Fatal(err)
					}
				}
			}
			if n := passed(); n != tc.burst {
				t.Errorf("%s: %d pass at once, want %d", tc.name, n, tc.burst)
			}
			time.Sleep(time.Second)
			if n := passed(); n != tc.second {
				t.Errorf("%s: %d pass after a second, want %d", tc.name, n, tc.second)
			}
		}
		// Another action has a bucket of its own.
		ok(t, m.replace(ctx, 1, 1, "0.0.0.0/0", false))
		w.SetLimits(Limits{})
		ok(t, m.assign(ctx, 1, true, vipA))
		w.Drain("AssignPrivateIpAddresses")
		want(t, m.assign(ctx, 1, true, vipA), "RequestLimitExceeded")
		time.Sleep(200 * time.Millisecond)
		ok(t, m.assign(ctx, 1, true, vipA))
	})
}

// TestClosed: what waits is let go.
func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Cluster(1, 1))
		m := on(w, 1)
		ok(t, m.describe(t.Context()))
		w.Inject(Fault{Effect: Blackhole, Action: "Describe*"})
		w.Inject(Fault{Effect: ApplyLate, Action: "Assign*", Delay: time.Hour})
		errs := make(chan error, 2)
		go func() { errs <- m.describe(t.Context()) }()
		go func() { errs <- m.assign(t.Context(), 1, true, vipA) }()
		synctest.Wait()
		w.Close()
		want(t, <-errs, "lost")
		want(t, <-errs, "lost")
	})
}
