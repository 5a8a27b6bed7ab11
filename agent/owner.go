// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// intent is what the loop wants of an owner.
type intent struct {
	hold      bool
	claim     vip.Claim
	movers    []Mover
	announcer Announcer // may be nil
}

// owner keeps what one engine's movers hold equal to the loop's last intent.
// The loop talks to it through put, look and announce, which never block; it
// answers with settled messages.
type owner struct {
	recheck time.Duration
	answer  func(settled)

	mu       sync.Mutex
	want     intent
	asked    bool               // want is new and has to be answered
	announce bool               // a burst is wanted even if nothing has changed
	lost     int                // addresses reported as lost since the last look
	cancel   context.CancelFunc // ends the work in hand
	wake     chan struct{}

	// Of the owner's goroutine alone.
	held       vip.Claim // what may be held; no addresses: nothing
	heldBy     []Mover
	announcing context.CancelFunc
	failing    bool // the last answer was an error
	secure     bool // held was acquired without error
	doubts     int  // looks in a row that could not tell whether it still is
}

// settled tells the loop that an intent was carried out, or why not.
type settled struct {
	term     uint64
	held     bool
	restored int // addresses that somebody had removed and are back
	err      error
	untold   error // the addresses are held, but nobody could be told
}

// The first wait after a failed attempt, doubled after each up to the last.
const (
	retryFirst = 100 * time.Millisecond
	retryLast  = 3 * time.Second
)

func newOwner(recheck time.Duration, answer func(settled)) *owner {
	return &owner{recheck: recheck, answer: answer, wake: make(chan struct{}, 1)}
}

// put replaces the intent and cancels work on one that it supersedes.
func (o *owner) put(want intent) {
	o.mu.Lock()
	if o.cancel != nil && (want.hold != o.want.hold || want.claim.Term != o.want.claim.Term) {
		o.cancel()
	}
	o.want, o.asked = want, true
	o.mu.Unlock()
	o.poke()
}

// look makes the owner look again, since lost addresses were reported.
func (o *owner) look(lost int) {
	o.mu.Lock()
	o.lost += lost
	o.mu.Unlock()
	o.poke()
}

// announceAgain asks for another round of announcements.
func (o *owner) announceAgain() {
	o.mu.Lock()
	o.announce = true
	o.mu.Unlock()
	o.poke()
}

func (o *owner) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run works until ctx ends. What is held then stays held.
func (o *owner) run(ctx context.Context) {
	defer func() {
		if o.announcing != nil {
			o.announcing()
		}
	}()
	timer := time.NewTimer(o.recheck)
	defer timer.Stop()
	retry := retryFirst
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.wake:
		case <-timer.C:
		}
		next := o.recheck
		if o.reconcile(ctx) == nil {
			retry = retryFirst
		} else {
			next = retry
			retry = min(2*retry, retryLast)
		}
		timer.Reset(next)
	}
}

// task is one look of the owner.
type task struct {
	intent
	asked, announce bool
	lost            int
}

// take fetches what is wanted and arms the cancellation of its work.
func (o *owner) take(ctx context.Context) (context.Context, context.CancelFunc, task) {
	o.mu.Lock()
	defer o.mu.Unlock()
	work, cancel := context.WithCancel(ctx)
	o.cancel = cancel
	t := task{intent: o.want, asked: o.asked, announce: o.announce, lost: o.lost}
	o.asked, o.announce, o.lost = false, false, 0
	return work, cancel, t
}

