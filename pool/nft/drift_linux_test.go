// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"net/netip"
	"testing"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/pool"
)

// What was read incompletely, or is said to be there and is not, is no drift.
func TestDriftIsLookedForTwice(t *testing.T) {
	h := labtest.Host(t, labtest.New(t), "director", "192.0.2.1/24")
	var p *Plane
	labtest.OK(t, h.Do(func() (err error) {
		p, err = New()
		return err
	}))
	t.Cleanup(func() { labtest.OK(t, p.Close()) })
	services := []pool.Virtual{{
		Name: "web", Scheduler: pool.MH, Frontends: []pool.Frontend{pool.Single(pool.TCP, netip.MustParseAddrPort("192.0.2.100:80"))},
		Destinations: []pool.Destination{{Address: netip.MustParseAddrPort("198.51.100.11:80"), Weight: 1}},
	}}
	labtest.OK(t, p.Set(t.Context(), services))
	had := p.known.services["web"]
	had.is = nil
	slots := had.sets["slots-web-4"]
	for e := range slots.elements {
		delete(slots.elements, e)
		break
	}
	drift, err := p.Drift(t.Context(), services)
	labtest.OK(t, err)
	if len(drift) > 0 {
		t.Errorf("%+v", drift)
	}
}
