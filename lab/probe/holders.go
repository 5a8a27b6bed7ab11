// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/lab"
)

// Holders asks each host whether it has an address, by the host's own MAC
// address and from the switch's port: a frame goes to that host alone, whether
// or not the switch would let it pass.
type Holders struct {
	hosts []*holder
}

// holder is the probe of one host.
type holder struct {
	host    *lab.Host
	link    *link
	target  netip.Addr
	sends   []time.Duration
	answers []time.Duration
}

// Holders adds a probe of target on each host.
func (s *Session) Holders(l *lab.Lab, target netip.Addr, hosts ...*lab.Host) (*Holders, error) {
	hs := new(Holders)
	for _, h := range hosts {
		k, err := openLink(l, h, &target)
		if err != nil {
			return nil, fmt.Errorf("probing %s for %s: %w", h.Name, target, err)
		}
		p := &holder{
			host: h, link: k, target: target,
			sends: make([]time.Duration, 0, s.room()), answers: make([]time.Duration, 0, s.room()),
		}
		s.probers = append(s.probers, p)
		hs.hosts = append(hs.hosts, p)
	}
	return hs, nil
}

// send implements prober.
func (h *holder) send(now time.Duration) {
	h.sends = append(h.sends, now)
	h.link.ask(h.target, len(h.sends))
}

// drain implements prober.
func (h *holder) drain(stamps translator) {
	for {
		p, stamp := h.link.sock.receive()
		if p == nil {
			return
		}
		h.answers = append(h.answers, stamps.at(stamp))
	}
}

// close implements prober.
func (h *holder) close() { h.link.sock.close() }

// Of are the times during which the host answered.
func (hs *Holders) Of(h *lab.Host) []Interval {
	for _, p := range hs.hosts {
		if p.host == h {
			return intervals(p.sends, p.answers)
		}
	}
	return nil
}

// Dual is for how long within [from, to] more than one host answered.
func (hs *Holders) Dual(from, to time.Duration) time.Duration {
	var all [][]Interval
	for _, p := range hs.hosts {
		all = append(all, intervals(p.sends, p.answers))
	}
	return overlap(from, to, all...)
}

// link asks a host questions from the switch's port.
type link struct {
	sock *socket
	to   *unix.SockaddrLinklayer
	mac  net.HardwareAddr // the host's
	buf  []byte
}

// openLink opens a link that hears the host's answers about target, or about
// any IPv4 address if target is nil.
func openLink(l *lab.Lab, h *lab.Host, target *netip.Addr) (*link, error) {
	k := &link{to: port(h), mac: h.MAC, buf: make([]byte, 0, 128)}
	err := l.Switch().Do(func() (err error) {
		k.sock, err = openPort(h, answerFilter(target))
		return err
	})
	return k, err
}

// ask asks the host whether it has the address. n counts the questions.
func (k *link) ask(a netip.Addr, n int) {
	if a.Is4() {
		k.buf = appendARPRequest(k.buf[:0], k.mac, a)
	} else {
		k.buf = appendSolicitation(k.buf[:0], k.mac, a, n)
	}
	// A port that is down takes nothing, and its host answers nothing.
	_ = unix.Sendto(k.sock.fd, k.buf, unix.MSG_DONTWAIT, k.to)
}
