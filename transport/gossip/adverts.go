// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// advertQueue is how many adverts wait for Receive. More make the oldest go: of
// a sender's adverts the last one counts.
const advertQueue = 1024

// Adverts carry the VRRP adverts of one family between the configured nodes, as
// a socket for protocol 112 does: it is what an agent needs of a transport.
// Nodes have the addresses of vip.NodeAddress here. Send is for one goroutine,
// Receive for one other; the other methods are for anyone.
type Adverts struct {
	link   *Link
	family int
	vrids  [256]bool

	tx struct { // Send's
		batches map[netip.Addr]*batch
		used    []*batch
	}
	lent [][]byte // what the last Receive returned

	wake chan struct{} // holds one: look at the queue again
	done chan struct{} // closed by Close

	mu     sync.Mutex
	ring   []received // advertQueue of them once one has come
	first  int
	length int
	closed bool
}

// received is an advert that waits for Receive.
type received struct {
	from netip.Addr
	data []byte
}

// batch is what goes to one peer with one Send.
type batch struct {
	to      string
	count   int
	payload []byte
}

// Open makes a carrier of adverts of a family, 4 or 6, for these virtual
// routers or, with none given, for all. Any number may be open, and each
// receives all that is for it.
func (l *Link) Open(family int, vrids ...uint8) *Adverts {
	a := &Adverts{link: l, family: family, wake: make(chan struct{}, 1), done: make(chan struct{})}
	a.tx.batches = map[netip.Addr]*batch{}
	for i := range a.vrids {
		a.vrids[i] = len(vrids) == 0 || slices.Contains(vrids, uint8(i)) //nolint:gosec // 0 to 255
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(slices.Clone(l.open), a)
	return a
}

var errDestination = errors.New("the destination is no configured node's address")

// Send sends the packets, those for one node together and in order, and returns
// how many left: what can't go to one node does not keep back what is for
// another. It does not wait for a slow network. Src is not looked at: the receiver
// sets it to the address of the node that it knows to have sent them.
func (a *Adverts) Send(packets []wire.Packet) (int, error) {
	select {
	case <-a.done:
		return 0, net.ErrClosed
	default:
	}
	sent := 0
	var failure error
	flush := func(b *batch) {
		if b.count == 0 {
			return
		}
		if err := a.link.Send(b.to, Advert, b.payload); err != nil {
			failure = err
		} else {
			sent += b.count
		}
		b.count, b.payload = 0, b.payload[:0]
	}
	for i := range packets {
		data := packets[i].Data
		b, err := a.batch(packets[i].Dst)
		switch {
		case err != nil:
			failure = err
			continue
		case len(data) == 0 || len(data) > maxAdvert:
			failure = fmt.Errorf("sending an advert of %d bytes to %s: %w, %d bytes", len(data), b.to, ErrTooLong, maxAdvert)
			continue
		case len(b.payload)+advertPrefix+len(data) > MaxPayload:
			flush(b)
		}
		if b.count == 0 {
			b.payload = beginAdverts(b.payload[:0], a.family)
			a.tx.used = append(a.tx.used, b)
		}
		b.payload = appendAdvert(b.payload, data)
		b.count++
	}
	for _, b := range a.tx.used {
		flush(b)
	}
	clear(a.tx.used)
	a.tx.used = a.tx.used[:0]
	return sent, failure
}

// batch is what gathers packets to dst.
func (a *Adverts) batch(dst netip.Addr) (*batch, error) {
	if b := a.tx.batches[dst]; b != nil {
		return b, nil
	}
	a.link.mu.Lock()
	to, known := a.link.nodes[dst]
	a.link.mu.Unlock()
	if !known || dst.Is4() != (a.family == 4) {
		return nil, fmt.Errorf("sending an advert to %v: %w", dst, errDestination)
	}
	b := &batch{to: to}
	a.tx.batches[dst] = b
	return b, nil
}

// Receive waits for packets, stores them in batch and returns how many. The Data
// of each is valid until the next call. After Close it returns net.ErrClosed.
func (a *Adverts) Receive(packets []wire.Packet) (int, error) {
	for {
		if n, err := a.take(packets); n > 0 || err != nil || len(packets) == 0 {
			return n, err
		}
		select {
		case <-a.wake:
		case <-a.done:
		}
	}
}

// take moves packets from the queue to batch, and their buffers with them: the
// queue goes on with those of the last time.
func (a *Adverts) take(packets []wire.Packet) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return 0, net.ErrClosed
	}
	n := min(len(packets), a.length)
	for len(a.lent) < n {
		a.lent = append(a.lent, nil)
	}
	own := a.link.address(a.family)
	for i := range n {
		r := &a.ring[(a.first+i)%advertQueue]
		r.data, a.lent[i] = a.lent[i], r.data
		packets[i] = wire.Packet{Src: r.from, Dst: own, TTL: wire.TTL, Data: a.lent[i]}
	}
	a.first, a.length = (a.first+n)%advertQueue, a.length-n
	return n, nil
}

// Pending tells whether packets have arrived that Receive has not returned.
// It doesn't block, and is false after Close.
func (a *Adverts) Pending() bool {
	select {
	case <-a.done:
		return false
	default:
	}
	// In this order: what leaves the socket is on its way to the queue first.
	if a.link.sockets.pending() {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.length > 0
}

// Close ends the carrier and wakes its Receive. It may be called twice.
func (a *Adverts) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil
	}
	a.closed, a.ring, a.length = true, nil, 0
	close(a.done)
	l := a.link
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = slices.DeleteFunc(slices.Clone(l.open), func(o *Adverts) bool { return o == a })
	return nil
}

// push keeps a copy of an advert for Receive, and tells whether there was room.
func (a *Adverts) push(from netip.Addr, data []byte) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return true
	}
	if a.ring == nil {
		a.ring = make([]received, advertQueue)
	}
	full := a.length == advertQueue
	if full {
		a.first = (a.first + 1) % advertQueue
		a.length--
	}
	r := &a.ring[(a.first+a.length)%advertQueue]
	r.from, r.data = from, append(r.data[:0], data...)
	a.length++
	wake(a.wake)
	return !full
}

// deliver gives the adverts in a message to those who want them.
func (l *Link) deliver(from *peer, open []*Adverts, payload []byte) error {
	family, list, err := parseAdverts(payload)
	if err != nil {
		return err
	}
	src := from.address[familyIndex(family)]
	for data := range list {
		for _, a := range open {
			if a.family != family || len(data) > 1 && !a.vrids[data[1]] {
				continue
			}
			if !a.push(src, data) {
				l.counts.overflow.Add(1)
			}
		}
	}
	return nil
}

// address is this node's.
func (l *Link) address(family int) netip.Addr { return l.addresses[familyIndex(family)] }

// nodeAddresses are a node's addresses of both families.
func nodeAddresses(name string) [2]netip.Addr {
	return [2]netip.Addr{vip.NodeAddress(name, 4), vip.NodeAddress(name, 6)}
}

func familyIndex(family int) int {
	if family == 4 {
		return 0
	}
	return 1
}
