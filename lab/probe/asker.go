// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/lab"
)

// Asker asks all hosts at once for an IPv4 address by ARP, as a client's kernel
// does that looks for it, and keeps who answered.
type Asker struct {
	sock     *socket
	to       *unix.SockaddrLinklayer
	question []byte
	names    map[string]string // by MAC address
	sends    []time.Duration
	answers  map[string][]time.Duration // by name
	last     atomic.Int64
}

// arpSenderMAC is where an ARP message has its sender's MAC address.
const arpSenderMAC = 22

// Asker adds an asker on a host. names tells whose the MAC addresses are (as
// net.HardwareAddr writes them); one that is not there stands for itself.
func (s *Session) Asker(h *lab.Host, own, target netip.Addr, names map[string]string) (*Asker, error) {
	a := &Asker{
		question: appendWhoHas(nil, h.MAC, own, target), names: names,
		sends: make([]time.Duration, 0, s.room()), answers: make(map[string][]time.Duration),
	}
	err := h.Do(func() error {
		i, err := net.InterfaceByName(lab.Interface)
		if err != nil {
			return fmt.Errorf("finding %s: %w", lab.Interface, err)
		}
		a.to = &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ARP), Ifindex: i.Index}
		if a.sock, err = openSocket(unix.AF_PACKET, unix.SOCK_RAW, 0, whoHasFilter(h.MAC, target)); err != nil {
			return err
		}
		if err := unix.Bind(a.sock.fd, a.to); err != nil {
			a.sock.close()
			return fmt.Errorf("binding a packet socket: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("asking for %s from %s: %w", target, h.Name, err)
	}
	s.probers = append(s.probers, a)
	return a, nil
}

// appendWhoHas appends an ARP request to all, in a client's name (RFC 826).
func appendWhoHas(b []byte, mac net.HardwareAddr, own, target netip.Addr) []byte {
	b = append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	b = append(b, mac...)
	b = append(b, 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1)
	b = append(b, mac...)
	b = append(b, own.AsSlice()...)
	b = append(b, 0, 0, 0, 0, 0, 0)
	return append(b, target.AsSlice()...)
}

// whoHasFilter passes ARP answers to the host about target.
func whoHasFilter(mac net.HardwareAddr, target netip.Addr) []bpf.Instruction {
	return match([]word{
		{0, 4, binary.BigEndian.Uint32(mac)},
		{4, 2, uint32(binary.BigEndian.Uint16(mac[4:]))},
		{etherType, 2, unix.ETH_P_ARP},
		{arpOp, 2, 2},
		{arpSender, 4, binary.BigEndian.Uint32(target.AsSlice())},
	})
}

// send implements prober.
func (a *Asker) send(now time.Duration) {
	a.sends = append(a.sends, now)
	// What can't be sent is not answered either.
	_ = unix.Sendto(a.sock.fd, a.question, unix.MSG_DONTWAIT, a.to)
}

// drain implements prober.
func (a *Asker) drain(stamps translator) {
	for {
		p, stamp := a.sock.receive()
		if p == nil {
			return
		}
		if len(p) < arpSenderMAC+6 {
			continue
		}
		name := net.HardwareAddr(p[arpSenderMAC : arpSenderMAC+6]).String()
		if known, ok := a.names[name]; ok {
			name = known
		}
		at := stamps.at(stamp)
		a.answers[name] = append(a.answers[name], at)
		a.last.Store(int64(at))
	}
}

// close implements prober.
func (a *Asker) close() { a.sock.close() }

// Last is when anybody last answered. It may be asked while the session runs.
func (a *Asker) Last() time.Duration { return time.Duration(a.last.Load()) }

// Of are, after the session's end, the times during which each answered.
func (a *Asker) Of() map[string][]Interval {
	out := make(map[string][]Interval)
	for name, answers := range a.answers {
		out[name] = intervals(a.sends, answers, tolerance)
	}
	return out
}

// Doubles are, after the session's end, the answers that came while another one
// answered.
func (a *Asker) Doubles() []Double {
	by := make(map[string]*presence)
	for name, answers := range a.answers {
		by[name] = new(presence)
		by[name].add(a.sends, answers)
	}
	return doubles(by)
}

// Longest is, after the session's end, the longest time within [from, to] during
// which nobody answered: between two answers, with at least one question of which
// nothing came. The time after the last answer does not count.
func (a *Asker) Longest(from, to time.Duration) time.Duration {
	var all []time.Duration
	for _, answers := range a.answers {
		all = append(all, within(answers, from, to)...)
	}
	slices.Sort(all)
	var longest time.Duration
	next := 0 // the first question after the last answer
	for n, at := range all {
		start := next
		for next < len(a.sends) && a.sends[next] < at {
			next++
		}
		// The last of them is the one answered.
		if n > 0 && next-start > 1 {
			longest = max(longest, at-all[n-1])
		}
	}
	return longest
}
