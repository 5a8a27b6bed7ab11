// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/lab"
)

// Offsets in an Ethernet frame.
const (
	etherType  = 12
	arpOp      = 20
	arpSender  = 28
	ip6Next    = 20
	icmp6      = 54
	icmp6About = 62 // the target of a neighbour message
)

// Neighbour discovery (RFC 4861 sections 4.3 and 4.4).
const (
	solicitation  = 135
	advertisement = 136
	sourceMAC     = 1 // option
)

// appendARPRequest appends a frame that asks the host with this MAC for an
// IPv4 address. The sender is the switch, so that the answer goes to no other
// host, and has no address (an ARP probe, RFC 5227 section 1.1), so that no
// cache learns from it.
func appendARPRequest(b []byte, mac net.HardwareAddr, a netip.Addr) []byte {
	b = append(b, mac...)
	b = append(b, lab.SwitchMAC...)
	b = append(b, 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1)
	b = append(b, lab.SwitchMAC...)
	b = append(b, 0, 0, 0, 0)
	b = append(b, 0, 0, 0, 0, 0, 0)
	return append(b, a.AsSlice()...)
}

// solicitations is after how many questions the asker takes another address.
// The host keeps a neighbour entry for the asker, and after some seconds would
// want to hear from it.
const solicitations = 2000

// appendSolicitation appends the nth frame that asks the host with this MAC
// for an IPv6 address. The answer goes to the switch's MAC address.
func appendSolicitation(b []byte, mac net.HardwareAddr, a netip.Addr, n int) []byte {
	b = append(b, mac...)
	b = append(b, lab.SwitchMAC...)
	b = append(b, 0x86, 0xdd)
	b = append(b, 0x60, 0, 0, 0, 0, 32, unix.IPPROTO_ICMPV6, 255)
	ip := len(b)
	asker := [16]byte{0: 0xfe, 1: 0x80, 8: 0x02, 11: 0xff, 12: 0xfe}
	binary.BigEndian.PutUint16(asker[14:], uint16(n/solicitations))
	b = append(b, asker[:]...)
	b = append(b, a.AsSlice()...)
	message := len(b)
	b = append(b, solicitation, 0, 0, 0, 0, 0, 0, 0)
	b = append(b, a.AsSlice()...)
	b = append(b, sourceMAC, 1)
	b = append(b, lab.SwitchMAC...)
	// The pseudo-header (RFC 8200 section 8.1): addresses, length, next header.
	sum := checksum(b[ip:], 32+unix.IPPROTO_ICMPV6)
	binary.BigEndian.PutUint16(b[message+2:], sum)
	return b
}

// answerFilter passes what a host answers to the switch about target, or about
// any IPv4 address if target is nil.
func answerFilter(target *netip.Addr) []bpf.Instruction {
	want := []word{
		{0, 4, binary.BigEndian.Uint32(lab.SwitchMAC)},
		{4, 2, uint32(binary.BigEndian.Uint16(lab.SwitchMAC[4:]))},
	}
	switch {
	case target == nil || target.Is4():
		want = append(want, word{etherType, 2, unix.ETH_P_ARP}, word{arpOp, 2, 2})
		if target != nil {
			want = append(want, word{arpSender, 4, binary.BigEndian.Uint32(target.AsSlice())})
		}
	default:
		want = append(want, word{etherType, 2, unix.ETH_P_IPV6},
			word{ip6Next, 1, unix.IPPROTO_ICMPV6}, word{icmp6, 1, advertisement})
		for n, b := 0, target.AsSlice(); n < len(b); n += 4 {
			want = append(want, word{uint32(icmp6About + n), 4, binary.BigEndian.Uint32(b[n:])})
		}
	}
	return match(want)
}

// word is a value at an offset.
type word struct {
	off   uint32
	size  int
	value uint32
}

// match passes frames that have all the words.
func match(words []word) []bpf.Instruction {
	var prog []bpf.Instruction
	for n, w := range words {
		left := len(words) - n - 1
		prog = append(prog,
			bpf.LoadAbsolute{Off: w.off, Size: w.size},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: w.value, SkipFalse: uint8(2*left + 1)})
	}
	return append(prog, bpf.RetConstant{Val: 128}, bpf.RetConstant{Val: 0})
}
