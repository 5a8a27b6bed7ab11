// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vishvananda/netlink"
)

// An agent that died leaves addresses; the next one removes them, and those
// only.
func TestSweep(t *testing.T) {
	h, peer := newPair(t)
	h.veth("eth1", peer, "eth1")
	h.add("eth0", "192.0.2.10/24")
	h.add("eth0", "2001:db8::10/64")
	dir := t.TempDir()
	dead := h.kernel(Config{RuntimeDir: dir})
	must(t, dead.Acquire(t.Context(), web(mixed...)))
	h.add("eth0", "192.0.2.50/24")
	h.add("eth1", "192.0.2.100/32") // the same address elsewhere is not ours

	k := h.kernel(Config{RuntimeDir: dir})
	kept := web(mixed[0])
	kept.Router = "kept"
	must(t, k.Acquire(t.Context(), kept))
	removed, err := k.Sweep(t.Context())
	must(t, err)
	equal(t, "removed", removed, prefixes(mixed[1:]...))
	equal(t, "eth0", h.global("eth0"), prefixes("192.0.2.10/24", "192.0.2.50/24", "2001:db8::10/64", mixed[0]))
	equal(t, "eth1", h.global("eth1"), prefixes("192.0.2.100/32"))

	removed, err = k.Sweep(t.Context())
	must(t, err)
	equal(t, "removed the second time", removed, nil)
	must(t, k.Release(t.Context(), kept))
	files, err := os.ReadDir(filepath.Join(dir, journalDir))
	must(t, err)
	if len(files) != 0 {
		t.Errorf("the journal still has %v", files)
	}
}

// Without a journal the tag is enough, and without the tag (Linux before 5.18)
// the journal.
func TestSweepByEither(t *testing.T) {
	t.Run("tag", func(t *testing.T) {
		h, _ := newPair(t)
		must(t, h.kernel(Config{}).Acquire(t.Context(), web(mixed...)))
		removed, err := h.kernel(Config{RuntimeDir: t.TempDir()}).Sweep(t.Context())
		must(t, err)
		equal(t, "removed", removed, prefixes(mixed...))
	})
	t.Run("journal", func(t *testing.T) {
		h, _ := newPair(t)
		h.add("eth0", "192.0.2.10/24")
		dir := t.TempDir()
		must(t, h.kernel(Config{RuntimeDir: dir}).Acquire(t.Context(), web(mixed...)))
		for _, p := range mixed { // take the tags away
			a, err := netlink.ParseAddr(p)
			must(t, err)
			must(t, h.nl.AddrReplace(h.link("eth0"), a))
		}
		for addr, tag := range h.tags() {
			if tag == Proto {
				t.Fatalf("%v still has a tag", addr)
			}
		}
		removed, err := h.kernel(Config{RuntimeDir: dir}).Sweep(t.Context())
		must(t, err)
		equal(t, "removed", removed, prefixes(mixed...))
		equal(t, "left", h.global("eth0"), prefixes("192.0.2.10/24"))
	})
}
