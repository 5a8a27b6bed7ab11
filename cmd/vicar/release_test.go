// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/address"
	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/vip"
)

// left is a node on which an agent and its guardian died: the address is there,
// and the fence open for it.
type left struct {
	*node
	peer *lab.Host
	vip  netip.Prefix
}

func newLeft(t *testing.T) left {
	t.Helper()
	l := labtest.New(t)
	n := left{vip: netip.MustParsePrefix("192.0.2.100/24")}
	n.node = &node{Host: labtest.Host(t, l, "lb-1", "192.0.2.10/24"), dir: t.TempDir()}
	n.peer = labtest.Host(t, l, "lb-2", "192.0.2.20/24")
	var unusable error
	labtest.OK(t, n.Do(func() error { unusable = address.FenceUsable(); return nil }))
	if unusable != nil {
		t.Skipf("needs a fence: %v", unusable)
	}
	labtest.OK(t, n.Do(func() error {
		kernel, err := address.New(address.Config{RuntimeDir: n.dir})
		if err != nil {
			return err
		}
		defer kernel.Close()
		fence, err := address.OpenFence(address.FenceConfig{})
		if err != nil {
			return err
		}
		defer fence.Close()
		if err := fence.Cover(); err != nil {
			return err
		}
		leases := address.Leases{Fence: fence, Now: time.Now}
		if err := leases.Set([]netip.Addr{n.vip.Addr()}, time.Now().Add(time.Hour)); err != nil {
			return err
		}
		return kernel.Acquire(t.Context(), vip.Claim{Router: "web", Interface: lab.Interface, Addresses: []netip.Prefix{n.vip}})
	}))
	return n
}

// answers tells whether the node answers for the address if it has it.
func (n left) answers(t *testing.T) bool {
	t.Helper()
	if has, err := n.Has(n.vip.Addr()); err != nil {
		t.Fatal(err)
	} else if !has {
		labtest.OK(t, n.AddAddress(n.vip))
		defer func() { labtest.OK(t, n.DelAddress(n.vip)) }()
	}
	var kernel *address.Kernel
	labtest.OK(t, n.peer.Do(func() (err error) { kernel, err = address.New(address.Config{}); return err }))
	defer kernel.Close()
	ok, err := kernel.Reachable(t.Context(), lab.Interface, []netip.Addr{n.vip.Addr()})
	labtest.OK(t, err)
	return ok
}

// stays is what release says of the fence of newLeft.
const stays = "The fence stays on eth0, for the next agent. On a host that is not to run vicar any more: vicar release --purge\n"

func TestReleaseFence(t *testing.T) {
	n := newLeft(t)
	if !n.answers(t) {
		t.Fatal("the fence is closed")
	}
	if got := n.vicar(t, "release"); got.code != exitOK || got.stdout != "removed 192.0.2.100/24\n"+stays {
		t.Errorf("release: %v", got)
	}
	if got := n.vicar(t, "release"); got.code != exitOK || got.stdout != "No address was left.\n"+stays {
		t.Errorf("release again: %v", got)
	}
	if n.answers(t) {
		t.Error("the fence is open")
	}
	if got := n.vicar(t, "release", "--purge"); got.code != exitOK || got.stdout != "took the fence away from eth0\n" {
		t.Errorf("release --purge: %v", got)
	}
	if !n.answers(t) {
		t.Error("the fence is there")
	}
	if got := n.vicar(t, "release", "--purge"); got.code != exitOK || got.stdout != "Nothing was left.\n" {
		t.Errorf("release --purge again: %v", got)
	}
	if got := n.vicar(t, "release", "--purge", "--force"); got.code != exitUsage {
		t.Errorf("release --purge --force: %v", got)
	}
}

// An agent without a guard does not leave its addresses behind another's fence.
func TestUnguardedStart(t *testing.T) {
	n := newLeft(t)
	if got := n.vicar(t, "release"); got.code != exitOK || n.answers(t) {
		t.Fatalf("the fence is open after release: %v", got)
	}
	n.file = filepath.Join(n.dir, "vicar.yaml")
	n.write(t, "interface: eth0, addresses: [192.0.2.100/24]")
	n.agent(t)
	n.has(t, true, n.vip.Addr().String())
	if !n.answers(t) {
		t.Error("the fence is closed")
	}
}

// with runs vicar with no more than some capabilities.
func (n left) with(t *testing.T, capabilities string, args ...string) string {
	t.Helper()
	labtest.Need(t, "setpriv")
	cmd := exec.Command("setpriv", append([]string{"--bounding-set=" + capabilities, "--inh-caps=-all", self(t)}, args...)...)
	cmd.Env = n.command().Env
	p, err := n.Start(cmd)
	labtest.OK(t, err)
	if err := p.Wait(); err != nil {
		t.Errorf("vicar %v: %v", args, err)
	}
	return p.Output.String()
}

// The unit's rights don't let it adopt the fence, which is replaced.
func TestReleaseAsUnit(t *testing.T) {
	n := newLeft(t)
	const rights = "-all,+bpf,+net_admin,+net_raw"
	if got := n.with(t, rights, "release"); got != "removed 192.0.2.100/24\n"+stays {
		t.Errorf("release: %q", got)
	}
	if n.answers(t) {
		t.Error("the fence is open")
	}
	if got := n.with(t, rights, "release", "--purge"); got != "took the fence away from eth0\n" {
		t.Errorf("release --purge: %q", got)
	}
}

// Where eBPF can't be used the addresses go all the same, and the fence can be
// taken away.
func TestReleaseWithoutEBPF(t *testing.T) {
	n := newLeft(t)
	const rights = "-all,+net_admin,+net_raw"
	got := n.with(t, rights, "release")
	if !strings.HasPrefix(got, "The fence closes when the leases end, and not now") || !strings.HasSuffix(got, "\nremoved 192.0.2.100/24\n"+stays) {
		t.Errorf("release: %q", got)
	}
	if got := n.with(t, rights, "release", "--purge"); got != "took the fence away from eth0\n" {
		t.Errorf("release --purge: %q", got)
	}
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	labtest.OK(t, err)
	return path
}

// While a guardian is at work, release waits.
func TestReleaseWaits(t *testing.T) {
	n := newLeft(t)
	lock, err := os.Create(filepath.Join(n.dir, "guardian.lock"))
	labtest.OK(t, err)
	defer lock.Close()
	labtest.OK(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	p, err := n.Start(n.command("release"))
	labtest.OK(t, err)
	labtest.Eventually(t, 20*time.Second, "release that waits", func() bool {
		files, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(p.Pid()), "fd", "*"))
		for _, f := range files {
			if to, _ := os.Readlink(f); to == lock.Name() {
				return true
			}
		}
		return false
	})
	n.has(t, true, "192.0.2.100")
	labtest.OK(t, lock.Close())
	labtest.OK(t, p.Wait())
	n.has(t, false, "192.0.2.100")
}
