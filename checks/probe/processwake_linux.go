// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"time"
)

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

// follow receives events until ctx ends. What goes wrong ends them for all: the
// next one begins anew.
func (p *processes) follow(ctx context.Context) error {
	link, err := p.connect(ctx)
	if err != nil {
		return err
	}
	err = p.receive(ctx, link)
	if err != nil { // ctx ended or not: whoever is next must not trust the link
		p.turn <- struct{}{}
		defer p.release()
		p.disconnect()
	}
	return err
}

func (p *processes) receive(ctx context.Context, link *procLink) error {
	defer link.endWith(ctx)()
	var until, taken time.Time
	for ctx.Err() == nil {
		events, lost, err := link.receive(until)
		if err != nil {
			return err
		}
		// Even if ctx has ended: nobody else will get them.
		if until, err = p.take(ctx, events, lost); err != nil {
			return err
		}
		if time.Since(taken) < gather {
			rest(ctx)
		}
		taken = time.Now()
	}
	return nil
}

// rest lets events gather.
func rest(ctx context.Context) {
	timer := time.NewTimer(gather)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// connect opens the link, or returns that of the waker before. A refusal, which
// may take a while, is final.
func (p *processes) connect(ctx context.Context) (*procLink, error) {
	link, err := p.connected(ctx)
	if link != nil || err != nil {
		return link, err
	}
	link, err = openProcLink(ctx)
	if ctx.Err() != nil {
		if err == nil {
			link.close()
		}
		return nil, ctx.Err()
	}
	p.turn <- struct{}{}
	defer p.release()
	p.link, p.refused, p.synced = link, err, time.Time{}
	return link, err
}

func (p *processes) connected(ctx context.Context) (*procLink, error) {
	if err := p.hold(ctx); err != nil {
		return nil, err
	}
	defer p.release()
	return p.link, p.refused
}

// take follows events and returns when all must be read at the latest. The
// first time it reads all, as it does when events were lost. If ctx has ended
// it leaves that to the next who receives.
func (p *processes) take(ctx context.Context, events []procEvent, lost bool) (time.Time, error) {
	p.turn <- struct{}{}
	defer p.release()
	if lost {
		p.live = false
	}
	for _, e := range events {
		p.picture.take(e)
	}
	age := time.Since(p.synced)
	if ctx.Err() == nil && (age >= scanEvery || !p.live && age >= scanGap) {
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
	p.link.drain()
	if err := p.scan(); err != nil {
		return err
	}
	p.live, p.synced = true, p.scanned
	for _, w := range p.picture.by {
		w.tell()
	}
	return nil
}
