// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/cloudtest"
	"github.com/vicar-ha/vicar/vip"
)

// web is what node a claims in a term.
func web(term uint64, addresses ...string) vip.Claim {
	if len(addresses) == 0 {
		addresses = []string{"198.51.100.7/32"}
	}
	c := vip.Claim{Router: "web", Term: term, Interface: "eth0"}
	for _, a := range addresses {
		c.Addresses = append(c.Addresses, netip.MustParsePrefix(a))
	}
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newMover(t *testing.T, cfg cloud.Config) *cloud.Mover {
	t.Helper()
	m, err := cloud.New(cfg)
	must(t, err)
	return m
}

// owner does what an agent's owner does with a Mover.
type owner struct {
	m      *cloud.Mover
	cancel context.CancelFunc
	done   sync.WaitGroup
	lost   []netip.Addr // all that was told; read it when the bubble is at rest
}

// own acquires a claim again whenever addresses are told to be lost.
func own(m *cloud.Mover, c vip.Claim) *owner {
	ctx, cancel := context.WithCancel(context.Background())
	o := &owner{m: m, cancel: cancel}
	wake := make(chan struct{}, 1)
	o.done.Go(func() {
		_ = m.Watch(ctx, func(ch vip.Change) {
			o.lost = append(o.lost, ch.Taken...)
			select {
			case wake <- struct{}{}:
			default:
			}
		})
	})
	o.done.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-wake:
				_ = m.Acquire(ctx, c) // shows in who holds
			}
		}
	})
	return o
}

func (o *owner) end() { o.cancel(); o.done.Wait() }

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// bubble is a test in a bubble with a cloud of two tables.
func bubble(t *testing.T, f func(t *testing.T, c *cloudtest.Cloud, a, b *cloudtest.Node)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := cloudtest.NewCloud(1, 2)
		f(t, c, c.Node("a"), c.Node("b"))
	})
}

func holders(c *cloudtest.Cloud, a string) []string { return c.Holders(netip.MustParseAddr(a)) }

func TestNewRefuses(t *testing.T) {
	if _, err := cloud.New(cloud.Config{}); err == nil {
		t.Error("a Mover of nothing")
	}
	if _, err := cloud.New(cloud.Config{Provider: cloudtest.NewCloud(1, 1).Node("a"), Poll: -1}); err == nil {
		t.Error("a negative poll")
	}
}

// A take-over writes at once: nothing is asked before, nothing is waited for, and
// all requests leave together.
func TestWritesAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, c *cloudtest.Cloud, a, b *cloudtest.Node) {
		must(t, b.Take(t.Context(), c.Objects(web(1).Addresses), cloud.Taking{Steal: true}))
		a.Trouble(func(x *cloudtest.Trouble) { x.Latency = 50 * time.Millisecond })
		began := time.Now()
		m := newMover(t, cloud.Config{Provider: a, Steal: cloud.StealAtOnce, Epoch: func(vip.Claim) error {
			if !time.Now().Equal(began) || a.Calls()["observe"] > 0 {
				t.Error("something came before the write")
			}
			return nil
		}})
		must(t, m.Acquire(t.Context(), web(1)))
		line := m.Status("web").Timeline
		if took := time.Since(began); took != 100*time.Millisecond || line.Sent > 1 || line.Accepted != took/2 || line.Visible != took {
			t.Errorf("two requests' time is 100ms; it took %v: %+v", took, line)
		}
		if w := a.Writes(); w != 2 {
			t.Errorf("%d writes for two objects", w)
		}
	})
}

// keepalived's issue 950: a backup is Active for 200 ms, takes the address and
// steps back, and the true Active never left that state.
func TestTransientActive(t *testing.T) {
	for _, requests := range []time.Duration{10 * time.Millisecond, 150 * time.Millisecond, time.Second} {
		bubble(t, func(t *testing.T, c *cloudtest.Cloud, a, b *cloudtest.Node) {
			b.Trouble(func(x *cloudtest.Trouble) { x.Latency = requests })
			m := newMover(t, cloud.Config{Provider: a, Poll: 10 * time.Second, Rand: func() float64 { return 0 }})
			must(t, m.Acquire(t.Context(), web(1)))
			o := own(m, web(1))
			defer o.end()
			pass(time.Minute)
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			other := newMover(t, cloud.Config{Provider: b, Steal: cloud.StealAtOnce})
			_ = other.Acquire(ctx, web(1)) // the cloud shows what came of it
			must(t, other.Release(t.Context(), web(1)))
			pass(time.Second)
			if got := holders(c, "198.51.100.7"); !slices.Equal(got, []string{"b"}) {
				t.Fatalf("requests of %v: the holders are %v, and the test shows nothing", requests, got)
			}
			pass(10 * time.Second)
			if got := holders(c, "198.51.100.7"); !slices.Equal(got, []string{"a"}) {
				t.Errorf("requests of %v: the holders are %v after a poll", requests, got)
			}
			if st := m.Status("web"); st.TakenBack != 2 || len(o.lost) != 1 {
				t.Errorf("requests of %v: %d taken back, %v told", requests, st.TakenBack, o.lost)
			}
		})
	}
}

