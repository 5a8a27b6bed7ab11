// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/pool"
)

// compare netip's types by ==.
var equal = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
	cmp.AllowUnexported(server{}),
}

// answer is a command as the kernel would send it back.
func answer(t testing.TB, c command) attributes {
	t.Helper()
	for m := range messages(c.append(nil, 30, 0, 1)).all {
		return m.attributes()
	}
	t.Fatalf("no message in %v", c)
	return nil
}

func TestServiceMessage(t *testing.T) {
	for _, want := range []service{
		{scheduler: "wrr"},
		{scheduler: "sh", flags: flagFallback | flagPort},
		{scheduler: "rr", flags: flagOnePacket},
		{scheduler: "rr", flags: flagPersistent, timeout: 300, prefix: 20},
		{scheduler: "rr", flags: flagPersistent, timeout: 1, prefix: 32},
	} {
		for _, at := range []key{
			{family: family4, protocol: pool.TCP, addr: netip.MustParseAddr("192.0.2.100"), port: 80},
			{family: family6, protocol: pool.SCTP, addr: netip.MustParseAddr("2001:db8::100"), port: 65535},
			{family: family4, mark: 7},
			{family: family6, mark: 1<<32 - 1},
		} {
			k, s, ok := parseService(answer(t, want.command(newService, at)))
			if !ok || k != at || s != want {
				t.Errorf("%v %+v became %v %+v, %v", at, want, k, s, ok)
			}
		}
	}
}

func TestServerMessage(t *testing.T) {
	k := key{family: family6, mark: 1}
	for _, want := range []pool.Destination{
		{Address: netip.MustParseAddrPort("198.51.100.11:8080"), Weight: 65535},
		{Address: netip.MustParseAddrPort("[2001:db8::11]:0"), Forward: pool.Direct, Upper: 1 << 31, Lower: 5},
		{Address: netip.MustParseAddrPort("198.51.100.11:1"), Forward: pool.Encap},
		{Address: netip.MustParseAddrPort("198.51.100.11:1"), Forward: pool.Encap, Tunnel: pool.Tunnel{Kind: pool.GUE, Port: 6080, Checksum: true}},
		{Address: netip.MustParseAddrPort("198.51.100.11:1"), Forward: pool.Encap, Tunnel: pool.Tunnel{Kind: pool.GRE}},
	} {
		got, ok := parseServer(answer(t, serverCommand(newServer, k, want)), k.family)
		if !ok {
			t.Errorf("%+v is none", want)
		}
		if diff := cmp.Diff(server{Destination: want}, got, equal); diff != "" {
			t.Error(diff)
		}
	}
}

// What the kernel sends: IPv4 addresses in 16 bytes, counts, statistics twice.
func TestServerAnswer(t *testing.T) {
	stats := func(kind uint16, value ...byte) func([]byte) []byte {
		return func(b []byte) []byte { return appendBytes(appendBytes(b, 99, 1), kind, value...) }
	}
	b := appendNested(nil, attrServer, func(b []byte) []byte {
		b = appendBytes(b, serverAddress, append([]byte{198, 51, 100, 11}, make([]byte, 12)...)...)
		b = appendPort(b, serverPort, 80)
		b = append32(b, serverForward, 0x100|forwardDirect)
		b = append32(b, serverWeight, 1)
		b = append32(b, serverActive, 3)
		b = append32(b, serverInactive, 4)
		b = appendNested(b, serverStats64, stats(statsConnections, 1, 0, 0, 0, 1, 0, 0, 1))
		b = appendNested(b, serverStats, stats(statsConnections, 9, 0, 0, 0))
		return appendBytes(b, serverTunnel, 2) // which without a tunnel means nothing
	})
	got, ok := parseServer(b, family4)
	want := server{
		Destination: pool.Destination{Address: netip.MustParseAddrPort("198.51.100.11:80"), Weight: 1, Forward: pool.Direct},
		active:      3, inactive: 4, total: value{1, 0, 0, 0, 1, 0, 0, 1}.u64(),
	}
	if diff := cmp.Diff(want, got, equal); diff != "" || !ok {
		t.Error(ok, diff)
	}
}

