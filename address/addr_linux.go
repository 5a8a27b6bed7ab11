// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/vip"
)

const (
	firstBatch = 16 // small, so that the first addresses answer early
	attempts   = 3
)

// errUnsettled says that what was done did not last.
var errUnsettled = errors.New("somebody else keeps changing it")

// Acquire adds what is missing of the claim, in its order and in batches, and
// announces each batch once as soon as the kernel has it, so that the first
// address answers while the last is still to come; Announce repeats. It writes
// the journal first. It returns nil only when the kernel has acknowledged, or
// has been read to have, every address.
//
// An address that is there already becomes ours (see the package comment). On
// an error, what was added stays: Release takes it away.
//
// Called again it reads the interface's addresses once, and changes nothing if
// nothing is missing.
func (k *Kernel) Acquire(ctx context.Context, c vip.Claim) error {
	for _, p := range c.Addresses {
		if !p.IsValid() || p.Addr().Is4In6() {
			return fmt.Errorf("adding %s to %s: not an address", p, c.Interface)
		}
	}
	if err := k.journal.claim(c); err != nil {
		return err
	}
	l, err := k.link(ctx, c.Interface)
	if err != nil {
		return err
	}
	// At a take-over nothing is there: all is added without a look, and only if
	// something is in the way the interface is read.
	read := slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return k.knows(c.Router, l.index, p) })
	for range attempts {
		var have []entry
		if read {
			if have, err = k.addresses(ctx, l.index); err != nil {
				return err
			}
		}
		again, err := k.carryOut(ctx, l, c, k.plan(l, c, have))
		if err != nil {
			return err
		}
		if !again {
			k.hold(c.Router, l, c.Addresses)
			return nil
		}
		read = true
	}
	return fmt.Errorf("adding the addresses of %s to %s: %w", c.Router, c.Interface, errUnsettled)
}

// plan lists what must be done for the claim, given what is there.
func (k *Kernel) plan(l link, c vip.Claim, have []entry) []op {
	there := byAddr(have)
	var ops []op
	for _, p := range c.Addresses {
		todo := add
		for _, e := range there[p.Addr()] {
			switch {
			case e.prefix != p || !e.working():
				// With another prefix length, or not answering. IPv6 can't have
				// both.
				ops = append(ops, op{kind: remove, prefix: e.prefix, peer: e.peer})
			case e.proto == Proto || k.holds(c.Router, l.index, p):
				todo = remove // nothing to add
			default:
				todo = replace
			}
		}
		if todo != remove {
			ops = append(ops, op{kind: todo, prefix: p})
		}
	}
	return ops
}

// byAddr groups entries by address.
func byAddr(entries []entry) map[netip.Addr][]entry {
	m := make(map[netip.Addr][]entry, len(entries))
	for _, e := range entries {
		m[e.prefix.Addr()] = append(m[e.prefix.Addr()], e)
	}
	return m
}

// carryOut does the ops in batches and announces what each added. again says
// that some address was in the way.
func (k *Kernel) carryOut(ctx context.Context, l link, c vip.Claim, ops []op) (again bool, err error) {
	size := firstBatch
	for len(ops) > 0 {
		batch := ops[:min(size, len(ops))]
		ops, size = ops[len(batch):], batchSize
		outcomes, err := k.apply(ctx, l.index, batch)
		if err != nil {
			return false, fmt.Errorf("adding addresses to %s: %w", l.name, err)
		}
		var failures failures
		var added []netip.Prefix
		for i, o := range batch {
			switch err := outcomes[i]; {
			case err == nil && o.kind != remove:
				added = append(added, o.prefix)
			case errors.Is(err, unix.EEXIST) && o.kind == add:
				again = true
			case err != nil && !(o.kind == remove && errors.Is(err, unix.EADDRNOTAVAIL)):
				failures.add("adding", "to", o.prefix, l.name, err)
			}
		}
		k.hold(c.Router, l, added)
		// An error here is not the addresses' affair; Announce reports it.
		_ = k.packets.send(ctx, l, added, 0)
		if err := failures.err(); err != nil {
			return false, err
		}
	}
	return again, nil
}

// apply is conn.apply on the shared socket.
func (k *Kernel) apply(ctx context.Context, index int, batch []op) (outcomes []error, err error) {
	err = k.do(ctx, func(s *conn) error {
		outcomes, err = s.apply(index, batch)
		return err
	})
	return outcomes, err
}

