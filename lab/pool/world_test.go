// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/site"
	"github.com/vicar-ha/vicar/lab/uml"
	"github.com/vicar-ha/vicar/lab/vicar"
	"github.com/vicar-ha/vicar/status"
)

// patience is how long a story waits for what must come.
const patience = 30 * time.Second

// The checks of the servers, and what they promise: a killed server gets its last
// connection so soon after its death, and the kernel's and vicar's time comes on top. What
// is refused needs no time-out, which on a busy machine would take living servers out.
const (
	interval = 100 * time.Millisecond
	fall     = 2
	timeout  = 5 * time.Second
)

// check is a check of the pools' servers.
func check(kind, target string, more vicar.Block) vicar.Block {
	b := vicar.Block{kind: target, "interval": interval.String(), "timeout": timeout.String(), "rise": 1, "fall": fall}
	maps.Copy(b, more)
	return b
}

// plane is what balances here.
func plane() string {
	if uml.Inside() {
		return "ipvs"
	}
	return "nftables"
}

// advertInterval is how often directors send adverts. The guest's one processor is
// shared by two directors, four servers and the client, and it is slow.
func advertInterval() time.Duration {
	if uml.Inside() {
		return time.Second
	}
	return 100 * time.Millisecond
}

// needIPVS skips what nftables can't do.
func needIPVS(t *testing.T) {
	t.Helper()
	if !uml.Inside() {
		t.Skip("is of IPVS: runs in the guest, by TestKernel")
	}
}

// web is the address of the pool web.
var web = netip.AddrPortFrom(site.VIP.Addr(), site.Port)

// other is an address that has nothing to do with pools.
var other = netip.MustParsePrefix("192.0.2.101/24")

// world is a site, a configuration with one router, and the directors' agents.
type world struct {
	t *testing.T
	*site.Site
	lab    *lab.Lab
	dir    string
	conf   vicar.Config
	agents [2]*vicar.Agent
}

// newWorld makes the hosts, and a configuration without pools.
func newWorld(t *testing.T, c site.Config) *world {
	t.Helper()
	t.Parallel()
	l := labtest.New(t)
	s, err := site.New(l, c)
	labtest.OK(t, err)
	t.Cleanup(s.Close)
	dir, err := os.MkdirTemp("", "pool") // short, for a socket's path
	labtest.OK(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &world{t: t, Site: s, lab: l, dir: dir}
	w.conf = vicar.Config{
		Cluster: "pool",
		Nodes:   make(map[string]vicar.Node),
		Routers: map[string]vicar.Router{"web": {
			VRID: 51, Interval: vicar.Duration(advertInterval()),
			Addresses: []netip.Prefix{site.VIP}, Exclude: []netip.Prefix{site.Inside},
		}},
		Checks: make(map[string]vicar.Check),
		Pools:  make(map[string]vicar.Block),
	}
	for i, d := range s.Directors {
		w.conf.Nodes[d.Name] = vicar.Node{Address: []netip.Addr{d.Outside}, Priority: 150 - 50*i}
	}
	return w
}

// block is a pool with all servers of the site, forwarding NAT. More is put over it;
// nil takes a key away.
func (w *world) block(port int, more vicar.Block) vicar.Block {
	var servers []any
	for i := range w.Servers {
		servers = append(servers, w.server(i+1))
	}
	b := vicar.Block{
		"listen": netip.AddrPortFrom(site.VIP.Addr(), uint16(port)).String(),
		"plane":  plane(), "scheduler": "rr", "with": "web", "servers": servers,
		"checks": []any{check("tcp", "{server}", nil)},
	}
	maps.Copy(b, more)
	maps.DeleteFunc(b, func(_ string, v any) bool { return v == nil })
	return b
}

// server is the nth server's name in pools.
func (w *world) server(n int) string {
	return netip.AddrPortFrom(w.Servers[n-1].Addr, site.OtherPort).String()
}

// weighed is the nth server with more keys.
func (w *world) weighed(n int, more vicar.Block) vicar.Block {
	b := vicar.Block{"address": w.server(n)}
	maps.Copy(b, more)
	return b
}

// start runs the agent of a director.
func (w *world) start(n int) {
	w.t.Helper()
	d := w.Directors[n-1]
	dir := filepath.Join(w.dir, d.Name)
	labtest.OK(w.t, os.MkdirAll(dir, 0o755))
	a, err := vicar.Start(d.Host, binary, dir, w.conf)
	labtest.OK(w.t, err)
	w.agents[n-1] = a
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("%s:\n%s", d.Name, a.Output)
		}
	})
}

