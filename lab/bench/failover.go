// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/vicar-ha/vicar/lab/probe"
)

// mode is a way in which the holder goes.
type mode struct {
	name string
	do   func(b *bench, p pair) error
}

// modes are all of them.
var modes = []mode{
	{"cut", func(b *bench, _ pair) error { return b.lab.Cut(b.a) }},
	{"stop", func(_ *bench, p pair) error { return p.a.process().Signal(syscall.SIGTERM) }},
	{"kill", func(_ *bench, p pair) error { return p.a.process().SignalAll(syscall.SIGKILL) }},
	{"partition", func(b *bench, _ pair) error { return b.lab.Isolate(b.a) }},
}

// modeNames are their names.
func modeNames() []string {
	var out []string
	for _, m := range modes {
		out = append(out, m.name)
	}
	return out
}

// failover is one measured failover.
type failover struct {
	Mode     string        `json:"mode"`
	Interval time.Duration `json:"interval_ns"`
	Side     string        `json:"program"`
	Run      int           `json:"run"`
	// Phase is how long before the event the holder's last advert had left.
	Phase  time.Duration `json:"phase_ns"`
	Outage time.Duration `json:"outage_ns"` // that the client saw
	Open   bool          `json:"open"`      // the service was not back in time
	// Dual is for how long two hosts answered, within the time that was watched;
	// DualOpen tells that they still did at its end.
	Dual     time.Duration `json:"dual_ns"`
	DualOpen bool          `json:"dual_open"`
	Control  time.Duration `json:"control_ns"` // worst outage of an address that does not move
	Late     time.Duration `json:"late_ns"`    // the probes' worst lateness
}

// one is the setup with one router.
func one(interval time.Duration) setup {
	return setup{interval: interval, routers: []router{{vrid: 51, addresses: []netip.Prefix{moving}}}}
}

// window is for how long a failover is watched.
func window(interval time.Duration) time.Duration { return time.Second + 5*interval }

// lead is for how long it is watched before.
const lead = 100 * time.Millisecond

// failovers measures all of them, the programs in turns.
func (b *bench) failovers(ctx context.Context) error {
	for _, interval := range b.intervals {
		for _, mode := range b.modes {
			for run := range b.runs {
				for _, s := range b.sides {
					f := failover{Mode: mode, Interval: interval, Side: s.name, Run: run}
					if err := b.failover(ctx, s, &f); err != nil {
						return fmt.Errorf("%s, %s at %v, run %d: %w", s.name, mode, interval, run, err)
					}
					b.results.Failovers = append(b.results.Failovers, f)
					b.clock.step(costOfFailover(interval), "%-10s %-9s %5v run %2d: outage %7.1f ms, two holders %7.1f ms, control %.1f ms",
						s.name, mode, interval, run+1, msec(f.Outage), msec(f.Dual), msec(f.Control))
				}
			}
		}
	}
	return nil
}

// failover measures one.
func (b *bench) failover(ctx context.Context, s side, f *failover) (err error) {
	p, err := b.start(ctx, s, one(f.Interval), 20*time.Second+5*f.Interval)
	defer func() { err = errors.Join(err, b.clean(p)) }()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(modes, func(m mode) bool { return m.name == f.Mode })
	_, err = b.move(ctx, f, manner{every: time.Millisecond, runs: b.runs}, func() error { return modes[i].do(b, p) })
	return err
}

// manner is how a move is watched.
type manner struct {
	every time.Duration // between the probers' questions
	runs  int           // that the interval is divided by
	brief bool          // until the other host has taken over, and a little longer
	gaps  bool          // what the probers did not ask counts, too
}

