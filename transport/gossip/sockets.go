// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	// maxPacket is the longest packet that is read. Ours have 1400 bytes.
	maxPacket = 4 << 10
	// portTries is how often a port that is free for TCP and UDP is looked for.
	portTries = 10
	// acceptPause is how long a listener waits after an error.
	acceptPause = 100 * time.Millisecond
)

// sockets are memberlist's transport: one UDP and one TCP socket per address.
// memberlist's own sends from its first socket alone, whatever the family of
// the peer, and takes 64 KiB of memory for each packet it reads.
type sockets struct {
	udp []*datagrams
	tcp []*net.TCPListener

	advertised netip.AddrPort

	packets chan *memberlist.Packet
	streams chan net.Conn

	ctx    context.Context //nolint:containedctx // dials take no context from memberlist
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

var _ memberlist.NodeAwareTransport = (*sockets)(nil)

// openSockets binds addresses to a port, or to one that is free.
func openSockets(bind []netip.Addr, port uint16) (*sockets, error) {
	s, err := bindSockets(bind, port)
	for range portTries {
		if err == nil || port != 0 {
			break
		}
		s, err = bindSockets(bind, port)
	}
	return s, err
}

func bindSockets(bind []netip.Addr, port uint16) (*sockets, error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sockets{
		packets: make(chan *memberlist.Packet), streams: make(chan net.Conn),
		ctx: ctx, cancel: cancel,
	}
	for _, a := range bind {
		family := "6"
		if a.Is4() {
			family = "4"
		}
		at := netip.AddrPortFrom(a, port)
		lc := net.ListenConfig{Control: freebind}
		listener, err := lc.Listen(ctx, "tcp"+family, at.String())
		if err != nil {
			_ = s.close()
			return nil, fmt.Errorf("listening on %v for peers: %w", at, err)
		}
		s.tcp = append(s.tcp, listener.(*net.TCPListener))
		at = netip.AddrPortFrom(a, s.port())
		port = at.Port()
		conn, err := lc.ListenPacket(ctx, "udp"+family, at.String())
		if err != nil {
			_ = s.close()
			return nil, fmt.Errorf("opening the socket %v for peers: %w", at, err)
		}
		d, err := newDatagrams(conn.(*net.UDPConn))
		if err != nil {
			_ = conn.Close()
			_ = s.close()
			return nil, fmt.Errorf("opening the socket %v for peers: %w", at, err)
		}
		s.udp = append(s.udp, d)
	}
	return s, nil
}

// absent are those of some addresses that no interface has now.
func absent(bind []netip.Addr) []netip.Addr {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(bind), func(a netip.Addr) bool {
		return a.IsUnspecified() || a.IsLoopback() || slices.ContainsFunc(addrs, func(there net.Addr) bool {
			p, err := netip.ParsePrefix(there.String())
			return err == nil && p.Addr() == a.WithZone("")
		})
	})
}

func (s *sockets) port() uint16 { return s.tcp[0].Addr().(*net.TCPAddr).AddrPort().Port() }

// taker is given each datagram first, and room to decrypt it in. If it returns
// true, the datagram is memberlist's.
type taker func(b, room []byte, from netip.AddrPort) (pass bool)

// start reads until Shutdown.
func (s *sockets) start(take taker) {
	for i := range s.udp {
		s.wg.Go(func() { s.read(s.udp[i], take) })
		s.wg.Go(func() { s.accept(s.tcp[i]) })
	}
}

func (s *sockets) read(d *datagrams, take taker) {
	buf, room := make([]byte, maxPacket+1), make([]byte, 0, maxPacket)
	next := d.reader(buf)
	for {
		n, sender, err := next()
		if err != nil {
			if s.pause() {
				continue
			}
			return
		}
		if n == 0 || n > maxPacket {
			continue
		}
		from := addrPort(sender)
		if !take(buf[:n], room, from) {
			continue
		}
		p := &memberlist.Packet{
			Buf: append([]byte(nil), buf[:n]...), From: net.UDPAddrFromAddrPort(from), Timestamp: time.Now(),
		}
		select {
		case s.packets <- p:
		case <-s.ctx.Done():
			return
		}
	}
}