// begin runs the first director's agent alone and waits until all pools serve with
// all their servers. The addresses are the director's and no router's, so that the
// story is of pools alone.
func (w *world) begin() {
	w.t.Helper()
	for _, a := range []netip.Prefix{site.VIP, site.Inside} {
		labtest.OK(w.t, w.Directors[0].AddAddress(a))
	}
	r := w.conf.Routers["web"]
	r.Addresses, r.Exclude = []netip.Prefix{other}, nil
	w.conf.Routers["web"] = r
	for _, b := range w.conf.Pools {
		delete(b, "with")
	}
	w.start(1)
	for name := range w.conf.Pools {
		w.wantAll(1, name)
	}
}

// pool is a pool's status on a director.
func (w *world) pool(n int, name string) status.Pool {
	return w.agents[n-1].Pool(w.t.Context(), name)
}

// wantAll waits until a director has all of a pool's servers programmed.
func (w *world) wantAll(n int, name string) {
	w.t.Helper()
	w.wantPool(n, name, "serves with all servers", func(p status.Pool) bool {
		for _, s := range p.Servers {
			if !s.Sorry && (s.State != "up" || !s.Programmed) {
				return false
			}
		}
		return p.Programmed && len(p.Servers) > 0
	})
}

// wantPool waits for what a pool's status must come to be.
func (w *world) wantPool(n int, name, what string, ok func(status.Pool) bool) {
	w.t.Helper()
	var last status.Pool
	w.t.Cleanup(func() {
		if w.t.Failed() && what != "" {
			w.t.Logf("pool %s, waited for %q: %+v", name, what, last)
		}
	})
	labtest.Eventually(w.t, patience, fmt.Sprintf("pool %s on lb-%d %s", name, n, what), func() bool {
		if a := w.agents[n-1]; a.Ended() {
			w.t.Fatalf("vicar on lb-%d has ended:\n%s", n, a.Output)
		}
		last = w.pool(n, name)
		return last.Name != "" && ok(last)
	})
	what = "" // reached
}

// wantServer waits until a server of a pool is in a state, and programmed or not.
func (w *world) wantServer(name, server, state string, programmed bool) {
	w.t.Helper()
	w.wantPool(1, name, fmt.Sprintf("has %s %s, programmed: %v", server, state, programmed), func(p status.Pool) bool {
		s := serverOf(p, server)
		return s.State == state && s.Programmed == programmed
	})
}

// serverOf is a server of a pool.
func serverOf(p status.Pool, name string) status.PoolServer {
	for _, s := range p.Servers {
		if s.Name == name {
			return s
		}
	}
	return status.PoolServer{}
}

// tell runs a command of vicar at the first director's agent.
func (w *world) tell(args ...string) {
	w.t.Helper()
	out, err := w.agents[0].Tell(w.t.Context(), args...)
	if err != nil {
		w.t.Fatalf("vicar %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// reload puts the changed configuration into force.
func (w *world) reload() {
	w.t.Helper()
	labtest.OK(w.t, w.agents[0].ReloadWith(w.t.Context(), w.conf))
}

// connect makes connections, all of which must be served.
func (w *world) connect(l site.Load) site.Tally {
	w.t.Helper()
	got, err := w.Client.Connect(w.t.Context(), l)
	labtest.OK(w.t, err)
	if got.Failed > 0 {
		w.t.Errorf("%s: %d of %d connections failed: %v", l.Target, got.Failed, l.Connections, got.Errors)
	}
	return got
}

// hold makes connections that last until the test's end.
func (w *world) hold(n int) *site.Held {
	w.t.Helper()
	h, err := w.Client.Hold(w.t.Context(), web, n)
	labtest.OK(w.t, err)
	w.t.Cleanup(h.Close)
	return h
}

// attempts tries a connection each millisecond until stop, which returns them.
func (w *world) attempts() (stop func() []site.Attempt) {
	ctx, cancel := context.WithCancel(w.t.Context())
	w.t.Cleanup(cancel)
	var all []site.Attempt
	done := make(chan error, 1)
	go func() {
		var err error
		all, err = w.Client.Attempts(ctx, web, time.Millisecond)
		done <- err
	}()
	return func() []site.Attempt {
		w.t.Helper()
		cancel()
		labtest.OK(w.t, <-done)
		return all
	}
}
