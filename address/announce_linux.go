// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// AnnounceConfig says how often an address is announced. One announcement of an
// IPv4 address is two frames, an ARP request and a reply; of an IPv6 address
// one Neighbor Advertisement.
type AnnounceConfig struct {
	Count   int           // rounds after a take-over, the first of them at once
	Delay   time.Duration // between these rounds
	Refresh time.Duration // between rounds after them; 0: none
	// Rate is how many frames per second leave at most on an interface, in all
	// rounds but the first; 0: as many as the interface takes.
	Rate int
}

// DefaultAnnounce is five rounds a second apart, for switches and hosts that
// lost the first or came up late, then one a minute.
func DefaultAnnounce() AnnounceConfig {
	return AnnounceConfig{Count: 5, Delay: time.Second, Refresh: time.Minute}
}

func (a AnnounceConfig) check() error {
	if a.Count < 1 || a.Delay < 0 || a.Refresh < 0 || a.Rate < 0 {
		return fmt.Errorf("announce: count %d, delay %v, refresh %v, rate %d do not make sense", a.Count, a.Delay, a.Refresh, a.Rate)
	}
	return nil
}

// Announcer is a Kernel that announces in its own way. Two with the same Kernel
// and settings are equal.
type Announcer struct {
	kernel *Kernel
	cfg    AnnounceConfig
}

// Announcer returns one. With a Count below 1 it is the first round only; other
// settings below 0 are 0.
func (k *Kernel) Announcer(cfg AnnounceConfig) Announcer { return Announcer{k, cfg} }

// Announce is Kernel.Announce with the Announcer's settings.
func (a Announcer) Announce(ctx context.Context, c vip.Claim) error {
	return a.kernel.announceAs(ctx, c, a.cfg)
}

// Announce sends gratuitous ARPs and unsolicited NAs for all of the claim's
// addresses, and repeats them as configured until ctx ends, the addresses are
// released, or another Announce for the router takes over. Interfaces
// without ARP and loopback have nobody to tell: nil.
func (k *Kernel) Announce(ctx context.Context, c vip.Claim) error {
	return k.announceAs(ctx, c, k.announce)
}

func (k *Kernel) announceAs(ctx context.Context, c vip.Claim, cfg AnnounceConfig) error {
	k.stopAnnouncer(c.Router)
	if err := k.round(ctx, c, 0); err != nil {
		return err
	}
	k.repeat(ctx, c, cfg)
	return nil
}

// announcer repeats the announcements of one router.
type announcer struct {
	claim  vip.Claim
	cancel context.CancelFunc
	done   chan struct{} // closed when no more frame leaves
	// resume starts another for what is left of the claim, if this one was cut
	// short and its context goes on. It is called after done is closed.
	resume func(rest vip.Claim)
}

// round announces all addresses of the claim once.
func (k *Kernel) round(ctx context.Context, c vip.Claim, rate int) error {
	l, err := k.link(ctx, c.Interface) // each time: the MAC may change
	if err != nil {
		return err
	}
	return k.packets.send(ctx, l, c.Addresses, rate)
}

// repeat starts the router's announcer.
func (k *Kernel) repeat(ctx context.Context, c vip.Claim, cfg AnnounceConfig) {
	c.Addresses = slices.Clone(c.Addresses)
	run, cancel := context.WithCancel(ctx)
	cut := false
	a := &announcer{claim: c, cancel: cancel, done: make(chan struct{})}
	a.resume = func(rest vip.Claim) {
		if cut && ctx.Err() == nil {
			k.repeat(ctx, rest, cfg)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.isClosed() {
		cancel()
		return
	}
	k.announcers[c.Router] = a
	k.running.Go(func() {
		defer close(a.done)
		defer cancel()
		k.repeatUntil(run, c, cfg)
		cut = run.Err() != nil
	})
}

func (k *Kernel) repeatUntil(ctx context.Context, c vip.Claim, cfg AnnounceConfig) {
	for n := 1; n < cfg.Count || cfg.Refresh > 0; n++ {
		wait := cfg.Delay
		if n >= cfg.Count {
			wait = cfg.Refresh
		}
		if pause(ctx, wait) != nil {
			return
		}
		if err := k.round(ctx, c, cfg.Rate); err != nil && ctx.Err() == nil {
			k.log.Warn("announcing again", slog.String("router", c.Router), slog.Any("err", err))
		}
	}
}

// stopAnnouncer ends the router's announcer, if there is one: when it returns
// no more frame leaves.
func (k *Kernel) stopAnnouncer(router string) *announcer {
	k.mu.Lock()
	a := k.announcers[router]
	delete(k.announcers, router)
	k.mu.Unlock()
	if a != nil {
		a.cancel()
		<-a.done
	}
	return a
}

// silence ends the announcements of the claim's addresses; those of the
// router's other addresses go on.
func (k *Kernel) silence(c vip.Claim) {
	a := k.stopAnnouncer(c.Router)
	if a == nil {
		return
	}
	rest := a.claim
	if rest.Interface == c.Interface {
		ended := make(map[netip.Prefix]bool, len(c.Addresses))
		for _, p := range c.Addresses {
			ended[p] = true
		}
		rest.Addresses = slices.DeleteFunc(slices.Clone(rest.Addresses), func(p netip.Prefix) bool { return ended[p] })
	}
	if len(rest.Addresses) > 0 {
		a.resume(rest)
	}
}
