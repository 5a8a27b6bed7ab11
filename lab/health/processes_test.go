// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package health

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/vicar"
	"github.com/vicar-ha/vicar/status"
)

// script writes a program that root alone may change. Its arguments have the
// world's directory, by which marked finds its processes.
func (w *world) script(name, text string) string {
	w.t.Helper()
	path := filepath.Join(programs(w.t), name)
	labtest.OK(w.t, os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755))
	return path
}

// programs is a directory that vicar runs programs from: nobody but root may
// change it, which is not so below the usual place of temporary files.
func programs(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/run", "vicar-health")
	labtest.OK(t, err)
	labtest.OK(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// marked are the processes with the mark among their arguments.
func marked(t *testing.T, mark string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	labtest.OK(t, err)
	var found []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err == nil && slices.ContainsFunc(bytes.Split(text, []byte{0}), func(a []byte) bool { return string(a) == mark }) {
			found = append(found, f+" "+strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return found
}

// peakMemory is the most memory that a process alone has had, in bytes (VmHWM in
// proc_pid_status(5)).
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	labtest.OK(t, err)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			labtest.OK(t, err)
			return kb << 10
		}
	}
	t.Fatalf("no VmHWM in /proc/%d/status:\n%s", pid, text)
	return 0
}

// TestMisbehavingPrograms: a check that hangs, one that leaves a tree of 100
// processes which ignore SIGTERM, one that writes 100 MB, and a hook that never
// returns. The address stays where it is, the checks say what happened, and
// nothing is left running.
func TestMisbehavingPrograms(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, for programs that nobody else may change")
	}
	w := newLoneWorld(t) // it keeps the machine busy
	w.router(func(r *vicar.Router) { r.Interval = vicar.Duration(500 * time.Millisecond) })
	mark := fmt.Sprintf("mark-%d-%s", os.Getpid(), filepath.Base(w.dir))
	add := func(name, text, interval, timeout string) {
		w.conf.Checks[name] = vicar.Check{
			"exec": []string{w.script(name, text), mark}, "interval": interval, "timeout": timeout, "fall": 1,
		}
		w.router(func(r *vicar.Router) { r.Track = append(r.Track, vicar.Track{Check: name, Weight: -1}) })
	}
	add("hangs", "trap '' TERM\nwhile :; do sleep 1000; done\n", "300ms", "200ms")
	add("tree", "for i in $(seq 100); do (trap '' TERM; exec /bin/sh -c 'trap \"\" TERM; while :; do sleep 1000; done' "+mark+" "+mark+") & done\nsleep 1000\n", "500ms", "200ms")
	add("writes", "head -c 100000000 /dev/zero\n", "15s", "15s")
	hook := w.script("hook", "cat >/dev/null\ntrap '' TERM\nwhile :; do sleep 1000; done\n")
	w.conf.Hooks = []vicar.Block{{"exec": []string{hook, mark}, "timeout": "1s", "on": []string{"active", "backup", "stop", "give_up"}}}
	// Their checks are never all well, so that whoever is Active first stays it.
	w.run(w.first)
	w.wantHolder("lb-1")
	w.run(w.other)

	labtest.Eventually(t, patience, "the checks have timed out, the writer has passed, the hook was ended", func() bool {
		s, _ := w.status("lb-1")
		by := make(map[string]status.Check)
		for _, c := range s.Checks {
			by[c.Name] = c
		}
		return by["hangs"].TimedOut >= 3 && by["tree"].TimedOut >= 3 && by["writes"].Passed >= 1 && s.Hooks[0].TimedOut >= 1
	})
	labtest.Eventually(t, patience, "lb-2 competes", func() bool { return w.agents["lb-2"].State(t.Context(), "web") == "Backup" })
	w.wantEntered("lb-1", 1)
	w.wantEntered("lb-2", 0)
	for name, a := range w.agents {
		if peak := peakMemory(t, a.Pid()); peak > 150<<20 {
			t.Errorf("%s has used %d MB of memory", name, peak>>20)
		}
	}
	for _, a := range w.agents {
		labtest.OK(t, a.Signal(15))
	}
	for _, a := range w.agents {
		if err := a.Wait(); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	if left := marked(t, mark); len(left) > 0 {
		t.Errorf("%d processes are left:\n%s", len(left), strings.Join(left, "\n"))
	}
}

// TestKilledAgentLeavesNoProgram: what an agent that is killed was running ends
// with it.
func TestKilledAgentLeavesNoProgram(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, for programs that nobody else may change")
	}
	w := newWorld(t)
	mark := fmt.Sprintf("mark-%d-%s", os.Getpid(), filepath.Base(w.dir))
	w.conf.Checks["hangs"] = vicar.Check{
		"exec":    []string{"/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.1; done", mark},
		"timeout": "1m", "initial": "pass",
	}
	w.router(func(r *vicar.Router) { r.Track = []vicar.Track{{Check: "hangs", Weight: -1}} })
	w.start()
	labtest.Eventually(t, patience, "the check runs on both nodes", func() bool { return len(marked(t, mark)) == 2 })
	for _, a := range w.agents {
		labtest.OK(t, a.Signal(9))
	}
	labtest.Eventually(t, patience, "the programs have ended", func() bool { return len(marked(t, mark)) == 0 })
}