// pending tells whether a datagram has come that has not been dealt with.
func (s *sockets) pending() bool {
	return slices.ContainsFunc(s.udp, (*datagrams).pending)
}

func (s *sockets) accept(listener *net.TCPListener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			if s.pause() {
				continue
			}
			return
		}
		select {
		case s.streams <- conn:
		case <-s.ctx.Done():
			_ = conn.Close()
			return
		}
	}
}

// pause waits after an error and tells whether to go on.
func (s *sockets) pause() bool {
	select {
	case <-s.ctx.Done():
		return false
	case <-time.After(acceptPause):
		return true
	}
}

// FinalAdvertiseAddr is what other nodes are told.
func (s *sockets) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return s.advertised.Addr().AsSlice(), int(s.advertised.Port()), nil
}

// WriteTo sends a packet.
func (s *sockets) WriteTo(b []byte, addr string) (time.Time, error) {
	return s.WriteToAddress(b, memberlist.Address{Addr: addr})
}

// errNoFamily is a peer of an address family that nothing is bound to.
var errNoFamily = errors.New("no socket of that address family")

// WriteToAddress sends a packet of memberlist's.
func (s *sockets) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	to, err := netip.ParseAddrPort(a.Addr)
	if err != nil {
		return time.Time{}, fmt.Errorf("sending to a peer: %w", err)
	}
	return time.Now(), s.write(b, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
}

// write sends a datagram from the first socket of the receiver's family.
func (s *sockets) write(b []byte, to netip.AddrPort) error {
	for _, d := range s.udp {
		if d.own.Is4() == to.Addr().Is4() {
			return d.write(b, to)
		}
	}
	return fmt.Errorf("sending to %v: %w", to, errNoFamily)
}

// PacketCh has what the sockets read.
func (s *sockets) PacketCh() <-chan *memberlist.Packet { return s.packets }

// StreamCh has the connections of peers.
func (s *sockets) StreamCh() <-chan net.Conn { return s.streams }

// DialTimeout connects to a peer.
func (s *sockets) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	return s.DialAddressTimeout(memberlist.Address{Addr: addr}, timeout)
}

// DialAddressTimeout connects to a peer. The end of the link ends it.
func (s *sockets) DialAddressTimeout(a memberlist.Address, timeout time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: timeout}
	return d.DialContext(s.ctx, "tcp", a.Addr)
}

// Shutdown closes the sockets and waits for their readers.
func (s *sockets) Shutdown() error {
	err := s.close()
	s.wg.Wait()
	return err
}

func (s *sockets) close() error {
	s.cancel()
	var errs []error
	for _, c := range s.tcp {
		errs = append(errs, c.Close())
	}
	for _, d := range s.udp {
		errs = append(errs, d.conn.Close())
	}
	return errors.Join(errs...)
}

// advertise finds the address to tell others: the one that is bound, or if any
// is, the one that packets to a peer leave from.
func (s *sockets) advertise(bound netip.Addr, peers []netip.AddrPort) netip.AddrPort {
	if !bound.IsUnspecified() {
		return netip.AddrPortFrom(bound, s.port())
	}
	for _, p := range peers {
		d := net.Dialer{} // connecting a UDP socket sends nothing
		conn, err := d.DialContext(s.ctx, "udp", net.JoinHostPort(p.Addr().String(), strconv.Itoa(int(p.Port()))))
		if err != nil {
			continue
		}
		own := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
		_ = conn.Close()
		return netip.AddrPortFrom(own, s.port())
	}
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && p.Addr().IsGlobalUnicast() && p.Addr().Is4() == bound.Is4() {
			return netip.AddrPortFrom(p.Addr(), s.port())
		}
	}
	return netip.AddrPortFrom(netip.IPv6Loopback(), s.port())
}
