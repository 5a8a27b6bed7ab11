// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	askTimes  = 3
	askEvery  = 65 * time.Millisecond
	askBuffer = 256    // more than is looked at of an answer
	unused    = 0xffff // an EtherType that is reserved (RFC 1701)
)

// ErrNoNeighbours says that an interface has nobody who could be asked: it does
// not speak Ethernet, or nobody's address is known.
var ErrNoNeighbours = errors.New("there are no neighbours to ask")

// Reachable asks on the interface for each of the hosts, and for the
// interface's default gateways, by ARP or neighbour discovery from its own
// addresses. It is true as soon as one has answered, and false when none has
// within 200 ms, for which it asks three times. What the interface drops on
// its way in or out is not heard. Who asks what is being asked gets that answer;
// other questions wait for their turn.
func (k *Kernel) Reachable(ctx context.Context, iface string, hosts []netip.Addr) (bool, error) {
	key := fmt.Sprint(iface, hosts)
	for {
		k.mu.Lock()
		asked := k.asked[key]
		if asked == nil {
			break
		}
		k.mu.Unlock()
		select {
		case <-asked.done:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		if !isAny(asked.err, context.Canceled, context.DeadlineExceeded) {
			return asked.ok, asked.err
		}
		// Who asked had no time to wait.
	}
	asked := &answer{done: make(chan struct{})}
	k.asked[key] = asked
	k.mu.Unlock()
	if asked.ok, asked.err = k.reachable(ctx, iface, hosts); asked.err != nil {
		asked.err = fmt.Errorf("asking for hosts on %s: %w", iface, asked.err)
	}
	k.mu.Lock()
	delete(k.asked, key)
	k.mu.Unlock()
	close(asked.done)
	return asked.ok, asked.err
}

// answer is what came of a question.
type answer struct {
	done chan struct{}
	ok   bool
	err  error
}

// reachable is Reachable when its turn has come.
func (k *Kernel) reachable(ctx context.Context, iface string, hosts []netip.Addr) (bool, error) {
	select {
	case a := <-k.askers:
		defer func() { k.askers <- a }()
		return k.ask(ctx, a, iface, hosts)
	case <-ctx.Done():
		return false, ctx.Err()
	case <-k.closed:
		return false, os.ErrClosed
	}
}

// ask asks with an asker.
func (k *Kernel) ask(ctx context.Context, a *asker, iface string, hosts []netip.Addr) (bool, error) {
	l, err := a.conn.link(iface)
	if err != nil {
		return false, err
	}
	have, err := a.conn.addresses(ctx, l.index)
	if err != nil {
		return false, fmt.Errorf("listing addresses: %w", err)
	}
	gateways, err := a.conn.gateways(ctx, l.index)
	if err != nil {
		return false, fmt.Errorf("listing the gateways: %w", err)
	}
	qs := k.questions(l, have, slices.Concat(hosts, gateways))
	if len(qs) == 0 || !l.announces() {
		return false, ErrNoNeighbours
	}
	if err := a.listen(l.index, [2]uint16{etherARP, etherIPv6}); err != nil {
		return false, err
	}
	defer func() { _ = a.listen(l.index, [2]uint16{unused, unused}) }()
	a.hear(l.mac, nil, 0) // of an earlier question
	fs := make([]frame, len(qs))
	for i, q := range qs {
		fs[i] = q.frame
	}
	for range askTimes {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		for batch := range slices.Chunk(fs, frameBatch) {
			// A full queue, an interface that is down: the next try may do
			// better, and silence says enough.
			_, _ = k.packets.sendBatch(l.index, batch)
		}
		if a.hear(l.mac, qs, askEvery) {
			return true, nil
		}
	}
	return false, nil
}

// question is a frame, and whose answer it wants.
type question struct {
	frame
	of netip.Addr
}

// questions asks for each host once, with an address that is the host's own.
func (k *Kernel) questions(l link, have []entry, hosts []netip.Addr) []question {
	var own []netip.Prefix
	for _, e := range have {
		if e.working() && e.proto != Proto && !k.journal.has(place{l.name, e.prefix.Addr()}) {
			own = append(own, e.prefix)
		}
	}
	var qs []question
	for _, h := range hosts {
		h = h.Unmap().WithZone("")
		if slices.ContainsFunc(qs, func(q question) bool { return q.of == h }) ||
			slices.ContainsFunc(own, func(p netip.Prefix) bool { return p.Addr() == h }) {
			continue
		}
		from := source(own, h)
		if !from.IsValid() {
			continue
		}
		kind := uint16(etherIPv6)
		if h.Is4() {
			kind = etherARP
		}
		qs = append(qs, question{frame{kind, askFrame(l.mac, from, h)}, h})
	}
	return qs
}

// source is the address to ask from: of the host's subnet if there is one.
func source(own []netip.Prefix, host netip.Addr) netip.Addr {
	var from netip.Addr
	for _, p := range own {
		if p.Addr().Is4() != host.Is4() {
			continue
		}
		if p.Contains(host) {
			return p.Addr()
		}
		if !from.IsValid() {
			from = p.Addr()
		}
	}
	return from
}

// asker hears answers, on one interface at a time. A socket of a single protocol
// hears what has passed the interface's filters; one of all protocols would hear
// it before.
type asker struct {
	conn *conn // its own: a table of many routes takes a while
	arp  int   // of ARP
	nd   int   // of IPv6
}

// answersOnly lets through what parseAnswer takes.
var answersOnly = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 12, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherARP, SkipFalse: 2},
	bpf.LoadAbsolute{Off: etherHeader + 6, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: arpReply, SkipTrue: 4, SkipFalse: 5},
	bpf.LoadAbsolute{Off: etherHeader + 6, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: icmpv6, SkipFalse: 3},
	bpf.LoadAbsolute{Off: etherHeader + ip6Header, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: neighborAdvertisement, SkipFalse: 1},
	bpf.RetConstant{Val: askBuffer},
	bpf.RetConstant{Val: 0},
}