// move measures what comes of a fault.
func (b *bench) move(ctx context.Context, f *failover, how manner, fault func() error) (m moved, err error) {
	w, err := b.watch(ctx, how.every)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	if err := await(ctx, 10*time.Second, "the client is answered", func() (bool, error) {
		return w.client.Last() > 0 && w.control.Last() > 0, nil
	}); err != nil {
		return m, err
	}
	if err := sleep(ctx, lead); err != nil {
		return m, err
	}
	if f.Phase, err = phase(ctx, w.session, w.adverts, f.Interval, f.Run, how.runs); err != nil {
		return m, err
	}
	m.at, m.watch = w.session.Now(), w
	if err := fault(); err != nil {
		return m, err
	}
	if err := b.wait(ctx, w, window(f.Interval), how.brief); err != nil {
		return m, err
	}
	m.to = w.session.Now()
	if err := w.stop(); err != nil {
		return m, err
	}
	worst := (*probe.Client).Worst
	if how.gaps {
		worst = (*probe.Client).Gap
	}
	o := worst(w.client, m.at-lead, m.to)
	f.Outage, f.Open = o.Duration(), o.Open
	f.Dual = w.holders.Dual(m.at-lead, m.to)
	f.DualOpen = w.holders.Dual(m.to-lead, m.to) > 0
	f.Control = worst(w.control, m.at-lead, m.to).Duration()
	f.Late = w.session.Lateness().Max
	return m, nil
}

// A brief move has ended when for some time nobody but b has answered, and that
// has reached the client.
const (
	briefly = 250 * time.Millisecond
	lately  = 25 * time.Millisecond
)

// wait lets the move happen, for as long as it is watched.
func (b *bench) wait(ctx context.Context, w *watch, longest time.Duration, brief bool) error {
	if !brief {
		return sleep(ctx, longest)
	}
	end := w.session.Now() + longest
	for since := w.session.Now(); ; {
		now := w.session.Now()
		if fresh := func(at time.Duration) bool { return now-at < lately }; !fresh(w.client.Last()) || !fresh(w.holders.Last(b.b)) || fresh(w.holders.Last(b.a)) {
			since = now
		}
		if now-since >= briefly || now >= end {
			return nil
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// moved is a move that was watched.
type moved struct {
	watch  *watch
	at, to time.Duration // from the fault to the end
}

// watch is a running probe session.
type watch struct {
	session         *probe.Session
	client, control *probe.Client
	holders         *probe.Holders
	adverts         *probe.Adverts
	cancel          context.CancelFunc
	done            chan error
}

// watch starts the probes. The control is b's own address.
func (b *bench) watch(ctx context.Context, every time.Duration) (*watch, error) {
	w := &watch{session: probe.New(every), done: make(chan error, 1)}
	var errs [4]error
	w.client, errs[0] = w.session.Client(b.client, moving.Addr())
	w.control, errs[1] = w.session.Client(b.client, addrB.Addr())
	w.holders, errs[2] = w.session.Holders(b.lab, moving.Addr(), b.a, b.b)
	w.adverts, errs[3] = w.session.Adverts(b.lab, b.a)
	if err := errors.Join(errs[:]...); err != nil {
		w.session.Close()
		return nil, err
	}
	ctx, w.cancel = context.WithCancel(ctx)
	go func() {
		w.done <- w.session.Run(ctx)
		close(w.done)
	}()
	return w, nil
}

// stop ends the probes. It may be called twice.
func (w *watch) stop() error {
	w.cancel()
	return <-w.done
}

// phase waits until the share of the interval that this run is due has passed
// since an advert of the holder.
func phase(ctx context.Context, s *probe.Session, adverts *probe.Adverts, interval time.Duration, run, runs int) (time.Duration, error) {
	_, before := adverts.Last()
	within := 5*time.Second + 5*interval
	deadline := s.Now() + within
	for {
		at, n := adverts.Last()
		wait := at + interval*time.Duration(run)/time.Duration(runs) - s.Now()
		if n > before || n > 0 && wait > 0 {
			err := sleep(ctx, max(0, wait))
			return s.Now() - at, err
		}
		if s.Now() > deadline {
			return 0, fmt.Errorf("heard no advert for %v", within)
		}
		if err := sleep(ctx, time.Millisecond/2); err != nil {
			return 0, err
		}
	}
}
