// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/child"
	"github.com/vicar-ha/vicar/vip"
)

// script makes a shell script in a directory that others can't write, and
// returns its path and a directory for what it writes.
func script(t *testing.T, text string) (path, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: a program's directories must be root's")
	}
	// The usual place for temporary files may be written by all.
	dir, err := os.MkdirTemp("/var/lib", "vicar-hook-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "hook")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path, dir
}

// once tells one hook of one event and returns what became of it.
func once(t *testing.T, h Hook, e vip.Event) error {
	t.Helper()
	h.On = every
	s, err := buildSinks([]Hook{h}, build)
	if err != nil {
		t.Fatal(err)
	}
	m, err := newMessage(delivery{event: &e, skipped: 3})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), h.Timeout)
	defer cancel()
	return s[0].runner.run(ctx, m)
}

// change is an event with something in each field.
func change() vip.Event {
	return vip.Event{
		Kind: vip.BecameActive, Cluster: "main", Node: "lb-1", Router: "web", State: "Active", From: "Backup", Term: 7,
		Reason: "no advert\nfrom the peer", Priority: 150, Peer: netip.MustParseAddr("192.0.2.11"), Interface: "eth0",
		Addresses: prefixes("192.0.2.100/24"), Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	}
}

// TestProgram: what reaches a script's standard input and environment.
func TestProgram(t *testing.T) {
	path, dir := script(t, `cat > "$1/stdin"; env > "$1/env"`)
	if err := once(t, Hook{Exec: []string{path, dir}, Timeout: patience}, change()); err != nil {
		t.Fatal(err)
	}
	var got document
	b, err := os.ReadFile(filepath.Join(dir, "stdin"))
	if err == nil {
		err = json.Unmarshal(b, &got)
	}
	if err != nil {
		t.Fatalf("standard input %q: %v", b, err)
	}
	if diff := cmp.Diff(document{documentVersion, change(), 3}, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if b, err = os.ReadFile(filepath.Join(dir, "env")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"VICAR_EVENT=active", "VICAR_ROUTER=web", "VICAR_STATE=Active", "VICAR_PREVIOUS=Backup", "VICAR_TERM=7", "VICAR_PRIORITY=150",
		"VICAR_NODE=lb-1", "VICAR_CLUSTER=main", "VICAR_PEER=192.0.2.11", "VICAR_REASON=no advertfrom the peer",
	} {
		if !strings.Contains(string(b), want+"\n") {
			t.Errorf("%s is not in the environment:\n%s", want, b)
		}
	}
}

// TestProgramFails: the cause is in the error, with the end of what was
// written.
func TestProgramFails(t *testing.T) {
	path, _ := script(t, "echo no such table >&2; exit 3")
	err := once(t, Hook{Exec: []string{path}, Timeout: patience}, change())
	if exit, ok := errors.AsType[*child.ExitError](err); !ok || exit.Code != 3 || !strings.Contains(err.Error(), "no such table") {
		t.Errorf("the error is %v", err)
	}
}

// TestProgramReplaceable: a program that others may write is refused by New,
// and by each run.
func TestProgramReplaceable(t *testing.T) {
	path, dir := script(t, "exit 0")
	h := Hook{On: every, Exec: []string{path}, Timeout: patience}
	sinks, err := buildSinks([]Hook{h}, build)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := sinks[0].runner.run(t.Context(), message{}); !errors.Is(err, child.ErrUnsafe) {
		t.Errorf("a run from a directory that all may write: %v", err)
	}
	if _, err := New(Config{Hooks: []Hook{h}}); !errors.Is(err, child.ErrUnsafe) {
		t.Errorf("a program in a directory that all may write: %v", err)
	}
}

// TestProgramHangs: a script and what it started are ended when its time is
// over, the next event is told, and at the end nothing is left running.
func TestProgramHangs(t *testing.T) {
	path, dir := script(t, `[ "$VICAR_EVENT" = stop ] && exec touch "$1/stopped"
trap "" TERM
sleep 1000 &
echo $$ > "$1/pids"
echo $! >> "$1/pids"
wait`)
	n, err := New(Config{Hooks: []Hook{{On: every, Exec: []string{path, dir}, Timeout: 500 * time.Millisecond}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	n.Tell(change())
	eventually(t, "the script hangs", func() bool { return n.Status()[0].Running })
	stopped := change()
	stopped.Kind = vip.Stopped
	n.Tell(stopped)
	eventually(t, "the stop is told", func() bool {
		_, err := os.Stat(filepath.Join(dir, "stopped"))
		return err == nil
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if s := n.Status()[0]; s.Ran != 2 || s.Failed != 1 || s.TimedOut != 1 || !strings.HasPrefix(s.Error, "its time of 500ms was over: killed after ") {
		t.Errorf("the status is %+v", s)
	}
	b, err := os.ReadFile(filepath.Join(dir, "pids"))
	if err != nil {
		t.Fatal(err)
	}
	for field := range strings.FieldsSeq(string(b)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		if runs(pid) {
			t.Errorf("process %d is left running", pid)
		}
	}
}

// runs tells whether a process is alive: a zombie that nobody has reaped yet is
// not.
func runs(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(b), ") Z ")
}
