// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"flag"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// binary is the path of vicar's binary, set once before the tests.
var binary string

// parallel is how many games are played at once. They mostly wait, so the
// number of processors is no measure.
const parallel = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", parallel); err != nil {
		panic(err)
	}
	os.Exit(vicar.Main(&binary, m.Run))
}

// pairs are who plays with whom, a first.
var pairs = []struct {
	name string
	a, b start
}{
	{"keepalived and keepalived", startKeepalived, startKeepalived},
	{"vicar and keepalived", startVicar, startKeepalived},
	{"keepalived and vicar", startKeepalived, startVicar},
}

// patience is how long a transition may take on a busy machine.
const patience = 30 * time.Second

// game is two agents on two hosts.
type game struct {
	w      world
	l      *lab.Lab
	ha, hb *lab.Host
	a, b   agent
}

// newGame makes the hosts.
func newGame(t *testing.T, w world) *game {
	t.Helper()
	labtest.Need(t, "/usr/sbin/keepalived", "tcpdump", "tshark")
	g := &game{w: w, l: labtest.New(t)}
	bits := w.vip().Bits()
	host := func(name string) *lab.Host {
		return labtest.Host(t, g.l, name, netip.PrefixFrom(w.nodes()[name], bits).String())
	}
	g.ha, g.hb = host("a"), host("b")
	return g
}

// holds waits until one agent is active and has the address, and the other one
// is backup and has it not.
func (g *game) holds(t *testing.T, who *lab.Host, why string) {
	t.Helper()
	up, down := g.a, g.b
	other := g.hb
	if who == g.hb {
		up, down, other = g.b, g.a, g.ha
	}
	labtest.Eventually(t, patience, who.Name+" holds, the other is backup: "+why, func() bool {
		return up.active() && down.backup() && g.has(t, who) && !g.has(t, other)
	})
}

// has tells whether a host has the address.
func (g *game) has(t *testing.T, h *lab.Host) bool {
	t.Helper()
	ok, err := h.Has(g.w.vip().Addr())
	labtest.OK(t, err)
	return ok
}

// sources are the addresses that adverts come from.
func (g *game) sources(t *testing.T) []netip.Addr {
	t.Helper()
	var out []netip.Addr
	for _, h := range []*lab.Host{g.ha, g.hb} {
		list, err := h.Addresses()
		labtest.OK(t, err)
		local := g.w.ipv6 && !g.w.unicast // from the link-local address
		for _, p := range list {
			if local && p.Addr().IsLinkLocalUnicast() || !local && p.Addr() == g.w.nodes()[h.Name] {
				out = append(out, p.Addr())
			}
		}
	}
	return out
}

// each runs a test for every world and pair.
func each(t *testing.T, f func(t *testing.T, g *game, a, b start)) {
	t.Helper()
	for _, w := range worlds {
		for _, p := range pairs {
			t.Run(w.name+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				f(t, newGame(t, w), p.a, p.b)
			})
		}
	}
}

// TestTakeover moves the address by a better priority, a worse one, a cut, and
// a stop.
func TestTakeover(t *testing.T) {
	each(t, takeover)
}

func takeover(t *testing.T, g *game, a, b start) {
	c := startCapture(t, g.l, g.hb)
	g.b = b(t, g.w, g.hb, 100)
	labtest.Eventually(t, patience, "b is alone and holds", func() bool { return g.b.active() && g.has(t, g.hb) })
	g.a = a(t, g.w, g.ha, 150)
	g.holds(t, g.ha, "a has the better priority")
	labtest.OK(t, g.a.reload(50))
	g.holds(t, g.hb, "a's priority got worse")
	labtest.OK(t, g.a.reload(150))
	g.holds(t, g.ha, "a's priority got better")

	labtest.OK(t, g.l.Cut(g.ha))
	labtest.Eventually(t, patience, "b holds after the cut", func() bool { return g.b.active() && g.has(t, g.hb) })
	labtest.OK(t, g.l.Heal())
	g.holds(t, g.ha, "a is back")

	labtest.OK(t, g.a.process().Stop(patience))
	if g.has(t, g.ha) {
		t.Error("a has the address after its end")
	}
	labtest.Eventually(t, patience, "b holds after the stop", func() bool { return g.b.active() && g.has(t, g.hb) })
	c.judge(t, g.w, g.sources(t)...)
}

// TestTieBreak lets two holders of one priority meet: the greater primary
// address stays (RFC 9568 section 6.4.3).
func TestTieBreak(t *testing.T) {
	each(t, func(t *testing.T, g *game, a, b start) {
		c := startCapture(t, g.l, g.hb)
		labtest.OK(t, g.l.Isolate(g.ha))
		g.a, g.b = a(t, g.w, g.ha, 100), b(t, g.w, g.hb, 100)
		labtest.Eventually(t, patience, "both hold while they are apart", func() bool {
			return g.a.active() && g.b.active() && g.has(t, g.ha) && g.has(t, g.hb)
		})
		labtest.OK(t, g.l.Heal())
		g.holds(t, g.hb, "b's address is greater")
		c.judge(t, g.w, g.sources(t)[1])
	})
}

// TestMessageChecksum lets two vicars use RFC 9568's checksum, which tshark
// judges by another rule.
func TestMessageChecksum(t *testing.T) {
	w := world{version: 3, message: true, interval: 100 * time.Millisecond}
	takeover(t, newGame(t, w), startVicar, startVicar)
}
