// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/vrrp"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// A driver for one router on a LAN where nobody else is. A real one has a clock
// and a timer, sends and receives, and changes addresses beside its loop.
func Example() {
	engine, err := vrrp.New(vrrp.Config{
		Version:   wire.V3,
		VRID:      51,
		Priority:  100,
		Interval:  100 * time.Millisecond,
		Preempt:   true,
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.100")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := start
	events := []vrrp.Event{
		vrrp.SetPrimary{Address: netip.MustParseAddr("192.0.2.10")},
		vrrp.Start{},
		vrrp.Tick{},
		vrrp.Settled{Term: 1, Held: true},
		vrrp.Tick{},
		vrrp.Stop{},
		vrrp.Settled{Term: 1},
	}
	for _, event := range events {
		if _, ok := event.(vrrp.Tick); ok {
			now, _ = engine.Deadline() // here a driver waits
		}
		for _, action := range engine.Step(now, event) {
			fmt.Printf("%-12v %T%+v\n", now.Sub(start), action, action)
		}
	}
	// Output:
	// 0s           vrrp.Change{From:Initialize To:Backup Reason:started}
	// 360.9375ms   vrrp.Send{Priority:100}
	// 360.9375ms   vrrp.Own{Term:1 Again:false}
	// 360.9375ms   vrrp.Change{From:Backup To:Active Reason:no Active Router heard}
	// 460.9375ms   vrrp.Send{Priority:100}
	// 460.9375ms   vrrp.Change{From:Active To:Initialize Reason:stopped}
	// 460.9375ms   vrrp.Disown{Term:1}
	// 460.9375ms   vrrp.Send{Priority:0}
}
