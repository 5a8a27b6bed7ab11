// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/pool/nft"
)

// many are 500 services with 4 servers each.
func many() []pool.Virtual {
	var out []pool.Virtual
	for i := range 500 {
		vip := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 100}), uint16(1000+i))
		v := pool.Virtual{Name: fmt.Sprintf("service-%d", i), Scheduler: pool.WRR, Frontends: []pool.Frontend{pool.Single(pool.TCP, vip)}}
		for n := 1; n <= 4; n++ {
			v.Destinations = append(v.Destinations, pool.Destination{Address: netip.AddrPortFrom(server(4, n), uint16(1000+i)), Weight: n})
		}
		out = append(out, v)
	}
	return out
}

// took logs how long something took.
func took(t testing.TB, what string, f func()) {
	t.Helper()
	begin := time.Now()
	f()
	t.Logf("%-60s %v", what, time.Since(begin).Round(10*time.Microsecond))
}

// TestManyServices works with 500 services of 4 servers, and logs how long what takes.
func TestManyServices(t *testing.T) {
	l := labtest.New(t)
	r := &rig{t: t, director: labtest.Host(t, l, "director")}
	r.plane = r.open()
	ctx := context.Background()
	all := many()
	took(t, "500 services with 4 servers, from nothing", func() { labtest.OK(t, r.plane.Set(ctx, all)) })
	took(t, "all again, nothing to do", func() { labtest.OK(t, r.plane.Set(ctx, all)) })
	less := slices.Clone(all)
	less[250].Destinations = less[250].Destinations[:3]
	took(t, "one server less, one service told", func() { labtest.OK(t, r.plane.Set(ctx, less[250:251])) })
	took(t, "one server more, all services told", func() { labtest.OK(t, r.plane.Set(ctx, all)) })
	drained := slices.Clone(all)
	drained[100].Destinations = slices.Clone(drained[100].Destinations)
	drained[100].Destinations[0].Weight = 0
	took(t, "a drain, all services told", func() { labtest.OK(t, r.plane.Set(ctx, drained)) })
	took(t, "drift of all, nobody has changed rules", func() { r.undrifted(r.plane, drained) })
	r.nft("add", "table", "ip", "theirs")
	took(t, "drift of all, somebody has changed other rules", func() { r.undrifted(r.plane, drained) })
	r.nft("add", "table", "ip", "theirs2")
	took(t, "a server less after such a change, one service told", func() { labtest.OK(t, r.plane.Set(ctx, less[100:101])) })
	var p *nft.Plane
	took(t, "all after a restart", func() { p = r.open(); labtest.OK(t, p.Set(ctx, less)) })
	took(t, "reading all", func() { _, err := p.Read(ctx, less); labtest.OK(t, err) })
	took(t, "removing all", func() { labtest.OK(t, p.Remove(ctx, less)) })
}

// undrifted fails if there is drift.
func (r *rig) undrifted(p *nft.Plane, all []pool.Virtual) {
	r.t.Helper()
	drift, err := p.Drift(context.Background(), all)
	labtest.OK(r.t, err)
	if len(drift) > 0 {
		r.t.Errorf("drift: %+v", drift)
	}
}
