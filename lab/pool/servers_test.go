// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"errors"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/site"
	"github.com/vicar-ha/vicar/lab/uml"
	"github.com/vicar-ha/vicar/lab/vicar"
	"github.com/vicar-ha/vicar/status"
)

// TestPoolKilledServer: a client connects each millisecond. A killed server refuses
// some of that, until its check has failed as often as it must; then no more. Started
// again it serves again.
func TestPoolKilledServer(t *testing.T) {
	w := newWorld(t, site.Config{Servers: 4})
	w.conf.Pools["web"] = w.block(site.Port, nil)
	w.begin()
	victim := w.Servers[1]
	stop := w.attempts()
	labtest.Eventually(t, patience, "s2 serves", func() bool { return victim.Accepted() > 20 })
	died := victim.Kill()
	w.wantServer("web", w.server(2), "down", false)
	known := time.Now()
	others := w.Servers[0].Accepted()
	labtest.Eventually(t, patience, "the others serve", func() bool { return w.Servers[0].Accepted() > others+50 })
	if s := serverOf(w.pool(1, "web"), w.server(2)); s.Cause == "" || s.Downs != 1 {
		t.Errorf("s2 is down for %q, and was %d times", s.Cause, s.Downs)
	}
	restarted := time.Now()
	labtest.OK(t, victim.Start())
	w.wantServer("web", w.server(2), "up", true)
	before := victim.Accepted()
	labtest.Eventually(t, patience, "s2 serves again", func() bool { return victim.Accepted() > before+20 })

	last, refused := died, 0
	for _, a := range stop() {
		if a.Err != nil {
			refused++
			last = a.Begin
		}
		switch {
		case a.End.Before(died) && a.Err != nil:
			t.Errorf("%v before the death: %v", died.Sub(a.Begin), a.Err)
		case a.Begin.After(known) && errors.Is(a.Err, syscall.ECONNREFUSED):
			t.Errorf("%v after vicar has said that s2 is down: %v", a.Begin.Sub(known), a.Err)
		case a.Begin.After(known) && a.End.Before(restarted) && a.Server == "s2":
			t.Errorf("s2 served while it was dead")
		}
	}
	t.Logf("%d attempts failed, the last one %v after the death; the promise is %v", refused, last.Sub(died), fall*interval+50*time.Millisecond)
}

// TestPoolNothingBreaks: 200 connections (50 in the guest) are kept busy while servers are added, drained
// and removed and the configuration is read again. None breaks but those of the server
// that is removed.
func TestPoolNothingBreaks(t *testing.T) {
	w := newWorld(t, site.Config{Servers: 4})
	three := []any{w.server(1), w.server(2), w.server(3)}
	w.conf.Pools["web"] = w.block(site.Port, vicar.Block{"servers": three})
	w.begin()
	busy := 200
	if uml.Inside() {
		busy = 50 // as many as its processor keeps busy
	}
	held := w.hold(busy)
	whole := func(what string) {
		t.Helper()
		for _, name := range []string{"s1", "s2", "s3"} {
			before := held.Beats(name)
			labtest.Eventually(t, patience, name+" goes on answering", func() bool { return held.Beats(name) >= before+3*held.Servers()[name] })
		}
		if b := held.Breaks(); len(b) > 0 {
			t.Fatalf("%s: %d connections broke: %+v", what, len(b), b[0])
		}
	}
	served := func(want ...string) {
		t.Helper()
		got := w.connect(site.Load{Target: web, Connections: 100, Sources: 10, Parallel: 4})
		for _, s := range w.Servers {
			if (got.Servers[s.Name] > 0) != slices.Contains(want, s.Name) {
				t.Errorf("new connections were served by %v, want %v", got.Servers, want)
			}
		}
	}
	whole("nothing was done")

	w.conf.Pools["web"]["servers"] = append(three, w.server(4))
	w.reload()
	w.wantAll(1, "web")
	whole("a server was added")
	served("s1", "s2", "s3", "s4")

	w.tell("pool", "drain", "web", w.server(2))
	w.wantServer("web", w.server(2), "draining", true)
	whole("a server was drained")
	served("s1", "s3", "s4")

	w.conf.Pools["web"]["checks"] = []any{check("tcp", "{server}", vicar.Block{"interval": "200ms"})}
	w.reload()
	whole("the checks were changed")
	w.conf.Pools["web"]["servers"] = []any{w.weighed(1, vicar.Block{"weight": 3}), w.server(2), w.server(3), w.server(4)}
	w.conf.Pools["web"]["scheduler"] = "wrr"
	w.reload()
	whole("a weight and the scheduler were changed")
	served("s1", "s3", "s4")

	w.Servers[3].Kill()
	w.conf.Pools["web"]["servers"] = []any{w.server(1), w.server(2)}
	w.reload()
	w.wantPool(1, "web", "has two servers", func(p status.Pool) bool { return len(p.Servers) == 2 })
	served("s1")
	for _, b := range held.Breaks() {
		if b.Server != "s3" {
			t.Errorf("s3 and s4 were removed, and a connection of %s broke: %v", b.Server, b.Err)
		}
	}

	held.Finish("s2")
	w.wantServer("web", w.server(2), "drained", false)
	w.tell("pool", "undrain", "web", w.server(2))
	w.wantServer("web", w.server(2), "up", true)
	served("s1", "s2")
	for _, b := range held.Breaks() {
		if b.Server != "s3" {
			t.Errorf("a connection of %s broke: %v", b.Server, b.Err)
		}
	}
}

