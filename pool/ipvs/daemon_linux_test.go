// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/pool"
)

func TestGuestDaemon(t *testing.T) {
	d := newDirector(t)
	group6 := netip.MustParseAddr("ff02::81")
	custom := pool.Sync{Interface: "eth0", ID: 51, MaxLen: 1200, Group: netip.MustParseAddr("224.0.0.82"), Port: 8849, TTL: 3}
	for _, c := range []struct {
		name string
		role pool.SyncRole
		sync pool.Sync
		want string
	}{
		{"none at first", pool.SyncNone, pool.Sync{}, ""},
		{"backup", pool.SyncBackup, pool.Sync{Interface: "eth0", ID: 51}, "backup sync daemon (mcast=eth0, syncid=51, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)"},
		{"master", pool.SyncMaster, pool.Sync{Interface: "eth0", ID: 51}, "master sync daemon (mcast=eth0, syncid=51, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)"},
		{"other settings", pool.SyncMaster, custom, "master sync daemon (mcast=eth0, syncid=51, maxlen=1200, group=224.0.0.82, port=8849, ttl=3)"},
		{"backup again", pool.SyncBackup, custom, "backup sync daemon (mcast=eth0, syncid=51, maxlen=1200, group=224.0.0.82, port=8849, ttl=3)"},
		{"short messages", pool.SyncBackup, pool.Sync{Interface: "eth0", MaxLen: 500}, "backup sync daemon (mcast=eth0, syncid=0, maxlen=1024, group=224.0.0.81, port=8848, ttl=1)"},
		{"IPv6", pool.SyncMaster, pool.Sync{Interface: "eth0", ID: 255, Group: group6, MaxLen: 65535}, "master sync daemon (mcast=eth0, syncid=255, maxlen=65487, group=ff02::81, port=8848, ttl=1)"},
		{"none", pool.SyncNone, custom, ""},
	} {
		var before string
		for range 2 { // again is as once
			labtest.OK(t, d.plane.Sync(t.Context(), c.role, c.sync))
			if got := strings.TrimSpace(d.run("ipvsadm", "-L", "--daemon")); got != c.want {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
			ids := d.run("sh", "-c", "grep -l ipvs- /proc/[0-9]*/comm || true") // of the kernel's threads
			if (ids == "") != (c.want == "") || before != "" && before != ids {
				t.Errorf("%s: the daemon's threads are %q after %q", c.name, ids, before)
			}
			before = ids
		}
	}
	err := d.plane.Sync(t.Context(), pool.SyncMaster, pool.Sync{Interface: "eth7"})
	if err == nil || !strings.Contains(err.Error(), "there is no such interface") {
		t.Errorf("got %v", err)
	}
}

func TestGuestTimeouts(t *testing.T) {
	d := newDirector(t)
	want := Timeouts{TCP: 15 * time.Minute, TCPFin: 2 * time.Minute, UDP: 5 * time.Minute}
	labtest.OK(t, d.plane.SetTimeouts(t.Context(), Timeouts{TCP: time.Hour, TCPFin: time.Minute, UDP: time.Second}))
	labtest.OK(t, d.plane.SetTimeouts(t.Context(), Timeouts{TCP: want.TCP, TCPFin: want.TCPFin, UDP: want.UDP}))
	if got := strings.TrimSpace(d.run("ipvsadm", "-L", "--timeout")); got != "Timeout (tcp tcpfin udp): 900 120 300" {
		t.Errorf("ipvsadm reads %q", got)
	}
	labtest.OK(t, d.plane.SetTimeouts(t.Context(), Timeouts{UDP: time.Minute}))
	want.UDP = time.Minute
	if got, err := d.plane.Timeouts(t.Context()); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestGuestSysctls sees the two settings changed once, and told once.
func TestGuestSysctls(t *testing.T) {
	d := newDirector(t)
	d.drift(web())
	for _, name := range sysctls {
		if got := d.sysctl(name); got != "0" {
			t.Errorf("%s is %s before anything was set", name, got)
		}
	}
	for range 3 {
		d.set(web())
	}
	for _, name := range sysctls {
		if got := d.sysctl(name); got != "1" {
			t.Errorf("%s is %s", name, got)
		}
		if n := strings.Count(d.logs.String(), "sysctl=net.ipv4.vs."+name+" from=0 to=1"); n != 1 {
			t.Errorf("%s was told %d times:\n%s", name, n, d.logs.String())
		}
	}
	again := newDirectorOn(t, d.host)
	again.set(web())
	if s := again.logs.String(); s != "" {
		t.Errorf("nothing was to be changed, and it said: %s", s)
	}

	elsewhere := newDirector(t)
	labtest.OK(t, elsewhere.plane.Set(t.Context(), []pool.Virtual{web()})) // from another namespace's thread
	if s := elsewhere.logs.String(); !strings.Contains(s, "another network namespace") || elsewhere.sysctl(sysctls[0]) != "0" {
		t.Errorf("it said: %s", s)
	}
}

func TestGuestErrors(t *testing.T) {
	d := newDirector(t)
	good, bad, empty := web(), web(), web()
	bad.Name, bad.Scheduler = "bad", "nosuch"
	bad.Frontends = []pool.Frontend{pool.Single(pool.TCP, netip.MustParseAddrPort("192.0.2.101:80"))}
	ports := web(func(v *pool.Virtual) {
		v.Name, v.Frontends[0].FirstPort, v.Frontends[0].LastPort = "ports", 0, 0
	})
	also := bad
	also.Name = "also"
	also.Frontends = []pool.Frontend{pool.Single(pool.TCP, netip.MustParseAddrPort("192.0.2.102:80"))}
	empty.Name, empty.Frontends = "empty", nil
	err := d.try(bad, empty, also, ports, good)
	for _, want := range []string{
		"service bad: the kernel has no scheduler nosuch: modprobe ip_vs_nosuch",
		"service also: the kernel has no scheduler nosuch: modprobe ip_vs_nosuch",
		"service empty: it has no frontends",
		"service ports: 192.0.2.100:*/tcp: IPVS balances every port of an address only with persistence",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	d.steady(good)
	d.has("-A -t 192.0.2.100:80 -s wrr", "-a -t 192.0.2.100:80 -r 198.51.100.11:80 -m -w 1", "-a -t 192.0.2.100:80 -r 198.51.100.12:80 -m -w 2")

	labtest.OK(t, d.plane.Sync(t.Context(), pool.SyncMaster, pool.Sync{Interface: "eth0"}))
	mixed := good
	mixed.Destinations = []pool.Destination{
		{Address: netip.MustParseAddrPort("[2001:db8::11]:80"), Weight: 1, Forward: pool.Encap}, good.Destinations[0],
	}
	err = d.try(mixed)
	if err == nil || !strings.Contains(err.Error(), "destination [2001:db8::11]:80: invalid argument (IPVS does not synchronise") {
		t.Errorf("got %v", err)
	}
	d.has("-A -t 192.0.2.100:80 -s wrr", "-a -t 192.0.2.100:80 -r 198.51.100.11:80 -m -w 1")
	labtest.OK(t, d.plane.Sync(t.Context(), pool.SyncNone, pool.Sync{}))
	d.set(mixed)
	d.steady(mixed)
	err = d.plane.Sync(t.Context(), pool.SyncMaster, pool.Sync{Interface: "eth0"})
	if err == nil || !strings.Contains(err.Error(), "while a service has destinations of the other family") {
		t.Errorf("got %v", err)
	}

	var many []error
	for range 7 {
		many = append(many, nil, errors.New("no"))
	}
	if got := summary(many).Error(); got != "no; no; no; no; no; and 2 more" {
		t.Error(got)
	}
}