// event is what a hook reads.
type event struct {
	Event, Router, State, Previous, Node string
	Term                                 uint64
	Addresses                            []string
}

// TestHooksHear: hooks hear of each transition in order, the last one of the
// stop.
func TestHooksHear(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, for programs that nobody else may change")
	}
	w := newWorld(t)
	log := filepath.Join(w.dir, "log")
	hook := w.script("hook", `cat >>"$1-$VICAR_NODE" && echo >>"$1-$VICAR_NODE"`)
	w.conf.Hooks = []vicar.Block{{
		"exec": []string{hook, log},
		"on":   []string{"active", "backup", "fault", "stop", "take_over", "give_up"},
	}}
	w.conf.Checks["ready"] = vicar.Check{"file": map[string]any{"path": filepath.Join(w.dir, "maintenance"), "absent": true}}
	w.router(func(r *vicar.Router) { r.Track = []vicar.Track{{Check: "ready"}} })
	w.run(w.first)
	labtest.Eventually(t, patience, "lb-1 holds the address", func() bool {
		has, err := w.first.Has(moving.Addr())
		return err == nil && has
	})
	heard := func() (kinds []string) {
		text, _ := os.ReadFile(log + "-lb-1")
		for line := range strings.Lines(string(text)) {
			var e event
			if strings.TrimSpace(line) == "" {
				continue
			}
			labtest.OK(t, json.Unmarshal([]byte(line), &e))
			if e.Router != "web" || e.Node != "lb-1" || len(e.Addresses) != 1 {
				t.Fatalf("event %+v", e)
			}
			kinds = append(kinds, e.Event)
		}
		return kinds
	}
	wait := func(want ...string) {
		t.Helper()
		labtest.Eventually(t, patience, "heard "+strings.Join(want, " "), func() bool { return slices.Equal(heard(), want) })
	}
	wait("backup", "active", "take_over")
	labtest.OK(t, os.WriteFile(filepath.Join(w.dir, "maintenance"), nil, 0o600))
	wait("backup", "active", "take_over", "fault", "give_up")
	labtest.OK(t, os.Remove(filepath.Join(w.dir, "maintenance")))
	wait("backup", "active", "take_over", "fault", "give_up", "backup", "active", "take_over")
	labtest.OK(t, w.agents["lb-1"].Stop(patience))
	want := []string{"backup", "active", "take_over", "fault", "give_up", "backup", "active", "take_over", "give_up", "stop"}
	if got := heard(); !slices.Equal(got, want) {
		t.Errorf("heard %v, want %v", got, want)
	}
}