// TestPoolSorry: below the quorum the sorry server serves, alone, until the quorum is
// back.
func TestPoolSorry(t *testing.T) {
	w := newWorld(t, site.Config{Servers: 3})
	w.conf.Pools["web"] = w.block(site.Port, vicar.Block{
		"servers": []any{w.server(1), w.server(2)}, "sorry": w.server(3), "quorum": 2,
	})
	w.begin()
	l := site.Load{Target: web, Connections: 60, Sources: 10, Parallel: 4}
	if got := w.connect(l); got.Servers["s1"] == 0 || got.Servers["s2"] == 0 || got.Servers["s3"] > 0 {
		t.Errorf("with the quorum: %v", got.Servers)
	}
	w.Servers[0].Kill()
	w.wantPool(1, "web", "has lost its quorum", func(p status.Pool) bool { return p.State == "down" && p.Sorry })
	if got := w.connect(l); got.Servers["s3"] != l.Connections {
		t.Errorf("without the quorum: %v", got.Servers)
	}
	labtest.OK(t, w.Servers[0].Start())
	w.wantPool(1, "web", "has its quorum", func(p status.Pool) bool { return p.State == "up" && !p.Sorry })
	if got := w.connect(l); got.Servers["s1"] == 0 || got.Servers["s2"] == 0 || got.Servers["s3"] > 0 {
		t.Errorf("with the quorum again: %v", got.Servers)
	}
}

// TestPoolDynamic: a server says its weight.
func TestPoolDynamic(t *testing.T) {
	w := newWorld(t, site.Config{Servers: 2})
	for _, s := range w.Servers {
		s.Health(http.StatusOK, "1")
	}
	w.conf.Pools["web"] = w.block(site.Port, vicar.Block{"scheduler": "wrr", "checks": []any{
		check("http", "http://{server}/healthz", vicar.Block{"dynamic": true}),
	}})
	w.begin()
	w.Servers[0].Health(http.StatusOK, "3")
	w.wantPool(1, "web", "has weight 3 for s1", func(p status.Pool) bool { return serverOf(p, w.server(1)).Weight == 3 })
	labtest.Eventually(t, patience, "s1 serves three of four", func() bool { // the kernel is told after it
		got := w.connect(site.Load{Target: web, Connections: 200, Sources: 10, Parallel: 4})
		return unfair(got.Servers, []int{3, 1}) == ""
	})
	w.Servers[0].Health(http.StatusServiceUnavailable, "")
	w.wantServer("web", w.server(1), "down", false)
}
