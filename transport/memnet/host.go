// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package memnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// queueLen is how many packets a Conn keeps for Receive. More are dropped, as a
// kernel's full buffer drops them.
const queueLen = 1024

// anyFamily is the family of a Conn that takes both.
const anyFamily = 0

// Host is a host on the LAN. It has no goroutines and no state but its
// addresses: a restarted agent opens a new Conn on the same Host.
type Host struct {
	lan       *LAN
	name      string
	addresses []netip.Addr
	conns     []*Conn
	frozen    bool
}

// Host adds a host. Its name is its own among the LAN's.
func (l *LAN) Host(name string, addresses ...netip.Addr) *Host {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.hosts {
		if h.name == name {
			panic(fmt.Sprintf("memnet: there is a host %q already", name))
		}
	}
	h := &Host{lan: l, name: name, addresses: slices.Clone(addresses)}
	l.hosts = append(l.hosts, h)
	return h
}

// Name is what the host was called.
func (h *Host) Name() string { return h.name }

// SetAddresses replaces the host's addresses.
func (h *Host) SetAddresses(addresses ...netip.Addr) {
	h.lan.mu.Lock()
	defer h.lan.mu.Unlock()
	h.addresses = slices.Clone(addresses)
}

// Freeze stops the host's Receives: what arrives is queued, and what is too
// much is dropped, until Thaw. It makes a host deaf and not dumb: Send works.
func (h *Host) Freeze() { h.setFrozen(true) }

// Thaw ends Freeze.
func (h *Host) Thaw() { h.setFrozen(false) }

func (h *Host) setFrozen(frozen bool) {
	h.lan.mu.Lock()
	defer h.lan.mu.Unlock()
	h.frozen = frozen
	for _, c := range h.conns {
		c.awaken()
	}
}

// Open opens a Conn for both families. It gets what is sent to the host's
// addresses, and with multicast also what is sent to wire.Group4 and
// wire.Group6. (The real transport joins the group for unicast routers too, so
// that packets sent there by mistake are counted; multicast is true for that.)
func (h *Host) Open(multicast bool) *Conn { return h.OpenFamily(anyFamily, multicast) }

// OpenFamily opens a Conn that carries one family only, 4 or 6.
func (h *Host) OpenFamily(family int, multicast bool) *Conn {
	if family != anyFamily && family != 4 && family != 6 {
		panic(fmt.Sprintf("memnet: family %d", family))
	}
	c := &Conn{
		host: h, family: family, multicast: multicast,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	h.lan.mu.Lock()
	defer h.lan.mu.Unlock()
	h.conns = append(h.conns, c)
	return c
}

// wants tells whether packets to dst come to this host.
func (h *Host) wants(dst netip.Addr) bool { return isGroup(dst) || slices.Contains(h.addresses, dst) }

// deliver gives p to every Conn that it is for.
func (h *Host) deliver(p *wire.Packet) {
	for _, c := range h.conns {
		if c.carries(p.Dst) && (c.multicast || !isGroup(p.Dst)) {
			c.enqueue(p)
		}
	}
}

// source is the address that packets to dst leave from.
func (h *Host) source(dst netip.Addr) netip.Addr {
	for _, a := range h.addresses {
		if a.Is4() == dst.Is4() {
			return a
		}
	}
	return netip.Addr{}
}

// Conn is a host's socket: an agent's Transport.
type Conn struct {
	host      *Host
	family    int
	multicast bool
	wake      chan struct{} // holds one: look at the queue again
	done      chan struct{} // closed by Close

	// Guarded by the LAN's mutex.
	queue    []wire.Packet
	lent     []wire.Packet // what the last Receive returned
	overflow uint64
	closed   bool
}

var (
	errDestination = errors.New("no destination of this family")
	errSource      = errors.New("no source address of this family")
)

// Send sends the packets in order, to the other hosts only. A packet without
// Src leaves from the host's first address of the family, one without TTL with
// wire.TTL; a test may forge both. After Close it returns net.ErrClosed.
func (c *Conn) Send(batch []wire.Packet) (int, error) {
	l := c.host.lan
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	for n := range batch {
		p := batch[n]
		if !p.Dst.IsValid() || !c.carries(p.Dst) {
			return n, fmt.Errorf("sending to %v: %w", p.Dst, errDestination)
		}
		if !p.Src.IsValid() {
			p.Src = c.host.source(p.Dst)
		}
		if !p.Src.IsValid() || p.Src.Is4() != p.Dst.Is4() {
			return n, fmt.Errorf("sending to %v: %w", p.Dst, errSource)
		}
		if p.TTL == 0 {
			p.TTL = wire.TTL
		}
		l.send(c.host, &p)
	}
	return len(batch), nil
}

// Receive waits for packets, stores them in batch and returns how many. The
// Data of each is overwritten by the next call, so that a test notices who
// keeps it. After Close it returns net.ErrClosed.
func (c *Conn) Receive(batch []wire.Packet) (int, error) {
	for {
		if n, err := c.take(batch); n > 0 || err != nil || len(batch) == 0 {
			return n, err
		}
		select {
		case <-c.wake:
		case <-c.done:
		}
	}
}

// take moves packets from the queue to batch, if there are any to be had.
func (c *Conn) take(batch []wire.Packet) (int, error) {
	c.host.lan.mu.Lock()
	defer c.host.lan.mu.Unlock()
	for _, p := range c.lent {
		for i := range p.Data {
			p.Data[i] = 0xdb
		}
	}
	clear(c.lent)
	c.lent = c.lent[:0]
	if c.closed {
		return 0, net.ErrClosed
	}
	if c.host.frozen {
		return 0, nil
	}
	n := copy(batch, c.queue)
	c.lent = append(c.lent, c.queue[:n]...)
	c.queue = slices.Delete(c.queue, 0, n)
	return n, nil
}

// Pending tells whether packets have arrived that Receive has not returned.
func (c *Conn) Pending() bool {
	c.host.lan.mu.Lock()
	defer c.host.lan.mu.Unlock()
	return len(c.queue) > 0
}

// Overflow is how many packets were dropped because nobody received them.
func (c *Conn) Overflow() uint64 {
	c.host.lan.mu.Lock()
	defer c.host.lan.mu.Unlock()
	return c.overflow
}

// Close ends the Conn and wakes its Receive. What was sent before stays under
// way. It may be called twice.
func (c *Conn) Close() error {
	c.host.lan.mu.Lock()
	defer c.host.lan.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed, c.queue = true, nil
	c.host.conns = slices.DeleteFunc(c.host.conns, func(o *Conn) bool { return o == c })
	close(c.done)
	return nil
}

func (c *Conn) carries(a netip.Addr) bool { return c.family == anyFamily || (c.family == 4) == a.Is4() }

// enqueue keeps a copy of p for Receive.
func (c *Conn) enqueue(p *wire.Packet) {
	if len(c.queue) >= queueLen {
		c.overflow++
		return
	}
	c.queue = append(c.queue, clone(p))
	c.awaken()
}

// awaken makes Receive look again. It doesn't block: one wake-up is as good as
// two.
func (c *Conn) awaken() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}
