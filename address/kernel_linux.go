// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/vip"
)

// Config is what New needs.
type Config struct {
	// RuntimeDir is where the journal of addresses lives, /run/vicar for
	// example. It must not outlive a reboot. "" keeps the journal in memory:
	// on kernels before 5.18 a Sweep then finds nothing of an earlier process.
	RuntimeDir string
	Log        *slog.Logger // nil logs nothing
	// Announce is DefaultAnnounce if it is the zero value.
	Announce AnnounceConfig
}

// Kernel moves addresses on and off this host's interfaces, announces them and
// watches the network. Its methods may be called by any goroutine; those with a
// claim, for one router one at a time.
type Kernel struct {
	log      *slog.Logger
	announce AnnounceConfig
	journal  *journal
	conns    chan *conn // the one socket for requests, taken while it is used
	events   chan *conn // the one socket that listens, taken by Watch
	packets  *packetSocket
	askers   chan *asker // the one that hears answers, taken while it is used
	closed   chan struct{}
	running  sync.WaitGroup // announcers

	mu         sync.Mutex
	holdings   uint64                         // numbers the calls of hold
	held       map[string]map[netip.Addr]spot // by router
	announcers map[string]*announcer          // by router
	asked      map[string]*answer             // questions of Reachable that have no answer yet
}

// spot is where a held address was seen to be, the last time in this holding.
type spot struct {
	index   int
	iface   string
	prefix  netip.Prefix
	holding uint64
}

func (s spot) key() ownKey { return ownKey{s.index, s.prefix} }

// New opens the sockets in the network namespace of the calling thread, and
// reads the journal. It changes nothing on the host; see Sweep.
func New(cfg Config) (_ *Kernel, err error) {
	k := &Kernel{
		log:        cfg.Log,
		announce:   cfg.Announce,
		conns:      make(chan *conn, 1),
		events:     make(chan *conn, 1),
		askers:     make(chan *asker, 1),
		held:       map[string]map[netip.Addr]spot{},
		announcers: map[string]*announcer{},
		asked:      map[string]*answer{},
		closed:     make(chan struct{}),
	}
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	if k.announce == (AnnounceConfig{}) {
		k.announce = DefaultAnnounce()
	}
	if err := k.announce.check(); err != nil {
		return nil, err
	}
	var undo []func() error
	defer func() {
		if err != nil {
			for _, f := range undo {
				err = errors.Join(err, f())
			}
		}
	}()
	if k.packets, err = openPackets(); err != nil {
		return nil, err
	}
	undo = append(undo, k.packets.close)
	for groups, to := range map[uint32]chan *conn{0: k.conns, eventGroups: k.events} {
		c, err := dial(groups)
		if err != nil {
			return nil, err
		}
		undo = append(undo, c.close)
		to <- c
	}
	a, err := openAsker()
	if err != nil {
		return nil, err
	}
	undo = append(undo, a.close)
	k.askers <- a
	if k.journal, err = openJournal(cfg.RuntimeDir, networkNamespace(), k.log); err != nil {
		return nil, err
	}
	return k, nil
}

// networkNamespace is the number of the calling thread's network namespace, or
// 0 if that can't be told.
func networkNamespace() uint64 {
	var st unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil {
		return 0
	}
	return st.Ino
}

// Close ends the announcements and closes the sockets. Addresses stay where
// they are. Watch must have returned. It may be called twice.
func (k *Kernel) Close() error {
	k.mu.Lock()
	if k.isClosed() {
		k.mu.Unlock()
		return nil
	}
	close(k.closed)
	for _, a := range k.announcers {
		a.cancel()
	}
	k.mu.Unlock()
	k.running.Wait()
	// At the same time: the kernel takes some 10 ms for each packet socket.
	closers := []func() error{(<-k.conns).close, (<-k.events).close, (<-k.askers).close, k.packets.close, k.journal.close}
	errs := make([]error, len(closers))
	var closing sync.WaitGroup
	for i, f := range closers {
		closing.Go(func() { errs[i] = f() })
	}
	closing.Wait()
	return errors.Join(errs...)
}

func (k *Kernel) isClosed() bool {
	select {
	case <-k.closed:
		return true
	default:
		return false
	}
}

// do lends the request socket to fn.
func (k *Kernel) do(ctx context.Context, fn func(*conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case c := <-k.conns:
		defer func() { k.conns <- c }()
		return fn(c)
	case <-ctx.Done():
		return ctx.Err()
	case <-k.closed:
		return os.ErrClosed
	}
}

// link looks an interface up.
func (k *Kernel) link(ctx context.Context, name string) (l link, err error) {
	err = k.do(ctx, func(c *conn) error { l, err = c.link(name); return err })
	if err != nil {
		return link{}, fmt.Errorf("looking up interface %s: %w", name, err)
	}
	return l, nil
}

// addresses lists an interface's addresses, or all if index is 0.
func (k *Kernel) addresses(ctx context.Context, index int) (list []entry, err error) {
	err = k.do(ctx, func(c *conn) error { list, err = c.addresses(ctx, index); return err })
	if err != nil {
		return nil, fmt.Errorf("listing addresses: %w", err)
	}
	return list, nil
}

// hold notes that the router's addresses are there.
func (k *Kernel) hold(router string, l link, prefixes []netip.Prefix) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held[router] == nil {
		k.held[router] = map[netip.Addr]spot{}
	}
	k.holdings++
	for _, p := range prefixes {
		k.held[router][p.Addr()] = spot{l.index, l.name, p, k.holdings}
	}
}

// unhold forgets the claim's addresses on the claim's interface, and returns
// under which indexes it was known.
func (k *Kernel) unhold(c vip.Claim) map[int]bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	indexes := map[int]bool{}
	for _, p := range c.Addresses {
		if s, ok := k.held[c.Router][p.Addr()]; ok && s.iface == c.Interface && s.prefix == p {
			indexes[s.index] = true
			delete(k.held[c.Router], p.Addr())
		}
	}
	if len(k.held[c.Router]) == 0 {
		delete(k.held, c.Router)
	}
	return indexes
}

// knows tells whether the router's address was put, or seen, there.
func (k *Kernel) knows(router string, index int, p netip.Prefix) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, ok := k.held[router][p.Addr()]
	return ok && s.index == index
}

// holdsAny tells whether the router holds anything.
func (k *Kernel) holdsAny(router string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.held[router]) > 0
}

// holds is knows with this prefix length.
func (k *Kernel) holds(router string, index int, p netip.Prefix) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, ok := k.held[router][p.Addr()]
	return ok && s.index == index && s.prefix == p
}

// allHeld lists every held address.
func (k *Kernel) allHeld() []spot {
	k.mu.Lock()
	defer k.mu.Unlock()
	var spots []spot
	for _, addrs := range k.held {
		for _, s := range addrs {
			spots = append(spots, s)
		}
	}
	return spots
}

// isAny tells whether err is one of the given errors.
func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

// hint explains an error that a user can do something about.
func hint(err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w (needs CAP_NET_ADMIN)", err)
	}
	return err
}
