// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/track"
)

// weighs looks once, and wants a weight or an error.
func weighs(t *testing.T, p checks.Probe, load *track.Load, text string) {
	t.Helper()
	want(t, p.Probe(t.Context()), text)
	if text != "" {
		return
	}
	got := p.(checks.Weigher).Weight()
	if got == nil || load == nil {
		if got != load {
			t.Errorf("the weight is %v, want %v", got, load)
		}
		return
	}
	if *got != *load {
		t.Errorf("the weight is %+v, want %+v", *got, *load)
	}
}

// TestExecWeight: keepalived's rule of exit codes.
func TestExecWeight(t *testing.T) {
	for _, c := range []struct {
		end  string
		load track.Load
		text string
	}{
		{"exit 0", full, ""},
		{"exit 1", track.Load{}, "running /bin/sh: exit code 1"},
		{"exit 2", track.Load{}, ""},
		{"exit 12", track.Load{Value: 10}, ""},
		{"exit 255", track.Load{Value: 253}, ""},
		{"kill -9 $$", track.Load{}, "running /bin/sh: ended by signal 9"},
	} {
		t.Run(c.end, func(t *testing.T) {
			p, err := New(checks.Exec{Argv: []string{"/bin/sh", "-c", c.end}, Dynamic: true})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			weighs(t, p, &c.load, c.text)
		})
	}
	p, err := NewMaker().Tolerant(checks.Exec{Argv: []string{"/bin/sh", "-c", "exit 0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	weighs(t, p, nil, "")
}

// TestFileWeight: the file's first line is the weight, whenever it changes.
func TestFileWeight(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weight")
	p, err := New(checks.File{Path: path, Dynamic: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	weighs(t, p, nil, "weight: does not exist")
	for content, load := range map[string]track.Load{"12\n": {Value: 12}, "50%": {Value: 50, Percent: true}, "drain": {}} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		weighs(t, p, &load, "")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	weighs(t, p, nil, "weight: no weight in its first line")
	if _, err := New(checks.File{Path: path, Dynamic: true, Absent: true}); err == nil {
		t.Error("a file that must not exist has a weight")
	}
}

// TestHTTPWeight: the body's first line is the weight, if the status passes; also
// on a connection that is kept, and of a probe that could not be made at first.
func TestHTTPWeight(t *testing.T) {
	answer, status := "", http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
	}))
	defer server.Close()
	var first error
	p := &pending{made: make(chan struct{}), create: func() (checks.Probe, error) {
		if first == nil {
			first = os.ErrNotExist
			return nil, first
		}
		return New(checks.HTTP{URL: server.URL, Dynamic: true, Expect: "."})
	}}
	defer p.Close()
	weighs(t, p, nil, "file does not exist")
	for _, c := range []struct {
		answer string
		status int
		load   track.Load
		text   string
	}{
		{"75%\nand more", 200, track.Load{Value: 75, Percent: true}, ""},
		{"up", 200, full, ""},
		{"drain", 200, track.Load{}, ""},
		{"75%", 503, track.Load{}, "status 503"},
		{"down", 200, track.Load{}, `the server says that it is not there: "down"`},
		{"hello", 200, track.Load{}, `no weight: its first line is "hello"`},
	} {
		answer, status = c.answer, c.status
		weighs(t, p, &c.load, c.text)
	}
}
