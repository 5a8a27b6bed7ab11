// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/pool"
)

// What an agent has left programmed is told, and removed by its journal.
func TestPurgePools(t *testing.T) {
	w := newPoolWorld(t, `pools:
  mail: {listen: 192.0.2.10:25, scheduler: wrr, at_stop: keep, servers: [198.51.100.11:25]}
  web: {listen: 192.0.2.10:80, plane: nftables, at_stop: keep, servers: [198.51.100.11:80]}
  gone: {listen: 192.0.2.10:81, servers: [198.51.100.11:81]}
`)
	w.start(t)
	w.programs(t, pool.IPVS, "gone 198.51.100.11:81=1", "mail 198.51.100.11:25=1")
	w.programs(t, pool.NFTables, "web 198.51.100.11:80=1")
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimSuffix(w.file, "/vicar.yaml")
	if got := poolsStay(dir); !strings.Contains(got, ": mail, web.") {
		t.Errorf("what stays: %q", got)
	}
	open := map[pool.PlaneKind]func() (pool.Plane, error){}
	for kind, p := range w.balanced.planes {
		open[kind] = p.open
	}
	w.balanced.ipvs().failing(errNoPlane)
	if done, err := purgePools(t.Context(), dir, open); err == nil || len(done) > 0 {
		t.Errorf("with a plane that fails: %q, %v", done, err)
	}
	w.balanced.ipvs().failing(nil)
	done, err := purgePools(t.Context(), dir, open)
	if want := []string{"removed pool mail from ipvs"}; err != nil || !slices.Equal(done, want) {
		t.Errorf("removed %q, %v, want %q", done, err, want)
	}
	w.programs(t, pool.IPVS)
	w.programs(t, pool.NFTables)
	if got := poolsStay(dir); got != "" {
		t.Errorf("what stays: %q", got)
	}
	for _, dir := range []string{"", t.TempDir()} {
		if done, err := purgePools(t.Context(), dir, open); err != nil || len(done) > 0 {
			t.Errorf("without a journal: %q, %v", done, err)
		}
	}
	if err := os.WriteFile(poolJournal(dir), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := purgePools(t.Context(), dir, open); err == nil {
		t.Error("a journal that can't be read is none")
	}
}
