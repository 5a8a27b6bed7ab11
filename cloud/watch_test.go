// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/cloudtest"
	"github.com/vicar-ha/vicar/vip"
)

// looked notes when a Provider is asked, and answers about some objects with an
// error.
type looked struct {
	*cloudtest.Node
	mu    sync.Mutex
	at    []time.Time
	asked [][]cloud.Object
	wrong func(objects []cloud.Object) error
	after func() // once the cloud has answered
}

func (l *looked) Observe(ctx context.Context, objects []cloud.Object) ([]cloud.Ownership, error) {
	l.mu.Lock()
	l.at, l.asked = append(l.at, time.Now()), append(l.asked, slices.Clone(objects))
	wrong, after := l.wrong, l.after
	l.mu.Unlock()
	if wrong != nil {
		if err := wrong(objects); err != nil {
			return nil, err
		}
	}
	seen, err := l.Node.Observe(ctx, objects)
	if after != nil {
		after()
	}
	return seen, err
}

func (l *looked) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// A new holder looks again at 1, 2, 4 and 8 s, and from then on at each poll.
func TestReadBacks(t *testing.T) {
	bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, _ *cloudtest.Node) {
		l := &looked{Node: a}
		m := newMover(t, cloud.Config{Provider: l, Rand: func() float64 { return 0 }})
		o := own(m, web(1))
		defer o.end()
		began := time.Now()
		must(t, m.Acquire(t.Context(), web(1)))
		pass(100 * time.Second)
		var got []string
		for _, at := range l.at {
			got = append(got, at.Sub(began).String())
		}
		if want := []string{"0s", "1s", "2s", "4s", "8s", "38s", "1m8s", "1m38s"}; !slices.Equal(got, want) {
			t.Errorf("looked at %v, want %v", got, want)
		}
		must(t, m.Release(t.Context(), web(1)))
		n := len(l.at)
		pass(time.Hour)
		if len(l.at) != n {
			t.Error("it goes on looking at what it gave up")
		}
	})
}

// Late writes of a former holder are put right at the next of these looks,
// whenever they come.
func TestLateWrites(t *testing.T) {
	for _, ms := range []int{300, 999, 1001, 1900, 3999, 7900} {
		late := time.Duration(ms) * time.Millisecond
		bubble(t, func(t *testing.T, c *cloudtest.Cloud, a, b *cloudtest.Node) {
			b.Trouble(func(x *cloudtest.Trouble) { x.Late = late })
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
				defer cancel()
				_ = b.Take(ctx, c.Objects(web(1).Addresses), cloud.Taking{Steal: true}) // nobody waits for it
			}()
			pass(10 * time.Millisecond)
			m := newMover(t, cloud.Config{Provider: a, Steal: cloud.StealAtOnce, Poll: time.Hour})
			o := own(m, web(2))
			defer o.end()
			must(t, m.Acquire(t.Context(), web(2)))
			pass(late - 10*time.Millisecond)
			if got := holders(c, "198.51.100.7"); !slices.Equal(got, []string{"b"}) {
				t.Fatalf("late by %v: held by %v, and the test shows nothing", late, got)
			}
			pass(late + time.Second)
			if got := holders(c, "198.51.100.7"); !slices.Equal(got, []string{"a"}) {
				t.Errorf("late by %v: held by %v", late, got)
			}
		})
	}
}

// What was taken back is looked at soon again: whoever took it may not have heard
// yet that it is no holder any more.
func TestLateWritesAgain(t *testing.T) {
	bubble(t, func(t *testing.T, c *cloudtest.Cloud, a, _ *cloudtest.Node) {
		m := newMover(t, cloud.Config{Provider: a, Poll: 30 * time.Second})
		o := own(m, web(1))
		defer o.end()
		must(t, m.Acquire(t.Context(), web(1)))
		rob := func() { c.Give(c.Objects(web(1).Addresses)[0], "b") }
		for again := range 3 {
			pass(2 * time.Minute)
			rob()
			for m.Status("web").TakenBack < uint64(2*again+1) {
				pass(100 * time.Millisecond)
			}
			pass(1500 * time.Millisecond)
			rob()
			pass(2600 * time.Millisecond) // the look at 4 s, at the latest
			if got := holders(c, "198.51.100.7"); !slices.Equal(got, []string{"a"}) {
				t.Fatalf("time %d: held by %v", again, got)
			}
		}
	})
}

