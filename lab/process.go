// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// drain is how long a dead process's output is waited for, in case a child of
// its holds the pipe.
const drain = time.Second

// Process is a process on a host, the leader of a process group of its own.
type Process struct {
	Name string
	// Output is what the process and its children have written, unless the
	// command had writers of its own.
	Output *Output

	host *Host
	cmd  *exec.Cmd
	pid  int
	done chan struct{}
	err  error // valid after done
}

// Command prepares a command for Start. Like every command it may be changed
// before. Its environment is this process's, without proxies and what the AWS SDK
// reads.
func (h *Host) Command(name string, args ...string) *exec.Cmd {
	//nolint:noctx // the process's life is the lab's, not a context's
	cmd := exec.Command(name, args...)
	cmd.Env = environ()
	return cmd
}

// Start starts a command on the host. The process dies with the lab.
func (h *Host) Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{Name: cmd.Args[0], Output: new(Output), host: h, cmd: cmd, done: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = p.Output
	}
	if cmd.Stderr == nil {
		cmd.Stderr = p.Output
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.WaitDelay = drain

	// Under the lock, so that close can't miss it.
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gone {
		return nil, errClosed
	}
	if err := h.space.run(cmd.Start); err != nil {
		return nil, fmt.Errorf("starting %s on %s: %w", cmd.Args[0], h.Name, err)
	}
	p.pid = cmd.Process.Pid
	h.procs = append(h.procs, p)
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Run runs a command on the host until it ends or ctx does, and returns what
// it wrote.
func (h *Host) Run(ctx context.Context, name string, args ...string) (string, error) {
	p, err := h.Start(h.Command(name, args...))
	if err != nil {
		return "", err
	}
	defer h.forget(p)
	select {
	case <-p.done:
	case <-ctx.Done():
		err := p.Kill()
		return p.Output.String(), errors.Join(ctx.Err(), err)
	}
	if p.err != nil {
		return p.Output.String(), fmt.Errorf("running %s on %s: %w", name, h.Name, p.err)
	}
	return p.Output.String(), nil
}

// forget drops a process that has ended from the host's list.
func (h *Host) forget(p *Process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.procs = slices.DeleteFunc(h.procs, func(q *Process) bool { return p == q })
}

// Pid is the process's number.
func (p *Process) Pid() int { return p.pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the process's end and returns how it ended (see exec.Cmd).
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// Ended tells whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Signal sends a signal to the process alone.
func (p *Process) Signal(s syscall.Signal) error {
	if p.Ended() {
		return nil
	}
	if err := syscall.Kill(p.pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signalling %s: %w", p.Name, err)
	}
	return nil
}

// SignalAll sends a signal to the process and its children at once.
func (p *Process) SignalAll(s syscall.Signal) error {
	// After the leader's end the group's number is ours only as long as the
	// group has a member.
	if p.Ended() && len(p.members()) == 0 {
		return nil
	}
	if err := syscall.Kill(-p.pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signalling the group of %s: %w", p.Name, err)
	}
	return nil
}

// Freeze stops the process and its children where they are, as a paused
// virtual machine would be; Thaw lets them go on.
func (p *Process) Freeze() error { return p.SignalAll(syscall.SIGSTOP) }

// Thaw ends a Freeze.
func (p *Process) Thaw() error { return p.SignalAll(syscall.SIGCONT) }

// Kill kills the process with its children and waits for its end.
func (p *Process) Kill() error {
	err := p.SignalAll(syscall.SIGKILL)
	<-p.done
	p.host.forget(p)
	return err
}

// Stop asks the process to end (SIGTERM) and waits for it; one that has not
// ended in time is killed, which is an error.
func (p *Process) Stop(within time.Duration) error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	t := time.NewTimer(within)
	defer t.Stop()
	select {
	case <-p.done:
		return p.Kill()
	case <-t.C:
		return errors.Join(fmt.Errorf("%s did not end within %v of SIGTERM", p.Name, within), p.Kill())
	}
}
