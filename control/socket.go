// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrInUse says that another agent answers on the socket.
var ErrInUse = errors.New("another agent answers there")

const (
	// socketMode lets the owner and the group use the socket. Connecting needs
	// the write bit.
	socketMode = 0o660
	// maxSocketPath is the room for a path in sockaddr_un, less the final zero.
	maxSocketPath = 107
	// privateName is longer than what the private directory adds to a path.
	privateName = len("/.sock-4294967295/s")
)

func checkSocketPath(path string) error {
	switch {
	case path == "":
		return errors.New("no socket path")
	case len(path) > maxSocketPath, len(filepath.Dir(path))+privateName > maxSocketPath:
		return fmt.Errorf("socket path %s is too long: the kernel takes %d bytes, some of which are needed", path, maxSocketPath)
	}
	return nil
}

// socket is the listening control socket.
type socket struct {
	*net.UnixListener
	path string
	self fs.FileInfo // to tell it from a later agent's at the same path
}

// listenSocket opens the control socket. There is no moment at which somebody
// else could connect: it is made in a directory that only we may enter, gets
// its mode there, and then moves to its place, over the one that a dead agent
// left.
func listenSocket(ctx context.Context, path string) (*socket, error) {
	if err := checkFree(ctx, path); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".sock-") // mode 0700
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	private := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: private, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // the name it knows is not the one it gets
	s := &socket{UnixListener: l, path: path}
	if err := s.publish(private); err != nil {
		_ = l.Close()
		return nil, err
	}
	return s, nil
}

func (s *socket) publish(private string) error {
	if err := os.Chmod(private, socketMode); err != nil {
		return err
	}
	self, err := os.Lstat(private)
	if err != nil {
		return err
	}
	s.self = self
	return os.Rename(private, s.path)
}

// Addr is where the socket is now.
func (s *socket) Addr() net.Addr { return &net.UnixAddr{Name: s.path, Net: "unix"} }

// remove removes the socket's file if it still is this one's.
func (s *socket) remove() {
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.self) {
		_ = os.Remove(s.path) // a stale socket does no harm
	}
}

// checkFree says whether a socket may be put at path: nothing is there, or
// what a dead agent left.
func checkFree(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is in the way and is not a socket", path)
	}
	d := net.Dialer{Timeout: 2 * time.Second}
	c, err := d.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = c.Close()
		return fmt.Errorf("%s: %w", path, ErrInUse)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil
	default: // a full backlog, no permission: somebody may be there
		return fmt.Errorf("finding out whether an agent lives: %w", err)
	}
}
