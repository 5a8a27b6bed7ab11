// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"flag"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run the simulation of this seed alone, and show its transitions")
	seedsFlag = flag.Uint64("seeds", 200, "how many seeds to simulate")
)

// TestSimulation cuts, freezes, faults, stops and loses at random, then lets
// everything be well, and asks for exactly one holder, the best, that stays.
func TestSimulation(t *testing.T) {
	if *seedFlag != 0 {
		l, err := simulate(*seedFlag)
		t.Logf("%s\n", strings.Join(l.log, "\n"))
		if err != nil {
			t.Error(err)
		}
		return
	}
	for seed := uint64(1); seed <= *seedsFlag; seed++ {
		if l, err := simulate(seed); err != nil {
			last := l.log[max(0, len(l.log)-20):]
			t.Errorf("-seed=%d: %v\nlast transitions:\n%s", seed, err, strings.Join(last, "\n"))
		}
	}
}

// world is what a seed chooses.
type world struct {
	*lan
	interval time.Duration
	distinct bool // the priorities
	preempt  bool
	best     int
}

func simulate(seed uint64) (*lan, error) {
	w := &world{lan: newLAN(seed), interval: 100 * time.Millisecond}
	if err := w.populate(); err != nil {
		return w.lan, err
	}
	for i := range w.hosts {
		w.after(w.between(0, 2*time.Second), func() { w.step(w.hosts[i], 0, Start{}) })
	}
	for range 40 {
		w.mischief()
		w.run(w.between(w.interval/10, 10*w.interval))
	}
	w.run(10 * w.interval) // nobody is frozen any more
	w.heal()
	for w.heldOff() {
		w.run(time.Second)
	}
	w.run(20 * time.Second)
	quiet := len(w.log)
	w.run(20 * time.Second)
	if w.wrong != nil {
		return w.lan, w.wrong
	}
	if n := len(w.log) - quiet; n > 0 {
		return w.lan, fmt.Errorf("%d transitions in quiet", n)
	}
	return w.lan, w.verdict()
}

// populate makes 2 to 5 hosts with 1 to 3 members each.
func (w *world) populate() error {
	hosts, members := 2+w.rng.IntN(4), 1+w.rng.IntN(3)
	version := wire.V3
	if w.rng.IntN(4) == 0 {
		version, w.interval = wire.V2, time.Second
	}
	w.distinct, w.preempt = w.rng.IntN(3) > 0, w.rng.IntN(3) > 0
	var delay time.Duration
	if w.preempt && w.rng.IntN(2) == 0 {
		delay = w.between(0, 5*time.Second)
	}
	for i := range hosts {
		cfg := Config{
			Version: version, Priority: 100, Interval: w.interval, Preempt: w.preempt, PreemptDelay: delay, Epoch: t0,
		}
		if w.distinct {
			cfg.Priority = uint8(10 + 20*i)
			w.best = i
		}
		if w.distinct && i == hosts-1 && w.rng.IntN(5) == 0 {
			cfg.Priority, cfg.Preempt, cfg.PreemptDelay, w.preempt = 255, false, 0, true
		}
		var cfgs []Config
		var addrs []netip.Addr
		for m := range members {
			c := cfg
			c.VRID = uint8(1 + m)
			c.Addresses = []netip.Addr{netip.AddrFrom4([4]byte{198, 51, 100, byte(m)})}
			cfgs = append(cfgs, c)
			// In odd members the addresses are in the opposite order.
			last := byte(1 + i)
			if m%2 == 1 {
				last = byte(100 - i)
			}
			addrs = append(addrs, netip.AddrFrom4([4]byte{192, 0, 2, last}))
		}
		if err := w.add(addrs, cfgs...); err != nil {
			return err
		}
	}
	return nil
}

// mischief does one bad thing, or mends one.
func (w *world) mischief() {
	h := w.hosts[w.rng.IntN(len(w.hosts))]
	other := w.hosts[w.rng.IntN(len(w.hosts))]
	member := w.rng.IntN(len(h.addrs))
	switch w.rng.IntN(11) {
	case 0:
		w.loss = w.rng.Float64() / 2
	case 1:
		w.fail = w.rng.Float64() / 4
	case 2:
		w.cut[[3]int{h.id, other.id, member}] = true // one way
	case 3:
		for m := range h.addrs {
			w.cut[[3]int{h.id, other.id, m}], w.cut[[3]int{other.id, h.id, m}] = true, true
		}
	case 4:
		clear(w.cut)
	case 5:
		w.step(h, member, Fault{"link down"})
	case 6:
		w.step(h, member, Clear{})
	case 7:
		w.step(h, member, Stop{})
	case 8:
		w.step(h, member, Start{})
	case 9:
		p := uint8(1 + w.rng.IntN(254))
		for m := range h.addrs {
			w.step(h, m, SetPriority{p})
		}
	case 10:
		h.frozen = w.now.Add(w.between(0, 8*w.interval))
	}
}

func (w *world) heal() {
	w.loss, w.fail = 0, 0
	clear(w.cut)
	for _, h := range w.hosts {
		for m := range h.addrs {
			w.step(h, m, Clear{})
			w.step(h, m, SetPriority{h.group.Member(m).cfg.Priority})
		}
		w.step(h, 0, Start{})
	}
}

// heldOff tells whether a router stays out because it could not hold its
// addresses.
func (w *world) heldOff() bool {
	for _, h := range w.hosts {
		for m := range h.addrs {
			if h.group.Member(m).unholdable != "" {
				return true
			}
		}
	}
	return false
}

// verdict is whether exactly one host is Active and holds the addresses, and it
// is the best.
func (w *world) verdict() error {
	holder := -1
	for _, h := range w.hosts {
		active := h.group.Member(0).State() == Active
		for m, held := range h.held {
			if held != active {
				return fmt.Errorf("host %d/%d is %v, holds its addresses: %v", h.id, m, h.group.Member(m).State(), held)
			}
		}
		if h.group.Busy() {
			return fmt.Errorf("host %d is still busy", h.id)
		}
		if active && holder >= 0 {
			return fmt.Errorf("two holders: %d and %d", holder, h.id)
		}
		if active {
			holder = h.id
		}
	}
	switch {
	case holder < 0:
		return fmt.Errorf("no holder")
	case w.distinct && w.preempt && holder != w.best:
		return fmt.Errorf("host %d holds, %d is better", holder, w.best)
	}
	return nil
}
