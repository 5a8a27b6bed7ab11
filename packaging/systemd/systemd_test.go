// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package systemd tests the files that run vicar under systemd with systemd's
// own tools. They read files only, so that neither root nor a running systemd
// is needed.
package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// threshold is the exposure, times ten, that systemd-analyze may find at most.
const threshold = "25"

// tool is the path of one of systemd's programs.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed (Debian package systemd)", name)
	}
	return path
}

// install puts the unit into a directory of the test, with a program that
// exists in place of the installed one.
func install(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("vicar.service")
	if err != nil {
		t.Fatal(err)
	}
	const program = "/usr/bin/vicar"
	if n := strings.Count(string(b), program+" "); n != 3 {
		t.Fatalf("the unit names %s %d times, not 3 (run, reload, release)", program, n)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "vicar.service")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(b), program, self)), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVerify(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), tool(t, "systemd-analyze"), "verify", "--man=no", "--recursive-errors=no", install(t))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

func TestExposure(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), tool(t, "systemd-analyze"), "security", "--offline=yes", "--no-pager", "--threshold="+threshold, install(t))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
}

// TestCrashRestarts: a Go program that panics, or that the watchdog aborts, exits
// with 2, and has to come back.
func TestCrashRestarts(t *testing.T) {
	b, err := os.ReadFile("vicar.service")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		codes, ok := strings.CutPrefix(strings.TrimSpace(line), "RestartPreventExitStatus=")
		if ok && slices.Contains(strings.Fields(codes), "2") {
			t.Errorf("%s keeps an agent that crashed from being started again", strings.TrimSpace(line))
		}
	}
}

// TestSystemCalls: the filter lets through what package child needs to start a
// program, to see it through and to end it, and what the fence and the guardian
// need.
func TestSystemCalls(t *testing.T) {
	analyze := tool(t, "systemd-analyze")
	b, err := os.ReadFile("vicar.service")
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{}
	var apply func(word string, allow bool)
	apply = func(word string, allow bool) {
		if !strings.HasPrefix(word, "@") {
			allowed[word] = allow
			return
		}
		out, err := exec.CommandContext(t.Context(), analyze, "syscall-filter", "--no-pager", word).Output()
		if err != nil {
			t.Fatalf("systemd-analyze syscall-filter %s: %v", word, err)
		}
		for line := range strings.Lines(string(out)) {
			if call := strings.TrimSpace(line); line[0] == ' ' && !strings.HasPrefix(call, "#") {
				apply(call, allow)
			}
		}
	}
	for line := range strings.Lines(string(b)) {
		words, ok := strings.CutPrefix(strings.TrimSpace(line), "SystemCallFilter=")
		if !ok {
			continue
		}
		words, deny := strings.CutPrefix(words, "~")
		for word := range strings.FieldsSeq(words) {
			apply(word, !deny)
		}
	}
	for _, call := range []string{
		"capget", "capset", "prctl", "sched_getscheduler", "sched_setscheduler", "getpriority", "setpriority",
		"close_range", "pipe2", "clone", "clone3", "vfork", "setpgid", "execve", "kill", "waitid", "wait4",
		"pidfd_open", "pidfd_send_signal",
		"bpf", "eventfd2", "fcntl", "flock", "memfd_create", "mlockall", "setsid", "socketpair", "timerfd_settime",
	} {
		if !allowed[call] {
			t.Errorf("the unit forbids %s", call)
		}
	}
	for _, call := range []string{"setuid", "mount", "chroot", "init_module", "reboot"} {
		if allowed[call] {
			t.Errorf("the unit allows %s", call)
		}
	}
}

// TestRights: what the fence needs is there, and no more.
func TestRights(t *testing.T) {
	b, err := os.ReadFile("vicar.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, setting := range []string{"AmbientCapabilities", "CapabilityBoundingSet"} {
		want := setting + "=CAP_BPF CAP_NET_ADMIN CAP_NET_RAW"
		if !slices.Contains(strings.Split(string(b), "\n"), want) {
			t.Errorf("the unit does not say %s", want)
		}
	}
}

// TestUser runs systemd-sysusers on an empty root directory.
func TestUser(t *testing.T) {
	sysusers := tool(t, "systemd-sysusers")
	b, err := os.ReadFile("vicar.sysusers.conf")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	lines := filepath.Join(root, "usr/lib/sysusers.d")
	for _, dir := range []string{lines, filepath.Join(root, "etc")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(lines, "vicar.conf"), b, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), sysusers, "--root="+root, "vicar.conf")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("systemd-sysusers: %v\n%s", err, out)
	}
	for _, file := range []string{"passwd", "group"} {
		b, err := os.ReadFile(filepath.Join(root, "etc", file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), "vicar:") {
			t.Errorf("no vicar in %s:\n%s", file, b)
		}
	}
}
