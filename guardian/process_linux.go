// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guardian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What a guardian is born with: files from filesFirst on, named in this order in
// the environment.
const (
	filesFirst = 3
	filesKey   = "VICAR_GUARDIAN_FILES"

	fileAgent  = "agent"  // the guardian's end of the socket pair
	fileLeases = "leases" // the table
	fileLock   = "lock"   // the lock, taken
	fileFence  = "fence"  // the fence's table; missing without a fence
)

// process is a guardian that was started.
type process struct {
	cmd   *exec.Cmd
	conn  *net.UnixConn
	began time.Time
	done  chan struct{} // closed when it has ended
	err   error         // how; valid after done
}

// start starts a guardian and waits until it is ready.
func (g *Guardian) start(ctx context.Context) (*process, error) {
	lock, err := acquire(ctx, g.cfg.RuntimeDir)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	names, files := []string{fileAgent, fileLeases, fileLock}, []*os.File{theirs, g.ledger.file, lock}
	if g.cfg.Fence != nil {
		names, files = append(names, fileFence), append(files, g.cfg.Fence)
	}
	p, err := g.spawn(ours, names, files)
	_ = theirs.Close() // while it is open here, a guardian's end is not seen
	if err != nil {
		return nil, errors.Join(err, ours.Close())
	}
	if err := p.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, p.kill())
	}
	sign(lock, p.pid())
	return p, nil
}

// spawn starts the process.
func (g *Guardian) spawn(conn *net.UnixConn, names []string, files []*os.File) (*process, error) {
	//nolint:noctx // its life is not a context's
	cmd := exec.Command(g.cfg.Argv[0], g.cfg.Argv[1:]...)
	cmd.Env = g.cfg.Env
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(slices.Clip(cmd.Env), filesKey+"="+strings.Join(names, ","))
	cmd.Stderr, cmd.ExtraFiles = os.Stderr, files
	// Out of reach of what is sent to the agent's group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, conn: conn, began: time.Now(), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.err = cmd.Wait()
	}()
	return p, nil
}

// awaitReady waits until the guardian says that it is ready.
func (p *process) awaitReady(ctx context.Context) error {
	stop := context.AfterFunc(ctx, p.dismiss)
	defer stop()
	if err := p.conn.SetReadDeadline(time.Now().Add(readyWithin)); err != nil {
		return err
	}
	var b [1]byte
	if _, err := io.ReadFull(p.conn, b[:]); err != nil {
		return fmt.Errorf("it was not ready within %v, or ended (see its log): %w", readyWithin, errors.Join(ctx.Err(), err))
	}
	return nil
}

// write writes to the guardian. One that doesn't read is of no use.
func (p *process) write(b []byte) error {
	if err := p.conn.SetWriteDeadline(time.Now().Add(readyWithin)); err != nil {
		return err
	}
	if _, err := p.conn.Write(b); err != nil {
		return fmt.Errorf("writing to the guardian: %w", err)
	}
	return nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// dismiss ends the guardian, which does nothing any more. It can't be lost, as a
// message can, and doesn't wait.
func (p *process) dismiss() { _ = p.cmd.Process.Kill() }

// kill dismisses the guardian and waits until it is dead.
func (p *process) kill() error {
	p.dismiss()
	<-p.done
	if err := p.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("closing the guardian's socket: %w", err)
	}
	return nil
}

// socketPair makes a stream between two processes.
func socketPair() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a socket pair: %w", err)
	}
	theirs = os.NewFile(uintptr(fds[1]), fileAgent)
	file := os.NewFile(uintptr(fds[0]), "guardian")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("making a socket pair: %w", err), theirs.Close())
	}
	return conn.(*net.UnixConn), theirs, nil
}
