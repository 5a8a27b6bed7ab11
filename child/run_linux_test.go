// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/lab/labtest"
)

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name, script, stdin string
		out, err            string
	}{
		{"good", "echo fine", "", "fine\n", ""},
		{"both outputs", "echo a; echo b >&2; echo c", "", "a\nb\nc\n", ""},
		{"bad", "echo first; echo no answer >&2; exit 3", "", "first\nno answer\n", "exit code 3: no answer"},
		{"signal", "kill -SEGV $$", "", "", "ended by signal 11 (segmentation fault)"},
		{"input", "cat", "some text", "some text", ""},
		{"no input", "cat; readlink /proc/self/fd/0", "", "/dev/null\n", ""},
		{"directory", "pwd", "", "/\n", ""},
		{"arguments", `echo "$0"`, "", "/bin/sh\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, mark := sh(t, tt.script)
			out, err := p.Run(t.Context(), []byte(tt.stdin))
			if got := errText(err); got != tt.err {
				t.Errorf("got error %q, want %q", got, tt.err)
			}
			if string(out.Tail) != tt.out {
				t.Errorf("got output %q, want %q", out.Tail, tt.out)
			}
			if left := marked(t, mark); len(left) > 0 {
				t.Errorf("left running: %v", left)
			}
		})
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestEnvironmentIsSmall(t *testing.T) {
	t.Setenv("SECRET", "x")
	p, err := New(Config{Argv: []string{"/usr/bin/env"}, Env: []string{"LANG=C.UTF-8", "STATE=active"}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nHOME=" + p.account.home + "\nLANG=C.UTF-8\nSTATE=active\n"
	if string(out.Tail) != want {
		t.Errorf("got %q, want %q", out.Tail, want)
	}
}

// TestFiles: a file that the agent was started with, not marked close-on-exec,
// does not come to its programs.
func TestFiles(t *testing.T) {
	fd, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	p, _ := sh(t, "exec ls /proc/self/fd")
	out, err := p.Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	// 3 is what ls reads.
	if got := strings.Fields(string(out.Tail)); len(got) != 4 {
		t.Errorf("open in the program: %v, want 0 to 3", got)
	}
}

// TestStart: what can't be started says why.
func TestStart(t *testing.T) {
	dir := safeDir(t)
	path := filepath.Join(dir, "check")
	write(t, path, "not a program", 0o755)
	p, err := New(Config{Argv: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Run(t.Context(), []byte("x")); !errors.Is(err, syscall.ENOEXEC) {
		t.Errorf("got %v, want %v", err, syscall.ENOEXEC)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Run(t.Context(), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}

func TestContextHasEnded(t *testing.T) {
	p, _ := sh(t, "echo started")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out, err := p.Run(ctx, nil)
	if !errors.Is(err, context.Canceled) || out.Bytes > 0 {
		t.Errorf("got %q, %v, want %v", out.Tail, err, context.Canceled)
	}
}

// runUntil runs a program and ends its time when ready answers true.
func runUntil(t *testing.T, p *Program, ready func() bool) (Output, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out Output
	var err error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		out, err = p.Run(ctx, nil)
	}()
	labtest.Eventually(t, patience, "the program at work", ready)
	cancel()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("Run does not return")
	}
	return out, err
}

// TestTime wants nothing to be left of a program whose time is over.
func TestTime(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		processes    int // at work when the time is over
		out          string
	}{
		{"hanging", "echo waiting; exec sleep 1000", 1, "waiting\n"},
		{"polite", "trap 'echo bye; exit 0' TERM; sleep 1000 & wait", 2, "bye\n"},
		{"ignores SIGTERM", "trap '' TERM; while :; do sleep 1000; done", 2, ""},
		{"stopped", "kill -STOP $$", 1, ""},
		{"tree of 100 that ignore SIGTERM", "trap '' TERM; " + strings.Repeat("(sleep 1000; sleep 1000) & ", 50) + "wait", 101, ""},
		{"keeps forking", "trap '' TERM; f() { while :; do sleep 0.01 & sleep 0.02; done; }; f & f & f & f & wait", 10, ""},
		{"only the first ends at SIGTERM", "(trap '' TERM; sleep 1000 & sleep 1000) & exec sleep 1000", 3, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, mark := sh(t, tt.script)
			out, err := runUntil(t, p, func() bool { return len(marked(t, mark)) >= tt.processes })
			if e, ok := errors.AsType[*KilledError](err); !ok || !errors.Is(e, context.Canceled) {
				t.Errorf("got %v, want a KilledError", err)
			}
			if string(out.Tail) != tt.out {
				t.Errorf("got output %q, want %q", out.Tail, tt.out)
			}
			if left := marked(t, mark); len(left) > 0 {
				t.Errorf("left running: %v", left)
			}
		})
	}
}

func TestDeadline(t *testing.T) {
	p, _ := sh(t, "exec sleep 1000")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.Run(ctx, nil); !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "killed after ") {
		t.Errorf("got %v", err)
	}
}

// TestLeftBehind: what a program that ended by itself leaves in its group is
// killed, without making the program a failure.
func TestLeftBehind(t *testing.T) {
	p, mark := sh(t, `trap '' TERM; for i in 1 2 3 4 5; do sleep 1000 & done; echo done`)
	out, err := p.Run(t.Context(), nil)
	if err != nil || string(out.Tail) != "done\n" {
		t.Errorf("got %q, %v", out.Tail, err)
	}
	if left := marked(t, mark); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
}

// TestOwnSession: a process that left the group lives, and doesn't hold up Run
// though it has the pipe.
func TestOwnSession(t *testing.T) {
	if _, err := os.Stat("/usr/bin/setsid"); err != nil {
		t.Skipf("needs setsid: %v", err)
	}
	p, mark := sh(t, `setsid sleep 1000 & while [ "$(cat /proc/$!/comm)" != sleep ]; do :; done; echo $!`)
	out, err := p.Run(t.Context(), nil)
	if err != nil {
		t.Errorf("got %q, %v", out.Tail, err)
	}
	left := marked(t, mark)
	if len(left) != 1 || left[0]+"\n" != string(out.Tail) {
		t.Fatalf("left running: %v, want %s", left, out.Tail)
	}
	kill(t, left[0])
}

// TestOutput: a flood neither blocks the program nor grows memory.
func TestOutput(t *testing.T) {
	const flood = 100e6
	p, _ := sh(t, "head -c 100000000 /dev/zero; echo; echo the end; exit 1")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	out, err := p.Run(t.Context(), nil)
	runtime.ReadMemStats(&after)
	if got := errText(err); got != "exit code 1: the end" {
		t.Errorf("got %q", got)
	}
	if out.Bytes != flood+9 || len(out.Tail) != kept || !bytes.HasSuffix(out.Tail, []byte("\nthe end\n")) {
		t.Errorf("got %d bytes, kept %d", out.Bytes, len(out.Tail))
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
}

// TestEndlessOutput: the time limit holds for a program that only writes.
func TestEndlessOutput(t *testing.T) {
	p, mark := sh(t, "trap '' TERM PIPE; while :; do echo y; done")
	if _, err := runUntil(t, p, func() bool { return len(marked(t, mark)) > 0 }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestInputNotRead: a program need not read what it is given.
func TestInputNotRead(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 4<<20)
	for _, script := range []string{"exit 0", "head -c 10 >/dev/null", "exec <&-; echo closed"} {
		p, _ := sh(t, script)
		if _, err := p.Run(t.Context(), big); err != nil {
			t.Errorf("%s: %v", script, err)
		}
	}
}

// TestTogether runs a program many times at once.
func TestTogether(t *testing.T) {
	p, mark := sh(t, "cat; sleep 1000 & exit 1")
	var wait sync.WaitGroup
	for i := range 32 {
		wait.Go(func() {
			text := strings.Repeat(string(rune('a'+i%26)), 100)
			out, err := p.Run(t.Context(), []byte(text))
			if string(out.Tail) != text || errText(err) != "exit code 1: "+text {
				t.Errorf("got %q, %v, want %q", out.Tail, err, text)
			}
		})
	}
	wait.Wait()
	if left := marked(t, mark); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
}

// TestNothingStays looks for goroutines, files and threads after many runs.
func TestNothingStays(t *testing.T) {
	p, _ := sh(t, "cat >/dev/null; echo x")
	count := func() [3]int {
		return [3]int{runtime.NumGoroutine(), entries(t, "/proc/self/fd"), entries(t, "/proc/self/task")}
	}
	if _, err := p.Run(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	before := count()
	for range 50 {
		if _, err := p.Run(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	// The runtime has threads of its own, a few more or less.
	labtest.Eventually(t, patience, "the goroutines, files and threads of before", func() bool {
		now := count()
		return now[0] <= before[0] && now[1] <= before[1] && now[2] <= before[2]+10
	})
}

func entries(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
