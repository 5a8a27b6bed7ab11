// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/pool"
)

// TestGuestSpeed times a host full of services. Nothing is asserted of the times.
func TestGuestSpeed(t *testing.T) {
	d := newDirector(t)
	vs := many(500)
	timed := func(what string, f func() error) {
		t.Helper()
		begin := time.Now()
		labtest.OK(t, d.host.Do(f))
		t.Logf("%s: %v", what, time.Since(begin).Round(10*time.Microsecond))
	}
	ctx := context.Background()
	timed("setting 500 services with 4 servers each", func() error { return d.plane.Set(ctx, vs) })
	timed("setting them again", func() error { return d.plane.Set(ctx, vs) })
	d.steady(vs...)
	timed("drift of all", func() error { _, err := d.plane.Drift(ctx, vs); return err })
	timed("reading all", func() error { _, err := d.plane.Read(ctx, vs); return err })
	one := vs[250]
	one.Destinations = one.Destinations[1:]
	timed("removing a server of one", func() error { return d.plane.Set(ctx, []pool.Virtual{one}) })
	d.steady(one)
	timed("weight 0 for a server of each", func() error {
		for i := range vs {
			vs[i].Destinations[0].Weight = 0
		}
		return d.plane.Set(ctx, vs)
	})
	d.steady(vs...)
	if n := len(d.saved()); n != 500*5 {
		t.Errorf("ipvsadm reads %d lines", n)
	}
	timed("removing all", func() error { return d.plane.Remove(ctx, vs) })
	d.has()
}

// TestGuestFrontends sees frontends come, go and change hands.
func TestGuestFrontends(t *testing.T) {
	d := newDirector(t)
	at := func(ports ...uint16) func(*pool.Virtual) {
		return func(v *pool.Virtual) {
			v.Frontends, v.Destinations = nil, nil
			for _, p := range ports {
				v.Frontends = append(v.Frontends, pool.Single(pool.TCP, netip.AddrPortFrom(netip.MustParseAddr("192.0.2.100"), p)))
			}
		}
	}
	named := func(name string) func(*pool.Virtual) { return func(v *pool.Virtual) { v.Name = name } }
	line := func(port int) string { return fmt.Sprintf("-A -t 192.0.2.100:%d -s wrr", port) }

	d.set(web(at(80, 81)))
	d.has(line(80), line(81))
	d.set(web(at(81, 82)))
	d.has(line(81), line(82))
	d.set(web(at(81)), web(at(82, 83), named("other"))) // 82 changes hands
	d.has(line(81), line(82), line(83))
	d.remove(web(at(81, 82))) // as it was set before
	d.has(line(82), line(83))
	d.set(web(at(84)))
	d.has(line(82), line(83), line(84))
	d.set(web(at(84, 85)))
	d.remove(web(at(84))) // where it was set is known
	d.has(line(82), line(83))
	d.remove(web(at(82), named("")), web(at(), named("other")))
	d.has()
	d.set(web(at(80)), web(at(81), named("other")))
	again := newDirectorOn(t, d.host)
	again.remove(web(at(80), named("")), web(at(81), named("other"))) // what an agent before has left
	d.has()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.plane.Set(ctx, []pool.Virtual{web()}); err == nil {
		t.Error("it was set though the context had ended")
	}
	d.has()
}
