// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// agentMark makes the test's program an agent: it runs the command and
	// user of its arguments by this package and prints the output.
	agentMark = "VICAR_CHILD_TEST_AGENT"
	// nobody is a user who owns nothing here.
	nobody = 65534
	// patience is how long a test waits for what must come.
	patience = 20 * time.Second
)

func TestMain(m *testing.M) {
	if os.Getenv(agentMark) == "" {
		os.Exit(m.Run())
	}
	if err := agent(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func agent(user string, argv []string) error {
	p, err := New(Config{Argv: argv, User: user})
	if err != nil {
		return err
	}
	out, err := p.Run(context.Background(), nil)
	_, werr := os.Stdout.Write(out.Tail)
	return errors.Join(err, werr)
}

// runAgent runs argv as user by an agent that is started as sys says, from a
// thread that setup has prepared, and returns the output.
func runAgent(t *testing.T, sys *syscall.SysProcAttr, setup func() error, user string, argv ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", append([]string{user}, argv...)...)
	cmd.Env = append(os.Environ(), agentMark+"=1", "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = sys
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		if err := setup(); err != nil {
			done <- fmt.Errorf("preparing the agent's thread: %w", err)
			return
		}
		if err := cmd.Run(); err != nil {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(problems.String()))
			done <- err
			return
		}
		done <- nil
	}()
	err := <-done
	return out.String(), err
}

func nothing() error { return nil }

// realTime gives the calling thread what the unit gives the agent.
func realTime() error { return schedule(unix.SCHED_RR, 1) }

// ordinary gives the calling thread the policy that most have.
func ordinary() error { return schedule(unix.SCHED_NORMAL, 0) }

func schedule(policy uintptr, priority int32) error {
	_, _, errno := unix.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, 0, policy, uintptr(unsafe.Pointer(&priority)))
	if errno != 0 {
		return errno
	}
	return nil
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be another user")
	}
}

// status is a field of a /proc/PID/status.
func status(t *testing.T, text, field string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no %s in %q", field, text)
	return ""
}

// sh runs a shell script, with an environment variable by which its processes
// are known.
func sh(t *testing.T, script string) (p *Program, mark string) {
	t.Helper()
	mark = fmt.Sprintf("CHILD_TEST=%d-%d", os.Getpid(), time.Now().UnixNano())
	p, err := New(Config{Argv: []string{"/bin/sh", "-c", script}, Env: []string{mark}, Grace: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return p, mark
}

// marked are the living processes with the mark in their environment.
func marked(t *testing.T, mark string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	var pids []string
	for _, f := range files {
		// A zombie has no environment.
		if b, err := os.ReadFile(f); err == nil && bytes.Contains(b, []byte(mark)) {
			pids = append(pids, filepath.Base(filepath.Dir(f)))
		}
	}
	return pids
}