// slow is a Provider that needs its time.
type slow struct{ *cloudtest.Node }

func (slow) Longest() time.Duration { return 20 * time.Second }

func TestSlow(t *testing.T) {
	bubble(t, func(t *testing.T, c *cloudtest.Cloud, a, _ *cloudtest.Node) {
		a.Trouble(func(x *cloudtest.Trouble) { x.Latency = 15 * time.Second })
		must(t, newMover(t, cloud.Config{Provider: slow{a}}).Acquire(t.Context(), web(1)))
		if got := holders(c, "198.51.100.7"); !slices.Equal(got, []string{"a"}) {
			t.Errorf("held by %v", got)
		}
	})
}

// What is asked again by an owner, as for each advert of a rival, asks the cloud
// seldom.
func TestRechecks(t *testing.T) {
	bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, _ *cloudtest.Node) {
		m := newMover(t, cloud.Config{Provider: a})
		must(t, m.Acquire(t.Context(), web(1)))
		o := own(m, web(1))
		defer o.end()
		for range 6000 {
			m.Suspect(web(1))
			must(t, m.Acquire(t.Context(), web(1)))
			pass(10 * time.Millisecond)
		}
		if n := a.Calls()["observe"]; n < 30 || n > 62 {
			t.Errorf("%d looks in a minute, want one a second at most", n)
		}
	})
}

// An owner that asks again by itself asks nobody: how often that is done is Poll's
// alone, and a cloud that does not answer holds nothing up.
func TestPollAlone(t *testing.T) {
	bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, _ *cloudtest.Node) {
		m := newMover(t, cloud.Config{Provider: a, Poll: time.Hour, Rand: func() float64 { return 0.5 }})
		must(t, m.Acquire(t.Context(), web(1)))
		o := own(m, web(1))
		defer o.end()
		for i := range 119 {
			pass(30 * time.Second)
			a.Trouble(func(x *cloudtest.Trouble) { x.Cut = i > 60 })
			began := time.Now()
			must(t, m.Acquire(t.Context(), web(1)))
			if took := time.Since(began); took > 0 {
				t.Fatalf("it waited %v for the cloud", took)
			}
		}
		if n := a.Calls()["observe"]; n != 6 {
			t.Errorf("%d looks in an hour, want the first five and that of the poll", n)
		}
	})
}

// Who may just have been robbed looks soon.
func TestSuspect(t *testing.T) {
	bubble(t, func(t *testing.T, c *cloudtest.Cloud, a, _ *cloudtest.Node) {
		m := newMover(t, cloud.Config{Provider: a, Poll: time.Hour})
		must(t, m.Acquire(t.Context(), web(1)))
		o := own(m, web(1))
		defer o.end()
		pass(time.Minute)
		c.Give(c.Objects(web(1).Addresses)[0], "b")
		m.Suspect(web(1))
		pass(0)
		if got := holders(c, "198.51.100.7"); !slices.Equal(got, []string{"a"}) {
			t.Errorf("held by %v", got)
		}
	})
}

// A first take-over without a guard waits a moment only if another has it.
func TestStealLater(t *testing.T) {
	bubble(t, func(t *testing.T, c *cloudtest.Cloud, a, b *cloudtest.Node) {
		began := time.Now()
		m := newMover(t, cloud.Config{Provider: a})
		must(t, m.Acquire(t.Context(), web(1)))
		if took := time.Since(began); took != 0 {
			t.Errorf("what was free was taken after %v", took)
		}
		other := newMover(t, cloud.Config{Provider: b})
		must(t, other.Acquire(t.Context(), web(1)))
		if took := time.Since(began); took != time.Second {
			t.Errorf("what another has was taken after %v", took)
		}
		// It is not the first one any more.
		must(t, m.Acquire(t.Context(), web(2)))
		if took := time.Since(began); took != time.Second {
			t.Errorf("a later take-over waited until %v", took)
		}
		if got := holders(c, "198.51.100.7"); !slices.Equal(got, []string{"a"}) {
			t.Errorf("the holders are %v", got)
		}
	})
}

// A reload adds an address and removes one: what stays is not written again.
func TestChangedClaim(t *testing.T) {
	bubble(t, func(t *testing.T, c *cloudtest.Cloud, a, _ *cloudtest.Node) {
		m := newMover(t, cloud.Config{Provider: a, Release: true})
		must(t, m.Acquire(t.Context(), web(1, "198.51.100.7/32", "198.51.100.8/32")))
		must(t, m.Acquire(t.Context(), web(1, "198.51.100.8/32", "198.51.100.9/32")))
		if w := a.Writes(); w != 6 {
			t.Errorf("%d writes for three addresses in two tables", w)
		}
		must(t, m.Release(t.Context(), web(1, "198.51.100.7/32")))
		for address, want := range map[string]string{"198.51.100.7": "", "198.51.100.8": "a", "198.51.100.9": "a"} {
			if got := holders(c, address); !slices.Equal(got, []string{want}) {
				t.Errorf("%s is held by %q, want %q", address, got, want)
			}
		}
		if held, _ := m.Held(t.Context(), web(1, "198.51.100.8/32", "198.51.100.9/32")); !held {
			t.Error("what stays is not held")
		}
		if held, _ := m.Held(t.Context(), web(1, "198.51.100.7/32")); held {
			t.Error("what has gone is held")
		}
	})
}

