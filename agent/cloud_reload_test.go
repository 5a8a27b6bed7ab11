// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/cloud/cloudtest"
	"github.com/vicar-ha/vicar/guard"
	"github.com/vicar-ha/vicar/quorum"
)

var addedVIP = netip.MustParsePrefix("192.0.2.101/24")

// reload gives a node, and what it runs, a file with these addresses.
func (w *clouded) reload(name string, addresses ...netip.Prefix) {
	w.t.Helper()
	l := w.linked[name]
	cfg := &l.node.cfg
	cfg.Routers = slices.Clone(cfg.Routers) // the agent has the others
	cfg.Routers[0].Addresses = addresses
	if l.node.agent == nil {
		return
	}
	err := error(nil)
	if g := l.current(); g != nil {
		var names []string
		for _, n := range w.nodes {
			names = append(names, n.name)
		}
		err = g.Reload(w.t.Context(), guard.Config{
			Voters:    quorum.List{Voters: names, MaxLease: maxLease},
			Resources: []guard.Resource{resource(cfg.Routers[0])}, Candidate: true,
		})
	}
	if err == nil {
		err = l.node.agent.Reload(w.t.Context(), *cfg)
	}
	if err != nil {
		w.t.Error(err)
	}
}

// resource is the router as its guard has it.
func resource(r agent.Router) guard.Resource {
	g := guard.Resource{Name: "router web", Longest: r.Interval, Shortest: r.Interval}
	for _, p := range r.Addresses {
		g.Addresses = append(g.Addresses, p.Addr())
	}
	return g
}

// inOutage are stories of an outage of the cloud, of no answer and of a bad one.
func inOutage(t *testing.T, guarded bool, f func(t *testing.T, w *clouded, begin, end func())) {
	t.Helper()
	for _, down := range []bool{false, true} {
		t.Run(fmt.Sprintf("guarded %v, down %v", guarded, down), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tellInCloud(t, guarded, func(w *clouded) {
					w.startAll()
					time.Sleep(maxLease + time.Minute)
					w.wantOwner("lb-1")
					set := func(on bool) {
						w.trouble(func(x *cloudtest.Trouble) { x.Cut, x.Down = on && !down, on && down })
					}
					f(t, w, func() { set(true) }, func() { set(false) })
				})
			})
		})
	}
}

// silent is for how long nobody had the address on its host while f ran.
func (w *clouded) silent(p netip.Prefix, f func()) (silent time.Duration) {
	stop, done := make(chan struct{}), make(chan time.Duration)
	go func() {
		const step = 10 * time.Millisecond
		for {
			select {
			case <-stop:
				done <- silent
				return
			case <-time.After(step):
			}
			if len(w.holders(p)) == 0 {
				silent += step
			}
		}
	}()
	f()
	close(stop)
	return <-done
}

// wantHolder wants one node to be the holder of an address.
func (w *clouded) wantHolder(name string, p netip.Prefix) {
	w.t.Helper()
	for what, got := range map[string][]string{"Active": w.actives(), "in the cloud": w.cloud.Holders(p.Addr()), "in the kernel": w.holders(p)} {
		if !slices.Equal(got, []string{name}) {
			w.t.Errorf("%s: %q, want %s", what, got, name)
		}
	}
}

// TestCloudReloadInOutage: addresses that a reload adds in an outage are not there
// until it ends, and those that it takes away go; what was held before stays where
// it is.
func TestCloudReloadInOutage(t *testing.T) {
	third := netip.MustParsePrefix("192.0.2.102/24")
	inOutage(t, false, func(t *testing.T, w *clouded, begin, end func()) {
		begin()
		before := w.stands()["lb-1"]
		reload := func(wait time.Duration, addresses ...netip.Prefix) {
			for _, n := range w.nodes {
				w.reload(n.name, addresses...)
				time.Sleep(time.Second)
			}
			time.Sleep(wait)
		}
		silent := w.silent(guardedVIP, func() { reload(2*time.Minute, guardedVIP, addedVIP) })
		w.wantHolder("lb-1", guardedVIP)
		if r := w.router("lb-1"); silent > 0 || r.Held || !strings.Contains(r.HeldError, "beside those that are held") {
			t.Errorf("silent for %v, held %v, %q", silent, r.Held, r.HeldError)
		}
		if got := w.holders(addedVIP); len(got) > 0 {
			t.Errorf("%v have the new address on the host, and the cloud sends it nowhere", got)
		}
		reload(time.Minute, addedVIP, guardedVIP, third)
		reload(time.Minute, addedVIP, guardedVIP)
		end()
		time.Sleep(time.Minute)
		w.wantOwner("lb-1")
		if r := w.router("lb-1"); !r.Held || r.HeldError != "" || !slices.Equal(w.holders(addedVIP), []string{"lb-1"}) {
			t.Errorf("after the outage held %v, %q, on %v", r.Held, r.HeldError, w.holders(addedVIP))
		}
		begin()
		silent = w.silent(addedVIP, func() { reload(2*time.Minute, addedVIP) })
		w.wantHolder("lb-1", addedVIP)
		if silent > 0 || len(w.holders(guardedVIP)) > 0 {
			t.Errorf("silent for %v, and %v have what was taken away", silent, w.holders(guardedVIP))
		}
		if after := w.stands()["lb-1"]; after != before {
			t.Errorf("lb-1 was %v and is %v", before, after)
		}
	})
}

