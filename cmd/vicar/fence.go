// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/address"
	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
)

// fence is the kernel's fence around the guarded addresses, kept on all
// interfaces.
type fence struct {
	*address.Fence
	log     *slog.Logger
	arp     bool          // for ARP and neighbour discovery only
	changed chan struct{} // holds one: interfaces or addresses have changed

	mu   sync.Mutex
	want []netip.Addr // the configuration's
	// held tells whether an address that is not wanted any more has to be fenced
	// still: its lease runs, or it is on an interface.
	held   func(netip.Addr) bool
	met    []int  // interfaces that were covered, or could not be
	failed string // what was logged last
}

// openFence opens the fence that the configuration wants. Without one the string
// says why.
func openFence(c *config.Config, log *slog.Logger) (*fence, string, error) {
	if c.Guard.Fence == config.FenceOff {
		return nil, "off", nil
	}
	f := &fence{log: log, arp: c.Guard.Fence == config.FenceARP, changed: make(chan struct{}, 1), want: guardedAddresses(c)}
	var err error
	f.Fence, err = address.OpenFence(address.FenceConfig{Closed: f.want, Log: log})
	switch {
	case errors.Is(err, address.ErrFence) && c.Guard.Fence == config.FenceAuto:
		log.Warn("there is no fence: the addresses of an agent that is frozen stay", slog.Any("err", err))
		return nil, err.Error(), nil
	case err != nil:
		return nil, "", fmt.Errorf("opening the fence (guard.fence: auto goes without where it can't be had): %w", err)
	}
	// Also what an agent before had fenced in another way.
	err = f.Neighbours(f.want, f.arp)
	covered := f.Cover()
	if covered != nil && c.Guard.Fence == config.FenceAuto {
		f.say(covered)
		covered = nil
	}
	if err := errors.Join(err, covered); err != nil {
		return nil, "", errors.Join(fmt.Errorf("putting up the fence: %w", err), f.Close())
	}
	return f, "on", nil
}

// guardedAddresses are all that leases are for.
func guardedAddresses(c *config.Config) []netip.Addr {
	var all []netip.Addr
	for _, r := range c.Resources() {
		all = append(all, r.Addresses...)
	}
	return all
}

// reload fences the addresses of another configuration. Those that are gone stay
// fenced while they are held.
func (f *fence) reload(c *config.Config) error {
	f.mu.Lock()
	f.want = guardedAddresses(c)
	f.mu.Unlock()
	err := f.apply()
	f.poke()
	return err
}

// apply fences what is not fenced yet.
func (f *fence) apply() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	known := f.Addresses()
	fresh := slices.DeleteFunc(slices.Clone(f.want), func(a netip.Addr) bool { return slices.Contains(known, a.Unmap()) })
	if f.arp {
		return f.Neighbours(fresh, true)
	}
	return f.Shut(fresh)
}

// forget takes out what is neither wanted nor held.
func (f *fence) forget() (left bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	gone := slices.DeleteFunc(f.Addresses(), func(a netip.Addr) bool {
		if slices.Contains(f.want, a) {
			return true
		}
		held := f.held != nil && f.held(a)
		left = left || held
		return held
	})
	return left, f.Forget(gone)
}

func (f *fence) poke() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// fenceRetry is how long after something could not be done it is tried again,
// fenceCheck how often the fence is looked at: somebody may take it away.
const (
	fenceRetry = time.Second
	fenceCheck = 10 * time.Second
)

// run covers interfaces that come, and forgets addresses that go, until ctx
// ends.
func (f *fence) run(ctx context.Context) {
	for {
		left, err := f.forget()
		err = errors.Join(err, f.Cover())
		f.say(err)
		again := fenceCheck
		if left || err != nil {
			again = fenceRetry
		}
		select {
		case <-ctx.Done():
			return
		case <-f.changed:
		case <-time.After(again):
		}
	}
}

// say logs what went wrong with the fence, and that nothing does any more, once.
func (f *fence) say(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	f.mu.Lock()
	same := text == f.failed
	f.failed = text
	f.mu.Unlock()
	switch {
	case same:
	case err != nil:
		f.log.Error("the fence is not on all interfaces", slog.Any("err", err))
	default:
		f.log.Info("the fence is on all interfaces again")
	}
}

// state is the fence as status shows it.
func (f *fence) state() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed != "" {
		return "not on all interfaces: " + f.failed
	}
	return status.FenceOn
}

// meet covers interfaces that were not there before, before anything is put on
// them.
func (f *fence) meet(interfaces []vip.Interface) {
	now := make([]int, len(interfaces))
	for i, x := range interfaces {
		now[i] = x.Index
	}
	f.mu.Lock()
	fresh := slices.ContainsFunc(now, func(index int) bool { return !slices.Contains(f.met, index) })
	f.met = now
	f.mu.Unlock()
	if fresh {
		f.say(f.Cover())
	}
	f.poke()
}

// table is the fence's for another process, nil without one.
func (f *fence) table() (*os.File, error) {
	if f == nil {
		return nil, nil
	}
	return f.File()
}

// fenced is a network whose new interfaces are fenced.
type fenced struct {
	agent.Network
	fence *fence
}

// Watch is the network's.
func (n fenced) Watch(ctx context.Context, changed func(vip.Change)) error {
	return n.Network.Watch(ctx, func(c vip.Change) {
		if c.Interfaces != nil {
			n.fence.meet(c.Interfaces)
		}
		changed(c)
	})
}