// reconcile makes the held equal to the wanted, once, and answers if it was
// asked to, if something was restored, or if the outcome has changed.
func (o *owner) reconcile(ctx context.Context) error {
	work, cancel, t := o.take(ctx)
	defer cancel()
	if !t.asked && !t.hold && len(o.held.Addresses) == 0 {
		return nil
	}
	var err, untold error
	if t.hold {
		if err = o.hold(work, t); err == nil && (t.asked || t.announce || t.lost > 0 || o.failing) {
			untold = o.tell(ctx, work, t)
		}
	} else {
		err = o.giveUp(work)
	}
	if superseded := work.Err() != nil && ctx.Err() == nil; superseded {
		o.poke()
		return nil
	}
	if t.asked || t.lost > 0 || (err != nil) != o.failing || untold != nil {
		s := settled{term: t.claim.Term, held: t.hold, err: err, untold: untold}
		if err == nil {
			s.restored = t.lost
		}
		o.answer(s)
	}
	o.failing = err != nil
	return errors.Join(err, untold)
}

// hold acquires the claim from the movers in their order, and gives up what a
// changed claim no longer has. A claim that has gone to another interface is
// given up on the old one first.
func (o *owner) hold(work context.Context, t task) error {
	if len(o.held.Addresses) > 0 && o.held.Interface != t.claim.Interface {
		if err := o.giveUp(work); err != nil {
			return err
		}
	}
	old, by, was := o.held, o.heldBy, o.secure
	o.held, o.heldBy, o.secure = union(t.claim, old), t.movers, false
	for _, m := range t.movers {
		if err := m.Acquire(work, t.claim); err != nil {
			if was && !t.asked && o.doubtful(work, t) {
				o.secure = true
				return nil
			}
			return fmt.Errorf("acquiring the addresses: %w", err)
		}
	}
	o.doubts = 0
	if gone := without(old, t.claim); len(gone.Addresses) > 0 {
		if err := release(work, by, gone); err != nil {
			return fmt.Errorf("releasing what was taken from the configuration: %w", err)
		}
	}
	o.held, o.secure = t.claim, true
	return nil
}

// maxDoubts is how many failed looks in a row are taken for bad luck.
const maxDoubts = 3

// doubtful tells whether a look that failed may be let pass: the addresses were
// held, and either still are or can't be read, which a busy kernel may answer
// once or twice. An Active that holds its addresses does not step down for that.
func (o *owner) doubtful(work context.Context, t task) bool {
	for _, m := range t.movers {
		switch held, err := m.Held(work, t.claim); {
		case err == nil && !held:
			return false
		case err != nil:
			o.doubts++
			o.poke()
			return o.doubts < maxDoubts
		}
	}
	return true
}

// giveUp stops announcing and releases all that may be held.
func (o *owner) giveUp(work context.Context) error {
	if o.announcing != nil {
		o.announcing()
		o.announcing = nil
	}
	if err := release(work, o.heldBy, o.held); err != nil {
		return fmt.Errorf("releasing the addresses: %w", err)
	}
	o.held, o.heldBy, o.secure = vip.Claim{}, nil, false
	return nil
}

// tell starts a round of announcements that goes on until the next round or
// until the addresses are given up. If the first can't leave, another look
// tries again.
func (o *owner) tell(ctx, work context.Context, t task) error {
	if o.announcing != nil {
		o.announcing()
		o.announcing = nil
	}
	if t.announcer == nil {
		return nil
	}
	round, cancel := context.WithCancel(ctx)
	o.announcing = cancel
	superseded := context.AfterFunc(work, cancel) // many addresses take a while
	defer superseded()
	if err := t.announcer.Announce(round, t.claim); err != nil {
		o.mu.Lock()
		o.announce = true
		o.mu.Unlock()
		return fmt.Errorf("announcing the addresses: %w", err)
	}
	return nil
}

// without is the claim a less what b has, on the same interface.
func without(a, b vip.Claim) vip.Claim {
	a.Addresses = slices.DeleteFunc(slices.Clone(a.Addresses), func(p netip.Prefix) bool {
		return slices.Contains(b.Addresses, p)
	})
	return a
}

// union is the claim a with what b has besides it, on the same interface.
func union(a, b vip.Claim) vip.Claim {
	a.Addresses = append(slices.Clone(a.Addresses), without(b, a).Addresses...)
	return a
}
