// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package child runs programs for the agent: without its real-time policy and
// capabilities, each in a process group of its own that ends with the program
// or the time limit, whatever it writes and whatever it ignores.
//
// # What a program runs with
//
// Its own argument list, without a shell; the agent's user or the one that is
// named; the directory /; /dev/null or what it is given to read; a small
// environment; no other file of the agent's. It has no capabilities and can't
// get any (PR_SET_NO_NEW_PRIVS: neither set-user-ID bits nor file capabilities
// count): an agent that is root and names no user runs it as root without
// capabilities, to whom files are closed that root does not own. What systemd's unit
// forbids the agent, it forbids the program too.
//
// # Which programs are run
//
// Those that nobody can change but root, the agent's user and the one that is
// named: neither the file, nor a directory on the way to it, nor the interpreter
// that a script names after #!. What may be written by its group is refused,
// whoever the group is (with an access control list the group's bits stand for
// all in it). What a program reads or loads by itself is not looked at: the
// interpreter that env finds, libraries, other files. Nor is the interpreter of
// a script that the agent may execute and not read.
//
// # How it ends
//
// When the time is over its process group gets SIGTERM, and SIGKILL after
// Grace. When the program itself ends, what it left behind in its group is
// killed at once. If the agent dies, the kernel kills the program (but not what
// it started). A process that made itself a group of its own (setsid, as daemons
// do) has left the program's, and is let live.
package child

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// kept is how much of what a program writes is kept: the end of it, where
	// the cause stands.
	kept = 4 << 10
	// quoted is how much of its last line an error repeats.
	quoted = 200
	// defaultGrace is Config.Grace's default.
	defaultGrace = 500 * time.Millisecond
)

// ErrUnsafe says that a program is not run because others could replace it.
var ErrUnsafe = errors.New("not run, others could change it")

// ErrStuck says that a program was killed and is not dead, as when it waits for
// a file system that is gone.
var ErrStuck = errors.New("the kernel does not let it die")

// Config is a program and how it runs.
type Config struct {
	// Argv are its arguments; the first is the absolute path of its file.
	Argv []string
	// User is whom it runs as; empty: the agent's own. Another than the agent's
	// own takes an agent that is root.
	User string
	// Env are additions to its environment (KEY=value), which has PATH, HOME and
	// LANG only. They override these.
	Env []string
	// Grace is the time from SIGTERM to SIGKILL; 0 is 500 ms.
	Grace time.Duration
	// Answer, if it is not 0, keeps the standard output apart from the standard
	// error, up to so many bytes: see Output.
	Answer int
	// Late: the program may come, or be put right, later. New does not look at its
	// file; Run does, as it always does.
	Late bool
}

func (c Config) check() error {
	if len(c.Argv) == 0 {
		return errors.New("no program to run")
	}
	if !strings.HasPrefix(c.Argv[0], "/") {
		return fmt.Errorf("program %q: the path must be absolute", c.Argv[0])
	}
	for _, s := range slices.Concat(c.Argv, c.Env) {
		if strings.ContainsRune(s, 0) {
			return fmt.Errorf("program %s: a NUL byte in an argument", c.Argv[0])
		}
	}
	for _, s := range c.Env {
		if key, _, ok := strings.Cut(s, "="); !ok || key == "" {
			return fmt.Errorf("program %s: environment %q: want KEY=value", c.Argv[0], s)
		}
	}
	if c.Answer < 0 {
		return fmt.Errorf("program %s: an answer of %d bytes", c.Argv[0], c.Answer)
	}
	if c.Grace < 0 {
		return fmt.Errorf("program %s: grace %v is negative", c.Argv[0], c.Grace)
	}
	return nil
}

// environment is base with what env adds and overrides.
func environment(base, env []string) []string {
	key := func(s string) string { k, _, _ := strings.Cut(s, "="); return k }
	at := map[string]int{}
	var out []string
	for _, s := range slices.Concat(base, env) {
		if i, ok := at[key(s)]; ok {
			out[i] = s
			continue
		}
		at[key(s)] = len(out)
		out = append(out, s)
	}
	return out
}

// Output is what a program wrote to its standard output and error. With
// Config.Answer the tail is that of the standard error.
type Output struct {
	Tail  []byte // the last 4 KiB
	Bytes int64  // how much it was in all
	// Answer is the beginning of the standard output, with Config.Answer. Cut says
	// that there was more.
	Answer []byte
	Cut    bool
}

// line is the last line that says something, cut to what an error can bear and
// to what a terminal can show.
func (o Output) line() string {
	text := bytes.TrimSpace(o.Tail)
	if i := bytes.LastIndexAny(text, "\r\n"); i >= 0 {
		text = bytes.TrimSpace(text[i+1:])
	}
	cut := len(text) > quoted
	if cut {
		text = text[:quoted]
	}
	line := strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(string(text), "?"))
	if cut {
		line += "..."
	}
	return line
}

// with adds the last line to what happened.
func (o Output) with(what string) string {
	if line := o.line(); line != "" {
		return what + ": " + line
	}
	return what
}

// ExitError says that a program ended by itself, and badly.
type ExitError struct {
	Code   int            // the exit code
	Signal syscall.Signal // what killed it, if it is not 0
	Output Output
}

func (e *ExitError) Error() string {
	if e.Signal != 0 {
		return e.Output.with(fmt.Sprintf("ended by signal %d (%v)", int(e.Signal), e.Signal))
	}
	return e.Output.with(fmt.Sprintf("exit code %d", e.Code))
}

// KilledError says that a program was ended because its time was over. It wraps
// the context's error.
type KilledError struct {
	After  time.Duration // since it began
	Output Output
	Err    error
}

func (e *KilledError) Error() string {
	return e.Output.with(fmt.Sprintf("killed after %v", e.After.Round(10*time.Millisecond)))
}

func (e *KilledError) Unwrap() error { return e.Err }
