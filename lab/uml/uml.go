// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package uml runs tests in a kernel of their own, for what the host's may lack:
// IPVS and its schedulers, netem, VLANs. The kernel is Debian's user-mode-linux, a
// process that boots in some three seconds. It has the host's files and cannot
// change them, and no network but the namespaces that the tests make in it.
//
//	func TestKernel(t *testing.T) {
//		if !uml.Enter(t) {
//			return // outside: it has run in the guest
//		}
//		t.Run("rr", ...)
//	}
//
// Without the package user-mode-linux the test is skipped, or with
// VICAR_KERNEL=required fails, and likewise without root. One processor, 512 MB of memory; the clock is the
// host's.
package uml

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	kernel  = "linux.uml"
	library = "/usr/lib/uml/modules"

	// RequiredVariable names an environment variable which says, if it is
	// "required", that a test fails where there is no kernel to be booted.
	RequiredVariable = "VICAR_KERNEL"
	// GuestVariable names an environment variable that programs in the guest have.
	GuestVariable = "VICAR_GUEST"
)

const (
	runTime  = 12 * time.Minute // of a program, if nothing else is said
	lastTime = 20 * time.Second // of a test, to tell why it has failed
)

// Inside tells whether this process runs in the guest.
func Inside() bool { return os.Getenv(GuestVariable) != "" }

// Need skips the test if no kernel can be booted here.
func Need(t testing.TB) {
	t.Helper()
	err := missing()
	switch {
	case err == nil:
	case os.Getenv(RequiredVariable) == "required":
		t.Fatalf("a kernel of its own is not to be had here: %v", err)
	default:
		t.Skipf("a kernel of its own is not to be had here: %v", err)
	}
}

// missing is what a guest needs and this machine lacks, or nil.
func missing() error {
	if os.Geteuid() != 0 {
		return errors.New("needs root")
	}
	if _, err := exec.LookPath(kernel); err != nil {
		return fmt.Errorf("needs Debian's user-mode-linux: %w", err)
	}
	if _, err := os.Stat(library); err != nil {
		return err
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} { // not in everybody's PATH
		if _, err := os.Stat(filepath.Join(dir, "modprobe")); err == nil {
			return nil
		}
	}
	if _, err := exec.LookPath("modprobe"); err != nil {
		return fmt.Errorf("needs Debian's kmod: %w", err)
	}
	return nil
}

// Program is what a kernel is booted for.
type Program struct {
	Path string // absolute; what it is linked with is the host's
	Args []string
	// Env is the environment beside PATH, HOME, TMPDIR, LC_ALL and GuestVariable.
	// The host's is not passed on.
	Env []string
	Dir string // where it starts; the test's directory if empty
	// Modules are loaded beside the usual ones before it starts, and must be
	// there. The kernel loads what else it is asked for by itself.
	Modules []string
	// Within is how long the program may take after the boot. By default it is 5
	// minutes, or what the test's deadline leaves of them.
	Within time.Duration
	// Line gets each line that the program writes, at once, one at a time; by
	// default it is the test's log. It must not end the test.
	Line func(line string)
}

// Missing tells why no kernel can be booted here, or nil.
func Missing() error { return missing() }

// Boot is Run for programs that are no tests: it returns the exit status, or what
// went wrong. The kernel has its files in dir, which is its own and is the caller's
// to remove. Dir, Within and Line must be set.
func Boot(ctx context.Context, dir string, p Program) (int, error) {
	g := guest{program: p, dir: dir}
	status, err := g.run(ctx)
	if err != nil {
		return 0, fmt.Errorf("running %s in user-mode-linux: %w", filepath.Base(p.Path), err)
	}
	return status, nil
}

// Run boots a kernel, runs the program as root, and returns its exit status when
// the kernel has been switched off. All files of the host are there; only below
// /tmp and /run, which are empty, there is nothing but the directories that Path
// and Dir are in. All that the program writes ends with the guest. If the kernel
// does not boot, panics, or the program takes too long, the test ends with what
// the kernel said last.
func Run(t testing.TB, p Program) int {
	t.Helper()
	Need(t)
	if p.Line == nil {
		p.Line = func(line string) { t.Log(line) }
	}
	p.Within = within(t, p.Within)
	if p.Dir == "" {
		p.Dir, _ = os.Getwd()
	}
	status, err := Boot(t.Context(), t.TempDir(), p)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// within is how long a program may take.
func within(t testing.TB, asked time.Duration) time.Duration {
	if asked == 0 {
		asked = runTime
	}
	if d, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if end, ok := d.Deadline(); ok {
			asked = min(asked, max(time.Until(end)-lastTime, time.Second))
		}
	}
	return asked
}

// Build builds the test binary of a package, "." or another pattern of the go
// command's for one package, and returns its path. It is static and without the
// race detector, whose memory a guest does not have.
func Build(t testing.TB, pkg string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "guest.test")
	ctx, cancel := context.WithTimeout(t.Context(), runTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-race=false", "-ldflags=-s -w", "-o", path, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the tests of %s: %v\n%s", pkg, err, out)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("building the tests of %s: there are none: %v", pkg, err)
	}
	return path
}

// source is the directory of a package.
func source(t testing.TB, pkg string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", pkg).Output()
	if err != nil {
		t.Fatalf("finding %s: %v", pkg, err)
	}
	return strings.TrimSpace(string(out))
}