// Two who fight look soon some times, and then at each poll.
func TestFight(t *testing.T) {
	bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, b *cloudtest.Node) {
		for _, n := range []*cloudtest.Node{a, b} {
			m := newMover(t, cloud.Config{Provider: n, Steal: cloud.StealAtOnce, Poll: 30 * time.Second})
			o := own(m, web(1))
			defer o.end()
			must(t, m.Acquire(t.Context(), web(1)))
		}
		pass(time.Minute)
		before := a.Writes() + b.Writes()
		pass(time.Hour)
		if n := a.Writes() + b.Writes() - before; n < 2*120 || n > 2*2*160*3/2 {
			t.Errorf("%d writes of two objects in an hour of two who look each half a minute", n)
		}
	})
}

// A look that began before a take-over says nothing of what came after it.
func TestLateLook(t *testing.T) {
	bubble(t, func(t *testing.T, c *cloudtest.Cloud, a, _ *cloudtest.Node) {
		l := &looked{Node: a}
		m := newMover(t, cloud.Config{Provider: l, Steal: cloud.StealAtOnce, Rand: func() float64 { return 0 }})
		must(t, m.Acquire(t.Context(), web(1)))
		o := own(m, web(2))
		defer o.end()
		pass(37 * time.Second)
		c.Give(c.Objects(web(1).Addresses)[0], "b")
		late := make(chan struct{})
		l.change(func() { l.after = func() { <-late } })
		pass(1500 * time.Millisecond) // the look at 38 s has seen it, and hangs
		l.change(func() { l.after = nil })
		must(t, m.Acquire(t.Context(), web(2)))
		close(late)
		pass(500 * time.Millisecond)
		if st := m.Status("web"); len(o.lost) != 0 || st.TakenBack != 0 || st.Moved != 2 {
			t.Errorf("told %v; the status is %+v", o.lost, st)
		}
	})
}

// A former holder's write comes between an accepted write and the look that shows
// it: it is written again.
func TestOvertaken(t *testing.T) {
	bubble(t, func(t *testing.T, c *cloudtest.Cloud, a, b *cloudtest.Node) {
		must(t, b.Take(t.Context(), c.Objects(web(1).Addresses), cloud.Taking{Steal: true}))
		pass(time.Second)
		a.Trouble(func(x *cloudtest.Trouble) { x.Lag = 300 * time.Millisecond })
		go func() {
			// It is there before the cloud shows the first one.
			time.Sleep(time.Microsecond)
			c.Give(c.Objects(web(1).Addresses)[1], "b")
		}()
		m := newMover(t, cloud.Config{Provider: a, Steal: cloud.StealAtOnce})
		began := time.Now()
		must(t, m.Acquire(t.Context(), web(1)))
		if took := time.Since(began); took < 2*time.Second || took > 5*time.Second || a.Writes() != 3 {
			t.Errorf("acquired after %v with %d writes", took, a.Writes())
		}
		if got := holders(c, "198.51.100.7"); !slices.Equal(got, []string{"a"}) {
			t.Errorf("held by %v", got)
		}
	})
}

// Many routers are looked at in one request.
func TestPollTogether(t *testing.T) {
	bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, _ *cloudtest.Node) {
		m := newMover(t, cloud.Config{Provider: a})
		o := own(m, web(1))
		defer o.end()
		for i := range 20 {
			c := web(1, fmt.Sprintf("198.51.100.%d/32", i))
			c.Router = fmt.Sprintf("web-%d", i)
			must(t, m.Acquire(t.Context(), c))
			pass(100 * time.Millisecond)
		}
		pass(time.Minute)
		before := a.Calls()["observe"]
		pass(time.Hour)
		if n := a.Calls()["observe"] - before; n < 120 || n > 160 {
			t.Errorf("%d looks in an hour, want one each 22.5 to 30 s", n)
		}
	})
}

