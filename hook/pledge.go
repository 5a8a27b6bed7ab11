// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// pledge is what the caller of GiveUp was promised: done, once.
type pledge struct {
	done  func()
	left  int  // deliveries that are neither run nor dropped
	kept  bool // done is called, or about to be
	timer *time.Timer
}

// GiveUp tells of an orderly give-up, after what the router's hooks have still
// to be told, and calls done once: when the last hook that listens has been
// told, or after the time limits of those hooks together, whatever comes first.
// The event is delivered even so. If nobody listens, or after Run, done is
// called before GiveUp returns; else by a goroutine of its own, and it must not
// block.
func (n *Notifier) GiveUp(e vip.Event, done func()) {
	p := &pledge{done: done}
	if n.enqueue(e, p) == 0 {
		done()
	}
}

// promise arms the pledge's limit; n.mu is held.
func (n *Notifier) promise(p *pledge, limit time.Duration) {
	p.timer = time.AfterFunc(limit, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.keep(p)
	})
}

// over notes that a delivery was run or dropped; n.mu is held.
func (n *Notifier) over(d delivery) {
	if d.pledge == nil {
		return
	}
	if d.pledge.left--; d.pledge.left == 0 {
		n.keep(d.pledge)
	}
}

// keep calls done if that has not happened; n.mu is held.
func (n *Notifier) keep(p *pledge) {
	if p.kept {
		return
	}
	p.kept = true
	p.timer.Stop()
	n.calls.Go(p.done)
}
