// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bufio"
	"io"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// renamer is a process that takes a name when it is told to.
type renamer struct {
	in  io.Writer
	out *bufio.Reader
}

func beginRenamer(t *testing.T, name string) *renamer {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "read x; printf "+name+" >/proc/$$/comm; echo done; read x")
	in, err := cmd.StdinPipe()
	labtest.OK(t, err)
	out, err := cmd.StdoutPipe()
	labtest.OK(t, err)
	labtest.OK(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &renamer{in, bufio.NewReader(out)}
}

// rename returns when the kernel has made the event.
func (r *renamer) rename(t *testing.T) {
	t.Helper()
	_, err := io.WriteString(r.in, "\n")
	labtest.OK(t, err)
	_, err = r.out.ReadString('\n')
	labtest.OK(t, err)
}

// received waits until nothing is left to receive. It is false if that doesn't
// come, since he who receives has got something else before and is held up.
func (l *procLink) received() bool {
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		fds := []unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, 0); n == 0 && err == nil {
			return true
		}
	}
	return false
}

// handPatience is how long a busy host is tried.
const handPatience = 20 * time.Second

// TestProcessWakeHandsOver: what a waker has received when it ends is not lost
// to the one that receives after it.
func TestProcessWakeHandsOver(t *testing.T) {
	received := 0
	// On a busy host the first waker may have got something else before.
	for round, end := 0, time.Now().Add(handPatience); round < 20 || received == 0 && time.Now().Before(end); round++ {
		name := uniqueName(15)
		m := NewMaker()
		p := makeProcess(t, m, checks.Process{Name: name, Min: 1})
		first := wake(t, makeProcess(t, m, checks.Process{Name: "x", Min: 1}))
		next := wake(t, p)
		r := beginRenamer(t, name)

		p.all.turn <- struct{}{}
		synced := p.all.synced
		r.rename(t)
		if p.all.link.received() {
			received++
		}
		first.cancel()
		p.all.release()

		labtest.OK(t, first.stop())
		next.woken(t, p, true)
		if p.all.turn <- struct{}{}; p.all.synced != synced {
			t.Error("all was read again")
		}
		p.all.release()
		labtest.OK(t, next.stop())
	}
	if received == 0 {
		t.Errorf("the first waker has not received the event in %v", handPatience)
	}
}
