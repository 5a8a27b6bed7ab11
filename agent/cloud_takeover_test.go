// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/cloud/cloudtest"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

const cloudInterval = 100 * time.Millisecond

// inCloud runs f on three nodes, which don't run yet, and whose requests to the
// cloud take 20 ms.
func inCloud(t *testing.T, guarded bool, f func(w *clouded)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { tellInCloud(t, guarded, f) })
}

// tellInCloud is inCloud in a bubble that is there.
func tellInCloud(t *testing.T, guarded bool, f func(w *clouded)) {
	t.Helper()
	w := newClouded(t, 1, 3, 2, router(cloudInterval, guardedVIP.String()), guarded)
	w.trouble(func(x *cloudtest.Trouble) { x.Latency = 20 * time.Millisecond })
	for _, n := range w.nodes {
		n.kernel.slow = time.Millisecond // the guard shuts the fence in a goroutine of its own
	}
	f(w)
	w.end()
	for _, wrong := range w.wrong {
		t.Error(wrong)
	}
}

// wantOwner wants one node to be the holder in the election, in the cloud and in
// the kernels.
func (w *clouded) wantOwner(name string) {
	w.t.Helper()
	for what, got := range map[string][]string{"Active": w.actives(), "in the cloud": w.owners(), "in the kernel": w.holders(guardedVIP)} {
		if !slices.Equal(got, []string{name}) {
			w.t.Errorf("%s: %q, want %s", what, got, name)
		}
	}
}

// until waits in the bubble until it is so.
func (w *clouded) until(what string, so func() bool) {
	w.t.Helper()
	began := time.Now()
	for !so() {
		if time.Since(began) > 10*time.Minute {
			w.t.Errorf("%s has not come", what)
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// story is what happens to a node.
type story struct {
	mu     sync.Mutex
	events []string
	at     []time.Time
}

func (s *story) add(event string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events, s.at = append(s.events, event), append(s.at, time.Now())
}

// tell has the story told of a node: its adverts, and what its planes do.
func (w *clouded) tell(of string) *story {
	s := new(story)
	w.books.Lock()
	defer w.books.Unlock()
	w.log = func(name, event string) {
		if name == of {
			s.add(event)
		}
	}
	w.sent = func(name string, batch []wire.Packet) {
		if name == of {
			for _, p := range batch {
				s.add(fmt.Sprintf("advert of priority %d", p.Data[2]))
			}
		}
	}
	return s
}

// take ends the story so far, and returns it without repetitions in a row.
func (s *story) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := slices.Compact(s.events)
	s.events, s.at = nil, nil
	return strings.Join(events, "\n")
}

// gap is the longest time between two adverts of the priority, and count how many
// there were.
func (s *story) gap(priority int) (longest time.Duration, count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var last time.Time
	for i, e := range s.events {
		if e != fmt.Sprintf("advert of priority %d", priority) {
			continue
		}
		if count++; !last.IsZero() {
			longest = max(longest, s.at[i].Sub(last))
		}
		last = s.at[i]
	}
	return longest, count
}

// TestCloudBriefActive is issue 950 of keepalived: a Backup that is Active for 200 ms and steps
// back has moved the address, and the true Active, which never left Active, has
// no transition to move it back on.
func TestCloudBriefActive(t *testing.T) {
	for _, c := range []struct {
		name  string
		cut   func(w *clouded)
		late  time.Duration
		edge  bool
		after string
	}{
		{name: "unheard by it", cut: func(w *clouded) { w.lan.CutOneWay("lb-1", "lb-2") }, after: "lb-1"},
		{name: "apart", cut: func(w *clouded) { w.lan.Cut("lb-1", "lb-2") }, after: "lb-1"},
		{name: "its write comes late", cut: func(w *clouded) { w.lan.Cut("lb-1", "lb-2") }, late: 1900 * time.Millisecond, after: "lb-1"},
		{name: "as scripts do it", cut: func(w *clouded) { w.lan.Cut("lb-1", "lb-2") }, edge: true, after: "lb-2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inCloud(t, false, func(w *clouded) {
				w.mutant.edge = c.edge
				w.start("lb-2") // has held before: it will take at once
				w.until("lb-2's first time", func() bool { return slices.Equal(w.owners(), []string{"lb-2"}) })
				w.start("lb-1")
				w.until("lb-1's take-over", func() bool { return slices.Equal(w.owners(), []string{"lb-1"}) })
				time.Sleep(time.Minute)
				w.wantOwner("lb-1")

				before := w.stands()["lb-1"]
				w.clients["lb-2"].Trouble(func(x *cloudtest.Trouble) { x.Late = c.late })
				c.cut(w)
				cut := time.Now()
				w.until("lb-2 Active", func() bool { return slices.Contains(w.actives(), "lb-2") })
				if active := time.Now(); c.late == 0 { // who hears lb-2 may take it back soon
					w.until("lb-2's take-over", func() bool { return slices.Equal(w.owners(), []string{"lb-2"}) })
					time.Sleep(200*time.Millisecond - time.Since(active))
				} else {
					time.Sleep(200 * time.Millisecond)
				}
				w.lan.Heal()
				if !w.written("lb-1", cut) {
					t.Error("lb-2 has written nothing")
				}
				time.Sleep(c.late + w.poll + 100*time.Millisecond)
				if got := w.owners(); !slices.Equal(got, []string{c.after}) {
					t.Errorf("one reconcile later the address is %q's, want %s", got, c.after)
				}
				for what, got := range map[string][]string{"Active": w.actives(), "in the kernel": w.holders(guardedVIP)} {
					if !slices.Equal(got, []string{"lb-1"}) {
						t.Errorf("%s: %v, want lb-1", what, got)
					}
				}
				if after := w.stands()["lb-1"]; after != before {
					t.Errorf("lb-1 was %v and is %v", before, after)
				}
			})
		})
	}
}