// An interface that says that there are too many requests gets fewer of them, and
// as many as before afterwards.
func TestPollThrottled(t *testing.T) {
	bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, _ *cloudtest.Node) {
		m := newMover(t, cloud.Config{Provider: a})
		o := own(m, web(1))
		defer o.end()
		must(t, m.Acquire(t.Context(), web(1)))
		pass(time.Minute)
		count := func(d time.Duration) int {
			before := a.Calls()["observe"]
			pass(d)
			return int(a.Calls()["observe"] - before)
		}
		a.Trouble(func(x *cloudtest.Trouble) { x.Throttle = 1 << 30 })
		if n := count(time.Hour); n > 30 {
			t.Errorf("%d looks in an hour of throttling", n)
		}
		if st := m.Status("web"); st.Unverified == "" || st.Failures["throttled"] == 0 || st.Moved != 2 {
			t.Errorf("the status is %+v", st)
		}
		a.Trouble(func(x *cloudtest.Trouble) { x.Throttle = 0 })
		pass(20 * time.Minute)
		if n := count(time.Hour); n < 120 {
			t.Errorf("%d looks in an hour after it", n)
		}
	})
}

// Twenty routers of a node that take over at the same moment don't use up what
// the account may ask.
func TestTakeOverTogether(t *testing.T) {
	bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, _ *cloudtest.Node) {
		a.Trouble(func(x *cloudtest.Trouble) { x.Lag, x.Latency = 2*time.Second, 100*time.Millisecond })
		m := newMover(t, cloud.Config{Provider: a})
		var all sync.WaitGroup
		began := time.Now()
		for i := range 20 {
			c := web(1, fmt.Sprintf("198.51.100.%d/32", i))
			c.Router = fmt.Sprintf("web-%d", i)
			all.Go(func() {
				if err := m.Acquire(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n, took := a.Calls()["observe"], time.Since(began); n > 60 || took > 9*time.Second {
			t.Errorf("%d looks in %v", n, took)
		}
	})
}

// An object that is gone does not hide the drift of others.
func TestOneNotFound(t *testing.T) {
	bubble(t, func(t *testing.T, c *cloudtest.Cloud, a, _ *cloudtest.Node) {
		l := &looked{Node: a}
		m := newMover(t, cloud.Config{Provider: l})
		must(t, m.Acquire(t.Context(), web(1)))
		other := web(1, "198.51.100.8/32")
		other.Router = "api"
		must(t, m.Acquire(t.Context(), other))
		o := own(m, web(1))
		defer o.end()
		pass(time.Minute)
		gone := c.Objects(other.Addresses)[0]
		l.change(func() {
			l.wrong = func(objects []cloud.Object) error {
				if slices.Contains(objects, gone) {
					return &cloud.Error{Kind: cloud.NotFound, Action: "observe", Object: gone.ID, Err: errors.New("no such table")}
				}
				return nil
			}
		})
		c.Give(c.Objects(web(1).Addresses)[0], "b")
		pass(time.Minute)
		if got := holders(c, "198.51.100.7"); !slices.Equal(got, []string{"a"}) {
			t.Errorf("held by %v", got)
		}
		if st := m.Status("api"); st.Unverified == "" || st.Moved != 2 {
			t.Errorf("the status of the other is %+v", st)
		}
		must(t, m.Acquire(t.Context(), other))
	})
}

// short answers about fewer objects than it was asked about.
type short struct{ *cloudtest.Node }

func (s short) Observe(ctx context.Context, objects []cloud.Object) ([]cloud.Ownership, error) {
	seen, err := s.Node.Observe(ctx, objects)
	return seen[:len(seen)-1], err
}

func TestShortAnswer(t *testing.T) {
	bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, _ *cloudtest.Node) {
		m := newMover(t, cloud.Config{Provider: short{a}})
		if err := m.Acquire(t.Context(), web(1)); cloud.KindOf(err) != cloud.Invalid {
			t.Errorf("acquired: %v, want invalid", err)
		}
	})
}

// slowMetadata is a metadata service that lags.
type slowMetadata struct {
	*cloudtest.Node
	from time.Time
}

func (s slowMetadata) Reflected(ctx context.Context, objects []cloud.Object) ([]bool, error) {
	if time.Now().Before(s.from) {
		return make([]bool, len(objects)), nil
	}
	return s.Node.Reflected(ctx, objects)
}

// peer is a cloud.Prober.
type peer struct{ from time.Time }

