// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// One test per requirement of RFC 9568 that concerns the engine. The others:
//
//	5.1        TTL, Hop Limit, groups, protocol number: transport
//	5.2.2      type; 5.2.5 count 0; 5.2.6 reserved bits; 5.2.8 checksum; 5.2.9 families: vrrp/wire
//	6.4.2/3    ARP, Neighbor Discovery and packets for the addresses: address (they are only present when held)
//	7.1        TTL, version, type, length, checksum: transport and vrrp/wire; VRID, own address: agent
//	7.2        the fields and their order: vrrp/wire; source, protocol, group: transport
//	8.3.1      forwarding: the host's; nothing here forwards

func TestRFC9568_5_2_4_Priority(t *testing.T) {
	for _, tt := range []struct {
		name     string
		priority uint8
		ok       bool
	}{
		{"0 is for giving up", 0, false},
		{"MUST use 1 to 254 if it backs up", 1, true},
		{"MUST use 1 to 254 if it backs up, greatest", 254, true},
		{"MUST use 255 if it owns the addresses", 255, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := standard()
			cfg.Priority = tt.priority
			if _, err := New(cfg); (err == nil) != tt.ok {
				t.Errorf("New: %v", err)
			}
		})
	}
	t.Run("an owner's 255 does not move", func(t *testing.T) {
		r := newRouter(t, func(c *Config) { c.Priority = 255 })
		r.want(SetPriority{10})
		if got := r.e.Status().Priority; got != 255 {
			t.Errorf("priority %d", got)
		}
	})
	t.Run("a backup's can't become 0 or 255", func(t *testing.T) {
		r := newBackup(t, nil)
		r.want(SetPriority{0})
		if got := r.e.Status().Priority; got != 1 {
			t.Errorf("priority %d, want 1", got)
		}
		r.want(SetPriority{255})
		if got := r.e.Status().Priority; got != 254 {
			t.Errorf("priority %d, want 254", got)
		}
	})
}

func TestRFC9568_6_1_Timers(t *testing.T) {
	for _, tt := range []struct {
		priority             uint8
		interval, skew, down time.Duration
	}{
		{100, time.Second, 609375 * time.Microsecond, 3609375 * time.Microsecond},
		{254, 10 * time.Millisecond, 78125 * time.Nanosecond, 30078125 * time.Nanosecond},
		{255, 10 * time.Millisecond, 39062 * time.Nanosecond, 30039062 * time.Nanosecond},
		{1, 40950 * time.Millisecond, 40790039062 * time.Nanosecond, 163640039062 * time.Nanosecond},
	} {
		if got := SkewTime(wire.V3, tt.priority, tt.interval); got != tt.skew {
			t.Errorf("Skew_Time of %d at %v: %v, want %v", tt.priority, tt.interval, got, tt.skew)
		}
		if got := ActiveDownInterval(wire.V3, tt.priority, tt.interval); got != tt.down {
			t.Errorf("Active_Down_Interval of %d at %v: %v, want %v", tt.priority, tt.interval, got, tt.down)
		}
	}
}

func TestRFC9568_6_1_PreemptMode(t *testing.T) {
	t.Run("the owner always preempts", func(t *testing.T) {
		r := newRouter(t, func(c *Config) { c.Priority, c.Preempt = 255, false })
		r.want(Start{}, "send 255", "own 1", "Initialize -> Active: started, owns the addresses")
		r.want(heard(above, 255), "notice owner of 192.0.2.11", "notice two_owners of 192.0.2.11",
			"Active -> Backup: equal router with a greater address 192.0.2.11 (priority 255)", "disown 1")
		r.wait(time.Second)
		r.want(heard(below, 254), "notice owner of 192.0.2.9")
		r.wantTimer(3*time.Second + time.Second/256 - time.Second)
	})
}

