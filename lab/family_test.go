// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package lab_test

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// withSession starts a process on the host, and with it a child in a session of its
// own, which no signal to the process's group reaches.
func withSession(t *testing.T, h *lab.Host) (p *lab.Process, child int) {
	t.Helper()
	p = labtest.Start(t, h, "setsid", "--fork", "--wait", "sleep", "1000")
	var children []int
	labtest.Eventually(t, 5*time.Second, "it has a child", func() bool {
		var err error
		children, err = p.Children()
		labtest.OK(t, err)
		return len(children) == 1
	})
	return p, children[0]
}

// TestFamily stops and kills a process with its child, which is in a process
// group of its own.
func TestFamily(t *testing.T) {
	h := labtest.Host(t, labtest.New(t), "a")
	p, child := withSession(t, h)
	all := []int{p.Pid(), child}
	if slices.ContainsFunc(all, lab.Stopped) {
		t.Error("it is stopped already")
	}
	labtest.OK(t, p.SignalFamily(syscall.SIGSTOP))
	labtest.Eventually(t, 5*time.Second, "both stop", func() bool {
		return !slices.ContainsFunc(all, func(pid int) bool { return !lab.Stopped(pid) })
	})
	labtest.OK(t, p.SignalFamily(syscall.SIGCONT))
	labtest.Eventually(t, 5*time.Second, "both go on", func() bool { return !slices.ContainsFunc(all, lab.Stopped) })
	labtest.OK(t, p.KillFamily())
	_ = p.Wait()
	labtest.Eventually(t, 5*time.Second, "both end", func() bool { return !slices.ContainsFunc(all, lab.Alive) })
}