// TestCloudDenied: who can't take the address in the cloud does not take it in the
// kernel, says so with priority 0, and keeps out of the election for a while.
func TestCloudDenied(t *testing.T) {
	for _, guarded := range []bool{false, true} {
		inCloud(t, guarded, func(w *clouded) {
			w.clients["lb-1"].Trouble(func(x *cloudtest.Trouble) { x.Denied = true })
			s := w.tell("lb-1")
			w.startAll()
			w.until("lb-2's take-over", func() bool { return slices.Equal(w.owners(), []string{"lb-2"}) })
			time.Sleep(time.Second)
			w.wantOwner("lb-2")
			want := "cloud takes, kernel gave it up, advert of priority 0"
			if guarded {
				want = "fence opened, cloud takes, fence shut, kernel gave it up, advert of priority 0"
			}
			if got := order(s.take()); got != want {
				t.Errorf("guarded %v: what lb-1 did was %s, want %s", guarded, got, want)
			}
			if r := w.router("lb-1"); r.State != "Initialize" || !strings.Contains(r.Reason, "denied") {
				t.Errorf("lb-1 is %s: %s", r.State, r.Reason)
			}
			time.Sleep(time.Second)
			if got := s.take(); got != "" {
				t.Errorf("guarded %v: while it holds off lb-1 did\n%s", guarded, got)
			}
			w.clients["lb-1"].Trouble(func(x *cloudtest.Trouble) { x.Denied = false })
			time.Sleep(30 * time.Second)
			w.wantOwner("lb-1")
		})
	}
}