func TestRFC9568_6_4_1_Initialize(t *testing.T) {
	t.Run("Startup as owner: advert, addresses, Adver_Timer, Active", func(t *testing.T) {
		r := newRouter(t, func(c *Config) { c.Priority = 255 })
		r.want(Start{}, "send 255", "own 1", "Initialize -> Active: started, owns the addresses")
		r.wantTimer(time.Second)
	})
	t.Run("Startup otherwise: Active_Adver_Interval is the own, Active_Down_Timer, Backup", func(t *testing.T) {
		r := newBackup(t, nil)
		r.wantTimer(3609375 * time.Microsecond)
		if got := r.e.Status().Interval; got != time.Second {
			t.Errorf("Active_Adver_Interval %v", got)
		}
	})
	t.Run("adverts are not looked at", func(t *testing.T) {
		r := newRouter(t, nil)
		r.want(heard(above, 0))
		r.want(heardAs(above, 200, every(3*time.Second)))
		r.wantNoTimer()
	})
}

func TestRFC9568_6_4_2_Backup(t *testing.T) {
	t.Run("MUST on Shutdown cancel Active_Down_Timer, go to Initialize", func(t *testing.T) {
		r := newBackup(t, nil)
		r.want(Stop{}, "Backup -> Initialize: stopped")
		r.wantNoTimer()
		if r.e.Busy() {
			t.Error("waits for addresses it never had")
		}
	})
	t.Run("MUST on Active_Down_Timer send, own, set Adver_Timer, go to Active", func(t *testing.T) {
		r := newBackup(t, nil)
		r.toDeadline()
		r.want(Tick{}, "send 100", "own 1", "Backup -> Active: no Active Router heard")
		r.wantTimer(time.Second)
	})
	t.Run("not a nanosecond before it", func(t *testing.T) {
		r := newBackup(t, nil)
		r.wait(3609375*time.Microsecond - 1)
		r.want(Tick{})
		r.wantState(Backup)
	})
	t.Run("MUST on priority 0 set Active_Down_Timer to Skew_Time", func(t *testing.T) {
		r := newBackup(t, nil)
		r.want(heard(above, 0))
		r.wantTimer(609375 * time.Microsecond)
		r.toDeadline()
		r.want(Tick{}, "send 100", "own 1", "Backup -> Active: the Active Router gave up")
	})
	t.Run("Skew_Time after priority 0 is by the learned interval", func(t *testing.T) {
		r := newBackup(t, nil)
		r.want(heardAs(above, 200, every(2*time.Second)), "notice interval of 192.0.2.11")
		r.want(heard(above, 0))
		r.wantTimer(2 * 609375 * time.Microsecond)
	})
	for _, tt := range []struct {
		name     string
		priority uint8
		preempt  bool
	}{
		{"MUST accept a greater priority", 101, true},
		{"MUST accept an equal priority", 100, true},
		{"MUST accept a lower priority if Preempt_Mode is False", 99, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newBackup(t, func(c *Config) { c.Preempt = tt.preempt })
			r.wait(3 * time.Second)
			r.want(heard(below, tt.priority))
			r.wantTimer(3609375 * time.Microsecond)
		})
		t.Run(tt.name+" and its interval", func(t *testing.T) {
			r := newBackup(t, func(c *Config) { c.Preempt = tt.preempt })
			r.want(heardAs(above, tt.priority, every(20*time.Millisecond)), "notice interval of 192.0.2.11")
			r.wantTimer(72187500 * time.Nanosecond)
		})
	}
	t.Run("MUST discard a lower priority if Preempt_Mode is True", func(t *testing.T) {
		r := newBackup(t, nil)
		r.wait(3 * time.Second)
		r.want(heardAs(above, 99, every(20*time.Millisecond)), "notice interval of 192.0.2.11")
		r.wantTimer(609375 * time.Microsecond)
		if got := r.e.Status().Interval; got != time.Second {
			t.Errorf("learned %v from an advert that was discarded", got)
		}
	})
}

