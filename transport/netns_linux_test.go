// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const patience = 10 * time.Second

// netns is a network namespace without a name: it ends with its last file,
// socket and process.
type netns struct{ file *os.File }

// newNetns makes one in a thread that ends with its goroutine.
func newNetns(tb testing.TB) *netns {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("needs root: makes network namespaces")
	}
	ns := &netns{}
	onThread(tb, func() (err error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("unsharing the network namespace: %w", err)
		}
		ns.file, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	tb.Cleanup(func() { ns.file.Close() })
	return ns
}

// do runs f in the namespace. Sockets and commands that f makes are of it.
func (ns *netns) do(tb testing.TB, f func() error) {
	tb.Helper()
	onThread(tb, func() error {
		if err := unix.Setns(int(ns.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("entering the network namespace: %w", err)
		}
		return f()
	})
}

// ip runs commands of iproute2 in the namespace.
func (ns *netns) ip(tb testing.TB, commands ...string) {
	tb.Helper()
	ns.do(tb, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, "ip", "-batch", "-")
		cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip -batch: %w: %s", err, out)
		}
		return nil
	})
}

// onThread runs f in a thread of its own that nobody uses afterwards.
func onThread(tb testing.TB, f func() error) {
	tb.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		done <- f()
	}()
	if err := <-done; err != nil {
		tb.Fatal(err)
	}
}

// lan is two hosts joined by a cable.
type lan struct{ a, b *netns }

// The interface is called lan on both hosts.
const lanName = "lan"

func newLAN(tb testing.TB) *lan {
	tb.Helper()
	l := &lan{newNetns(tb), newNetns(tb)}
	l.plug(tb)
	return l
}

// plug makes the cable and the addresses.
func (l *lan) plug(tb testing.TB) {
	tb.Helper()
	l.a.ip(tb, fmt.Sprintf("link add %s type veth peer name %s netns /proc/%d/fd/%d",
		lanName, lanName, os.Getpid(), l.b.file.Fd()))
	for host, ns := range map[int]*netns{1: l.a, 2: l.b} {
		ns.ip(tb,
			"link set lo up",
			"link set "+lanName+" addrgenmode none",
			"link set "+lanName+" up",
			fmt.Sprintf("addr add 192.0.2.%d/24 dev %s", host, lanName),
			fmt.Sprintf("addr add 192.0.2.%d/24 dev %s", 10+host, lanName),
			fmt.Sprintf("addr add fe80::%d/64 dev %s nodad", host, lanName),
			fmt.Sprintf("addr add 2001:db8::%d/64 dev %s nodad", host, lanName),
			fmt.Sprintf("addr add 2001:db8::1%d/64 dev %s nodad", host, lanName),
		)
	}
	for _, ns := range []*netns{l.a, l.b} {
		ns.await(tb, "the interface to run", func() bool {
			ifi, err := net.InterfaceByName(lanName)
			return err == nil && ifi.Flags&net.FlagRunning != 0
		})
	}
}

// await polls in the namespace until ok.
func (ns *netns) await(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	ns.do(tb, func() error { return poll(what, ok) })
}

func poll(what string, ok func() bool) error {
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("waited %v for %s", patience, what)
		}
	}
	return nil
}
