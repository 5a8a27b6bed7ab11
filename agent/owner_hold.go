// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// continued is how long after giving up a new term counts as going on: what a guard
// grants anew, as it does when the resource has other addresses, comes within it.
const continued = 5 * time.Second

// hold acquires the claim from the movers in their order, and gives up what a
// changed claim no longer has. A claim that has gone to another interface is
// given up on the old one first, by the host's movers: to a cloud that is no change.
//
// Who holds what it had of the claim does not fail since more can't be got: a reload
// has added that, and to resign would take away what works. It says what it lacks
// and goes on trying.
func (o *owner) hold(work context.Context, t task) error {
	if len(o.held.Addresses) > 0 && o.held.Interface != t.claim.Interface {
		host := slices.DeleteFunc(slices.Clone(o.heldBy), func(m Mover) bool { _, ok := m.(Remote); return ok })
		if err := o.release(work, host); err != nil {
			return err
		}
		o.held.Interface = t.claim.Interface
	}
	if t.announce {
		suspect(t)
	}
	old, by := o.held, o.heldBy
	o.held, o.heldBy = union(t.claim, old), t.movers
	keep, err := o.keep(work, t)
	if err != nil {
		return err
	}
	if !t.due && o.lacking != nil && less(keep, t.claim) {
		return nil
	}
	lacking, err := o.acquire(work, t, keep)
	if err != nil {
		return err
	}
	if o.have = t.claim; lacking != nil {
		o.have = keep
	}
	if gone := without(old, t.claim); len(gone.Addresses) > 0 {
		if err := release(work, by, gone); err != nil {
			o.lacking = errors.Join(lacking, fmt.Errorf("releasing what was taken from the configuration: %w", err))
			return nil
		}
	}
	o.held, o.lacking = t.claim, lacking
	return nil
}

// suspect tells the movers that can make something of it that another node claims
// the addresses.
func suspect(t task) {
	for _, m := range t.movers {
		if w, ok := m.(Wary); ok {
			w.Suspect(t.claim)
		}
	}
}

// keep is the part of the claim that is held and must stay so; none in a new term.
// Where more is wanted, which may take long, that part is put right first if some of
// it may be lost, or if it was held until a moment ago in another term.
func (o *owner) keep(work context.Context, t task) (vip.Claim, error) {
	fresh := o.have.Term != t.claim.Term
	if fresh {
		o.part()
		o.lacking = nil
	}
	keep := common(t.claim, o.have)
	if fresh && time.Since(o.hadUntil) < continued {
		keep = common(t.claim, o.had)
	}
	switch {
	case fresh && !less(keep, t.claim):
		return vip.Claim{}, nil
	case !fresh && (t.lost == 0 || !less(keep, t.claim)):
		return keep, nil
	}
	for _, m := range t.movers {
		if held, err := m.Held(work, keep); err == nil && held && !fresh {
			continue
		}
		if err := m.Acquire(work, keep); err != nil && (fresh || !o.stands(work, m, keep)) {
			return vip.Claim{}, o.lose(work, err)
		}
	}
	o.have = keep
	return keep, nil
}

// acquire acquires the claim. The error is that nothing of it is held for sure;
// lacking is that what is to be kept is, and not all besides. After a mover that lacks
// something the others are asked for what is kept only: an address is on the host
// when the cloud sends its packets there, and not before.
func (o *owner) acquire(work context.Context, t task, keep vip.Claim) (lacking, err error) {
	claim, sure := t.claim, true
	for _, m := range t.movers {
		err := m.Acquire(work, claim)
		if err == nil {
			continue
		}
		if sure = false; len(keep.Addresses) == 0 || !o.stands(work, m, keep) {
			return nil, o.lose(work, err)
		}
		if lacking == nil && less(keep, t.claim) {
			lacking = fmt.Errorf("acquiring addresses beside those that are held: %w", err)
		}
		claim = keep
	}
	if sure {
		o.doubts = 0
	}
	return lacking, nil
}

// maxDoubts is how many failed looks in a row are taken for bad luck.
const maxDoubts = 3

// stands tells whether a mover that has failed may be let pass: what it had is held
// still, or can't be read, which a busy kernel may answer once or twice. An Active
// that holds its addresses does not step down for that.
func (o *owner) stands(work context.Context, m Mover, keep vip.Claim) bool {
	held, err := m.Held(work, keep)
	if err == nil {
		return held
	}
	o.doubts++
	o.poke()
	return o.doubts < maxDoubts
}

// lose notes that nothing is held for sure, unless the work was only cut short.
func (o *owner) lose(work context.Context, err error) error {
	if work.Err() == nil {
		o.have, o.lacking = vip.Claim{}, nil
	}
	return fmt.Errorf("acquiring the addresses: %w", err)
}

// part notes that what was held is no more, in this term.
func (o *owner) part() {
	if len(o.have.Addresses) > 0 {
		o.had, o.hadUntil = o.have, time.Now()
	}
	o.have = vip.Claim{}
}

// giveUp stops announcing and releases all that may be held.
func (o *owner) giveUp(work context.Context) error {
	if err := o.release(work, o.heldBy); err != nil {
		return err
	}
	o.held, o.heldBy = vip.Claim{}, nil
	return nil
}

// release stops announcing and has movers release all that may be held.
func (o *owner) release(work context.Context, movers []Mover) error {
	if o.announcing != nil {
		o.announcing()
		o.announcing = nil
	}
	o.part()
	o.lacking = nil
	if err := release(work, movers, o.held); err != nil {
		return fmt.Errorf("releasing the addresses: %w", err)
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

// common is what of the claim a is in b.
func common(a, b vip.Claim) vip.Claim { return without(a, without(a, b)) }

// less tells whether a is some of the claim b, and not all.
func less(a, b vip.Claim) bool {
	return len(a.Addresses) > 0 && len(a.Addresses) < len(b.Addresses)
}

// union is the claim a with what b has besides it, on the same interface.
func union(a, b vip.Claim) vip.Claim {
	a.Addresses = append(slices.Clone(a.Addresses), without(b, a).Addresses...)
	return a
}
