// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"context"
	"net/netip"
	"slices"
)

// Sweep removes what an earlier process left: every address on the host that
// carries Proto or stands in the journal, and that no claim of this process
// has. It touches nothing else, and returns what it removed. It is for the
// start, and for cleaning up after an agent that died.
func (k *Kernel) Sweep(ctx context.Context) (removed []netip.Prefix, err error) {
	all, err := k.leftovers(ctx)
	if err != nil {
		return nil, err
	}
	for _, l := range all {
		if err := k.removeAll(ctx, l.index, l.name, l.promote, l.victims, k.isLeft(l.name)); err != nil {
			return removed, err
		}
		for _, e := range l.victims {
			removed = append(removed, e.prefix)
		}
	}
	return removed, k.journal.dropPast()
}

// Leftovers is what Sweep would remove.
func (k *Kernel) Leftovers(ctx context.Context) ([]netip.Prefix, error) {
	all, err := k.leftovers(ctx)
	var left []netip.Prefix
	for _, l := range all {
		for _, e := range l.victims {
			left = append(left, e.prefix)
		}
	}
	return left, err
}

// leftover is an interface with what is left there, the last first.
type leftover struct {
	link
	victims []entry
}

func (k *Kernel) leftovers(ctx context.Context) ([]leftover, error) {
	var links []link
	err := k.do(ctx, func(c *conn) (err error) { links, err = c.links(ctx); return err })
	if err != nil {
		return nil, err
	}
	all, err := k.addresses(ctx, 0)
	if err != nil {
		return nil, err
	}
	byIndex := map[int][]entry{}
	for _, e := range all {
		byIndex[e.index] = append(byIndex[e.index], e)
	}
	var found []leftover
	for _, l := range links {
		left := k.isLeft(l.name)
		victims := slices.DeleteFunc(byIndex[l.index], func(e entry) bool { return !left(e) })
		slices.Reverse(victims)
		found = append(found, leftover{l, victims})
	}
	return found, nil
}

// isLeft tells of an interface's addresses which are an earlier process's.
func (k *Kernel) isLeft(iface string) func(entry) bool {
	return func(e entry) bool {
		at := place{iface, e.prefix.Addr()}
		return (e.proto == Proto || k.journal.has(at)) && !k.journal.claimed(at, "")
	}
}
