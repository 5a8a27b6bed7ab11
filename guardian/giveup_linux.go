// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guardian

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/address"
	"github.com/vicar-ha/vicar/transport"
	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// place is an address on an interface.
type place struct {
	iface string
	addr  netip.Addr
}

// lookAgain is when a removal that went wrong is tried again.
const lookAgain = 50 * time.Millisecond

// look removes the addresses whose leases are over, and sets the timer for the
// next end.
func (w *watch) look() {
	var count [8]byte
	_, _ = unix.Read(w.timer, count[:])
	now, err := address.BootTime()
	if err != nil {
		return
	}
	next := time.Duration(0)
	soonest := func(at time.Duration) {
		if next == 0 || at < next {
			next = at
		}
	}
	over := w.claims(func(at place) bool {
		end := w.leases.deadline(at.addr)
		switch {
		case end == 0 || w.gone[at] == end:
			return false
		case end > now:
			soonest(end)
			return false
		}
		return true
	})
	if len(over) > 0 {
		if err := w.expire(over); err != nil {
			soonest(now + lookAgain)
			w.say(slog.LevelError, "a lease is over and the agent does not run (frozen, or starved of the processor), and the guardian can't remove its addresses", slog.Any("err", err))
		}
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(next))} // 0: never
	_ = unix.TimerfdSettime(w.timer, unix.TFD_TIMER_ABSTIME, &spec, nil)
}

// expire removes addresses whose leases were over.
func (w *watch) expire(over []vip.Claim) error {
	ends := map[place]time.Duration{}
	for i, c := range over {
		over[i].Addresses = slices.DeleteFunc(c.Addresses, func(p netip.Prefix) bool {
			at := place{c.Interface, p.Addr()}
			ends[at] = w.leases.deadline(p.Addr())
			now, err := address.BootTime()
			return err != nil || ends[at] > now // renewed by now
		})
	}
	ctx, cancel := context.WithTimeout(context.Background(), giveUpMost)
	defer cancel()
	if err := w.remove(ctx, over); err != nil {
		return err
	}
	for _, c := range over {
		for _, p := range c.Addresses {
			at := place{c.Interface, p.Addr()}
			w.gone[at] = ends[at]
		}
		if len(c.Addresses) > 0 {
			w.say(slog.LevelWarn, "a lease is over and the agent does not run (frozen, or starved of the processor); the guardian has removed its addresses",
				slog.String("iface", c.Interface), slog.Any("addresses", c.Addresses))
		}
	}
	return nil
}

// claims are the will's addresses that are wanted, one claim per interface.
func (w *watch) claims(wanted func(place) bool) []vip.Claim {
	var all []vip.Claim
	for _, c := range w.will.Claims {
		i := slices.IndexFunc(all, func(o vip.Claim) bool { return o.Interface == c.Interface })
		if i < 0 {
			i = len(all)
			all = append(all, vip.Claim{Router: rehearsal, Interface: c.Interface})
		}
		for _, p := range c.Addresses {
			if wanted(place{c.Interface, p.Addr()}) {
				all[i].Addresses = append(all[i].Addresses, p)
			}
		}
	}
	return slices.DeleteFunc(all, func(c vip.Claim) bool { return len(c.Addresses) == 0 })
}

// remove removes the claims' addresses.
func (w *watch) remove(ctx context.Context, claims []vip.Claim) error {
	var errs []error
	for _, c := range claims {
		errs = append(errs, w.kernel.Release(ctx, c))
	}
	return errors.Join(errs...)
}

// giveUp carries out the will of an agent that is dead. What it opens it leaves
// to the process's end.
func (w *watch) giveUp() error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), giveUpMost)
	defer cancel()
	farewells := make(chan []parting, 1)
	go func() { farewells <- w.prepare() }()

	claims := w.claims(func(place) bool { return true })
	unwilled := w.unwilled(claims)
	shut := w.shut(claims, unwilled)
	removed := w.remove(ctx, claims)
	if removed != nil {
		removed = w.remove(ctx, claims)
	}
	left, swept := []netip.Prefix(nil), error(nil)
	if len(unwilled) > 0 { // what releases their leases may be in the will
		left, swept = w.sweep(ctx)
		removed = errors.Join(removed, swept)
	}
	gone := time.Since(began)
	partings := <-farewells
	if removed != nil && (shut != nil || w.fence == nil) {
		// Somebody may still get answers from here: nobody else may be let in
		// before the leases' end.
		return fmt.Errorf("giving up for an agent that died: %w", errors.Join(shut, removed))
	}
	sent := w.send(ctx)
	for _, p := range partings {
		_, err := p.conn.Send(p.packets)
		sent = errors.Join(sent, err)
	}
	told := time.Since(began)
	if len(unwilled) == 0 {
		left, swept = w.sweep(ctx)
	}
	// Now, since the kernel takes a while to close what the process has open.
	_ = unix.Flock(int(w.files[fileLock].Fd()), unix.LOCK_UN)
	w.say(slog.LevelWarn, "the agent died; the guardian has given up what it held", slog.Int("claims", len(w.will.Claims)),
		slog.Duration("removed_after", gone), slog.Duration("told_after", told), slog.Any("besides", left),
		slog.Any("err", errors.Join(shut, removed, sent, swept)))
	return nil
}

