// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/lab/labtest"
)

// terminal is a pseudo terminal and what was written on it.
type terminal struct {
	user, program *os.File
	done          chan struct{}

	mu   sync.Mutex
	text bytes.Buffer
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminal: %v", err)
	}
	t.Cleanup(func() { _ = user.Close() })
	if err := unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skipf("no pseudo terminal: %v", err)
	}
	number, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Skipf("no pseudo terminal: %v", err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminal: %v", err)
	}
	term := &terminal{user: user, program: program, done: make(chan struct{})}
	go func() {
		defer close(term.done)
		b := make([]byte, 4096)
		for {
			n, err := user.Read(b)
			term.mu.Lock()
			term.text.Write(b[:n])
			term.mu.Unlock()
			if err != nil { // EIO when the program's end is closed
				return
			}
		}
	}()
	return term
}

func (term *terminal) String() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.text.String()
}

// start runs vicar on the terminal.
func (term *terminal) start(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
	cmd.Env = append([]string{asVicar + "=1", noSleep, "TERM=xterm"}, env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = term.program, term.program, term.program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// end waits for the command's end and returns its exit code.
func (term *terminal) end(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	err := cmd.Wait()
	_ = term.program.Close()
	<-term.done
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return exitOK
}

// On a terminal the status is drawn over itself until q or Ctrl-C, and the
// terminal is as before afterwards.
func TestWatchOnTerminal(t *testing.T) {
	w := newWorld(t)
	w.start(t)
	w.up(t, "192.0.2.100/24")
	for name, key := range map[string]string{"q": "q", "Ctrl-C": "\x03"} {
		t.Run(name, func(t *testing.T) {
			term := newTerminal(t)
			before, err := unix.IoctlGetTermios(int(term.program.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			cmd := term.start(t, nil, "status", "--watch", "--socket", w.socket)
			labtest.Eventually(t, 20*time.Second, "two frames are drawn", func() bool {
				return strings.Count(term.String(), "\x1b[H") >= 2
			})
			if _, err := term.user.WriteString(key); err != nil {
				t.Fatal(err)
			}
			labtest.Eventually(t, 20*time.Second, "the screen is given back", func() bool {
				return strings.HasSuffix(term.String(), screenClose)
			})
			after, err := unix.IoctlGetTermios(int(term.program.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			if *after != *before {
				t.Errorf("terminal is %+v, was %+v", after, before)
			}
			if code := term.end(t, cmd); code != exitOK {
				t.Errorf("exit code %d, want %d", code, exitOK)
			}
			text := term.String()
			if !strings.HasPrefix(text, screenOpen) || strings.Contains(text, "\x1b[2J") || !strings.Contains(text, "\x1b[32mActive\x1b[0m") {
				t.Errorf("drawn was %q", text)
			}
		})
	}
}

func TestColours(t *testing.T) {
	w := newWorld(t)
	w.start(t)
	w.up(t, "192.0.2.100/24")
	for env, want := range map[string]bool{"A=": true, "NO_COLOR=1": false, "TERM=dumb": false} {
		t.Run(env, func(t *testing.T) {
			term := newTerminal(t)
			cmd := term.start(t, []string{env}, "status", "--socket", w.socket)
			if code := term.end(t, cmd); code != exitOK {
				t.Fatalf("exit code %d: %s", code, term)
			}
			if got := strings.Contains(term.String(), "\x1b[1m"); got != want {
				t.Errorf("colours: %v, want %v: %q", got, want, term)
			}
		})
	}
}
