// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// The frames of the fence's tests: addresses that are fenced, and others.
var (
	vip4, vip6     = netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("2001:db8::100")
	own4, own6     = netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("2001:db8::10")
	peer4, peer6   = netip.MustParseAddr("192.0.2.20"), netip.MustParseAddr("2001:db8::20")
	fencePeerMAC   = hardware{2, 0, 0, 0, 0, 2}
	fenceAddresses = []netip.Addr{vip4, vip6}
)

// etherFrame makes a frame to testMAC, with VLAN tags if there are any.
func etherFrame(kind uint16, payload []byte, tags ...uint16) []byte {
	b := append(slices.Clone(testMAC[:]), fencePeerMAC[:]...)
	for _, tag := range tags {
		b = binary.BigEndian.AppendUint16(b, tag)
		b = binary.BigEndian.AppendUint16(b, 0) // VLAN 0: a priority only
	}
	return append(binary.BigEndian.AppendUint16(b, kind), payload...)
}

func arpPayload(operation uint16, sender, target netip.Addr) []byte {
	b := []byte{0, 1, 8, 0, 6, 4, byte(operation >> 8), byte(operation)}
	b = append(append(b, fencePeerMAC[:]...), sender.AsSlice()...)
	return append(append(b, 0, 0, 0, 0, 0, 0), target.AsSlice()...)
}

// sum is the Internet checksum.
func sum(b []byte) uint16 {
	var s uint32
	for i := 0; i+1 < len(b); i += 2 {
		s += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}

// ping4 is an echo request or, with kind 0, a reply.
func ping4(kind byte, from, to netip.Addr) []byte {
	b := []byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, unix.IPPROTO_ICMP, 0, 0}
	b = append(append(b, from.AsSlice()...), to.AsSlice()...)
	binary.BigEndian.PutUint16(b[10:], sum(b))
	icmp := []byte{kind, 0, 0, 0, 0, 1, 0, 1}
	binary.BigEndian.PutUint16(icmp[2:], sum(icmp))
	return append(b, icmp...)
}

// icmp6 makes an ICMPv6 message, behind extension headers if there are any,
// each of which is 8 bytes of padding.
func icmp6(from, to netip.Addr, message []byte, extensions ...byte) []byte {
	next := append(slices.Clone(extensions), unix.IPPROTO_ICMPV6)
	b := []byte{0x60, 0, 0, 0, 0, byte(len(message) + 8*len(extensions)), next[0], 255}
	b = append(append(b, from.AsSlice()...), to.AsSlice()...)
	pseudo := append(slices.Clone(b[8:]), 0, 0, 0, byte(len(message)), 0, 0, 0, unix.IPPROTO_ICMPV6)
	for i := range extensions {
		b = append(b, next[i+1], 0, 1, 4, 0, 0, 0, 0)
	}
	message = slices.Clone(message)
	binary.BigEndian.PutUint16(message[2:], sum(append(pseudo, message...)))
	return append(b, message...)
}

// neighbourMessage is a Solicitation or an Advertisement of a target.
func neighbourMessage(kind byte, target netip.Addr) []byte {
	b := append([]byte{kind, 0, 0, 0, 0, 0, 0, 0}, target.AsSlice()...)
	option := byte(1)
	if kind == icmpNA {
		b[4], option = 0x20, 2
	}
	return append(append(b, option, 1), fencePeerMAC[:]...)
}

var echo6 = []byte{128, 0, 0, 0, 0, 1, 0, 1}

func solicited(a netip.Addr) netip.Addr {
	b := a.As16()
	return netip.AddrFrom16([16]byte{0xff, 2, 11: 1, 12: 0xff, 13: b[13], 14: b[14], 15: b[15]})
}

// bootNow reads CLOCK_BOOTTIME.
func bootNow(t testing.TB) time.Duration {
	t.Helper()
	var ts unix.Timespec
	must(t, unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts))
	return time.Duration(ts.Nano())
}

// needFence skips where the kernel has no fence to offer.
func needFence(t testing.TB) {
	t.Helper()
	err := FenceUsable()
	if errors.Is(err, unix.EPERM) || errors.Is(err, ebpf.ErrNotSupported) {
		t.Skipf("needs eBPF: %v", err)
	}
	must(t, err)
}

