// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/probe"
	"github.com/vicar-ha/vicar/lab/site"
	"github.com/vicar-ha/vicar/lab/uml"
	"github.com/vicar-ha/vicar/lab/vicar"
	"github.com/vicar-ha/vicar/status"
)

// both runs both directors' agents and waits until the first one balances and the
// second could.
func (w *world) both(name string) {
	w.t.Helper()
	w.start(1)
	w.start(2)
	w.wantAll(1, name)
	w.wantPool(2, name, "is up and not programmed", func(p status.Pool) bool { return p.State == "up" && !p.Programmed })
}

// TestPoolFailover: the director that holds the router stops in order, or dies; the
// other one balances on. A client that asks for a page each millisecond sees how
// long it takes.
func TestPoolFailover(t *testing.T) {
	for name, fail := range map[string]func(*world) error{
		"stop": func(w *world) error { return w.agents[0].Stop(patience) },
		"cut":  func(w *world) error { return w.lab.Cut(w.Directors[0].Host) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, site.Config{Servers: 2})
			w.conf.Pools["web"] = w.block(site.Port, nil)
			w.both("web")
			lasts := 2*time.Second + 12*advertInterval()
			session := probe.New(time.Millisecond)
			defer session.Close()
			client, err := session.Service(w.Client.Host, web, lasts)
			labtest.OK(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), lasts)
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- session.Run(ctx) }()
			before := w.Servers[0].Accepted()
			labtest.Eventually(t, patience, "the probe is served", func() bool { return w.Servers[0].Accepted() > before+50 })
			at := session.Now()
			labtest.OK(t, fail(w))
			w.wantAll(2, "web")
			labtest.OK(t, <-done)
			outage := client.Worst(at, session.Now())
			t.Logf("%s: %d probes answered, outage %v", name, client.Answered(), outage.Duration())
			if client.Answered() == 0 || outage.Open {
				t.Errorf("%d probes were answered, and the last outage has no end: %v", client.Answered(), outage.Open)
			}
			if got := w.connect(site.Load{Target: web, Connections: 100, Sources: 10, Parallel: 4}); len(got.Servers) != 2 {
				t.Errorf("served by %v", got.Servers)
			}
		})
	}
}

// TestPoolKeeps: with at_stop: keep the director that stops leaves a pool in its kernel, though the pool's
// router goes to the other one, and finds it again.
func TestPoolKeeps(t *testing.T) {
	tool := []string{"nft", "list", "ruleset"}
	if uml.Inside() {
		tool = []string{"ipvsadm", "-L", "-n"}
	}
	labtest.Need(t, tool[0])
	w := newWorld(t, site.Config{Servers: 2})
	w.conf.Pools["web"] = w.block(site.Port, vicar.Block{"at_stop": "keep"})
	w.both("web")
	labtest.OK(t, w.agents[0].Stop(patience))
	w.wantAll(2, "web")
	out, err := w.Directors[0].Run(t.Context(), tool[0], tool[1:]...)
	labtest.OK(t, err)
	for n := range w.Servers {
		if !strings.Contains(out, w.Servers[n].Addr.String()) {
			t.Errorf("server %d has gone at the stop:\n%s", n+1, out)
		}
	}
	w.start(1)
	w.wantAll(1, "web")
	w.wantPool(2, "web", "is programmed no more", func(p status.Pool) bool { return !p.Programmed })
}

// TestPoolConnectionSync: connections through a director that dies go on through the
// other one.
func TestPoolConnectionSync(t *testing.T) {
	needIPVS(t)
	labtest.Need(t, "ipvsadm")
	for name, direct := range map[string]bool{"nat": false, "direct": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, site.Config{Servers: 2, Direct: direct})
			more := vicar.Block{"forward": name}
			if direct {
				more["servers"] = []any{w.direct(1), w.direct(2)}
			}
			w.conf.Pools["web"] = w.block(site.Port, more)
			w.conf.IPVS = vicar.Block{"sync": vicar.Block{"router": "web", "interface": lab.Interface, "id": 51}}
			w.both("web")
			const connections = 20
			held := w.hold(connections)
			labtest.Eventually(t, patience, "lb-2 knows the connections", func() bool {
				out, err := w.Directors[1].Run(t.Context(), "ipvsadm", "-Lnc")
				return err == nil && strings.Count(out, "ESTABLISHED") >= connections
			})
			labtest.OK(t, w.lab.Cut(w.Directors[0].Host))
			w.wantAll(2, "web")
			for _, s := range []string{"s1", "s2"} {
				before := held.Beats(s)
				labtest.Eventually(t, patience, s+" goes on answering", func() bool { return held.Beats(s) >= before+3*held.Servers()[s] })
			}
			if b := held.Breaks(); len(b) > 0 {
				t.Errorf("%d connections broke: %+v", len(b), b[0])
			}
			t.Logf("%s: the longest that an answer took was %v", name, held.Worst())
		})
	}
}

// direct is the nth server's name where ports do not change.
func (w *world) direct(n int) string {
	return netip.AddrPortFrom(w.Servers[n-1].Addr, site.Port).String()
}

// TestPoolQuorumMovesRouter: the router tracks its pool. A director that reaches no
// server leaves the address to the one that does, and gets it back.
func TestPoolQuorumMovesRouter(t *testing.T) {
	w := newWorld(t, site.Config{Servers: 2})
	w.conf.Pools["web"] = w.block(site.Port, nil)
	w.conf.Checks["web-pool"] = vicar.Check{"pool": "web"}
	r := w.conf.Routers["web"]
	r.Track = []vicar.Track{{Check: "web-pool"}}
	w.conf.Routers["web"] = r
	w.both("web")
	for _, s := range w.Servers {
		labtest.OK(t, w.Directors[0].Blackhole(netip.PrefixFrom(s.Addr, 32)))
	}
	w.wantAll(2, "web")
	w.wantPool(1, "web", "is down and not programmed", func(p status.Pool) bool { return p.State == "down" && !p.Programmed })
	labtest.Eventually(t, patience, "the address has moved", func() bool {
		has, err := w.Directors[0].Has(site.VIP.Addr())
		return err == nil && !has
	})
	if got := w.connect(site.Load{Target: web, Connections: 100, Sources: 10, Parallel: 4}); len(got.Servers) != 2 {
		t.Errorf("served by %v", got.Servers)
	}
	for _, s := range w.Servers {
		labtest.OK(t, w.Directors[0].Unroute(netip.PrefixFrom(s.Addr, 32)))
	}
	w.wantAll(1, "web")
	if got := w.connect(site.Load{Target: web, Connections: 100, Sources: 10, Parallel: 4}); len(got.Servers) != 2 {
		t.Errorf("served by %v", got.Servers)
	}
}
