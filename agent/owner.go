// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
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
	lost     int                // addresses reported as lost since the last look, and
	taken    int                // those of them that others took elsewhere
	cancel   context.CancelFunc // ends the work in hand
	growing  bool               // the work in hand is for more than what is held
	wake     chan struct{}

	// Of the owner's goroutine alone.
	held       vip.Claim // what may be held; no addresses: nothing
	heldBy     []Mover
	announcing context.CancelFunc
	failing    bool      // the last answer was an error
	have       vip.Claim // what all movers have acquired in its term; no addresses: nothing
	had        vip.Claim // what was given up last, and
	hadUntil   time.Time // when
	lacking    error     // why have is not all that is wanted
	doubts     int       // looks in a row that could not tell whether it is held still
}

// settled tells the loop that an intent was carried out, or why not.
type settled struct {
	term     uint64
	held     bool
	restored int // addresses that somebody had removed and are back
	err      error
	lacking  error // what was held is held, but not what is wanted besides
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
	if o.cancel != nil && (want.hold != o.want.hold || want.claim.Term != o.want.claim.Term || o.growing) {
		o.cancel()
	}
	o.want, o.asked = want, true
	o.mu.Unlock()
	o.poke()
}

// look makes the owner look again, since lost addresses were reported. What more is
// wanted waits for that.
func (o *owner) look(lost int) {
	o.mu.Lock()
	o.lost += lost
	if o.growing {
		o.cancel()
	}
	o.mu.Unlock()
	o.poke()
}

// lookElsewhere is look, of addresses that others took where they move besides: those
// are not counted as restored.
func (o *owner) lookElsewhere(taken int) {
	o.mu.Lock()
	o.taken += taken
	o.mu.Unlock()
	o.look(taken)
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
	var due time.Time // when what failed is tried again
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.wake:
		case <-timer.C:
		}
		now := time.Now()
		tried, err := o.reconcile(ctx, !now.Before(due))
		switch last := o.lastRetry(); {
		case err == nil:
			retry, due = retryFirst, now.Add(o.recheck)
		case tried:
			due = time.Now().Add(retry)
			retry = min(2*retry, last)
		}
		timer.Reset(time.Until(due))
	}
}

// lastRetry is the longest wait for what failed. What is wanted beside what is held
// is in less of a hurry, and each attempt may ask a cloud.
func (o *owner) lastRetry() time.Duration {
	if o.lacking != nil {
		return o.recheck
	}
	return retryLast
}

// task is one look of the owner.
type task struct {
	intent
	asked, announce bool
	lost, taken     int
	due             bool // what failed is to be tried again
}

// take fetches what is wanted and arms the cancellation of its work.
func (o *owner) take(ctx context.Context) (context.Context, context.CancelFunc, task) {
	o.mu.Lock()
	defer o.mu.Unlock()
	work, cancel := context.WithCancel(ctx)
	o.cancel = cancel
	t := task{intent: o.want, asked: o.asked, announce: o.announce, lost: o.lost, taken: o.taken}
	o.asked, o.announce, o.lost, o.taken = false, false, 0, 0
	o.growing = t.hold && o.have.Term == t.claim.Term && less(common(t.claim, o.have), t.claim)
	return work, cancel, t
}

// leave ends the work in hand. Of work that was cut short nothing is answered, and
// what it was to do is still to be done.
func (o *owner) leave(t task, cut bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.growing = false
	if cut {
		o.asked = o.asked || t.asked
		o.announce = o.announce || t.announce
		o.lost += t.lost
		o.taken += t.taken
	}
}

// reconcile makes the held equal to the wanted, once, and answers if it was
// asked to, if something was restored, or if the outcome has changed. What failed
// before is tried only if that is due or asked for; tried tells whether it was.
func (o *owner) reconcile(ctx context.Context, due bool) (tried bool, err error) {
	work, cancel, t := o.take(ctx)
	defer cancel()
	t.due = due || t.asked
	if !t.asked && !t.hold && len(o.held.Addresses) == 0 {
		return true, nil
	}
	was := o.lacking
	var untold error
	if t.hold {
		err = o.hold(work, t)
	} else {
		err = o.giveUp(work)
	}
	grown := was != nil && o.lacking == nil
	if t.hold && err == nil && work.Err() == nil && (t.asked || t.announce || t.lost > 0 || o.failing || grown) {
		untold = o.tell(ctx, work, t)
	}
	superseded := work.Err() != nil && ctx.Err() == nil
	o.leave(t, superseded)
	if superseded {
		o.poke()
		return false, nil
	}
	if t.asked || t.lost > 0 || (err != nil) != o.failing || untold != nil || (was != nil) != (o.lacking != nil) {
		s := settled{term: t.claim.Term, held: t.hold, err: err, lacking: o.lacking, untold: untold}
		if err == nil {
			s.restored = t.lost - t.taken
		}
		o.answer(s)
	}
	o.failing = err != nil
	return t.due || err != nil || untold != nil, errors.Join(err, untold, o.lacking)
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
	if err := t.announcer.Announce(round, o.have); err != nil {
		o.mu.Lock()
		o.announce = true
		o.mu.Unlock()
		return fmt.Errorf("announcing the addresses: %w", err)
	}
	return nil
}
