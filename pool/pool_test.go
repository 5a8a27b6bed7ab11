// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/track"
)

const web = "web 192.0.2.100:80/tcp wrr:"

// inBubble runs a test in a bubble.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func TestServers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := with(t, virtual("web", 100, backend("web", 11, 1), backend("web", 12, 2))).start()
		r.want(web + " 198.51.100.11:80=1 198.51.100.12:80=2")
		r.put(check("web", 11), track.Passing)
		r.put(check("web", 12), track.Failing)
		r.want(web + " 198.51.100.11:80=1")
		r.put(check("web", 12), track.Passing)
		r.want(web + " 198.51.100.11:80=1 198.51.100.12:80=2")
		r.wantTold(
			"server_up web 198.51.100.11:80 undecided>up", "quorum_up web  undecided>up",
			"server_down web 198.51.100.12:80 undecided>down", "server_up web 198.51.100.12:80 down>up",
		)
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		r.want()
		r.wantTold()
	})
}

// Two verdicts that come together are one call, and only of the services that change.
func TestOneCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := with(t, virtual("api", 99, backend("api", 13, 1)), virtual("web", 100, backend("web", 11, 1)), virtual("zoo", 101, backend("zoo", 14, 1))).start()
		r.plane.change(func(m *memory) { m.batches = nil })
		begin := time.Now()
		r.pool.Put([]track.Result{{Check: check("api", 13), State: track.Failing}, {Check: check("web", 11), State: track.Failing}})
		synctest.Wait()
		if diff := cmp.Diff([][]string{{"api", "web"}}, r.plane.batches); diff != "" || time.Since(begin) != 0 {
			t.Errorf("after %v calls: %s", time.Since(begin), diff)
		}
	})
}

func TestSorryServer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := virtual("web", 100, backend("web", 11, 2), backend("web", 12, 1))
		s.Quorum, s.Alpha = 2, true
		s.Sorry = &pool.Server{Destination: pool.Destination{Address: address(99)}, Name: "sorry"}
		r := with(t, s).start()
		r.want(web + " 198.51.100.99:80=1")
		r.put(check("web", 12), track.Passing)
		r.want(web + " 198.51.100.12:80=1") // not decided
		r.put(check("web", 11), track.Failing)
		r.want(web + " 198.51.100.99:80=1")
		r.put(check("web", 11), track.Passing)
		r.want(web + " 198.51.100.11:80=2 198.51.100.12:80=1")
		r.put(check("web", 11), track.Failing)
		r.want(web + " 198.51.100.99:80=1")
		got := r.pool.Status(t.Context())[0]
		if last := got.Servers[2]; !got.Sorry || got.State != "down" || !last.Sorry || last.State != "up" || !last.Programmed {
			t.Errorf("status: %+v", got)
		}
		r.wantTold(
			"server_up web 198.51.100.12:80 undecided>up",
			"server_down web 198.51.100.11:80 undecided>down", "quorum_down web  undecided>down",
			"server_up web 198.51.100.11:80 down>up", "quorum_up web  down>up",
			"server_down web 198.51.100.11:80 up>down", "quorum_down web  up>down",
		)
	})
}

func TestSlowStart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := backend("web", 11, 101)
		s.SlowStart = 2 * time.Second
		r := with(t, virtual("web", 100, s)).start()
		r.put(check("web", 11), track.Passing)
		r.want(web + " 198.51.100.11:80=101") // it is the agent's start, not the server's
		r.put(check("web", 11), track.Failing)
		r.want(web)
		r.put(check("web", 11), track.Passing)
		r.want(web + " 198.51.100.11:80=1")
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		r.want(web + " 198.51.100.11:80=6")
		time.Sleep(900 * time.Millisecond)
		synctest.Wait()
		r.want(web + " 198.51.100.11:80=51")
		if got := r.pool.Status(t.Context())[0].Servers[0]; got.State != "starting" || got.Weight != 51 || got.Configured != 101 {
			t.Errorf("status: %+v", got)
		}
		if changes, err := r.pool.Reload(t.Context(), r.cfg.Services, nil); err != nil || len(changes) > 0 {
			t.Error(changes, err)
		}
		synctest.Wait()
		r.want(web + " 198.51.100.11:80=51")
		time.Sleep(time.Second)
		synctest.Wait()
		r.want(web + " 198.51.100.11:80=101")
	})
}

func TestDynamicWeight(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := backend("web", 11, 10)
		s.Checks = append(s.Checks, "web/load")
		r := with(t, virtual("web", 100, s)).start()
		r.put("web/load", track.Passing)
		tell := func(check string, w *track.Load) {
			r.pool.Put([]track.Result{{Check: check, State: track.Passing, Weight: w}})
			synctest.Wait()
		}
		tell(check("web", 11), &track.Load{Value: 50, Percent: true})
		r.want(web + " 198.51.100.11:80=5")
		tell("web/load", &track.Load{Value: 3})
		r.want(web + " 198.51.100.11:80=3")
		tell("web/load", &track.Load{Value: 1, Percent: true})
		r.want(web + " 198.51.100.11:80=1")
		tell("web/load", &track.Load{Value: 0})
		r.want(web + " 198.51.100.11:80=0")
		if s, _ := r.pool.Quorum("web"); s != track.Failing {
			t.Error("a server with weight 0 makes the quorum")
		}
		tell("web/load", nil)
		r.want(web + " 198.51.100.11:80=5")
	})
}

