// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/lab"
)

// A Sweep asks for few addresses while none answers, and for many each
// interval from then on until all have.
const (
	fewAsked  = 8
	manyAsked = 50
)

// Sweep finds when each of many IPv4 addresses on a host first answers.
type Sweep struct {
	link    *link
	addrs   []netip.Addr
	index   map[[4]byte]int
	first   []time.Duration // by address; none: not yet
	waiting []int           // those that did not answer, in the order of asking
	next    int
}

// Sweep adds a sweep of addresses on a host.
func (s *Session) Sweep(l *lab.Lab, h *lab.Host, addrs []netip.Addr) (*Sweep, error) {
	w := &Sweep{
		addrs: addrs,
		index: make(map[[4]byte]int, len(addrs)),
		first: make([]time.Duration, len(addrs)),
	}
	for n, a := range addrs {
		if !a.Is4() {
			return nil, errors.New("a sweep is for IPv4 addresses")
		}
		w.index[a.As4()] = n
		w.first[n] = none
		w.waiting = append(w.waiting, n)
	}
	k, err := openLink(l, Port{Index: h.Port(), MAC: h.MAC}, nil)
	if err != nil {
		return nil, fmt.Errorf("sweeping addresses on %s: %w", h.Name, err)
	}
	w.link = k
	s.probers = append(s.probers, w)
	return w, nil
}

// send implements prober.
func (w *Sweep) send(time.Duration) {
	few := len(w.waiting) == len(w.addrs)
	step := 1
	if few {
		step = max(1, len(w.waiting)/fewAsked)
	}
	asked := manyAsked
	if few {
		asked = fewAsked
	}
	for range min(asked, len(w.waiting)) {
		w.next = (w.next + step) % len(w.waiting)
		w.link.ask(w.addrs[w.waiting[w.next]], 0)
	}
	if few {
		w.next = (w.next + 1) % max(1, len(w.waiting)) // others the next time
	}
}

// drain implements prober.
func (w *Sweep) drain(stamps translator) {
	before := len(w.waiting)
	for {
		p, stamp := w.link.sock.receive()
		if p == nil {
			break
		}
		if len(p) < arpSender+4 {
			continue
		}
		n, ok := w.index[[4]byte(p[arpSender:])]
		if ok && w.first[n] == none {
			w.first[n] = stamps.at(stamp)
			before--
		}
	}
	if before == len(w.waiting) {
		return
	}
	left, next := w.waiting[:0], 0
	for i, n := range w.waiting {
		if w.first[n] != none {
			continue
		}
		if i <= w.next {
			next = len(left)
		}
		left = append(left, n)
	}
	w.waiting, w.next = left, next
}

// close implements prober.
func (w *Sweep) close() { w.link.sock.close() }

// Answered is how many addresses have answered, and when the first and the
// last of them did.
func (w *Sweep) Answered() (n int, first, last time.Duration) {
	for _, at := range w.first {
		if at == none {
			continue
		}
		if n == 0 || at < first {
			first = at
		}
		last = max(last, at)
		n++
	}
	return n, first, last
}
