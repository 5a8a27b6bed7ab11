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
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/vip"
)

const (
	// eventGroups are what Watch listens to: RTMGRP_LINK, _IPV4_IFADDR and
	// _IPV6_IFADDR.
	eventGroups = 1<<(unix.RTNLGRP_LINK-1) | 1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV6_IFADDR-1)

	burst       = 5 * time.Millisecond   // that events are gathered before they are told
	resyncEvery = 30 * time.Second       // in case an event was lost unseen
	resyncSoon  = 500 * time.Millisecond // after reading the state failed
)

// errWatched says that there is a Watch already.
var errWatched = errors.New("the network is being watched already")

// Watch tells of the host's interfaces, their state and addresses, and of
// claimed addresses that are no longer there though nobody released them; the
// removal of an interface loses them too. A loss is told once, within some
// 10 ms, and again with each full reading (every 30 s) while it lasts.
// Addresses of ours, and those that don't work yet or failed duplicate
// address detection, are left out of Interfaces. One Watch runs at a time. It
// returns nil when ctx has ended.
func (k *Kernel) Watch(ctx context.Context, changed func(vip.Change)) error {
	var c *conn
	select {
	case c = <-k.events:
		defer func() { k.events <- c }()
	default:
		return errWatched
	}
	w := &watcher{k: k, events: c, picture: newPicture(k.journal)}
	held := k.allHeld()
	if err := w.resync(ctx); err != nil {
		return fmt.Errorf("watching the network: %w", err)
	}
	// A deadline in the past ends a read. If it is set before the loop sets its
	// own, the loop sees that ctx has ended after it did.
	interrupt := func() { _ = c.file.SetReadDeadline(time.Unix(1, 0)) }
	defer context.AfterFunc(ctx, interrupt)()
	w.tell(held, changed)
	for ctx.Err() == nil {
		if err := w.gather(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("watching the network: %w", err)
		}
		if ctx.Err() == nil {
			w.update(ctx, changed)
		}
	}
	return nil
}

// watcher is one Watch.
type watcher struct {
	k       *Kernel
	events  *conn
	picture *picture
	told    []vip.Interface
	missed  bool      // events: the picture can't be trusted
	next    time.Time // the next full reading
}

// gather waits for an event, and then for those that come in its company, or
// until a full reading is due.
func (w *watcher) gather(ctx context.Context) error {
	until := w.next
	for first := true; ; {
		if err := w.events.file.SetReadDeadline(until); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		ms, err := w.events.receive()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case isAny(err, unix.ENOBUFS):
			w.missed = true
		case err != nil:
			return err
		}
		w.take(ms)
		if first {
			first, until = false, time.Now().Add(burst)
		}
	}
}

func (w *watcher) take(ms messages) {
	for m := range ms.all {
		w.picture.event(m)
	}
}

// update makes the picture whole and tells what is new. What is held is asked
// before anything is read, so what was read lacks only what has gone since.
func (w *watcher) update(ctx context.Context, changed func(vip.Change)) {
	held := w.k.allHeld()
	if w.missed || !time.Now().Before(w.next) {
		if err := w.resync(ctx); err != nil {
			w.failed(ctx, err)
			return
		}
		w.tell(held, changed)
		return
	}
	for _, s := range held {
		if w.picture.suspect(s) {
			w.picture.dirty[s.index] = true
		}
	}
	read := map[int]bool{}
	for index := range w.picture.dirty {
		entries, err := w.k.addresses(ctx, index)
		if err != nil {
			w.failed(ctx, err)
			return
		}
		w.picture.read(index, entries)
		read[index] = true
	}
	w.tell(slices.DeleteFunc(held, func(s spot) bool { return !read[s.index] }), changed)
}

// failed plans another full reading.
func (w *watcher) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	w.k.log.Warn("reading the network's state", slog.Any("err", err))
	w.missed = true
	w.next = time.Now().Add(resyncSoon)
}

// resync reads everything. Events that are still queued are older or newer than
// what is read; either way the last one about an address is right.
func (w *watcher) resync(ctx context.Context) error {
	var links []link
	var entries []entry
	err := w.k.do(ctx, func(c *conn) (err error) {
		if links, err = c.links(ctx); err != nil {
			return err
		}
		entries, err = c.addresses(ctx, 0)
		return err
	})
	if err != nil {
		return err
	}
	w.picture.reset(links, entries)
	w.missed = false
	w.next = time.Now().Add(resyncEvery)
	return nil
}

// tell calls changed if something is new. held was held when its interfaces
// were read.
func (w *watcher) tell(held []spot, changed func(vip.Change)) {
	var change vip.Change
	if now := w.picture.interfaces(); w.told == nil || !sameInterfaces(now, w.told) {
		w.told = now
		change.Interfaces = w.picture.interfaces() // a copy that is the caller's
	}
	for _, s := range held {
		if w.picture.missing(s) {
			change.Lost = append(change.Lost, s.prefix.Addr())
		}
	}
	slices.SortFunc(change.Lost, netip.Addr.Compare)
	if change.Interfaces != nil || change.Lost != nil {
		changed(change)
	}
}
