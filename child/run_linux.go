// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Program is a program that can be run, by many goroutines at the same time.
type Program struct {
	cfg     Config
	account account
	env     []string
	stuck   atomic.Int32 // runs that Run has given up
}

// New checks all that can be known before the program runs: that the user and
// the file exist, that it can be executed, and that others can't change it
// (ErrUnsafe); of the file only the path with Config.Late. It starts nothing.
func New(cfg Config) (*Program, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Grace == 0 {
		cfg.Grace = defaultGrace
	}
	a, err := lookUp(cfg.User)
	if err != nil {
		return nil, fmt.Errorf("program %s: %w", cfg.Argv[0], err)
	}
	p := &Program{cfg: cfg, account: a}
	p.env = environment([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + a.home,
		"LANG=C",
	}, cfg.Env)
	if !cfg.Late {
		if err := p.checkSafe(); err != nil {
			return nil, err
		}
	}
	if err := sealFiles(); err != nil {
		return nil, fmt.Errorf("keeping files from programs: %w", err)
	}
	return p, nil
}

func (p *Program) checkSafe() error {
	if err := checkSafe(p.cfg.Argv[0], []int{os.Geteuid(), p.account.uid}); err != nil {
		return fmt.Errorf("program %s: %w", p.cfg.Argv[0], err)
	}
	return nil
}

// Run runs the program until it has ended, or its time is over and it has been
// killed, with all that is in its process group. It reads stdin, or nothing, and
// has env (KEY=value) in its environment besides Config.Env, and before it. An
// exit code other than 0 is an *ExitError, the end of ctx a *KilledError. A
// program that the kernel doesn't let die is left (ErrStuck), and doesn't run
// again until it is dead.
func (p *Program) Run(ctx context.Context, stdin []byte, env ...string) (Output, error) {
	if err := ctx.Err(); err != nil {
		return Output{}, err
	}
	if p.stuck.Load() > 0 {
		return Output{}, fmt.Errorf("an earlier run: %w", ErrStuck)
	}
	r, err := newRun(p, stdin, env)
	if err != nil {
		return Output{}, err
	}
	go r.tend()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.govern(ctx)
	}()
	select {
	case <-ended:
		return r.output, r.err
	case <-ctx.Done():
	}
	patience := time.NewTimer(p.cfg.Grace + dying)
	defer patience.Stop()
	select {
	case <-ended:
		return r.output, r.err
	case <-patience.C:
	}
	p.stuck.Add(1)
	go func() {
		<-ended
		p.stuck.Add(-1)
	}()
	return Output{}, fmt.Errorf("%w: %w", &KilledError{After: time.Since(r.began), Err: ctx.Err()}, ErrStuck)
}

// run is one run of a program. Two goroutines look after it: tend has its
// thread, govern decides.
type run struct {
	p     *Program
	pipes *pipes
	env   []string
	began time.Time

	started chan error    // once
	exited  chan struct{} // the program is a zombie: its number is still its own
	reap    chan struct{} // nobody signals it any more
	reaped  chan struct{}

	proc  *os.Process      // after started
	state *os.ProcessState // after reaped
	lost  error            // why there is no state

	output Output
	err    error
}

func newRun(p *Program, stdin []byte, env []string) (*run, error) {
	pipes, err := newPipes(stdin, p.cfg.Answer)
	if err != nil {
		return nil, err
	}
	return &run{
		p: p, pipes: pipes, env: environment(p.env, env), began: time.Now(),
		started: make(chan error, 1), exited: make(chan struct{}), reap: make(chan struct{}), reaped: make(chan struct{}),
	}, nil
}

// tend starts the program on a thread of its own and stays on it until it has
// ended: the kernel kills the program when the thread that started it dies. The
// goroutine ends without unlocking, and the thread with it.
func (r *run) tend() {
	runtime.LockOSThread()
	defer close(r.reaped)
	err := r.p.checkSafe()
	if err == nil {
		r.proc, err = r.p.start(r.env, r.pipes.stdin, r.pipes.stdout, r.pipes.stderr)
	}
	r.started <- err
	if err != nil {
		return
	}
	r.lost = await(r.proc.Pid)
	close(r.exited)
	<-r.reap
	if r.state, err = r.proc.Wait(); err != nil {
		r.lost = err
	}
}

// await waits until the process has ended, and leaves it a zombie.
func await(pid int) error {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err
		}
	}
}

// govern sees the run through to its end.
func (r *run) govern(ctx context.Context) {
	err := <-r.started
	r.pipes.handOver()
	if err != nil {
		<-r.reaped
		r.pipes.close()
		r.err = fmt.Errorf("starting: %w", err)
		return
	}
	killed := r.end(ctx)
	// What the program left in its group goes too.
	r.signal(unix.SIGKILL)
	after := time.Since(r.began)
	close(r.reap)
	<-r.reaped
	left := disband(r.proc.Pid)
	r.output = r.pipes.finish()
	r.err = r.verdict(killed, after)
	if r.err == nil {
		r.err = left
	}
}

// end waits for the program to end by itself, or ends it when ctx does, and
// returns the context's error then.
func (r *run) end(ctx context.Context) error {
	select {
	case <-r.exited:
		return nil
	case <-ctx.Done():
	}
	r.signal(unix.SIGTERM)
	grace := time.NewTimer(r.p.cfg.Grace)
	defer grace.Stop()
	select {
	case <-r.exited:
	case <-grace.C:
		r.signal(unix.SIGKILL)
		<-r.exited
	}
	return ctx.Err()
}

// signal signals the whole group, which is the program's own as long as the
// program is not reaped. No process slips through by forking: the kernel holds
// up a fork until the signal is delivered to both sides, or to the parent
// before.
func (r *run) signal(s unix.Signal) {
	// It may be that the group is a zombie only.
	_ = unix.Kill(-r.proc.Pid, s)
}

// verdict is what came of the run.
func (r *run) verdict(killed error, after time.Duration) error {
	switch {
	case killed != nil:
		return &KilledError{After: after, Output: r.output, Err: killed}
	case r.lost != nil:
		return fmt.Errorf("waiting for its end: %w", r.lost)
	case r.state.Success():
		return nil
	}
	e := &ExitError{Code: r.state.ExitCode(), Output: r.output}
	if status, ok := r.state.Sys().(unixStatus); ok && status.Signaled() {
		e.Signal = status.Signal()
	}
	return e
}