func TestDrain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := virtual("web", 100, backend("web", 11, 1), backend("web", 12, 1))
		r := with(t, s).start()
		r.put(check("web", 11), track.Passing)
		r.plane.change(func(m *memory) { m.conns[address(11)] = 3 })
		drain := func(on bool) {
			t.Helper()
			if err := r.pool.Drain(t.Context(), "web", address(11).String(), on); err != nil {
				t.Error(err)
			}
		}
		drain(true)
		r.want(web + " 198.51.100.11:80=0 198.51.100.12:80=1")
		time.Sleep(time.Minute)
		if got := r.pool.Status(t.Context())[0].Servers[0]; got.State != "draining" || got.Active != 3 {
			t.Errorf("status: %+v", got)
		}
		r.plane.change(func(m *memory) { m.conns[address(11)] = 0 })
		time.Sleep(time.Second)
		synctest.Wait()
		r.want(web + " 198.51.100.12:80=1")
		if diff := cmp.Diff(map[string][]string{"web": {address(11).String()}}, r.pool.Drained()); diff != "" {
			t.Error(diff)
		}
		drain(true) // again
		r.put(check("web", 11), track.Failing)
		r.put(check("web", 11), track.Passing)
		r.want(web + " 198.51.100.12:80=1")
		drain(false)
		r.want(web + " 198.51.100.11:80=1 198.51.100.12:80=1")
		if len(r.pool.Drained()) > 0 {
			t.Error(r.pool.Drained())
		}
		err := r.pool.Drain(t.Context(), "web", "192.0.2.1:80", true)
		if e, ok := errors.AsType[pool.ErrUnknown](err); !ok || e.Server != "192.0.2.1:80" {
			t.Error(err)
		}
	})
}

func TestDrainLimit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := virtual("web", 100, backend("web", 11, 1), backend("web", 12, 1))
		s.DrainLimit = 10 * time.Second
		r := with(t, s).start()
		r.plane.change(func(m *memory) { m.conns[address(11)] = 3 })
		if err := r.pool.Drain(t.Context(), "web", address(11).String(), true); err != nil {
			t.Error(err)
		}
		time.Sleep(10*time.Second - 1)
		synctest.Wait()
		r.want(web + " 198.51.100.11:80=0 198.51.100.12:80=1")
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		r.want(web + " 198.51.100.12:80=1")
	})
}

func TestInhibit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := backend("web", 11, 4)
		s.Inhibit = true
		r := with(t, virtual("web", 100, s, backend("web", 12, 1))).start()
		r.put(check("web", 11), track.Failing)
		r.want(web + " 198.51.100.11:80=0 198.51.100.12:80=1")
		got := r.pool.Status(t.Context())[0].Servers[0]
		want := status.PoolServer{
			Name: "198.51.100.11:80", Address: "198.51.100.11:80", Forward: "nat", State: "down", Since: time.Now(),
			Cause: "http: refused", Configured: 4, Programmed: true, Downs: 1, Checks: []string{check("web", 11)},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTampering(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := with(t, virtual("web", 100, backend("web", 11, 1)), virtual("api", 101, backend("api", 12, 1))).start()
		before := r.plane.text()
		r.plane.change(func(m *memory) { clear(m.at) })
		time.Sleep(2 * time.Second)
		synctest.Wait()
		r.want(before...)
		for _, p := range r.pool.Status(t.Context()) {
			if p.Repaired != 1 || p.Repair == "" || !p.RepairedAt.Equal(time.Now()) {
				t.Errorf("status: %+v", p)
			}
		}
	})
}

func TestPlaneFails(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := with(t, virtual("web", 100, backend("web", 11, 1)), virtual("api", 101, backend("api", 12, 1)), virtual("zoo", 102, backend("zoo", 13, 1)))
		r.plane.fails = func(v pool.Virtual) error {
			if v.Name == "web" {
				return errors.New("no such scheduler")
			}
			return nil
		}
		r.start()
		for _, p := range r.pool.Status(t.Context()) {
			if failed := p.Error != ""; failed != (p.Name == "web") || failed && !strings.Contains(p.Error, "no such scheduler") {
				t.Errorf("%s: error %q", p.Name, p.Error)
			}
		}
		time.Sleep(time.Minute)
		r.plane.change(func(m *memory) {
			if m.fails = nil; m.sets > 25 {
				t.Errorf("set %d times in a minute", m.sets)
			}
		})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if p := r.pool.Status(t.Context())[1]; p.Error != "" || !p.Programmed {
			t.Errorf("status: %+v", p)
		}
	})
}

// A plane that does not answer holds up neither results nor the end.
func TestPlaneHangs(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := with(t, virtual("web", 100, backend("web", 11, 1))).start()
		r.plane.change(func(m *memory) { m.stuck = true })
		r.put(check("web", 11), track.Failing)
		if s, _ := r.pool.Quorum("web"); s != track.Failing {
			t.Error(s)
		}
		time.Sleep(10 * time.Second)
		if p := r.pool.Status(t.Context())[0]; !strings.Contains(p.Error, "not answered") {
			t.Errorf("error %q", p.Error)
		}
		begin := time.Now()
		err := r.stop()
		if err == nil || !strings.Contains(err.Error(), "web stays programmed") {
			t.Error(err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("the stop took %v", took)
		}
		if err := r.pool.Acquire(context.Background(), "web"); err != nil {
			t.Error(err) // nothing is with it
		}
	})
}