func TestStrangers(t *testing.T) {
	for name, fill := range map[string]func([]byte) []byte{
		"local":  func(b []byte) []byte { return append32(b, serverForward, 1) },
		"bypass": func(b []byte) []byte { return append32(b, serverForward, 4) },
		"remote checksum": func(b []byte) []byte {
			b = append32(b, serverForward, forwardTunnel)
			return append16(appendBytes(b, serverTunnel, 1), serverTunnelFlags, 2)
		},
	} {
		b := appendNested(nil, attrServer, func(b []byte) []byte {
			return fill(appendBytes(b, serverAddress, 198, 51, 100, 11))
		})
		got, ok := parseServer(b, family4)
		if !ok || got.Forward != stranger && got.Tunnel.Kind != stranger {
			t.Errorf("%s: got %+v, %v", name, got, ok)
		}
	}
}

func TestKeys(t *testing.T) {
	frontend := func(first, last string, from, to uint16) pool.Frontend {
		return pool.Frontend{Protocol: pool.UDP, First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last), FirstPort: from, LastPort: to}
	}
	for name, c := range map[string]struct {
		frontends   []pool.Frontend
		first, last string
		count       int
		err         string
	}{
		"single":   {[]pool.Frontend{frontend("192.0.2.1", "192.0.2.1", 80, 80)}, "192.0.2.1:80/udp", "192.0.2.1:80/udp", 1, ""},
		"range":    {[]pool.Frontend{frontend("192.0.2.254", "192.0.3.1", 65534, 65535)}, "192.0.2.254:65534/udp", "192.0.3.1:65535/udp", 8, ""},
		"end":      {[]pool.Frontend{frontend("255.255.255.254", "255.255.255.255", 1, 1)}, "255.255.255.254:1/udp", "255.255.255.255:1/udp", 2, ""},
		"IPv6":     {[]pool.Frontend{frontend("2001:db8::ffff", "2001:db8::1:0", 80, 80)}, "[2001:db8::ffff]:80/udp", "[2001:db8::1:0]:80/udp", 2, ""},
		"mark":     {[]pool.Frontend{{Mark: 7, Family: 6}}, "mark 7 (IPv6)", "mark 7 (IPv6)", 1, ""},
		"most":     {[]pool.Frontend{frontend("192.0.2.1", "192.0.2.1", 1, 4096)}, "192.0.2.1:1/udp", "192.0.2.1:4096/udp", 4096, ""},
		"too many": {[]pool.Frontend{frontend("192.0.2.1", "192.0.2.1", 1, 4096), {Mark: 7, Family: 4}, frontend("192.0.2.2", "192.0.2.2", 1, 1)}, "", "", 0, "more than 4096"},
		"backward": {[]pool.Frontend{frontend("192.0.2.2", "192.0.2.1", 80, 80)}, "", "", 0, "is no range"},
		"families": {[]pool.Frontend{frontend("192.0.2.2", "2001:db8::1", 80, 80)}, "", "", 0, "is no range"},
		"ports":    {[]pool.Frontend{frontend("192.0.2.1", "192.0.2.1", 80, 79)}, "", "", 0, "is no range"},
		"all":      {[]pool.Frontend{frontend("192.0.2.1", "192.0.2.1", 0, 0)}, "192.0.2.1:*/udp", "192.0.2.1:*/udp", 1, ""},
	} {
		ks, err := keys(pool.Virtual{Frontends: c.frontends})
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: got %v, want %s", name, err, c.err)
			}
			continue
		}
		if err != nil || len(ks) != c.count || ks[0].String() != c.first || ks[len(ks)-1].String() != c.last {
			t.Errorf("%s: got %v, %v", name, ks, err)
		}
	}
}

func TestNetmask(t *testing.T) {
	for prefix := 1; prefix <= 32; prefix++ {
		if got := parseNetmask(family4, netmask(family4, prefix)); got != prefix {
			t.Errorf("/%d became /%d", prefix, got)
		}
	}
	for _, v := range []value{{255, 0, 255, 0}, {0, 0, 0, 1}, {1}} {
		if got := parseNetmask(family4, v); got != -1 {
			t.Errorf("%v became /%d", v, got)
		}
	}
}