// TestCloudGuardedAddedInVain: with a guard a new list of addresses is a new term. A
// new address that can't be had in the cloud does not take the others along.
func TestCloudGuardedAddedInVain(t *testing.T) {
	inCloud(t, true, func(w *clouded) {
		w.startAll()
		time.Sleep(maxLease + time.Minute)
		w.refuse(addedVIP)
		silent := w.silent(guardedVIP, func() {
			for _, n := range w.nodes {
				w.reload(n.name, guardedVIP, addedVIP)
			}
			time.Sleep(2 * time.Minute)
		})
		w.wantHolder("lb-1", guardedVIP)
		if r := w.router("lb-1"); silent > 2*time.Second || r.Held {
			t.Errorf("silent for %v, held %v", silent, r.Held)
		}
	})
}

// TestCloudLeaseLostInOutage: a holder that loses its lease for a moment in an outage,
// and gets it again before anybody else, has what it had.
func TestCloudLeaseLostInOutage(t *testing.T) {
	inOutage(t, true, func(t *testing.T, w *clouded, begin, end func()) {
		w.trouble(func(x *cloudtest.Trouble) { x.Unseen = true }) // as with routes
		for _, n := range w.nodes[1:] {                           // as witnesses
			if _, err := n.agent.Drain(t.Context(), true, true); err != nil {
				t.Fatal(err)
			}
		}
		begin()
		silent := w.silent(guardedVIP, func() {
			lost := w.router("lb-1").Lease.Lost
			w.cutLink("lb-2", true)
			w.cutLink("lb-3", true)
			w.until("the loss of the lease", func() bool { return w.router("lb-1").Lease.Lost > lost })
			w.cutLink("lb-3", false)
			time.Sleep(time.Minute)
			w.wantOwner("lb-1")
			w.cutLink("lb-2", false)
			// So it is when the addresses change.
			for _, n := range w.nodes {
				w.reload(n.name, guardedVIP, addedVIP)
			}
			time.Sleep(2 * time.Minute)
		})
		w.wantHolder("lb-1", guardedVIP)
		if r := w.router("lb-1"); silent > 8*time.Second || r.Held || r.Lease.Lost != 2 {
			t.Errorf("nobody had the address for %v; held %v, lease lost %d times", silent, r.Held, r.Lease.Lost)
		}
		end()
		time.Sleep(time.Minute)
		w.wantOwner("lb-1")
	})
}

// refuse lets nobody have an object of an address.
func (w *clouded) refuse(p netip.Prefix) {
	w.trouble(func(x *cloudtest.Trouble) {
		x.Refuse = map[string]int{w.cloud.Objects([]netip.Prefix{p})[0].ID: 1 << 30}
	})
}

// TestCloudAddedInVain: an address that can never be had in the cloud takes nothing
// else away.
func TestCloudAddedInVain(t *testing.T) {
	inCloud(t, false, func(w *clouded) {
		w.startAll()
		time.Sleep(time.Minute)
		w.refuse(addedVIP)
		before := w.stands()["lb-1"]
		w.reload("lb-1", guardedVIP, addedVIP)
		time.Sleep(time.Minute)
		// Its part is looked after all the same.
		w.cloud.Give(w.cloud.Objects([]netip.Prefix{guardedVIP})[1], "somebody")
		time.Sleep(w.poll + time.Second)
		if got := w.cloud.Holders(guardedVIP.Addr()); !slices.Equal(got, []string{"lb-1"}) {
			t.Errorf("in the cloud %q have the address", got)
		}
		w.clients["lb-1"].Trouble(func(x *cloudtest.Trouble) { x.Denied = true })
		time.Sleep(2 * time.Minute)
		if now := w.stands()["lb-1"]; now != before {
			t.Errorf("lb-1 was %v and is %v", before, now)
		}
	})
}

// TestCloudRestartInOutage: an agent that is started again while the cloud can't be
// asked holds what its machine has, once the guard lets it.
func TestCloudRestartInOutage(t *testing.T) {
	restart := func(t *testing.T, w *clouded, begin, end func()) {
		for _, name := range []string{"lb-2", "lb-3"} { // as in a cluster of one, and a witness
			w.clients[name].Trouble(func(x *cloudtest.Trouble) { x.Denied = true })
		}
		begin()
		w.linked["lb-1"].end(t)
		w.start("lb-1")
		time.Sleep(20 * time.Second)
		for range 3 {
			w.wantOwner("lb-1")
			time.Sleep(time.Minute)
		}
		if r := w.router("lb-1"); r.Transitions["Active"] != 1 || r.Transitions["Initialize"] > 0 {
			t.Errorf("transitions %v", r.Transitions)
		}
		end()
		time.Sleep(20 * time.Second)
		w.wantOwner("lb-1")
	}
	inOutage(t, false, restart)
	inOutage(t, true, restart)
}
