// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
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

// holder is the probe of one host at one of its ports.
type holder struct {
	host    *lab.Host
	link    *link
	target  netip.Addr
	sends   []time.Duration
	answers []time.Duration
	last    atomic.Int64
}

// Port is an interface of a host as the switch sees it.
type Port struct {
	Index int              // of the switch's end
	MAC   net.HardwareAddr // of the host's end
}

// Holders adds a probe of target on each host.
func (s *Session) Holders(l *lab.Lab, target netip.Addr, hosts ...*lab.Host) (*Holders, error) {
	hs := new(Holders)
	for _, h := range hosts {
		if err := s.HolderAt(l, hs, target, h, Port{Index: h.Port(), MAC: h.MAC}); err != nil {
			return nil, err
		}
	}
	return hs, nil
}

// HolderAt adds a probe of target on a host at one more of its interfaces.
func (s *Session) HolderAt(l *lab.Lab, hs *Holders, target netip.Addr, h *lab.Host, at Port) error {
	k, err := openLink(l, at, &target)
	if err != nil {
		return fmt.Errorf("probing %s for %s: %w", h.Name, target, err)
	}
	p := &holder{
		host: h, link: k, target: target,
		sends: make([]time.Duration, 0, s.room()), answers: make([]time.Duration, 0, s.room()),
	}
	s.probers = append(s.probers, p)
	hs.hosts = append(hs.hosts, p)
	return nil
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
		at := stamps.at(stamp)
		h.answers = append(h.answers, at)
		h.last.Store(int64(at))
	}
}

// close implements prober.
func (h *holder) close() { h.link.sock.close() }

// Of are the times during which the host answered, port by port.
func (hs *Holders) Of(h *lab.Host) []Interval {
	var out []Interval
	for _, p := range hs.hosts {
		if p.host == h {
			out = append(out, intervals(p.sends, p.answers, tolerance)...)
		}
	}
	return out
}

// Last is when the host last answered. It may be asked while the session runs.
func (hs *Holders) Last(h *lab.Host) time.Duration {
	var last int64
	for _, p := range hs.hosts {
		if p.host == h {
			last = max(last, p.last.Load())
		}
	}
	return time.Duration(last)
}

// Answers are when within [from, to] the host answered, in order.
func (hs *Holders) Answers(h *lab.Host, from, to time.Duration) []time.Duration {
	var out []time.Duration
	for _, p := range hs.hosts {
		if p.host == h {
			out = append(out, within(p.answers, from, to)...)
		}
	}
	slices.Sort(out)
	return out
}

// Doubles are the answers of a host that came between two answers of another
// one, and thus while there were two holders. Unlike Dual it sees a single
// answer, too.
func (hs *Holders) Doubles() []Double {
	by := make(map[string]*presence)
	for _, p := range hs.hosts {
		if by[p.host.Name] == nil {
			by[p.host.Name] = new(presence)
		}
		by[p.host.Name].add(p.sends, p.answers)
	}
	return doubles(by)
}

// Dual is for how long within [from, to] more than one host answered. A host
// that answers at two ports counts twice.
func (hs *Holders) Dual(from, to time.Duration) time.Duration {
	var all [][]Interval
	for _, p := range hs.hosts {
		all = append(all, intervals(p.sends, p.answers, tolerance))
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
func openLink(l *lab.Lab, at Port, target *netip.Addr) (*link, error) {
	k := &link{to: port(at.Index), mac: at.MAC, buf: make([]byte, 0, 128)}
	err := l.Switch().Do(func() (err error) {
		k.sock, err = openPort(at.Index, answerFilter(target))
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
