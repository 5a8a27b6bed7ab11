// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"nothing", Config{}, "no program to run"},
		{"relative", Config{Argv: []string{"bin/true"}}, `program "bin/true": the path must be absolute`},
		{"empty", Config{Argv: []string{""}}, `program "": the path must be absolute`},
		{"NUL", Config{Argv: []string{"/bin/true", "a\x00b"}}, "program /bin/true: a NUL byte in an argument"},
		{"environment", Config{Argv: []string{"/bin/true"}, Env: []string{"A"}}, `program /bin/true: environment "A": want KEY=value`},
		{"no key", Config{Argv: []string{"/bin/true"}, Env: []string{"=A"}}, `program /bin/true: environment "=A": want KEY=value`},
		{"answer", Config{Argv: []string{"/bin/true"}, Answer: -1}, "program /bin/true: an answer of -1 bytes"},
		{"grace", Config{Argv: []string{"/bin/true"}, Grace: -1}, "program /bin/true: grace -1ns is negative"},
	} {
		if _, err := New(tt.cfg); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	got := environment([]string{"PATH=/bin", "LANG=C"}, []string{"LANG=C.UTF-8", "A=1", "A=2=3"})
	if want := []string{"PATH=/bin", "LANG=C.UTF-8", "A=2=3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestErrors(t *testing.T) {
	out := func(s string) Output { return Output{Tail: []byte(s)} }
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&ExitError{Code: 3}, "exit code 3"},
		{&ExitError{Code: 3, Output: out("first\nno answer\n\n")}, "exit code 3: no answer"},
		{&ExitError{Code: 1, Output: out("progress 1\rprogress 2\r\n")}, "exit code 1: progress 2"},
		{&ExitError{Code: 1, Output: out("a\x1b[31mred\x1b[0m\xff\u0085ü")}, "exit code 1: a?[31mred?[0m??ü"},
		{&ExitError{Code: 1, Output: out(strings.Repeat("x", 1000))}, "exit code 1: " + strings.Repeat("x", 200) + "..."},
		{&ExitError{Code: -1, Signal: syscall.SIGSEGV, Output: out(" \n")}, "ended by signal 11 (segmentation fault)"},
		{&KilledError{After: 2001 * time.Millisecond}, "killed after 2s"},
		{&KilledError{After: 512 * time.Millisecond, Output: out("connecting")}, "killed after 510ms: connecting"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
	if !errors.Is(&KilledError{Err: context.DeadlineExceeded}, context.DeadlineExceeded) {
		t.Error("the context's error can't be found in a KilledError")
	}
}

// TestTail wants the end of whatever is written, in pieces of any size.
func TestTail(t *testing.T) {
	all := make([]byte, 10*kept+77)
	for i := range all {
		all[i] = byte(i * 31 >> 3)
	}
	for _, piece := range []int{1, 7, 100, kept - 1, kept, kept + 1, 2 * kept, 3*kept + 5, len(all)} {
		for _, n := range []int{0, 1, kept - 1, kept, kept + 1, 2*kept + 1, len(all)} {
			got := drain(&pieces{all[:n], piece})
			if want := all[max(0, n-kept):n]; !bytes.Equal(got.Tail, want) || got.Bytes != int64(n) {
				t.Errorf("%d bytes by %d: got %d bytes of %d, not the last %d", n, piece, len(got.Tail), got.Bytes, len(want))
			}
		}
	}
}

// pieces reads b in pieces of a size.
type pieces struct {
	b    []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.b[:min(p.size, len(p.b))])
	p.b = p.b[n:]
	return n, nil
}
