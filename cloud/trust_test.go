// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/cloudtest"
	"github.com/vicar-ha/vicar/vip"
)

func always(vip.Claim) error { return nil }

// trusted fails unless the Mover holds without having been shown that it does.
func trusted(t *testing.T, m *cloud.Mover, c vip.Claim) {
	t.Helper()
	if held, err := m.Held(t.Context(), c); !held || err != nil {
		t.Errorf("held: %v, %v", held, err)
	}
	if st := m.Status("web"); st.Unverified == "" || !st.Verified.IsZero() || st.Moved != len(st.Objects) || st.Error != "" {
		t.Errorf("the status is %+v", st)
	}
}

// An agent that is started again while the cloud can't be asked goes on holding
// what its machine has, and verifies that when the cloud answers.
func TestStartInOutage(t *testing.T) {
	for _, guarded := range []bool{false, true} {
		for _, stolen := range []bool{false, true} {
			bubble(t, func(t *testing.T, c *cloudtest.Cloud, a, _ *cloudtest.Node) {
				cfg := cloud.Config{Provider: a, Poll: time.Hour}
				if guarded {
					cfg.Steal, cfg.Epoch = cloud.StealAtOnce, always
				}
				must(t, newMover(t, cfg).Acquire(t.Context(), web(7)))
				pass(time.Minute)
				a.Trouble(func(x *cloudtest.Trouble) { x.Cut = true })
				m := newMover(t, cfg)
				o := own(m, web(9))
				defer o.end()
				began := time.Now()
				must(t, m.Acquire(t.Context(), web(9)))
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("that took %v, want no longer than an attempt to write", took)
				}
				trusted(t, m, web(9))
				pass(time.Hour)
				trusted(t, m, web(9))
				if stolen {
					c.Give(c.Objects(web(9).Addresses)[1], "b")
				}
				a.Trouble(func(x *cloudtest.Trouble) { x.Cut = false })
				pass(10 * time.Second)
				st := m.Status("web")
				if st.Unverified != "" || st.Verified.IsZero() || st.Moved != 2 || st.Reflected != "yes" || st.Timeline.Visible == 0 {
					t.Errorf("guarded %v, stolen %v: the status is %+v", guarded, stolen, st)
				}
				if got := holders(c, "198.51.100.7"); !slices.Equal(got, []string{"a"}) {
					t.Errorf("guarded %v, stolen %v: held by %v", guarded, stolen, got)
				}
			})
		}
	}
}

// blind is a Provider whose cloud shows the node nothing itself, or fails to.
type blind struct{ cloud.Provider }

type broken struct{ *cloudtest.Node }

func (broken) Reflected(context.Context, []cloud.Object) ([]bool, error) {
	return nil, errors.New("the metadata service is down")
}

// What speaks for less than all, or is no outage, is no reason to hold.
func TestStartInOutageInVain(t *testing.T) {
	unavailable := func(x *cloudtest.Trouble) { x.Down = true }
	for name, c := range map[string]struct {
		trouble func(x *cloudtest.Trouble)
		other   bool // another has an object
		see     func(n *cloudtest.Node) cloud.Provider
		terms   []uint64
	}{
		"denied":             {trouble: func(x *cloudtest.Trouble) { x.Denied = true }},
		"throttled":          {trouble: func(x *cloudtest.Trouble) { x.Throttle = 1000 }},
		"another has a part": {trouble: unavailable, other: true},
		"no metadata":        {trouble: unavailable, see: func(n *cloudtest.Node) cloud.Provider { return blind{n} }},
		"metadata is down":   {trouble: unavailable, see: func(n *cloudtest.Node) cloud.Provider { return broken{n} }},
		"a later term":       {trouble: unavailable, terms: []uint64{3}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, in *cloudtest.Cloud, a, _ *cloudtest.Node) {
				must(t, newMover(t, cloud.Config{Provider: a}).Acquire(t.Context(), web(1)))
				pass(time.Minute)
				if c.other {
					in.Give(in.Objects(web(1).Addresses)[1], "b")
				}
				var p cloud.Provider = a
				if c.see != nil {
					p = c.see(a)
				}
				m := newMover(t, cloud.Config{Provider: p, Steal: cloud.StealAtOnce, Epoch: always})
				for _, term := range c.terms {
					ctx, cancel := context.WithCancel(t.Context())
					cancel()
					if m.Acquire(ctx, web(term)) == nil {
						t.Error("acquired though nobody waits for it")
					}
					must(t, m.Release(t.Context(), web(term)))
				}
				a.Trouble(c.trouble)
				if err := m.Acquire(t.Context(), web(9)); err == nil {
					t.Error("it counts as held")
				}
				if held, _ := m.Held(t.Context(), web(9)); held {
					t.Error("it is held")
				}
			})
		})
	}
}