func TestMessageError(t *testing.T) {
	header := make([]byte, headerSize)
	text := append([]byte{11, 0, attributeText, 0}, "reason\x00\x00"...)
	errno := []byte{0xff, 0xff, 0xff, 0xff} // -EPERM
	join := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	const both = flagTexts | flagCapped
	for name, c := range map[string]struct {
		m    message
		want string
	}{
		"success":   {message{kind: kindError, data: join(make([]byte, 4), header)}, ""},
		"short":     {message{kind: kindError, data: errno[:3]}, ""},
		"plain":     {message{kind: kindError, data: join(errno, header)}, "operation not permitted"},
		"text":      {message{kind: kindError, flags: both, data: join(errno, header, text)}, "operation not permitted: reason"},
		"dump text": {message{kind: kindDone, flags: flagTexts, data: join(errno, text)}, "operation not permitted: reason"},
		"cut text":  {message{kind: kindError, flags: both, data: join(errno, header, text[:9])}, "operation not permitted"},
	} {
		err := c.m.err()
		if c.want == "" && err == nil {
			continue
		}
		if err == nil || err.Error() != c.want || !errors.Is(err, os.ErrPermission) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// FuzzMessages reads what could come from the kernel. What it has programmed must
// survive being programmed again.
func FuzzMessages(f *testing.F) {
	k := key{family: family4, protocol: pool.TCP, addr: netip.MustParseAddr("192.0.2.100"), port: 80}
	s := service{scheduler: "rr", flags: flagPersistent, timeout: 300, prefix: 24}
	d := pool.Destination{Address: netip.MustParseAddrPort("198.51.100.11:80"), Forward: pool.Encap, Tunnel: pool.Tunnel{Kind: pool.GUE, Port: 6080}}
	f.Add(s.command(newService, k).append(nil, 30, 0, 1))
	f.Add(serverCommand(newServer, k, d).append(nil, 30, 0, 1))
	f.Add(daemon{state: stateMaster, sync: pool.Sync{Interface: "eth0", ID: 5}}.command(newDaemon).append(nil, 30, 0, 1))
	f.Add([]byte{16, 0, 0, 0, 3, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		for m := range messages(b).all {
			_ = m.err()
			as := m.attributes()
			_ = parseDaemon(as)
			if k, s, ok := parseService(as); ok && s.prefix >= 0 && s.prefix <= fullPrefix(k.family) {
				s.engine = "" // which is not programmed
				k2, s2, ok := parseService(answer(t, s.command(newService, k)))
				if !ok || k2 != k || s2 != s {
					t.Errorf("%+v %+v became %+v %+v, %v", k, s, k2, s2, ok)
				}
			}
			if d, ok := parseServer(as, family4); ok && d.Forward != stranger && d.Tunnel.Kind != stranger {
				d2, ok := parseServer(answer(t, serverCommand(newServer, k, d.Destination)), family4)
				if !ok || d2.Destination != d.Destination {
					t.Errorf("%+v became %+v, %v", d, d2, ok)
				}
			}
		}
	})
}

// TestNoPlane asks a kernel that has no IPVS.
func TestNoPlane(t *testing.T) {
	if _, err := os.Stat("/proc/net/ip_vs"); err == nil {
		t.Skip("this kernel has IPVS")
	}
	p, err := New(Config{})
	labtest.OK(t, err)
	vs := []pool.Virtual{web()}
	_, derr := p.Drift(t.Context(), vs)
	_, rerr := p.Read(t.Context(), vs)
	for name, err := range map[string]error{
		"set": p.Set(t.Context(), vs), "drift": derr, "read": rerr,
		"sync": p.Sync(t.Context(), pool.SyncMaster, pool.Sync{Interface: "lo"}),
	} {
		if !errors.Is(err, pool.ErrNoPlane) || !strings.Contains(err.Error(), "modprobe ip_vs, or plane: nftables") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	labtest.OK(t, p.Remove(t.Context(), vs)) // nothing is there
	labtest.OK(t, p.Sync(t.Context(), pool.SyncNone, pool.Sync{}))
	labtest.OK(t, p.Close())
	labtest.OK(t, p.Close())
	if err := p.Set(t.Context(), vs); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: got %v", err)
	}
}
