// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
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
	// The first addresses don't wait until thousands stand in the journal, which
	// takes some milliseconds.
	if len(c.Addresses) > firstBatch && !k.holdsAny(c.Router) {
		head := c
		head.Addresses = c.Addresses[:firstBatch]
		if err := k.acquire(ctx, head); err != nil {
			return err
		}
	}
	return k.acquire(ctx, c)
}

// acquire is Acquire of a claim of valid addresses.
func (k *Kernel) acquire(ctx context.Context, c vip.Claim) error {
	if err := k.journal.claim(c); err != nil {
		// A full /run must not leave nobody with the addresses. Since kernel 5.18
		// the mark on them tells whose they are as well.
		k.log.Warn("the address journal can't be written", slog.String("router", c.Router), slog.Any("err", err))
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
