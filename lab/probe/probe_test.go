// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/probe"
)

// world is two hosts, a client, and an address of each family to move.
type world struct {
	l            *lab.Lab
	a, b, client *lab.Host
	s            *probe.Session
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{l: labtest.New(t), s: probe.New(time.Millisecond)}
	w.a = labtest.Host(t, w.l, "a", "192.0.2.1/24", "2001:db8::1/64")
	w.b = labtest.Host(t, w.l, "b", "192.0.2.2/24", "2001:db8::2/64")
	w.client = labtest.Host(t, w.l, "client", "192.0.2.9/24", "2001:db8::9/64")
	t.Cleanup(w.s.Close)
	return w
}

// run runs the session; the result stops it and waits for it.
func (w *world) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.s.Run(ctx) }()
	return func() {
		cancel()
		labtest.OK(t, <-done)
	}
}

// families are the moving address and the standing one in each family.
var families = []struct{ name, vip, control string }{
	{"IPv4", "192.0.2.100/24", "192.0.2.2"},
	{"IPv6", "2001:db8::100/64", "2001:db8::2"},
}

func TestClientSeesOutage(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			w, vip := newWorld(t), netip.MustParsePrefix(f.vip)
			labtest.OK(t, w.a.AddAddress(vip))
			c, err := w.s.Client(w.client, vip.Addr())
			labtest.OK(t, err)
			control, err := w.s.Client(w.client, netip.MustParseAddr(f.control))
			labtest.OK(t, err)
			stop := w.run(t)
			// answers waits until an answer came after now.
			answers := func(c *probe.Client) {
				t.Helper()
				now := w.s.Now()
				labtest.Eventually(t, 10*time.Second, "the client is answered", func() bool { return c.Last() > now })
			}
			answers(c)
			answers(control)
			from := w.s.Now()

			labtest.OK(t, w.a.DelAddress(vip))
			deleted := w.s.Now()
			labtest.Eventually(t, 10*time.Second, "nobody answers", func() bool { return w.s.Now()-c.Last() > 20*time.Millisecond })
			adding := w.s.Now()
			labtest.OK(t, w.a.AddAddress(vip))
			answers(c)
			answers(control)
			to := w.s.Now()
			stop()

			o := c.Worst(from, to)
			if o.Open || o.Start > deleted || o.End < adding || o.Lost == 0 {
				t.Errorf("outage %+v, but the address was away from %v to %v", o, deleted, adding)
			}
			if late := w.s.Lateness(); late.Ticks == 0 {
				t.Error("no tick")
			}
			t.Logf("outage %v, control %v, lateness %+v", o.Duration(), control.Worst(from, to).Duration(), w.s.Lateness())
		})
	}
}

func TestHoldersSeeTwo(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			w, vip := newWorld(t), netip.MustParsePrefix(f.vip)
			hs, err := w.s.Holders(w.l, vip.Addr(), w.a, w.b)
			labtest.OK(t, err)
			stop := w.run(t)
			wait := func() { // for some probes
				now := w.s.Now()
				labtest.Eventually(t, 10*time.Second, "time passes", func() bool { return w.s.Now()-now > 50*time.Millisecond })
			}
			wait()
			labtest.OK(t, w.a.AddAddress(vip))
			wait()
			one := w.s.Now()
			// A host that the others don't reach is seen as well.
			labtest.OK(t, w.l.Isolate(w.b))
			labtest.OK(t, w.b.AddAddress(vip))
			two := w.s.Now()
			wait()
			still := w.s.Now()
			labtest.OK(t, w.a.DelAddress(vip))
			alone := w.s.Now()
			wait()
			stop()

			a, b := hs.Of(w.a), hs.Of(w.b)
			if len(a) == 0 || len(b) == 0 {
				t.Fatalf("a held it at %v, b at %v", a, b)
			}
			if a[0].From > one || a[len(a)-1].To > alone {
				t.Errorf("a held it at %v, but had it from before %v to before %v", a, one, alone)
			}
			if b[0].From < one {
				t.Errorf("b held it at %v, but had it from after %v", b, one)
			}
			if dual := hs.Dual(0, w.s.Now()); dual <= 0 || dual > alone-one {
				t.Errorf("two holders for %v, want up to %v", dual, alone-one)
			}
			if dual := hs.Dual(0, one); dual != 0 {
				t.Errorf("two holders for %v while there was one", dual)
			}
			t.Logf("two holders for %v, had it for %v", hs.Dual(0, w.s.Now()), still-two)
		})
	}
}

func TestSweep(t *testing.T) {
	w := newWorld(t)
	var addrs []netip.Addr
	for n, a := 0, netip.MustParseAddr("198.51.100.1"); n < 100; n, a = n+1, a.Next() {
		addrs = append(addrs, a)
	}
	sweep, err := w.s.Sweep(w.l, w.b, addrs)
	labtest.OK(t, err)
	stop := w.run(t)
	begin := w.s.Now()
	for _, a := range addrs {
		labtest.OK(t, w.b.AddAddress(netip.PrefixFrom(a, 32)))
	}
	end := w.s.Now()
	labtest.Eventually(t, 10*time.Second, "time passes", func() bool { return w.s.Now()-end > 100*time.Millisecond })
	stop()
	n, first, last := sweep.Answered()
	if n != len(addrs) || first < begin || last < first {
		t.Errorf("%d answered from %v to %v; they were added from %v to %v", n, first, last, begin, end)
	}
	t.Logf("%d answered from %v to %v; they were added from %v to %v", n, first, last, begin, end)
}
