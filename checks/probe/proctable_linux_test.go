// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"os"
	"strings"
	"testing"
)

// procStats are from /proc/PID/stat.
var procStats = []struct {
	stat, comm string
	state      byte
}{
	{"7 (nginx) S 1 7 7 0 -1", "nginx", 'S'},
	{"7 (a b) R 1", "a b", 'R'},
	{"7 (x) Z (y) Z 1 7", "x) Z (y", 'Z'},
	{"7 () D 1", "", 'D'},
	{"7 (x) Z", "x", 'Z'},
	{"", "", 0},
	{"7 nginx S", "", 0},
	{"7 )( S", "", 0},
	{"7 (x)", "", 0},
	{"7 (x) ", "", 0},
}

func TestParseStat(t *testing.T) {
	for _, s := range procStats {
		if comm, state := parseStat(s.stat); comm != s.comm || state != s.state {
			t.Errorf("%q: got %q, %c, want %q, %c", s.stat, comm, state, s.comm, s.state)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	for _, s := range procStats {
		f.Add(s.stat)
	}
	f.Fuzz(func(t *testing.T, stat string) {
		if comm, state := parseStat(stat); state != 0 && !strings.Contains(stat, "("+comm+") "+string([]byte{state})) {
			t.Errorf("%q: got %q, %c", stat, comm, state)
		}
	})
}

// TestProcFS reads this process and one that there is not.
func TestProcFS(t *testing.T) {
	p := newProcFS()
	im, ok := p.read(os.Getpid())
	if want := strings.Join(os.Args, " "); !ok || im.command != want[:min(len(want), commandSize)] {
		t.Errorf("got %+v, %v", im, ok)
	}
	if im, ok := p.read(1 << 30); ok {
		t.Errorf("got %+v of no process", im)
	}
}
