// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// What version 2 (RFC 3768) does differently from version 3. Authentication
// and the packet's form are tested in vrrp/wire.

func version2(c *Config) { c.Version = wire.V2 }

func TestRFC3768_6_1_Timers(t *testing.T) {
	for _, interval := range []time.Duration{time.Second, 10 * time.Second} {
		if got, want := SkewTime(wire.V2, 100, interval), 609375*time.Microsecond; got != want {
			t.Errorf("Skew_Time at %v: %v, want %v whatever the interval", interval, got, want)
		}
		if got, want := ActiveDownInterval(wire.V2, 100, interval), 3*interval+609375*time.Microsecond; got != want {
			t.Errorf("Master_Down_Interval at %v: %v, want %v", interval, got, want)
		}
	}
}

func TestRFC3768_5_3_7_Interval(t *testing.T) {
	for interval, ok := range map[time.Duration]bool{
		0: false, 100 * time.Millisecond: false, 1500 * time.Millisecond: false, 256 * time.Second: false,
		time.Second: true, 255 * time.Second: true,
	} {
		cfg := standard()
		cfg.Version, cfg.Interval = wire.V2, interval
		if _, err := New(cfg); (err == nil) != ok {
			t.Errorf("interval %v: %v", interval, err)
		}
	}
}

func TestRFC3768_6_4_2_Backup(t *testing.T) {
	t.Run("priority 0: Master_Down_Timer is Skew_Time", func(t *testing.T) {
		r := newBackup(t, func(c *Config) { c.Version, c.Interval = wire.V2, 10*time.Second })
		r.want(heardAs(above, 0, every(10*time.Second)))
		r.wantTimer(609375 * time.Microsecond)
	})
	t.Run("equal or greater priority: reset Master_Down_Timer", func(t *testing.T) {
		r := newBackup(t, version2)
		r.wait(time.Second)
		r.want(heard(below, 100))
		r.wantTimer(3609375 * time.Microsecond)
	})
	t.Run("lower priority and Preempt_Mode: discard", func(t *testing.T) {
		r := newBackup(t, version2)
		r.wait(time.Second)
		r.want(heard(below, 99))
		r.wantTimer(2609375 * time.Microsecond)
	})
	t.Run("Master_Down_Timer fires", func(t *testing.T) {
		r := newBackup(t, version2)
		r.toDeadline()
		r.want(Tick{}, "send 100", "own 1", "Backup -> Active: no Active Router heard")
	})
}

func TestRFC3768_6_4_3_Master(t *testing.T) {
	t.Run("Shutdown: priority 0", func(t *testing.T) {
		r := newActive(t, version2)
		r.want(Stop{}, "Active -> Initialize: stopped", "disown 1")
		r.want(Settled{Term: 1}, "send 0")
	})
	t.Run("priority 0: send, reset Adver_Timer", func(t *testing.T) {
		r := newActive(t, version2)
		r.wait(time.Second / 2)
		r.want(heard(above, 0), "send 100")
		r.wantTimer(time.Second)
	})
	t.Run("greater priority, or equal and greater address: yield", func(t *testing.T) {
		r := newActive(t, version2)
		r.want(heard(above, 100), "Active -> Backup: equal router with a greater address 192.0.2.11 (priority 100)", "disown 1")
	})
	t.Run("lower priority: discard; beyond the RFC: answer as version 3 does", func(t *testing.T) {
		r := newActive(t, version2)
		r.want(heard(above, 99), "send 100", "announce", "notice rival of 192.0.2.11")
	})
}

func TestRFC3768_7_1_Receiving(t *testing.T) {
	t.Run("MUST discard another interval, in Backup", func(t *testing.T) {
		r := newBackup(t, version2)
		r.wait(time.Second)
		r.want(heardAs(above, 200, every(2*time.Second)), "notice interval_v2 of 192.0.2.11")
		r.wantTimer(2609375 * time.Microsecond)
		if got := r.e.Status(); got.Active.IsValid() || got.Interval != time.Second {
			t.Errorf("used it: %+v", got)
		}
	})
	t.Run("MUST discard another interval, in Master", func(t *testing.T) {
		r := newActive(t, version2)
		r.want(heardAs(above, 200, every(2*time.Second)), "notice interval_v2 of 192.0.2.11")
		r.wantState(Active)
	})
	t.Run("another address list: logged; beyond the RFC: not dropped", func(t *testing.T) {
		r := newBackup(t, version2)
		r.wait(time.Second)
		r.want(heardAs(above, 200, func(ad *wire.Advert) { ad.Addresses = []netip.Addr{above} }), "notice addresses of 192.0.2.11")
		r.wantTimer(3609375 * time.Microsecond)
	})
	t.Run("two owners: logged; beyond the RFC: not dropped", func(t *testing.T) {
		r := newRouter(t, func(c *Config) { c.Version, c.Priority = wire.V2, 255 })
		r.want(Start{}, "send 255", "own 1", "Initialize -> Active: started, owns the addresses")
		r.want(heard(above, 255), "notice owner of 192.0.2.11", "notice two_owners of 192.0.2.11",
			"Active -> Backup: equal router with a greater address 192.0.2.11 (priority 255)", "disown 1")
	})
}
