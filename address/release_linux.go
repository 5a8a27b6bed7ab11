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

// Release removes the claim's addresses from its interface in reverse order,
// with whatever prefix length, no matter who added them, and reads back that
// they are gone. Their announcements have ended before the first is
// removed. The journal forgets them last. An interface that does not exist has
// no addresses.
//
// It spares an address that another router has claimed there meanwhile, and one
// that this router has acquired since with another prefix length.
func (k *Kernel) Release(ctx context.Context, c vip.Claim) error {
	gone := c
	gone.Addresses = slices.DeleteFunc(slices.Clone(c.Addresses), func(p netip.Prefix) bool { return k.spared(c, p) })
	k.silence(c)
	indexes := k.unhold(c) // the interface may have got another name
	l, err := k.link(ctx, c.Interface)
	if err == nil {
		indexes[l.index] = true
	} else if !errors.Is(err, unix.ENODEV) {
		return err
	}
	for index := range indexes {
		if err := k.releaseFrom(ctx, index, l.index == index && l.promote, gone); err != nil {
			return err
		}
	}
	if err := k.journal.drop(c); err != nil {
		// The addresses are gone, which is what was asked.
		k.log.Warn("the address journal can't be written", slog.String("router", c.Router), slog.Any("err", err))
	}
	return nil
}

// spared tells whether a claim's address has another holding here by now.
func (k *Kernel) spared(c vip.Claim, p netip.Prefix) bool {
	if k.journal.claimed(place{c.Interface, p.Addr()}, c.Router) {
		return true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	s, ok := k.held[c.Router][p.Addr()]
	return ok && s.iface == c.Interface && s.prefix != p
}

// releaseFrom removes the claim's addresses from the interface of that index.
func (k *Kernel) releaseFrom(ctx context.Context, index int, promotes bool, c vip.Claim) error {
	rank := make(map[netip.Addr]int, len(c.Addresses))
	for i, p := range c.Addresses {
		rank[p.Addr()] = i
	}
	claimed := func(e entry) bool { _, ok := rank[e.prefix.Addr()]; return ok }
	have, err := k.addresses(ctx, index)
	if err != nil {
		return err
	}
	victims := slices.DeleteFunc(have, func(e entry) bool { return !claimed(e) })
	slices.SortStableFunc(victims, func(a, b entry) int {
		return cmp.Compare(rank[b.prefix.Addr()], rank[a.prefix.Addr()])
	})
	return k.removeAll(ctx, index, c.Interface, promotes, victims, claimed)
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