// Who gives up waits no longer than an attempt for the cloud.
func TestReleaseWhileDown(t *testing.T) {
	bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, _ *cloudtest.Node) {
		m := newMover(t, cloud.Config{Provider: a, Release: true})
		must(t, m.Acquire(t.Context(), web(1)))
		a.Trouble(func(x *cloudtest.Trouble) { x.Cut = true })
		began := time.Now()
		must(t, m.Release(t.Context(), web(1)))
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it took %v", took)
		}
		if m.Status("web").Failures["unavailable"] == 0 {
			t.Error("no failure was counted")
		}
	})
}

// What a reload has moved to another router of this node is not given up with the
// former one.
func TestReleaseOfAnothers(t *testing.T) {
	bubble(t, func(t *testing.T, c *cloudtest.Cloud, a, _ *cloudtest.Node) {
		m := newMover(t, cloud.Config{Provider: a, Release: true})
		must(t, m.Acquire(t.Context(), web(1, "198.51.100.7/32", "198.51.100.8/32")))
		other := web(1, "198.51.100.8/32")
		other.Router = "db"
		must(t, m.Acquire(t.Context(), other))
		must(t, m.Release(t.Context(), web(1, "198.51.100.7/32", "198.51.100.8/32")))
		pass(10 * time.Second)
		for address, want := range map[string][]string{"198.51.100.7": {""}, "198.51.100.8": {"a"}} {
			if got := holders(c, address); !slices.Equal(got, want) {
				t.Errorf("%s is %q's, want %q", address, got, want)
			}
		}
	})
}

// Who gives up may have less time than an attempt: when it is over, what is not
// given up is the successor's. Only who is to do something else is told so.
func TestReleaseInTime(t *testing.T) {
	for _, c := range []struct {
		name     string
		ends     func(ctx context.Context) (context.Context, context.CancelFunc)
		err      error
		failures uint64
	}{
		{"time over", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 300*time.Millisecond)
		}, nil, 1},
		{"superseded", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(300*time.Millisecond, cancel)
			return ctx, cancel
		}, context.Canceled, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, _ *cloudtest.Node) {
				m := newMover(t, cloud.Config{Provider: a, Release: true})
				must(t, m.Acquire(t.Context(), web(1)))
				a.Trouble(func(x *cloudtest.Trouble) { x.Latency = time.Hour })
				began := time.Now()
				ctx, cancel := c.ends(t.Context())
				defer cancel()
				if err := m.Release(ctx, web(1)); !errors.Is(err, c.err) {
					t.Errorf("released: %v, want %v", err, c.err)
				}
				if took := time.Since(began); took != 300*time.Millisecond {
					t.Errorf("it took %v", took)
				}
				if n := m.Status("web").Failures["unavailable"]; n != c.failures {
					t.Errorf("%d failures were counted, want %d", n, c.failures)
				}
			})
		})
	}
}

// Each request asks whether it may leave: those that follow the loss of a lease
// don't.
func TestEpochEndsInTheMiddle(t *testing.T) {
	bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, _ *cloudtest.Node) {
		asked := 0
		m := newMover(t, cloud.Config{Provider: a, Epoch: func(vip.Claim) error {
			if asked++; asked > 3 {
				return errors.New("the lease has ended")
			}
			return nil
		}})
		err := m.Acquire(t.Context(), web(1, "198.51.100.7/32", "198.51.100.8/32"))
		if !errors.Is(err, cloud.ErrSuperseded) || a.Writes() != 2 {
			t.Errorf("%d writes, %v; want 2 and superseded", a.Writes(), err)
		}
		if st := m.Status("web"); st.Moved != 0 || len(st.Objects) != 4 || len(st.Failures) != 0 {
			t.Errorf("the status is %+v", st)
		}
	})
}

// A claim without objects here, as of a family that this means does not move, is
// held.
func TestNothingToMove(t *testing.T) {
	bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, _ *cloudtest.Node) {
		m := newMover(t, cloud.Config{Provider: a})
		c := web(1)
		c.Addresses = nil
		must(t, m.Acquire(t.Context(), c))
		if held, err := m.Held(t.Context(), c); !held || err != nil {
			t.Errorf("held: %v, %v", held, err)
		}
		must(t, m.Release(t.Context(), c))
		if n := a.Calls(); len(n) != 0 {
			t.Errorf("the cloud was asked: %v", n)
		}
	})
}