func (p peer) Probe(context.Context, vip.Claim) (string, bool, error) {
	if time.Now().Before(p.from.Add(-time.Second)) {
		return "", false, errors.New("no peer is there")
	}
	return "b", !time.Now().Before(p.from), nil
}

// The other planes are asked beside the announcement, until they show it too.
func TestPlanes(t *testing.T) {
	bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, _ *cloudtest.Node) {
		began := time.Now()
		m := newMover(t, cloud.Config{
			Provider: slowMetadata{a, began.Add(3 * time.Second)},
			Prober:   peer{began.Add(5 * time.Second)},
		})
		o := own(m, web(1))
		defer o.end()
		must(t, m.Acquire(t.Context(), web(1)))
		if time.Since(began) != 0 {
			t.Error("they were waited for")
		}
		want := func(reflected, probed, peer string) {
			t.Helper()
			if st := m.Status("web"); st.Reflected != reflected || st.Probed != probed || st.Peer != peer {
				t.Errorf("after %v: reflected %q, probed %q by %q; want %q, %q by %q", time.Since(began), st.Reflected, st.Probed, st.Peer, reflected, probed, peer)
			}
		}
		pass(time.Second)
		want("no", "", "")
		pass(10 * time.Second)
		want("yes", "yes", "b")
		line := m.Status("web").Timeline
		if line.Reflected < 3*time.Second || line.Reflected > 5*time.Second || line.Probed < 5*time.Second || line.Probed > 7*time.Second {
			t.Errorf("the timeline is %+v", line)
		}
		must(t, m.Release(t.Context(), web(1)))
		want("", "", "")
	})
}

// Both families of a router are shown as one.
func TestStatusOfBothFamilies(t *testing.T) {
	bubble(t, func(t *testing.T, c *cloudtest.Cloud, a, b *cloudtest.Node) {
		m := newMover(t, cloud.Config{Provider: a})
		must(t, m.Acquire(t.Context(), web(1)))
		pass(time.Second)
		six := web(1, "2001:db8::7/128")
		six.Router = "web/ipv6"
		must(t, b.Take(t.Context(), c.Objects(six.Addresses)[:1], cloud.Taking{Steal: true}))
		a.Trouble(func(x *cloudtest.Trouble) { x.Denied = true })
		if m.Acquire(t.Context(), six) == nil {
			t.Fatal("it was permitted")
		}
		st := m.Status("web")
		if st.Kind != "memory" || !st.Wanted || st.Moved != 2 || len(st.Objects) != 4 || !st.Verified.IsZero() || st.ErrorKind != "denied" || st.Timeline.Visible != 0 {
			t.Errorf("the status is %+v", st)
		}
		a.Trouble(func(x *cloudtest.Trouble) { x.Denied = false })
		must(t, m.Acquire(t.Context(), six))
		st = m.Status("web")
		if st.Moved != 4 || st.Verified.IsZero() || st.Error != "" || st.Timeline.Visible < time.Second || !st.Objects[3].Mine || st.Objects[3].Address != netip.MustParseAddr("2001:db8::7") {
			t.Errorf("the status is %+v", st)
		}
	})
}

// dying is a cloud.Prober whose only peer is dead, and known to be so after a while.
type dying struct{ known time.Time }

func (d dying) Probe(context.Context, vip.Claim) (string, bool, error) {
	if time.Now().After(d.known) {
		return "", false, errors.New("nobody is there")
	}
	return "b", false, nil
}

// That the former holder sends no packet, being dead, says nothing.
func TestDeadPeer(t *testing.T) {
	bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, _ *cloudtest.Node) {
		m := newMover(t, cloud.Config{Provider: a, Prober: dying{time.Now().Add(5 * time.Second)}})
		o := own(m, web(1))
		defer o.end()
		must(t, m.Acquire(t.Context(), web(1)))
		pass(time.Second)
		if st := m.Status("web"); st.Probed != "no" || st.Peer != "b" {
			t.Errorf("probed %q by %q", st.Probed, st.Peer)
		}
		pass(10 * time.Second)
		if st := m.Status("web"); st.Probed != "" || st.Peer != "" {
			t.Errorf("probed %q by %q, and there is no peer", st.Probed, st.Peer)
		}
	})
}