// failures makes one error of many: the first, and how many there are.
type failures struct {
	first error
	count int
}

func (f *failures) add(doing, preposition string, p netip.Prefix, iface string, err error) {
	if f.count++; f.count == 1 {
		f.first = fmt.Errorf("%s %s %s %s: %w", doing, p, preposition, iface, hint(err))
	}
}

func (f *failures) err() error {
	if f.count > 1 {
		return fmt.Errorf("%w, and %d more", f.first, f.count-1)
	}
	return f.first
}

// Release removes the claim's addresses from its interface in reverse order,
// with whatever prefix length, no matter who added them, and reads back that
// they are gone. Their announcements have ended before the first is
// removed. The journal forgets them last. An interface that does not exist has
// no addresses.
func (k *Kernel) Release(ctx context.Context, c vip.Claim) error {
	k.silence(c)
	indexes := k.unhold(c) // the interface may have got another name
	l, err := k.link(ctx, c.Interface)
	if err == nil {
		indexes[l.index] = true
	} else if !errors.Is(err, unix.ENODEV) {
		return err
	}
	rank := make(map[netip.Addr]int, len(c.Addresses))
	for i, p := range c.Addresses {
		rank[p.Addr()] = i
	}
	claimed := func(e entry) bool { _, ok := rank[e.prefix.Addr()]; return ok }
	for index := range indexes {
		have, err := k.addresses(ctx, index)
		if err != nil {
			return err
		}
		victims := slices.DeleteFunc(have, func(e entry) bool { return !claimed(e) })
		slices.SortStableFunc(victims, func(a, b entry) int {
			return cmp.Compare(rank[b.prefix.Addr()], rank[a.prefix.Addr()])
		})
		promotes := l.index == index && l.promote
		if err := k.removeAll(ctx, index, c.Interface, promotes, victims, claimed); err != nil {
			return err
		}
	}
	return k.journal.drop(c)
}

// removeAll removes the victims from one interface in their order, and reads
// back that nothing that gone describes is left. promotes says that
// promote_secondaries is known to be set there.
func (k *Kernel) removeAll(ctx context.Context, index int, iface string, promotes bool, victims []entry, gone func(entry) bool) error {
	if len(victims) == 0 {
		return nil
	}
	if !promotes && slices.ContainsFunc(victims, takesOthers) {
		err := k.do(ctx, func(s *conn) error { return s.promote(index) })
		if err != nil && !errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("setting promote_secondaries of %s: %w", iface, hint(err))
		}
		k.log.Info("promote_secondaries set", slog.String("iface", iface))
	}
	for batch := range slices.Chunk(victims, batchSize) {
		if err := k.removeBatch(ctx, index, iface, batch); err != nil {
			return err
		}
	}
	left, err := k.addresses(ctx, index)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(left, gone); i >= 0 {
		return fmt.Errorf("removing %s from %s: %w", left[i].prefix, iface, errUnsettled)
	}
	return nil
}

// takesOthers tells whether an address's removal can take others with it.
func takesOthers(e entry) bool {
	return e.prefix.Addr().Is4() && e.prefix.Bits() < 32 && e.flags&unix.IFA_F_SECONDARY == 0
}

func (k *Kernel) removeBatch(ctx context.Context, index int, iface string, victims []entry) error {
	ops := make([]op, len(victims))
	for i, e := range victims {
		ops[i] = op{kind: remove, prefix: e.prefix, peer: e.peer}
	}
	outcomes, err := k.apply(ctx, index, ops)
	if err != nil {
		return fmt.Errorf("removing addresses from %s: %w", iface, err)
	}
	var failures failures
	for i, err := range outcomes {
		if err != nil && !isAny(err, unix.EADDRNOTAVAIL, unix.ENODEV) {
			failures.add("removing", "from", ops[i].prefix, iface, err)
		}
	}
	return failures.err()
}

// Held tells whether every address of the claim is on its interface with its
// prefix length, and works.
func (k *Kernel) Held(ctx context.Context, c vip.Claim) (bool, error) {
	l, err := k.link(ctx, c.Interface)
	if errors.Is(err, unix.ENODEV) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	have, err := k.addresses(ctx, l.index)
	if err != nil {
		return false, err
	}
	there := make(map[netip.Prefix]bool, len(have))
	for _, e := range have {
		if e.working() {
			there[e.prefix] = true
		}
	}
	return !slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return !there[p] }), nil
}
