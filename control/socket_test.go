// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func idle(t *testing.T, socket string) net.Conn {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSocketIsForOwnerAndGroup(t *testing.T) {
	s := start(t, &backend{})
	info, err := os.Lstat(s.socket)
	if err != nil {
		t.Fatal(err)
	}
	if want := fs.ModeSocket | 0o660; info.Mode() != want {
		t.Errorf("mode is %v, want %v", info.Mode(), want)
	}
	left, err := os.ReadDir(filepath.Dir(s.socket))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 {
		t.Errorf("directory has %v, want the socket alone", left)
	}
}

func TestSocketIsRemoved(t *testing.T) {
	s := start(t, &backend{})
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(s.socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Run: %v, want no socket", err)
	}
}

// A socket that has become another's is left alone.
func TestSocketOfAnotherIsNotRemoved(t *testing.T) {
	s := start(t, &backend{})
	if err := os.Remove(s.socket); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(s.socket); err != nil {
		t.Errorf("what took the socket's place was removed: %v", err)
	}
}

func TestSocketInTheWay(t *testing.T) {
	tests := map[string]struct {
		put  func(t *testing.T, path string)
		want string // of the error; empty: none
	}{
		"nothing": {func(*testing.T, string) {}, ""},
		"stale":   {stale, ""},
		"a file": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a socket"},
		"alive": {func(t *testing.T, path string) {
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
		}, ErrInUse.Error()},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			tc.put(t, path)
			s, err := listenSocket(t.Context(), path)
			if err == nil {
				s.remove()
				_ = s.Close()
			}
			if (err == nil) != (tc.want == "") {
				t.Fatalf("error is %v, want %q", err, tc.want)
			}
			if err != nil && (!strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), path)) {
				t.Errorf("error is %v, want %q and the path", err, tc.want)
			}
		})
	}
}

// stale leaves a socket that nobody listens on.
func stale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNoAgent(t *testing.T) {
	tests := map[string]struct {
		put  func(t *testing.T, path string)
		want string
	}{
		"not there": {func(*testing.T, string) {}, "is the agent running?"},
		"refused":   {stale, "was there and is gone"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			tc.put(t, path)
			_, err := Dial(path).Status(t.Context())
			if !errors.Is(err, ErrNoAgent) || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error is %v, want ErrNoAgent with %q", err, tc.want)
			}
		})
	}
}

// A stranger is refused by the kernel. He is this test run again as nobody.
func TestStrangerIsRefused(t *testing.T) {
	if socket := os.Getenv("VICAR_TEST_STRANGER"); socket != "" {
		_, err := Dial(socket).Status(t.Context())
		if !errors.Is(err, ErrNoAgent) || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "you lack permission") {
			t.Errorf("error is %v, want one about permission", err)
		}
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become somebody else")
	}
	// Not t.TempDir: others may not enter it.
	dir, err := os.MkdirTemp("", "vicar")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	sock, err := listenSocket(t.Context(), filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(dir, "stranger")
	if err := os.WriteFile(exe, self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestStrangerIsRefused$")
	cmd.Dir = dir
	cmd.Env = []string{"VICAR_TEST_STRANGER=" + filepath.Join(dir, "s"), "GORACE=atexit_sleep_ms=0"}
	cmd.SysProcAttr = nobody()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the stranger: %v\n%s", err, out)
	}
}
