// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package machine boots Debian on hosts of a lab, for tests of what an
// administrator does: install a package, configure it, start the unit, upgrade.
// systemd is the first process, in namespaces for processes, mounts, cgroups and
// the rest; the network is the host's.
//
//	l := labtest.New(t)
//	h := labtest.Host(t, l, "lb-1", "192.0.2.10/24")
//	m := machine.Boot(t, h, machine.Debian(t))
//	m.Copy("dist/vicar_amd64.deb", "/tmp/vicar.deb")
//	m.Run("dpkg -i /tmp/vicar.deb")
//	m.Write("/etc/vicar/vicar.yaml", 0o640, text)
//	m.Run("systemctl enable --now vicar")
//
// A machine's name is the host's. Its disk is the root, which it can't change, with
// an overlay in memory that ends with it. It boots in a second or two. It needs
// root, and a kernel with overlayfs and cgroup v2; systemd on the host is not
// needed. No network leads out of a lab: what a machine needs beside the root's
// packages is copied to it.
package machine

import (
	"context"
	_ "embed"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
)

const (
	bootTime = time.Minute     // on a busy machine
	runTime  = 2 * time.Minute // of a command
	endTime  = 20 * time.Second

	journalLines = 60 // that are shown of each machine of a test that has failed
)

//go:embed boot.sh
var bootScript []byte

// Machine is a running Debian.
type Machine struct {
	Host *lab.Host

	t    testing.TB
	pid  int // of its first process
	init *lab.Process
}

// Boot starts the machine and waits until systemd has started all that is to run.
// At the end of the test it is switched off; if the test has failed, the end of its
// journal is shown before.
func Boot(t testing.TB, h *lab.Host, root string) *Machine {
	t.Helper()
	needRoot(t)
	// Made with a name that no other machine's has; the cgroup gets it too.
	dir, err := os.MkdirTemp("", "vicar-machine-"+h.Name+"-")
	labtest.OK(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	script := filepath.Join(dir, "boot.sh")
	labtest.OK(t, os.WriteFile(script, bootScript, 0o600))
	m := &Machine{Host: h, t: t}
	m.init = labtest.Start(t, h, "unshare", "--mount", "sh", script, "mounts", dir, root, h.Name)
	t.Cleanup(func() { m.off(script, dir) })
	labtest.Eventually(t, bootTime, "first process of "+h.Name, func() bool {
		if m.init.Ended() {
			t.Fatalf("booting %s: %v\n%s", h.Name, m.init.Wait(), m.init.Output)
		}
		text, err := os.ReadFile(filepath.Join(dir, "pid"))
		if err != nil {
			return false
		}
		m.pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	})
	state := ""
	labtest.Eventually(t, bootTime, "systemd of "+h.Name, func() bool {
		if m.init.Ended() {
			t.Fatalf("booting %s: %v\n%s", h.Name, m.init.Wait(), m.init.Output)
		}
		out, _ := m.Try("systemctl is-system-running --wait")
		state = strings.TrimSpace(out)
		return state == "running" || state == "degraded"
	})
	if state != "running" {
		failed, _ := m.Try("systemctl --failed --no-legend --plain")
		t.Fatalf("%s has booted, and is %s:\n%s", h.Name, state, failed)
	}
	return m
}

// off switches the machine off and removes its cgroup.
func (m *Machine) off(script, dir string) {
	if m.t.Failed() && m.pid != 0 && !m.init.Ended() {
		journal, _ := m.Try("journalctl --no-pager --output=short-precise --lines=" + strconv.Itoa(journalLines))
		m.t.Logf("end of the journal of %s:\n%s", m.Host.Name, journal)
	}
	if m.pid != 0 && !m.init.Ended() {
		// With the first process the kernel ends all others, before it is reaped.
		_ = syscall.Kill(m.pid, syscall.SIGKILL)
		select {
		case <-m.init.Done():
		case <-time.After(endTime):
			m.t.Errorf("%s does not end", m.Host.Name)
		}
	}
	if err := m.init.Kill(); err != nil {
		m.t.Errorf("switching %s off: %v", m.Host.Name, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	if out, err := m.Host.Run(ctx, "unshare", "--mount", "sh", script, "clean", dir, "-", "-"); err != nil {
		m.t.Errorf("removing the cgroup of %s: %v\n%s", m.Host.Name, err, out)
	}
}

// Try runs a shell's command line on the machine, as root, and returns what it
// wrote, to its standard error as well.
func (m *Machine) Try(script string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), runTime)
	defer cancel()
	// Without what this process has in its environment.
	return m.Host.Run(ctx, "nsenter", "--target="+strconv.Itoa(m.pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
		"env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
		"sh", "-ec", script)
}

// Run is Try, and an error ends the test.
func (m *Machine) Run(script string) string {
	m.t.Helper()
	out, err := m.Try(script)
	if err != nil {
		m.t.Fatalf("%s: %s: %v\n%s", m.Host.Name, script, err, out)
	}
	return out
}

// Path is where a file of the machine is found from outside while it runs. In a
// link that is absolute the way leads out of the machine.
func (m *Machine) Path(name string) string {
	return filepath.Join("/proc", strconv.Itoa(m.pid), "root", name)
}

// Write writes a file, root's, and makes its directory.
func (m *Machine) Write(name string, mode os.FileMode, text string) {
	m.t.Helper()
	path := m.Path(name)
	labtest.OK(m.t, os.MkdirAll(filepath.Dir(path), 0o755))
	labtest.OK(m.t, os.WriteFile(path, []byte(text), mode))
	labtest.OK(m.t, os.Chmod(path, mode)) // whatever the umask, and if it was there
}

// Copy copies a file from outside to the machine.
func (m *Machine) Copy(from, to string) {
	m.t.Helper()
	text, err := os.ReadFile(from)
	labtest.OK(m.t, err)
	info, err := os.Stat(from)
	labtest.OK(m.t, err)
	m.Write(to, info.Mode().Perm(), string(text))
}
