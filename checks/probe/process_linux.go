// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
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
	// gather is how long events are gathered once they come thick and fast, so
	// that each does not wake the agent.
	gather = 5 * time.Millisecond
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
