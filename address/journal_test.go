// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/vip"
)

func openTestJournal(t *testing.T, dir string) *journal {
	t.Helper()
	j, err := openJournal(dir, 0, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.close() })
	return j
}

func TestJournal(t *testing.T) {
	dir := t.TempDir()
	a, b := netip.MustParsePrefix("192.0.2.100/24"), netip.MustParsePrefix("2001:db8::100/64")
	ask := func(j *journal, what string, p netip.Prefix, has, claimed bool) {
		t.Helper()
		at := place{"eth0", p.Addr()}
		if j.has(at) != has || j.claimed(at, "") != claimed {
			t.Errorf("%s: %v: has %v, claimed %v; want %v, %v", what, p, j.has(at), j.claimed(at, ""), has, claimed)
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	claim := func(router string, ps ...netip.Prefix) vip.Claim {
		return vip.Claim{Router: router, Interface: "eth0", Addresses: ps}
	}

	j := openTestJournal(t, dir)
	do(j.claim(claim("a/../b", a, b)))
	do(j.claim(claim("..", b)))
	ask(j, "claimed", a, true, true)
	if j.claimed(place{"eth0", a.Addr()}, "a/../b") || !j.claimed(place{"eth0", b.Addr()}, "a/../b") {
		t.Error("who else has it is not known")
	}

	j = openTestJournal(t, dir)
	ask(j, "after a restart", a, true, false)
	do(j.claim(claim("a/../b", a)))
	ask(j, "claimed again", a, true, true)
	ask(j, "left", b, true, false)
	do(j.dropPast())
	ask(j, "swept", b, false, false)
	ask(j, "kept", a, true, true)

	j = openTestJournal(t, dir)
	ask(j, "after another restart", a, true, false)
	do(j.claim(claim("a/../b", a)))
	do(j.drop(claim("a/../b", a)))
	ask(j, "dropped", a, false, false)
	files, err := os.ReadDir(filepath.Join(dir, journalDir))
	do(err)
	if len(files) != 0 {
		t.Errorf("left over: %v", files)
	}
}

// A file that is broken, or half written, hides nothing else.
func TestJournalBroken(t *testing.T) {
	dir := t.TempDir()
	j := openTestJournal(t, dir)
	p := netip.MustParsePrefix("192.0.2.100/24")
	if err := j.claim(vip.Claim{Router: "web", Interface: "eth0", Addresses: []netip.Prefix{p}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"aaa.json", "web.json.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, journalDir, name), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j = openTestJournal(t, dir)
	if !j.has(place{"eth0", p.Addr()}) {
		t.Error("the good file was not read")
	}
}

// What could not be written is written the next time.
func TestJournalFails(t *testing.T) {
	dir := t.TempDir()
	j := openTestJournal(t, dir)
	c := vip.Claim{Router: "web", Interface: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.100/24")}}
	obstacle := filepath.Join(dir, journalDir, "web.json", "x")
	if err := os.MkdirAll(obstacle, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := j.claim(c); err == nil {
			t.Fatal("no error")
		}
	}
	if err := os.RemoveAll(filepath.Dir(obstacle)); err != nil {
		t.Fatal(err)
	}
	if err := j.claim(c); err != nil {
		t.Fatal(err)
	}
	if !openTestJournal(t, dir).has(place{"eth0", c.Addresses[0].Addr()}) {
		t.Error("not written")
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"router":"web","interfaces":{"eth0":["192.0.2.100/24","2001:db8::100/64"]}}`))
	f.Add([]byte(`{"router":"web","interfaces":{"":["192.0.2.100/24"]}}`))
	f.Add([]byte(`{"router":"web","interfaces":{"eth0":[""]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRecord(b)
		if err != nil {
			return
		}
		b, err = encodeRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseRecord(b)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(r, again, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
			t.Error(d)
		}
	})
}

// TestJournalOfAnotherNamespace: eth0 elsewhere is not our eth0, so its entries
// are neither believed nor dropped.
func TestJournalOfAnotherNamespace(t *testing.T) {
	dir := t.TempDir()
	p := netip.MustParsePrefix("192.0.2.100/24")
	at := place{"eth0", p.Addr()}
	open := func(namespace uint64) *journal {
		j, err := openJournal(dir, namespace, slog.New(slog.NewTextHandler(t.Output(), nil)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = j.close() })
		return j
	}
	if err := open(1).claim(vip.Claim{Router: "web", Interface: "eth0", Addresses: []netip.Prefix{p}}); err != nil {
		t.Fatal(err)
	}
	other := open(2)
	if err := other.dropPast(); err != nil || other.has(at) {
		t.Errorf("another namespace: has %v, %v", other.has(at), err)
	}
	if !open(1).has(at) {
		t.Error("the entry was lost in another namespace")
	}
}
