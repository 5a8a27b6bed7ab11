// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guardian

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vicar-ha/vicar/address"
)

const (
	// readyWithin is how long a guardian may take to be ready, and to read a will.
	readyWithin = 5 * time.Second
	// giveUpMost is how long a guardian at work takes at most, awaitMost how long
	// its end is waited for.
	giveUpMost = 3 * time.Second
	awaitMost  = 5 * time.Second

	// The wait before another guardian is started, doubled each time up to the
	// last, and the first again for one that has lived long enough.
	retryFirst  = 50 * time.Millisecond
	retryLast   = 10 * time.Second
	livedEnough = time.Minute
)

// Config is what Start needs.
type Config struct {
	// Argv starts the guardian: a program that calls Main, and its arguments.
	Argv []string
	Env  []string // its environment; nil: this process's
	// RuntimeDir is where its lock lives, and the journal of addresses, which it
	// clears.
	RuntimeDir string
	// Fence is the fence's table (address.Fence.File), nil without a fence. It stays
	// the caller's, until after Run or Close.
	Fence *os.File
	// Now is the clock of the leases; nil: time.Now.
	Now func() time.Time
	Log *slog.Logger // nil logs nothing
}

// Guardian is the agent's side of a guardian. Its methods may be called by any
// goroutine, Run once.
type Guardian struct {
	cfg    Config
	log    *slog.Logger
	ledger *ledger
	wake   chan struct{}
	full   atomic.Bool // it has been said that the ledger has no room

	mu      sync.Mutex
	will    Will
	version int  // of the will; 0: there is none
	has     int  // the version that the guardian has
	look    bool // it is to look at the leases
	child   *process
}

// Start starts a guardian in the network namespace of the calling thread, and
// returns when it is ready. While an earlier one is at work it waits some
// seconds; ErrBusy says that it did in vain. ctx is for the start alone.
func Start(ctx context.Context, cfg Config) (*Guardian, error) {
	if len(cfg.Argv) == 0 || cfg.RuntimeDir == "" {
		return nil, errors.New("starting a guardian: neither a program nor a directory may be missing")
	}
	g := &Guardian{cfg: cfg, log: cfg.Log, wake: make(chan struct{}, 1)}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	if g.cfg.Now == nil {
		g.cfg.Now = time.Now
	}
	var err error
	if g.ledger, err = newLedger(); err != nil {
		return nil, fmt.Errorf("starting a guardian: %w", err)
	}
	if g.child, err = g.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("starting a guardian: %w", err), g.ledger.close())
	}
	return g, nil
}

// Write hands the guardian another will, without waiting. Of several the last
// counts. The will is the Guardian's from then on.
func (g *Guardian) Write(w Will) {
	g.mu.Lock()
	g.will = w
	g.version++
	g.mu.Unlock()
	g.poke()
}

func (g *Guardian) poke() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// Run looks after the guardian until ctx ends, and dismisses it: it starts
// another when one has died, which then has the will as well. It returns nil.
func (g *Guardian) Run(ctx context.Context) error {
	defer func() { _ = g.Close() }()
	wait := retryFirst
	for {
		g.mu.Lock()
		child := g.child
		g.mu.Unlock()
		err := g.attend(ctx, child)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(child.began) > livedEnough {
			wait = retryFirst
		}
		g.log.Error("the guardian died, another is started", slog.Int("pid", child.pid()), slog.Any("err", err))
		if wait = g.replace(ctx, wait); wait == 0 {
			return nil
		}
	}
}

// replace starts another guardian, and returns how long to wait before the next;
// 0: ctx has ended.
func (g *Guardian) replace(ctx context.Context, wait time.Duration) time.Duration {
	for {
		if pause(ctx, wait) != nil {
			return 0
		}
		wait = min(2*wait, retryLast)
		child, err := g.start(ctx)
		if err == nil {
			g.mu.Lock()
			g.child, g.has = child, 0
			g.mu.Unlock()
			g.poke()
			return wait
		}
		if ctx.Err() != nil {
			return 0
		}
		g.log.Error("there is no guardian: what this agent holds stays if it is killed", slog.Any("err", err))
	}
}

// attend hands over wills until the child has died or ctx ends.
func (g *Guardian) attend(ctx context.Context, child *process) error {
	stop := context.AfterFunc(ctx, child.dismiss)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-child.done:
			return child.err
		case <-g.wake:
			if err := g.deliver(child); err != nil {
				return errors.Join(err, child.kill())
			}
		}
	}
}

// deliver writes what is new.
func (g *Guardian) deliver(child *process) error {
	g.mu.Lock()
	w, version, look := g.will, g.version, g.look
	fresh := version != g.has
	g.look = false
	g.mu.Unlock()
	var b []byte
	if fresh {
		text, err := w.encode()
		if err == nil {
			b, err = appendFrame(b, frameWill, text)
		}
		if err != nil {
			g.log.Error("the guardian keeps the will that it has", slog.Any("err", err))
		}
	}
	if look {
		b, _ = appendFrame(b, frameLook, nil)
	}
	if err := child.write(b); err != nil {
		return err
	}
	g.mu.Lock()
	g.has = version
	g.mu.Unlock()
	return nil
}

// Close dismisses the guardian, which does nothing any more. It may be called
// twice, and must not be called beside Run.
func (g *Guardian) Close() error {
	g.mu.Lock()
	child := g.child
	g.mu.Unlock()
	return errors.Join(child.kill(), g.ledger.close())
}

// Pid is the guardian's process.
func (g *Guardian) Pid() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.child.pid()
}

// Leases keeps the ends of leases, as a fence does.
type Leases interface {
	// Set says until when the addresses are held.
	Set(addrs []netip.Addr, until time.Time) error
	// Shut says that they are about to be given up.
	Shut(addrs []netip.Addr) error
}

// Leases hands all on to next, if it is not nil, and lets the guardian know. What
// goes wrong with that alone is logged: the lease stands.
func (g *Guardian) Leases(next Leases) Leases { return leases{g, next} }

type leases struct {
	g    *Guardian
	next Leases
}

func (l leases) Set(addrs []netip.Addr, until time.Time) error {
	deadline, err := address.Deadline(l.g.cfg.Now, until)
	if err != nil {
		return fmt.Errorf("telling the guardian of leases: %w", err)
	}
	l.g.note(addrs, deadline)
	if l.next == nil {
		return nil
	}
	return l.next.Set(addrs, until)
}

// shutGrace is what a living agent has to remove addresses itself.
const shutGrace = 100 * time.Millisecond

func (l leases) Shut(addrs []netip.Addr) error {
	if l.next != nil {
		if err := l.next.Shut(addrs); err != nil {
			return err
		}
	}
	now, err := address.BootTime()
	if err != nil {
		return err
	}
	l.g.note(addrs, now+shutGrace)
	return nil
}

// note writes a deadline into the memory, and tells the guardian if it has to be
// told.
func (g *Guardian) note(addrs []netip.Addr, deadline time.Duration) {
	now, err := address.BootTime()
	if err != nil { // it has been read before, and doesn't go away
		return
	}
	look, err := g.ledger.set(addrs, max(deadline, 1), now)
	if err != nil && !g.full.Swap(true) { // once: each renewal comes here
		g.log.Warn("the guardian won't know when some leases end; a restart makes room", slog.Any("err", err))
	}
	if look {
		g.mu.Lock()
		g.look = true
		g.mu.Unlock()
		g.poke()
	}
}