// unwilled are the addresses whose leases run and which the will does not have:
// it is written a little after they are taken.
func (w *watch) unwilled(claims []vip.Claim) []netip.Addr {
	willed := map[netip.Addr]bool{}
	for _, a := range addresses(claims) {
		willed[a] = true
	}
	now, _ := address.BootTime() // has been read before
	return slices.DeleteFunc(w.leases.running(now), func(a netip.Addr) bool { return willed[a] })
}

func addresses(claims []vip.Claim) []netip.Addr {
	var addrs []netip.Addr
	for _, c := range claims {
		for _, p := range c.Addresses {
			addrs = append(addrs, p.Addr())
		}
	}
	return addrs
}

// shut closes the fence.
func (w *watch) shut(claims []vip.Claim, besides []netip.Addr) error {
	if w.fence == nil {
		return nil
	}
	return w.fence.Shut(append(addresses(claims), besides...))
}

// parting is a socket and what leaves by it.
type parting struct {
	conn    *transport.Conn
	packets []wire.Packet
}

// prepare opens the sockets of the farewells, one for each source, while the
// addresses are removed.
func (w *watch) prepare() []parting {
	var ps []parting
	for _, f := range w.will.Farewells {
		bySource := map[netip.Addr][]wire.Packet{}
		for _, p := range f.Packets {
			bySource[p.Src] = append(bySource[p.Src], p)
		}
		for source, packets := range bySource {
			conn, err := transport.Open(transport.Config{
				Interface: f.Interface, Family: f.Family, Multicast: f.Multicast, Source: source,
			})
			if err != nil {
				w.say(slog.LevelError, "the guardian can't say that the agent goes", slog.String("iface", f.Interface), slog.Any("err", err))
				continue
			}
			ps = append(ps, parting{conn, packets})
		}
	}
	return ps
}

// send sends the will's datagrams in their order.
func (w *watch) send(ctx context.Context) error {
	var errs []error
	conns := map[netip.Addr]*net.UDPConn{} // by where from
	for _, d := range w.will.Datagrams {
		from := d.From
		if !from.IsValid() {
			from = netip.IPv4Unspecified()
			if d.To.Addr().Unmap().Is6() {
				from = netip.IPv6Unspecified()
			}
		}
		conn := conns[from]
		if conn == nil {
			var lc net.ListenConfig
			pc, err := lc.ListenPacket(ctx, "udp", netip.AddrPortFrom(from, 0).String())
			if err != nil {
				errs = append(errs, fmt.Errorf("sending to %v: %w", d.To, err))
				continue
			}
			conn = pc.(*net.UDPConn)
			defer conn.Close()
			conns[from] = conn
		}
		if _, err := conn.WriteToUDPAddrPort(d.Data, d.To); err != nil {
			errs = append(errs, fmt.Errorf("sending to %v: %w", d.To, err))
		}
	}
	return errors.Join(errs...)
}

// sweep removes what the will did not have, and clears the journal.
func (w *watch) sweep(ctx context.Context) ([]netip.Prefix, error) {
	k, err := address.New(address.Config{RuntimeDir: w.cfg.RuntimeDir})
	if err != nil {
		return nil, err
	}
	return k.Sweep(ctx) // not closed: that would take a while, and the process ends
}

// sayWithin is how long a log that nobody reads may hold the guardian up.
const sayWithin = 50 * time.Millisecond

// say logs.
func (w *watch) say(level slog.Level, message string, attrs ...slog.Attr) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		//nolint:sloglint // the callers' messages are constant
		w.log.LogAttrs(context.Background(), level, message, attrs...)
	}()
	select {
	case <-said:
	case <-time.After(sayWithin):
	}
}
