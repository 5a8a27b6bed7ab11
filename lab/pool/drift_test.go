// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/site"
	"github.com/vicar-ha/vicar/lab/uml"
	"github.com/vicar-ha/vicar/status"
)

// vandal takes away, on a director, all that balances there. The table vicar-hold
// nobody else can: it is its owner's.
func (w *world) vandal() {
	w.t.Helper()
	run := func(args ...string) string {
		out, err := w.Directors[0].Run(w.t.Context(), args[0], args[1:]...)
		if err != nil {
			w.t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return out
	}
	if uml.Inside() {
		run("ipvsadm", "-C")
		return
	}
	tables := 0
	for line := range strings.Lines(run("nft", "list", "tables")) {
		if strings.Contains(line, "vicar") && !strings.Contains(line, "vicar-hold") {
			tables++
			run(append([]string{"nft", "delete"}, strings.Fields(line)...)...)
		}
	}
	if tables == 0 {
		w.t.Error("no table is vicar's")
	}
}

// TestPoolDrift: what somebody else takes away is put right and counted. With
// nftables connections last.
func TestPoolDrift(t *testing.T) {
	if uml.Inside() {
		labtest.Need(t, "ipvsadm")
	} else {
		labtest.Need(t, "nft")
	}
	w := newWorld(t, site.Config{Servers: 2})
	w.conf.Pools["web"] = w.block(site.Port, nil)
	w.begin()
	if p := w.pool(1, "web"); p.Repaired != 0 {
		t.Errorf("%d objects were repaired before anything was done: %s", p.Repaired, p.Repair)
	}
	held := w.hold(20)
	w.vandal()
	w.wantPool(1, "web", "is repaired", func(p status.Pool) bool { return p.Repaired > 0 && p.Programmed })
	p := w.pool(1, "web")
	t.Logf("%d repaired: %s", p.Repaired, p.Repair)
	if p.Repair == "" || p.RepairedAt.IsZero() {
		t.Errorf("repaired at %v: %q", p.RepairedAt, p.Repair)
	}
	if got := w.connect(site.Load{Target: web, Connections: 100, Sources: 10, Parallel: 4}); len(got.Servers) != 2 {
		t.Errorf("served by %v", got.Servers)
	}
	if uml.Inside() {
		return // without their service, connections are reset (see package ipvs)
	}
	for _, name := range []string{"s1", "s2"} {
		before := held.Beats(name)
		labtest.Eventually(t, patience, name+" goes on answering", func() bool { return held.Beats(name) >= before+3*held.Servers()[name] })
	}
	if b := held.Breaks(); len(b) > 0 {
		t.Errorf("%d connections broke: %+v", len(b), b[0])
	}
}
