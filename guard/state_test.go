// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/quorum"
)

func saved() quorum.Saved {
	return quorum.Saved{
		Generation: 3, Current: quorum.List{Voters: []string{"a", "b", "c"}, MaxLease: 10 * time.Second},
		Staged: quorum.List{Voters: []string{"a", "b", "d"}, MaxLease: 10 * time.Second}, Sealed: true, Forgotten: []string{"c"},
	}
}

func TestState(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if s, err := readState(dir, "a"); s != nil || err != nil {
		t.Fatalf("%v, %v before anything was written", s, err)
	}
	for range 2 {
		if err := writeState(dir, "a", saved()); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readState(dir, "a")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(saved(), *got); diff != "" {
		t.Error(diff)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v: something was left behind", entries, err)
	}
	if info, err := os.Stat(filepath.Join(dir, stateFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// damaged wants a damaged file to stop the start, which says what file it is and what
// to do, and leaves it as it is.
func damaged(t *testing.T, name, content string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := New(Config{
		Node: "a", Start: 1, Voters: saved().Current, StateDir: dir, Send: func(string, []byte) error { return nil },
	})
	if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("%v", err)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != content {
		t.Errorf("it was changed: %q, %v", after, err)
	}
}

// A damaged file stops the start, and says which file it is and what to do.
func TestStateDamaged(t *testing.T) {
	whole, err := encodeState(saved(), "a")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"empty":     "",
		"half":      string(whole[:len(whole)/2]),
		"zeros":     strings.Repeat("\x00", 100),
		"more":      string(whole) + "{}",
		"node":      strings.Replace(string(whole), `"node": "a"`, `"node": "b"`, 1),
		"version":   strings.Replace(string(whole), `"version": 1`, `"version": 2`, 1),
		"unknown":   strings.Replace(string(whole), `"sealed"`, `"seeled"`, 1),
		"no voters": strings.Replace(string(whole), `"generation": 3`, `"generation": 0`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			damaged(t, stateFile, content)
		})
	}
}

func TestStateCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeState(filepath.Join(file, "dir"), "a", saved()); err == nil {
		t.Error("it was written below a file")
	}
}

func FuzzState(f *testing.F) {
	whole, err := encodeState(saved(), "a")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"version":1,"node":"a","generation":0}`))
	f.Add([]byte(`{"version":1,"node":"a","generation":0,"staged":{"voters":["a","a"],"max_lease_ns":1}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseState(b, "a")
		if err != nil {
			return
		}
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", b, err)
		}
		again, err := encodeState(*s, "a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseState(again, "a"); err != nil {
			t.Errorf("%s became %s: %v", b, again, err)
		}
	})
}

func FuzzReport(f *testing.F) {
	b, err := json.Marshal(quorum.Report{Saved: saved(), Ready: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"generation":1}`))
	f.Add([]byte(`{"ready":true}`))
	f.Add([]byte(`{"grants":"AAECAwQFBgc="}`))
	f.Add([]byte(`{"grants":"AAEC"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseReport(b)
		if err != nil {
			return
		}
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", b, err)
		}
		roll, err := quorum.NewRoll("a", nil, saved().Current, time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Grants.denies(quorum.Resource{Name: "router web"}) // nor must this
		_ = roll.Heard(time.Unix(1, 0), "b", r.Report)           // it may refuse, and must not panic
		roll.Step(time.Unix(100, 0))
	})
}
