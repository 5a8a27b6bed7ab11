// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/pool"
)

// TestGuestKinds sets services of every kind and reads them back by ipvsadm.
func TestGuestKinds(t *testing.T) {
	guest(t)
	front := func(fs ...pool.Frontend) func(*pool.Virtual) {
		return func(v *pool.Virtual) { v.Frontends = fs }
	}
	to := func(ds ...pool.Destination) func(*pool.Virtual) {
		return func(v *pool.Virtual) { v.Destinations = ds }
	}
	at := func(p pool.Protocol, a string) pool.Frontend { return pool.Single(p, netip.MustParseAddrPort(a)) }
	one := func(a string, fs ...func(*pool.Destination)) pool.Destination {
		d := pool.Destination{Address: netip.MustParseAddrPort(a), Weight: 1}
		for _, f := range fs {
			f(&d)
		}
		return d
	}
	forward := func(f pool.Forward, tun pool.Tunnel) func(*pool.Destination) {
		return func(d *pool.Destination) { d.Forward, d.Tunnel = f, tun }
	}
	scheduler := func(s pool.Scheduler, fallback, port bool) func(*pool.Virtual) {
		return func(v *pool.Virtual) { v.Scheduler, v.Fallback, v.Port = s, fallback, port }
	}
	persist := func(timeout time.Duration, p4, p6 int) func(*pool.Virtual) {
		return func(v *pool.Virtual) { v.Persistence = pool.Persistence{Timeout: timeout, Prefix4: p4, Prefix6: p6} }
	}
	server, server6 := one("198.51.100.11:80"), one("[2001:db8::11]:80")
	type row struct {
		name string
		v    pool.Virtual
		want []string
	}
	rows := []row{
		{"IPv6", web(front(at(pool.TCP, "[2001:db8::100]:80")), to(server6)), []string{
			"-A -t [2001:db8::100]:80 -s wrr",
			"-a -t [2001:db8::100]:80 -r [2001:db8::11]:80 -m -w 1",
		}},
		{"UDP one packet", web(front(at(pool.UDP, "192.0.2.100:53")), to(server), func(v *pool.Virtual) { v.OnePacket = true }), []string{
			"-A -u 192.0.2.100:53 -s wrr -o",
			"-a -u 192.0.2.100:53 -r 198.51.100.11:80 -m -w 1",
		}},
		{"SCTP", web(front(at(pool.SCTP, "192.0.2.100:36412")), to(server)), []string{
			"-A --sctp-service 192.0.2.100:36412 -s wrr",
			"-a --sctp-service 192.0.2.100:36412 -r 198.51.100.11:80 -m -w 1",
		}},
		{"mark", web(front(pool.Frontend{Mark: 7, Family: 4}), to(one("198.51.100.11:0"))), []string{
			"-A -f 7 -s wrr",
			"-a -f 7 -r 198.51.100.11:0 -m -w 1",
		}},
		{"mark of IPv6", web(front(pool.Frontend{Mark: 70000, Family: 6}), to(one("[2001:db8::11]:0"))), []string{
			"-A -f 70000 -6 -s wrr",
			"-a -f 70000 -6 -r [2001:db8::11]:0 -m -w 1",
		}},
		{"range", web(front(pool.Frontend{
			Protocol: pool.UDP, First: netip.MustParseAddr("192.0.2.100"), Last: netip.MustParseAddr("192.0.2.101"), FirstPort: 8000, LastPort: 8001,
		}), to(one("198.51.100.11:0"))), []string{
			"-A -u 192.0.2.100:8000 -s wrr", "-a -u 192.0.2.100:8000 -r 198.51.100.11:0 -m -w 1",
			"-A -u 192.0.2.100:8001 -s wrr", "-a -u 192.0.2.100:8001 -r 198.51.100.11:0 -m -w 1",
			"-A -u 192.0.2.101:8000 -s wrr", "-a -u 192.0.2.101:8000 -r 198.51.100.11:0 -m -w 1",
			"-A -u 192.0.2.101:8001 -s wrr", "-a -u 192.0.2.101:8001 -r 198.51.100.11:0 -m -w 1",
		}},
		{"every port", web(front(at(pool.TCP, "192.0.2.100:0")), to(one("198.51.100.11:0")), persist(5*time.Minute, 0, 0)), []string{
			"-A -t 192.0.2.100:0 -s wrr -p 300",
			"-a -t 192.0.2.100:0 -r 198.51.100.11:0 -m -w 1",
		}},
		{"thresholds", web(to(one("198.51.100.11:80", func(d *pool.Destination) { d.Upper, d.Lower, d.Weight = 1000, 800, 65535 }))), []string{
			"-A -t 192.0.2.100:80 -s wrr",
			"-a -t 192.0.2.100:80 -r 198.51.100.11:80 -m -w 65535", // without thresholds, see TestGuestThresholds
		}},
		{"persistence", web(to(server), persist(90*time.Second, 24, 64)), []string{
			"-A -t 192.0.2.100:80 -s wrr -p 90 -M 255.255.255.0",
			"-a -t 192.0.2.100:80 -r 198.51.100.11:80 -m -w 1",
		}},
		{"persistence of IPv6", web(front(at(pool.TCP, "[2001:db8::100]:80")), to(server6), persist(90*time.Second, 24, 64)), []string{
			"-A -t [2001:db8::100]:80 -s wrr -p 90 -M 64",
			"-a -t [2001:db8::100]:80 -r [2001:db8::11]:80 -m -w 1",
		}},
		{"direct", web(to(one("198.51.100.11:80", forward(pool.Direct, pool.Tunnel{})))), []string{
			"-A -t 192.0.2.100:80 -s wrr",
			"-a -t 192.0.2.100:80 -r 198.51.100.11:80 -g -w 1",
		}},
		{"tunnels", web(to(
			one("198.51.100.11:80", forward(pool.Encap, pool.Tunnel{})),
			one("198.51.100.12:80", forward(pool.Encap, pool.Tunnel{Kind: pool.GUE, Port: 6080})),
			one("198.51.100.13:80", forward(pool.Encap, pool.Tunnel{Kind: pool.GUE, Port: 6081, Checksum: true})),
			one("198.51.100.14:80", forward(pool.Encap, pool.Tunnel{Kind: pool.GRE})),
			one("198.51.100.15:80", forward(pool.Encap, pool.Tunnel{Kind: pool.GRE, Checksum: true})),
			one("[2001:db8::16]:80", forward(pool.Encap, pool.Tunnel{})),
		)), []string{
			"-A -t 192.0.2.100:80 -s wrr",
			"-a -t 192.0.2.100:80 -r 198.51.100.11:80 -i -w 1 --tun-type ipip",
			"-a -t 192.0.2.100:80 -r 198.51.100.12:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum",
			"-a -t 192.0.2.100:80 -r 198.51.100.13:80 -i -w 1 --tun-type gue --tun-port 6081 --tun-csum",
			"-a -t 192.0.2.100:80 -r 198.51.100.14:80 -i -w 1 --tun-type gre --tun-nocsum",
			"-a -t 192.0.2.100:80 -r 198.51.100.15:80 -i -w 1 --tun-type gre --tun-csum",
			"-a -t 192.0.2.100:80 -r [2001:db8::16]:80 -i -w 1 --tun-type ipip",
		}},
		{"both families", web(front(at(pool.TCP, "192.0.2.100:80"), at(pool.TCP, "[2001:db8::100]:80")), to(
			server, server6, one("198.51.100.12:80", forward(pool.Encap, pool.Tunnel{})),
		)), []string{
			"-A -t 192.0.2.100:80 -s wrr",
			"-a -t 192.0.2.100:80 -r 198.51.100.11:80 -m -w 1",
			"-a -t 192.0.2.100:80 -r 198.51.100.12:80 -i -w 1 --tun-type ipip",
			"-A -t [2001:db8::100]:80 -s wrr",
			"-a -t [2001:db8::100]:80 -r [2001:db8::11]:80 -m -w 1",
			"-a -t [2001:db8::100]:80 -r 198.51.100.12:80 -i -w 1 --tun-type ipip",
		}},
	}
	for _, s := range pool.Schedulers {
		rows = append(rows, row{string(s), web(scheduler(s, false, false), to(server)), []string{
			"-A -t 192.0.2.100:80 -s " + string(s),
			"-a -t 192.0.2.100:80 -r 198.51.100.11:80 -m -w 1",
		}})
	}
	for _, s := range []pool.Scheduler{pool.SH, pool.MH} {
		rows = append(rows, row{string(s) + " fallback", web(scheduler(s, true, false), to(server)), []string{
			"-A -t 192.0.2.100:80 -s " + string(s) + " -b " + string(s) + "-fallback",
			"-a -t 192.0.2.100:80 -r 198.51.100.11:80 -m -w 1",
		}}, row{string(s) + " both", web(scheduler(s, true, true), to(server)), []string{
			"-A -t 192.0.2.100:80 -s " + string(s) + " -b " + string(s) + "-fallback," + string(s) + "-port",
			"-a -t 192.0.2.100:80 -r 198.51.100.11:80 -m -w 1",
		}})
	}
	d := newDirector(t)
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			d := &director{t: t, host: d.host, plane: d.plane}
			d.set(r.v)
			d.steady(r.v)
			d.has(r.want...)
			d.remove(r.v)
			d.has()
		})
	}
	// All of them one after the other: what the service has no more goes.
	for _, r := range slices.Backward(rows) {
		d.set(r.v)
		d.steady(r.v)
		d.has(r.want...)
	}
	d.remove(rows[0].v)
	d.has()
}