// after is a claim in a term that follows another.
func after(term, former uint64) vip.Claim {
	c := web(term)
	c.Follows = former
	return c
}

// A guard's term that follows one in which this node held all, as a changed resource
// needs it: nobody else has had a term between.
func TestNextTermInOutage(t *testing.T) {
	for name, c := range map[string]struct {
		change func(cfg *cloud.Config)
		claims []vip.Claim // after that of term 5, which was held; cut short but for the last
		want   bool
	}{
		"one that follows":      {claims: []vip.Claim{after(8, 5)}, want: true},
		"one that does not":     {claims: []vip.Claim{after(6, 0)}},
		"it follows another":    {claims: []vip.Claim{after(8, 4)}},
		"one after the other":   {claims: []vip.Claim{after(6, 5), after(8, 6), after(9, 8)}, want: true},
		"one was another's":     {claims: []vip.Claim{after(6, 5), after(8, 0), after(9, 8)}},
		"without a guard":       {claims: []vip.Claim{after(6, 5)}, change: func(cfg *cloud.Config) { cfg.Epoch = nil }},
		"given up in the cloud": {claims: []vip.Claim{after(6, 5)}, change: func(cfg *cloud.Config) { cfg.Release = true }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, _ *cloudtest.Node) {
				// No metadata: only that it was held counts.
				cfg := cloud.Config{Provider: blind{a}, Steal: cloud.StealAtOnce, Epoch: always}
				if c.change != nil {
					c.change(&cfg)
				}
				m := newMover(t, cfg)
				must(t, m.Acquire(t.Context(), web(5)))
				pass(time.Minute)
				a.Trouble(func(x *cloudtest.Trouble) { x.Cut = true })
				must(t, m.Release(t.Context(), web(5)))
				last := len(c.claims) - 1
				for _, short := range c.claims[:last] {
					ctx, cancel := context.WithCancel(t.Context())
					cancel()
					if m.Acquire(ctx, short) == nil {
						t.Error("acquired though nobody waits for it")
					}
					must(t, m.Release(t.Context(), short))
				}
				err := m.Acquire(t.Context(), c.claims[last])
				if held, _ := m.Held(t.Context(), c.claims[last]); held != c.want || (err == nil) != c.want {
					t.Errorf("held: %v, %v; want %v", held, err, c.want)
				}
			})
		})
	}
}

// A write that was accepted counts when the cloud can't be asked any more. One
// that it shows to be another's does not.
func TestAcceptedAndNotShown(t *testing.T) {
	bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, _ *cloudtest.Node) {
		l := &looked{Node: a, wrong: func([]cloud.Object) error {
			return &cloud.Error{Kind: cloud.Throttled, Action: "observe", Err: errors.New("too many")}
		}}
		m := newMover(t, cloud.Config{Provider: l, Steal: cloud.StealAtOnce})
		o := own(m, web(2))
		defer o.end()
		must(t, m.Acquire(t.Context(), web(2)))
		trusted(t, m, web(2))
		l.change(func() { l.wrong = nil })
		pass(time.Minute)
		if st := m.Status("web"); st.Unverified != "" || st.Verified.IsZero() {
			t.Errorf("the status is %+v", st)
		}
		must(t, m.Release(t.Context(), web(2)))
		a.Trouble(func(x *cloudtest.Trouble) { x.Lag = time.Hour })
		if err := m.Acquire(t.Context(), web(3)); err == nil {
			t.Error("it counts as held, and the cloud shows something else")
		}
	})
}