// What a packet meets, by direction: whether it is dropped while the fence is
// closed, and while it is closed for neighbours only.
var fencePackets = []struct {
	name              string
	kind              uint16
	payload           []byte
	in, out           bool
	neighIn, neighOut bool
}{
	{"ip4 to", etherIPv4, ping4(8, peer4, vip4), true, false, false, false},
	{"ip4 from", etherIPv4, ping4(0, vip4, peer4), false, true, false, false},
	{"ip4 of others", etherIPv4, ping4(8, peer4, own4), false, false, false, false},
	{"ip6 to", etherIPv6, icmp6(peer6, vip6, echo6), true, false, false, false},
	{"ip6 from", etherIPv6, icmp6(vip6, peer6, echo6), false, true, false, false},
	{"ip6 of others", etherIPv6, icmp6(peer6, own6, echo6), false, false, false, false},
	{"arp for", etherARP, arpPayload(arpRequest, peer4, vip4), true, false, true, false},
	{"arp probe for", etherARP, arpPayload(arpRequest, netip.IPv4Unspecified(), vip4), true, false, true, false},
	{"arp of another holder", etherARP, arpPayload(arpRequest, vip4, vip4), false, true, false, true},
	{"arp reply of another holder", etherARP, arpPayload(arpReply, vip4, vip4), false, true, false, true},
	{"arp request from", etherARP, arpPayload(arpRequest, vip4, peer4), false, true, false, true},
	{"arp for others", etherARP, arpPayload(arpRequest, peer4, own4), false, false, false, false},
	{"arp cut short", etherARP, arpPayload(arpRequest, peer4, vip4)[:20], false, false, false, false},
	{"ns for", etherIPv6, icmp6(peer6, solicited(vip6), neighbourMessage(icmpNS, vip6)), true, false, true, false},
	{"ns to and for", etherIPv6, icmp6(peer6, vip6, neighbourMessage(icmpNS, vip6)), true, false, true, false},
	{"ns behind extensions", etherIPv6, icmp6(peer6, solicited(vip6), neighbourMessage(icmpNS, vip6), 0, 60), true, false, true, false},
	{"ns from", etherIPv6, icmp6(vip6, solicited(peer6), neighbourMessage(icmpNS, peer6)), false, true, false, true},
	{"na of", etherIPv6, icmp6(own6, peer6, neighbourMessage(icmpNA, vip6)), false, true, false, true},
	{"na from", etherIPv6, icmp6(vip6, peer6, neighbourMessage(icmpNA, vip6)), false, true, false, true},
	{"ns for others", etherIPv6, icmp6(peer6, solicited(own6), neighbourMessage(icmpNS, own6)), false, false, false, false},
	{"na of others", etherIPv6, icmp6(own6, peer6, neighbourMessage(icmpNA, own6)), false, false, false, false},
	{"neither", 0x88cc, ping4(8, peer4, vip4), false, false, false, false},
}

// The programs, run by the kernel on each packet: open, closed and closed for
// neighbours; in each kind of frame.
func TestFenceProgram(t *testing.T) {
	needFence(t)
	h := newHost(t)
	f := h.fence(FenceConfig{})
	tags := map[string][]uint16{"": nil, " tagged": {ether8021}, " tagged twice": {ether8ad, ether8021}, " thrice": {ether8021, ether8021, ether8021}}
	run := func(state string, want func(i int, ingress bool) bool) {
		t.Helper()
		for i, p := range fencePackets {
			for kind, filter := range f.programs {
				for tagged, tags := range tags {
					if !kind.ether && tags != nil {
						continue
					}
					act, _, err := filter.program.Test(etherFrame(p.kind, p.payload, tags...))
					must(t, err)
					if dropped := int32(act) == actShot; dropped != want(i, kind.ingress) {
						t.Errorf("%s, %s%s, %+v: dropped %v", state, p.name, tagged, kind, dropped)
					}
					if int32(act) != actShot && int32(act) != actUnspec {
						t.Errorf("%s, %s%s, %+v: returned %d", state, p.name, tagged, kind, int32(act))
					}
				}
			}
		}
	}
	never := func(int, bool) bool { return false }
	run("unknown", never)
	must(t, f.Set(fenceAddresses, bootNow(t)+time.Hour))
	run("open", never)
	must(t, f.Shut(fenceAddresses))
	closed := func(i int, ingress bool) bool {
		if ingress {
			return fencePackets[i].in
		}
		return fencePackets[i].out
	}
	run("closed", closed)
	must(t, f.Set(fenceAddresses, bootNow(t)-1))
	run("past", closed)
	must(t, f.Neighbours(fenceAddresses, true))
	run("neighbours", func(i int, ingress bool) bool {
		if ingress {
			return fencePackets[i].neighIn
		}
		return fencePackets[i].neighOut
	})
	must(t, f.Set(fenceAddresses, bootNow(t)+time.Hour))
	run("neighbours open", never)
	must(t, f.Neighbours(fenceAddresses, false))
	run("closed again", closed)
	must(t, f.Forget(fenceAddresses))
	must(t, f.Forget(fenceAddresses))
	run("forgotten", never)
}
