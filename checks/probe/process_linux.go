// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/vicar-ha/vicar/checks"
)

const (
	// scanShared is how old a reading of all processes may be that probes share
	// where there are no events.
	scanShared = 100 * time.Millisecond
	// scanEvery is after how long all is read in spite of events.
	scanEvery = 30 * time.Second
	// scanGap is the least time between two such readings when events are lost.
	scanGap = 500 * time.Millisecond
	// titleShared is how old the command lines of all processes may be, which
	// change without an event.
	titleShared = time.Second
)

// errHidden says that counting is in vain.
var errHidden = errors.New("other users' processes are hidden from vicar (/proc is mounted with hidepid, or systemd's ProtectProc= is not default)")

// processes is the picture of the host's processes that the process probes of a
// Maker share. While one of them wakes there are events, which one of the
// wakers receives for all. Without events, or when too many come, a look reads
// /proc.
type processes struct {
	// turn is held while what follows is used.
	turn     chan struct{}
	picture  *picture
	link     *procLink
	live     bool      // events tell of all that changes
	scanned  time.Time // all processes
	synced   time.Time // all processes, after which events were followed
	retitled time.Time // all command lines
	wakers   int
	refused  error // why there are no events, for good

	reading chan struct{} // held by the waker that receives
}

func newProcesses() *processes {
	return &processes{
		turn: make(chan struct{}, 1), reading: make(chan struct{}, 1),
		picture: newPicture(newProcFS(), os.Getpid()),
	}
}

// hold gets the turn, unless ctx ends.
func (p *processes) hold(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *processes) release() { <-p.turn }

// processProbe counts processes.
type processProbe struct {
	all *processes
	w   *watched
}

func newProcess(k checks.Process, all *processes) (checks.Probe, error) {
	pattern, err := newPattern(k)
	if err != nil {
		return nil, err
	}
	p := &processProbe{all, &watched{pattern: pattern}}
	all.turn <- struct{}{}
	defer all.release()
	all.picture.watch(p.w)
	return p, nil
}

// Close forgets the pattern.
func (p *processProbe) Close() error {
	p.all.turn <- struct{}{}
	defer p.all.release()
	p.all.picture.forget(p.w)
	return nil
}

// Probe counts. Zombies don't count, nor does the agent.
func (p *processProbe) Probe(ctx context.Context) error {
	if err := p.all.hold(ctx); err != nil {
		return err
	}
	defer p.all.release()
	if err := p.all.freshen(p.w); err != nil {
		return err
	}
	// Who looks knows.
	p.w.told, p.w.passing = p.w.look != nil, p.w.passes(p.w.count)
	p.all.picture.tell()
	return p.w.verdict(p.w.count)
}

// freshen makes the picture true for w.
func (p *processes) freshen(w *watched) error {
	if !p.live {
		if time.Since(p.scanned) < scanShared {
			return nil
		}
		return p.scan()
	}
	p.picture.check()
	switch {
	case w.command == nil:
	case w.name != "":
		p.picture.retitle(w)
	case time.Since(p.retitled) >= titleShared:
		p.picture.retitle(w)
		p.retitled = time.Now()
	}
	return nil
}

func (p *processes) scan() error {
	if err := p.picture.scan(); err != nil {
		return err
	}
	// There is always a first process.
	if _, ok := p.picture.table.read(1); !ok && p.picture.self != 1 {
		return errHidden
	}
	p.scanned = time.Now()
	p.retitled = p.scanned
	return nil
}

// Wake calls look when the number of processes has come to pass or to fail,
// told by the kernel's process events. They are for an agent with CAP_NET_ADMIN
// in the initial network, PID and user namespace.
func (p *processProbe) Wake(ctx context.Context, look func()) error {
	all := p.all
	if all.hold(ctx) != nil {
		return nil
	}
	all.wakers++
	p.w.look, p.w.told = look, false
	if all.live {
		p.w.tell()
	}
	all.release()
	defer all.leave(p.w)
	select {
	case all.reading <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	defer func() { <-all.reading }()
	if err := all.follow(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("following the kernel's process events: %w", err)
	}
	return nil
}

// leave ends Wake for w. The last one ends the events; another goes on
// receiving them.
func (p *processes) leave(w *watched) {
	p.turn <- struct{}{}
	defer p.release()
	w.look = nil
	if p.wakers--; p.wakers == 0 {
		p.disconnect()
	}
}

func (p *processes) disconnect() {
	if p.link != nil {
		p.link.close()
	}
	p.link, p.live = nil, false
}

// follow receives events until ctx ends.
func (p *processes) follow(ctx context.Context) error {
	link, err := p.connect(ctx)
	if err != nil {
		return err
	}
	// A deadline in the past ends a read. If it is set before the loop sets its
	// own, the loop sees that ctx has ended after it did.
	defer context.AfterFunc(ctx, func() { _ = link.file.SetReadDeadline(time.Unix(1, 0)) })()
	until := time.Now()
	for {
		if err := link.file.SetReadDeadline(until); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		events, lost, err := link.receive()
		if ctx.Err() == nil {
			until, err = p.take(ctx, events, lost, err)
		}
		if err != nil {
			return err
		}
	}
}

// connect opens the link, or returns that of the waker before.
func (p *processes) connect(ctx context.Context) (*procLink, error) {
	if err := p.hold(ctx); err != nil {
		return nil, err
	}
	defer p.release()
	if p.link != nil || p.refused != nil {
		return p.link, p.refused
	}
	link, err := openProcLink(ctx)
	if err != nil {
		if ctx.Err() == nil {
			p.refused = err
		}
		return nil, err
	}
	p.link, p.synced = link, time.Time{}
	return link, nil
}

// take follows events and returns when all must be read at the latest. The
// first time it reads all, as it does when events were lost.
func (p *processes) take(ctx context.Context, events []procEvent, lost bool, err error) (time.Time, error) {
	if err := p.hold(ctx); err != nil {
		return time.Time{}, err
	}
	defer p.release()
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		p.disconnect()
		return time.Time{}, err
	}
	if lost {
		p.live = false
	}
	for _, e := range events {
		p.picture.take(e)
	}
	age := time.Since(p.synced)
	if age >= scanEvery || !p.live && age >= scanGap {
		if err := p.resync(); err != nil {
			return time.Time{}, err
		}
	}
	p.picture.tell()
	if !p.live {
		return p.synced.Add(scanGap), nil
	}
	return p.synced.Add(scanEvery), nil
}

// resync reads all processes. What waits to be received is older: it goes first,
// or the end of a process might be lost of which the beginning is not.
func (p *processes) resync() error {
	if err := p.link.drain(); err != nil {
		return err
	}
	if err := p.scan(); err != nil {
		return err
	}
	p.live, p.synced = true, p.scanned
	for _, w := range p.picture.by {
		w.tell()
	}
	return nil
}
