// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package health

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/nginx"
	"github.com/vicar-ha/vicar/lab/vicar"
	"github.com/vicar-ha/vicar/status"
)

// patience is how long a story waits for what must come.
const patience = 20 * time.Second

var (
	addr1  = netip.MustParsePrefix("192.0.2.10/24")
	addr2  = netip.MustParsePrefix("192.0.2.11/24")
	moving = netip.MustParsePrefix("192.0.2.100/24")
)

// world is two nodes, lb-1 (150) and lb-2 (100), and a client.
type world struct {
	t            *testing.T
	first, other *lab.Host
	client       *lab.Host
	dir          string
	conf         vicar.Config
	agents       map[string]*vicar.Agent
	servers      map[string]*nginx.Server
}

// newWorld is a world for a story that goes on beside others.
func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	return newLoneWorld(t)
}

// newLoneWorld makes the hosts, and a configuration with one router that tracks
// nothing.
func newLoneWorld(t *testing.T) *world {
	t.Helper()
	l := labtest.New(t)
	dir, err := os.MkdirTemp("", "health") // short, for a socket's path
	labtest.OK(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &world{t: t, dir: dir, agents: make(map[string]*vicar.Agent), servers: make(map[string]*nginx.Server)}
	w.first = labtest.Host(t, l, "lb-1", addr1.String())
	w.other = labtest.Host(t, l, "lb-2", addr2.String())
	w.client = labtest.Host(t, l, "client", "192.0.2.50/24")
	w.conf = vicar.Config{
		Cluster: "health",
		Nodes: map[string]vicar.Node{
			"lb-1": {Address: []netip.Addr{addr1.Addr()}, Priority: 150},
			"lb-2": {Address: []netip.Addr{addr2.Addr()}, Priority: 100},
		},
		Routers: map[string]vicar.Router{"web": {
			VRID: 51, Interval: vicar.Duration(100 * time.Millisecond), Addresses: []netip.Prefix{moving},
		}},
		Checks: map[string]vicar.Check{},
	}
	return w
}

// router changes the router web.
func (w *world) router(change func(*vicar.Router)) {
	r := w.conf.Routers["web"]
	change(&r)
	w.conf.Routers["web"] = r
}

// start runs an agent on both nodes and waits until lb-1 holds the address.
func (w *world) start() {
	w.t.Helper()
	for _, h := range []*lab.Host{w.first, w.other} {
		w.run(h)
	}
	w.wantHolder("lb-1")
}

// run runs an agent on a node.
func (w *world) run(h *lab.Host) {
	w.t.Helper()
	dir := filepath.Join(w.dir, h.Name)
	labtest.OK(w.t, os.MkdirAll(dir, 0o755))
	a, err := vicar.Start(h, binary, dir, w.conf)
	labtest.OK(w.t, err)
	w.agents[h.Name] = a
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("%s:\n%s", h.Name, a.Output)
		}
	})
}

// serve runs nginx on a node.
func (w *world) serve(h *lab.Host) {
	w.t.Helper()
	s, err := nginx.Start(h, w.dir, nginx.Config{})
	labtest.OK(w.t, err)
	w.servers[h.Name] = s
}

// wantHolder waits until a node alone has the address, and others if named.
func (w *world) wantHolder(name string, others ...netip.Addr) {
	w.t.Helper()
	labtest.Eventually(w.t, patience, "the holder is "+name, func() bool {
		for _, a := range append(others, moving.Addr()) {
			if !w.holds(name, a) {
				return false
			}
		}
		return true
	})
}

// holds tells whether a node alone has an address.
func (w *world) holds(name string, a netip.Addr) bool {
	for _, h := range []*lab.Host{w.first, w.other} {
		if has, err := h.Has(a); err != nil || has != (h.Name == name) {
			return false
		}
	}
	return true
}

// page is what the client gets from the address, or nothing.
func (w *world) page() string {
	out, _ := w.client.Run(w.t.Context(), "curl", "-s", "--max-time", "1", "http://"+moving.Addr().String()+"/")
	return string(bytes.TrimSpace([]byte(out)))
}

// long is how many looks of a check it takes to see that an address stays where
// it is: they last for several times what a take-over does.
const long = 10

// wantLooks waits until a node's first check has looked so many times more.
func (w *world) wantLooks(name string, more uint64) {
	w.t.Helper()
	looks := func() uint64 {
		s, _ := w.status(name)
		return s.Checks[0].Passed + s.Checks[0].Failed + s.Checks[0].TimedOut
	}
	before := looks()
	labtest.Eventually(w.t, patience, name+" goes on looking", func() bool { return looks() >= before+more })
}

// wantEntered compares how often a node has become Active.
func (w *world) wantEntered(name string, want uint64) {
	w.t.Helper()
	if n, err := w.agents[name].Entered(w.t.Context(), "Active"); n != want || err != nil {
		w.t.Errorf("%s became Active %d times (%v), want %d", name, n, err, want)
	}
}

// status is a node's, and that of its router web.
func (w *world) status(name string) (status.Status, status.Router) {
	w.t.Helper()
	s, err := w.agents[name].Status(w.t.Context())
	labtest.OK(w.t, err)
	return s, s.Routers[slices.IndexFunc(s.Routers, func(r status.Router) bool { return r.Name == "web" })]
}
