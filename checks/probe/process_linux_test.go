// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// wait is how long a test waits for what must come.
const wait = 20 * time.Second

// program copies a program under another name, so that nobody else runs it.
func program(t *testing.T, original, name string) (path string) {
	t.Helper()
	b, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// uniqueName is a program's name of the length that no other test uses.
func uniqueName(n int) string {
	return (strconv.Itoa(os.Getpid()) + strconv.FormatInt(time.Now().UnixNano(), 36) + "-a-long-tail-for-names")[:n]
}

// begin starts a process; end ends and reaps it.
func begin(t *testing.T, path string, args ...string) (cmd *exec.Cmd, end func()) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), path, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(end)
	return cmd, end
}

func makeProcess(t *testing.T, m *Maker, k checks.Process) *processProbe {
	t.Helper()
	p, err := m.New(k)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p.(*processProbe)
}

// passes waits until a look passes or fails.
func passes(t *testing.T, p checks.Probe, want bool) {
	t.Helper()
	labtest.Eventually(t, wait, fmt.Sprintf("passing to be %v", want), func() bool {
		return (p.Probe(t.Context()) == nil) == want
	})
}

// TestProcessByLooking: without events each look reads /proc.
func TestProcessByLooking(t *testing.T) {
	name := uniqueName(15)
	path := program(t, "/bin/sleep", name)
	m := NewMaker()
	one := makeProcess(t, m, checks.Process{Name: name, Min: 1})
	two := makeProcess(t, m, checks.Process{Name: name, Min: 2, Max: 2})
	none := makeProcess(t, m, checks.Process{Name: name, Max: 1})
	args := makeProcess(t, m, checks.Process{Command: "^" + path + " 1000 4711$", Min: 1})

	want(t, one.Probe(t.Context()), "no process "+name)
	want(t, two.Probe(t.Context()), "no process "+name+", want 2 at least")
	want(t, none.Probe(t.Context()), "")
	want(t, args.Probe(t.Context()), "no process with command line")
	_, end := begin(t, path, "1000")
	passes(t, one, true)
	want(t, two.Probe(t.Context()), "1 process matches "+name+", want 2 at least")
	want(t, args.Probe(t.Context()), "no process with command line")
	begin(t, path, "1000", "4711")
	passes(t, args, true)
	want(t, two.Probe(t.Context()), "")
	want(t, none.Probe(t.Context()), "2 processes match "+name+", want 1 at most")
	begin(t, path, "1000")
	passes(t, two, false)
	want(t, two.Probe(t.Context()), "3 processes match "+name+", want 2 at most")
	end()
	passes(t, two, true)
}

func TestProcessZombie(t *testing.T) {
	name := uniqueName(15)
	p := makeProcess(t, NewMaker(), checks.Process{Name: name, Min: 1})
	cmd, _ := begin(t, program(t, "/bin/sleep", name), "1000")
	passes(t, p, true)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// It is not reaped before the test's end.
	passes(t, p, false)
	want(t, p.Probe(t.Context()), "no process "+name)
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", cmd.Process.Pid)); err != nil {
		t.Errorf("there is no zombie: %v", err)
	}
}

// TestProcessSelf: the agent itself does not count.
func TestProcessSelf(t *testing.T) {
	command := "^" + os.Args[0]
	p := makeProcess(t, NewMaker(), checks.Process{Command: command, Min: 1})
	want(t, p.Probe(t.Context()), "no process with")
}

func TestProcessLongName(t *testing.T) {
	name := uniqueName(25)
	p := makeProcess(t, NewMaker(), checks.Process{Name: name, Min: 1})
	other := makeProcess(t, NewMaker(), checks.Process{Name: name[:24], Min: 1})
	begin(t, program(t, "/bin/sleep", name), "1000")
	passes(t, p, true)
	want(t, other.Probe(t.Context()), "no process")
}

func TestProcessContext(t *testing.T) {
	p := makeProcess(t, NewMaker(), checks.Process{Name: "x", Min: 1})
	p.all.turn <- struct{}{}
	defer p.all.release()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := p.Probe(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