func TestRFC9568_6_4_3_Active(t *testing.T) {
	t.Run("MUST on Shutdown cancel Adver_Timer, send priority 0, go to Initialize", func(t *testing.T) {
		r := newActive(t, nil)
		r.want(Stop{}, "Active -> Initialize: stopped", "disown 1")
		r.wantNoTimer()
		r.want(Settled{Term: 1}, "send 0") // break before make: not before the addresses are gone
		r.want(Settled{Term: 1})
	})
	t.Run("MUST on Adver_Timer send and reset it", func(t *testing.T) {
		r := newActive(t, nil)
		for range 3 {
			r.wait(time.Second)
			r.want(Tick{}, "send 100")
			r.wantTimer(time.Second)
		}
	})
	t.Run("MUST on priority 0 send and reset Adver_Timer", func(t *testing.T) {
		r := newActive(t, nil)
		r.wait(900 * time.Millisecond)
		r.want(heard(above, 0), "send 100")
		r.wantTimer(time.Second)
	})
	t.Run("MUST yield to a greater priority", func(t *testing.T) {
		r := newActive(t, nil)
		r.want(heardAs(below, 101, every(2*time.Second)), "notice interval of 192.0.2.9",
			"Active -> Backup: better router 192.0.2.9 (priority 101)", "disown 1")
		r.wantTimer(2 * 3609375 * time.Microsecond) // by the learned interval
		r.want(Settled{Term: 1})                    // and no priority 0
	})
	t.Run("MUST yield to an equal priority and a greater address", func(t *testing.T) {
		r := newActive(t, nil)
		r.want(heard(above, 100), "Active -> Backup: equal router with a greater address 192.0.2.11 (priority 100)", "disown 1")
		r.wantTimer(3609375 * time.Microsecond)
	})
	t.Run("addresses compare as unsigned integers", func(t *testing.T) {
		r := newActive(t, nil)
		r.want(heard(netip.MustParseAddr("203.0.113.1"), 100),
			"Active -> Backup: equal router with a greater address 203.0.113.1 (priority 100)", "disown 1")
	})
	t.Run("IPv6 link-local addresses break ties", func(t *testing.T) {
		r := newRouter(t, func(c *Config) { c.Addresses = []netip.Addr{netip.MustParseAddr("2001:db8::100")} })
		r.want(SetPrimary{netip.MustParseAddr("fe80::10%eth0")})
		r.want(Start{}, "Initialize -> Backup: started")
		r.toDeadline()
		r.want(Tick{}, "send 100", "own 1", "Backup -> Active: no Active Router heard")
		six := func(ad *wire.Advert) { ad.Addresses = r.e.cfg.Addresses }
		r.want(heardAs(netip.MustParseAddr("fe80::9"), 100, six), "send 100", "announce", "notice rival of fe80::9")
		r.want(heardAs(netip.MustParseAddr("fe80::10"), 100, six)) // its own: a loop
		r.want(heardAs(netip.MustParseAddr("fe80::ff"), 100, six),
			"Active -> Backup: equal router with a greater address fe80::ff (priority 100)", "disown 1")
	})
	t.Run("Preempt_Mode is not considered", func(t *testing.T) {
		r := newActive(t, func(c *Config) { c.Preempt = false })
		r.want(heard(below, 101), "Active -> Backup: better router 192.0.2.9 (priority 101)", "disown 1")
	})
	for _, tt := range []struct {
		name     string
		from     netip.Addr
		priority uint8
	}{
		{"MUST discard a lower priority and send at once", above, 99},
		{"MUST discard an equal priority and a smaller address, and send at once", below, 100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newActive(t, nil)
			r.wait(300 * time.Millisecond)
			r.want(heard(tt.from, tt.priority), "send 100", "announce", "notice rival of "+tt.from.String())
			r.wantTimer(700 * time.Millisecond) // the section resets it for priority 0 alone
		})
	}
	t.Run("the own interval is back after having been Backup of another", func(t *testing.T) {
		r := newBackup(t, nil)
		r.want(heardAs(above, 200, every(40*time.Millisecond)), "notice interval of 192.0.2.11")
		r.toDeadline()
		r.want(Tick{}, "send 100", "own 1", "Backup -> Active: no Active Router heard")
		r.wantTimer(time.Second)
		r.want(Stop{}, "Active -> Initialize: stopped", "disown 1")
		r.want(Start{}, "Initialize -> Backup: started")
		r.wantTimer(3609375 * time.Microsecond)
	})
}