// TestCloudOrder: guard, cloud, kernel, neighbours; and back. Adverts run from the
// beginning to the end.
func TestCloudOrder(t *testing.T) {
	inCloud(t, true, func(w *clouded) {
		w.release = true
		s := w.tell("lb-1")
		w.startAll()
		time.Sleep(maxLease + time.Second)
		w.wantOwner("lb-1")
		if got, want := order(s.take()), "fence opened, cloud takes, moved in the cloud, kernel has it, announced"; got != want {
			t.Errorf("up: %s, want %s", got, want)
		}
		w.linked["lb-1"].end(t)
		if got, want := order(s.take()), "fence shut, kernel gave it up, cloud gives up, advert of priority 0"; got != want {
			t.Errorf("down: %s, want %s", got, want)
		}
		time.Sleep(time.Second)
		w.wantOwner("lb-2")
	})
}

// TestCloudStopWhileDown: a cloud that does not answer holds up neither a stop nor
// the successor, who does not wait for its predecessor's end.
func TestCloudStopWhileDown(t *testing.T) {
	for _, guarded := range []bool{false, true} {
		inCloud(t, guarded, func(w *clouded) {
			w.release = true
			w.startAll()
			time.Sleep(maxLease + time.Second)
			w.wantOwner("lb-1")
			w.clients["lb-1"].Trouble(func(x *cloudtest.Trouble) { x.Latency = time.Hour })
			s := w.tell("lb-1")
			began := time.Now()
			w.linked["lb-1"].end(t) // fails if something was not given up
			if took := time.Since(began); took > 1100*time.Millisecond {
				t.Errorf("guarded %v: the stop took %v", guarded, took)
			}
			if got, want := order(s.take()), "kernel gave it up, cloud gives up"; !strings.HasSuffix(got, want) {
				t.Errorf("guarded %v: %s, want %s", guarded, got, want)
			}
			w.until("lb-2 everywhere", func() bool { return slices.Equal(w.owners(), []string{"lb-2"}) })
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("guarded %v: the successor took %v", guarded, took)
			}
			time.Sleep(10 * time.Second)
			w.wantOwner("lb-2")
		})
	}
}

// order is what a story tells, each thing where it came first.
func order(story string) string {
	var all []string
	for e := range strings.SplitSeq(story, "\n") {
		if e != "advert of priority 200" && !slices.Contains(all, e) {
			all = append(all, e)
		}
	}
	return strings.Join(all, ", ")
}

// TestCloudSlow: while the cloud takes its time adverts leave as ever, and leases
// are renewed.
func TestCloudSlow(t *testing.T) {
	for _, c := range []struct {
		latency time.Duration
		shown   bool // the machine is shown what it has
	}{{1900 * time.Millisecond, false}, {5 * time.Second, false}, {5 * time.Second, true}} {
		latency := c.latency
		for _, guarded := range []bool{false, true} {
			inCloud(t, guarded, func(w *clouded) {
				w.clients["lb-1"].Trouble(func(x *cloudtest.Trouble) { x.Latency, x.Unseen = latency, !c.shown })
				s := w.tell("lb-1")
				w.startAll()
				w.until("lb-1 Active", func() bool { return slices.Contains(w.actives(), "lb-1") })
				// An attempt is over after 2 s, and the take-over is given up after 10 s.
				time.Sleep(9 * time.Second)
				if gap, count := s.gap(200); gap > cloudInterval || count < 85 {
					t.Errorf("latency %v, guarded %v: %d adverts up to %v apart", latency, guarded, count, gap)
				}
				if r := w.router("lb-1"); guarded && r.Lease.Lost > 0 {
					t.Errorf("latency %v: the lease was lost", latency)
				}
				if latency < 2*time.Second || c.shown {
					w.wantOwner("lb-1")
					return
				}
				time.Sleep(2500 * time.Millisecond) // lb-1 comes back after three seconds
				if got := w.actives(); !slices.Equal(got, []string{"lb-2"}) {
					t.Errorf("latency %v, guarded %v: %v are Active", latency, guarded, got)
				}
				w.clients["lb-1"].Trouble(func(x *cloudtest.Trouble) { x.Latency = 20 * time.Millisecond })
				time.Sleep(time.Minute)
				w.wantOwner("lb-1")
			})
		}
	}
}