// openAsker opens it in the network namespace of the calling thread.
func openAsker() (_ *asker, err error) {
	a := &asker{arp: -1, nd: -1}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("opening a socket for answers: %w", err), a.close())
		}
	}()
	if a.conn, err = dial(0); err != nil {
		return nil, err
	}
	raw, err := bpf.Assemble(answersOnly)
	if err != nil {
		return nil, err
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, in := range raw {
		filter[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	for _, fd := range []*int{&a.arp, &a.nd} {
		// Protocol 0: nothing is heard yet.
		if *fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			return nil, err
		}
		fprog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
		if err := unix.SetsockoptSockFprog(*fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *asker) close() error {
	var nd, arp, conn error
	var closing sync.WaitGroup // as Kernel.Close
	if a.nd >= 0 {
		closing.Go(func() { nd = unix.Close(a.nd) })
	}
	if a.arp >= 0 {
		arp = unix.Close(a.arp)
	}
	if a.conn != nil {
		conn = a.conn.close()
	}
	closing.Wait()
	return errors.Join(nd, arp, conn)
}

// listen binds the sockets to protocols on an interface.
func (a *asker) listen(index int, kinds [2]uint16) error {
	for i, fd := range []int{a.arp, a.nd} {
		network := binary.NativeEndian.Uint16([]byte{byte(kinds[i] >> 8), byte(kinds[i])})
		if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: network, Ifindex: index}); err != nil {
			return err
		}
	}
	return nil
}

// hear takes what comes within a time, and tells whether it answers one of the
// questions.
func (a *asker) hear(mac hardware, qs []question, within time.Duration) bool {
	deadline := time.Now().Add(within)
	buf := make([]byte, askBuffer)
	for {
		fds := []unix.PollFd{{Fd: int32(a.arp), Events: unix.POLLIN}, {Fd: int32(a.nd), Events: unix.POLLIN}}
		left := max(0, time.Until(deadline))
		_, err := unix.Poll(fds, int((left+time.Millisecond-1)/time.Millisecond))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		idle := true
		for _, fd := range fds {
			if fd.Revents == 0 {
				continue
			}
			n, _, err := unix.Recvfrom(int(fd.Fd), buf, unix.MSG_DONTWAIT)
			if err != nil {
				continue // the interface went down
			}
			idle = false
			from, ok := parseAnswer(buf[:n], mac)
			if ok && slices.ContainsFunc(qs, func(q question) bool { return q.of == from }) {
				return true
			}
		}
		if idle && time.Until(deadline) <= 0 {
			return false
		}
	}
}