func TestRFC9568_7_1_Receiving(t *testing.T) {
	t.Run("SHOULD log another interval and MUST NOT drop for it", func(t *testing.T) {
		r := newBackup(t, nil)
		r.want(heardAs(above, 200, every(3*time.Second)), "notice interval of 192.0.2.11")
		r.wantTimer(3 * 3609375 * time.Microsecond)
	})
	t.Run("MUST not use an interval of 0 (erratum 8301)", func(t *testing.T) {
		r := newBackup(t, nil)
		r.want(heardAs(above, 200, every(0)))
		r.wantTimer(3609375 * time.Microsecond)
		if got := r.e.Status().Interval; got != time.Second {
			t.Errorf("learned %v", got)
		}
	})
	t.Run("SHOULD log another address list and not drop for it", func(t *testing.T) {
		r := newBackup(t, nil)
		r.wait(time.Second)
		r.want(heardAs(above, 200, func(ad *wire.Advert) { ad.Addresses = []netip.Addr{above} }), "notice addresses of 192.0.2.11")
		r.wantTimer(3609375 * time.Microsecond)
	})
	t.Run("SHOULD verify that it is not the owner, log, and not drop (erratum 8298)", func(t *testing.T) {
		r := newRouter(t, func(c *Config) { c.Priority = 255 })
		r.want(Start{}, "send 255", "own 1", "Initialize -> Active: started, owns the addresses")
		r.want(heard(above, 100), "notice owner of 192.0.2.11", "send 255", "announce", "notice rival of 192.0.2.11")
		r.want(heard(above, 0), "notice owner of 192.0.2.11", "send 255")
	})
}

func TestRFC9568_7_1_AddressList(t *testing.T) {
	a, b, c := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")
	r := newRouter(t, func(cfg *Config) { cfg.Addresses = []netip.Addr{c, a, b} })
	for _, tt := range []struct {
		list []netip.Addr
		same bool
	}{
		{[]netip.Addr{c, a, b}, true},
		{[]netip.Addr{a, b, c}, true},
		{[]netip.Addr{a, b, c}, true}, // remembered
		{[]netip.Addr{a, b}, false},
		{[]netip.Addr{a, b}, false}, // remembered
		{[]netip.Addr{a, a, b}, false},
		{[]netip.Addr{a, b, c, c}, false},
		{nil, false},
		{nil, false},
		{[]netip.Addr{b, c, a}, true},
	} {
		if got := r.e.sameAddresses(tt.list); got != tt.same {
			t.Errorf("%v is the same: %v", tt.list, got)
		}
	}
}

func TestRFC9568_7_2_Sending(t *testing.T) {
	t.Run("MUST have the configuration's state: the effective priority", func(t *testing.T) {
		r := newActive(t, nil)
		r.want(SetPriority{120})
		r.wait(time.Second)
		r.want(Tick{}, "send 120")
	})
	t.Run("MUST have a source: without one it is not in the election", func(t *testing.T) {
		r := newBackup(t, nil)
		r.want(SetPrimary{}, "Backup -> Initialize: no address to send adverts from")
		r.want(SetPrimary{netip.MustParseAddr("fe80::1")}) // not of this family
		r.want(SetPrimary{above}, "Initialize -> Backup: recovered from: no address to send adverts from")
	})
	t.Run("an Active that loses its source can't say priority 0", func(t *testing.T) {
		r := newActive(t, nil)
		r.want(SetPrimary{}, "Active -> Initialize: no address to send adverts from", "disown 1")
		r.want(Settled{Term: 1})
	})
}

func TestRFC9568_8_3_2_Priorities(t *testing.T) {
	t.Run("SHOULD log a second owner; the greater address wins", func(t *testing.T) {
		r := newRouter(t, func(c *Config) { c.Priority = 255 })
		r.want(Start{}, "send 255", "own 1", "Initialize -> Active: started, owns the addresses")
		r.want(heard(below, 255), "notice owner of 192.0.2.9", "notice two_owners of 192.0.2.9",
			"send 255", "announce", "notice rival of 192.0.2.9")
		r.want(heard(above, 255), "notice owner of 192.0.2.11", "notice two_owners of 192.0.2.11",
			"Active -> Backup: equal router with a greater address 192.0.2.11 (priority 255)", "disown 1")
	})
}
