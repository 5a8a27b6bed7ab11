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
	var links []link
	if err := k.do(ctx, func(c *conn) error { links, err = c.links(ctx); return err }); err != nil {
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
	for _, l := range links {
		left := func(e entry) bool {
			at := place{l.name, e.prefix.Addr()}
			return (e.proto == Proto || k.journal.has(at)) && !k.journal.claimed(at, "")
		}
		victims := slices.DeleteFunc(byIndex[l.index], func(e entry) bool { return !left(e) })
		slices.Reverse(victims)
		if err := k.removeAll(ctx, l.index, l.name, l.promote, victims, left); err != nil {
			return removed, err
		}
		for _, e := range victims {
			removed = append(removed, e.prefix)
		}
	}
	return removed, k.journal.dropPast()
}
