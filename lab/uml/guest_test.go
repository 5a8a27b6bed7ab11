// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package uml_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/uml"
)

// TestKernel is what other tests rest on that run in a guest.
func TestKernel(t *testing.T) {
	if !uml.Enter(t, "VICAR_UML_WORDS=two words") {
		return
	}
	t.Run("environment", environment)
	t.Run("files", files)
	t.Run("modules", loaded)
	t.Run("clocks", clocks)
	t.Run("ping", ping)
	t.Run("netem", netem)
	t.Run("connections", connections)
}

func environment(t *testing.T) {
	if got := os.Getenv("VICAR_UML_WORDS"); got != "two words" {
		t.Errorf("environment has %q", got)
	}
	if _, err := os.Stat("guest_test.go"); err != nil {
		t.Errorf("started in another directory: %v", err)
	}
	if release, err := os.ReadFile("/proc/cpuinfo"); err != nil || !strings.Contains(string(release), "User Mode Linux") {
		t.Errorf("not user-mode-linux: %v\n%s", err, release)
	}
}

// files: the host's can be read and not changed.
func files(t *testing.T) {
	for _, dir := range []string{".", "/etc", "/usr", "/var/tmp"} {
		err := os.WriteFile(filepath.Join(dir, "vicar-uml-test"), nil, 0o600)
		if !errors.Is(err, syscall.EROFS) {
			t.Errorf("writing to %s: %v, want that it is read-only", dir, err)
		}
	}
	for _, dir := range []string{t.TempDir(), "/tmp", "/run", "/dev/shm"} {
		labtest.OK(t, os.WriteFile(filepath.Join(dir, "vicar-uml-test"), []byte("x"), 0o600))
	}
}

// loaded: IPVS is there with all schedulers, and what is not loaded is when asked for.
func loaded(t *testing.T) {
	if _, err := os.Stat("/proc/net/ip_vs"); err != nil {
		t.Errorf("no IPVS: %v", err)
	}
	has := func(module string) bool {
		list, err := os.ReadFile("/proc/modules")
		labtest.OK(t, err)
		return strings.Contains("\n"+string(list), "\n"+module+" ")
	}
	for s := range strings.FieldsSeq("rr wrr lc wlc sh mh dh sed nq lblc lblcr ovf fo") {
		if !has("ip_vs_" + s) {
			t.Errorf("scheduler %s is not loaded", s)
		}
	}
	labtest.Need(t, "ip")
	h := labtest.Host(t, labtest.New(t), "a")
	for _, c := range []struct{ module, command string }{
		{"ipip", "ip link add t1 type ipip local 192.0.2.1"},
		{"ip_gre", "ip link add t2 type gre local 192.0.2.1"},
		{"bonding", "ip link add b1 type bond"},
	} {
		if has(c.module) {
			t.Errorf("%s is loaded before it is asked for", c.module)
		}
		if out, err := h.Run(t.Context(), "sh", "-c", c.command); err != nil || !has(c.module) {
			t.Errorf("%s: %s is not loaded: %v\n%s", c.command, c.module, err, out)
		}
	}
	if out, err := h.Run(t.Context(), "ip", "fou", "add", "port", "6080", "gue"); err != nil {
		t.Errorf("no port for GUE: %v\n%s", err, out)
	}
}

// clocks: both go, at one speed, and a timer is never early.
func clocks(t *testing.T) {
	const second, short, rounds = time.Second, time.Millisecond, 200
	start := time.Now()
	<-time.After(second)
	mono, wall := time.Since(start), time.Now().Round(0).Sub(start.Round(0))
	if mono < second || (wall-mono).Abs() > second/10 {
		t.Errorf("a second took %v, by the wall clock %v", mono, wall)
	}
	start = time.Now()
	for range rounds {
		<-time.After(short)
	}
	t.Logf("a second took %v, a millisecond %v", mono, time.Since(start)/rounds)
}

// pair is two hosts on one switch.
func pair(t *testing.T) (a, b *lab.Host) {
	t.Helper()
	l := labtest.New(t)
	return labtest.Host(t, l, "a", "192.0.2.1/24", "2001:db8::1/64"), labtest.Host(t, l, "b", "192.0.2.2/24", "2001:db8::2/64")
}

func ping(t *testing.T) {
	labtest.Need(t, "ping")
	a, _ := pair(t)
	for _, to := range []string{"192.0.2.2", "2001:db8::2"} {
		if out, err := a.Run(t.Context(), "ping", "-n", "-c", "1", "-W", "5", to); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// serve greets whoever connects to the host.
func serve(t *testing.T, h *lab.Host, addr string) netip.AddrPort {
	t.Helper()
	var l net.Listener
	labtest.OK(t, h.Do(func() (err error) {
		l, err = net.Listen("tcp", net.JoinHostPort(addr, "0"))
		return err
	}))
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "b")
			_ = c.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// greet connects from the present namespace.
func greet(ctx context.Context, to netip.AddrPort) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return err
	}
	defer c.Close()
	text, err := io.ReadAll(c)
	if err == nil && string(text) != "b" {
		err = errors.New("greeted with " + string(text))
	}
	return err
}

func netem(t *testing.T) {
	labtest.Need(t, "tc")
	const delay = 50 * time.Millisecond
	a, b := pair(t)
	to := serve(t, b, "192.0.2.2")
	once := func() (took time.Duration) {
		labtest.OK(t, a.Do(func() error {
			start := time.Now()
			defer func() { took = time.Since(start) }()
			return greet(t.Context(), to)
		}))
		return took
	}
	before := once()
	if out, err := b.Run(t.Context(), "tc", "qdisc", "add", "dev", "eth0", "root", "netem", "delay", delay.String()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	after := once()
	if after < delay {
		t.Errorf("connecting took %v with a delay of %v", after, delay)
	}
	t.Logf("a connection took %v, with a delay of %v of one side %v", before, delay, after)
}

// connections: two thousand from one address to another, none of which fails.
func connections(t *testing.T) {
	const many = 2000
	a, b := pair(t)
	to := serve(t, b, "192.0.2.2")
	start := time.Now()
	labtest.OK(t, a.Do(func() error {
		for range many {
			if err := greet(t.Context(), to); err != nil {
				return err
			}
		}
		return nil
	}))
	t.Logf("%.0f connections per second", many/time.Since(start).Seconds())
}
