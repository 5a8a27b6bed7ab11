// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/checks/probe"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/vip"
)

// newTestPools are pools of a configuration, running until the test ends.
func newTestPools(t *testing.T, b *balanced, text string) *pools {
	t.Helper()
	cfg, err := config.Parse("vicar.yaml", []byte("cluster: web\nnodes: {lb-1: {address: 192.0.2.10}}\nrouters:\n"+
		"  a: {vrid: 1, interface: eth0, addresses: [192.0.2.100/24, \"2001:db8::100/64\"]}\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	u, err := b.balance(cfg, "lb-1", poolWorld{
		stateDir: t.TempDir(), tell: func(vip.Event) {}, build: probe.NewMaker().New, log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go u.run(ctx, func() *config.Config { return cfg }, func(context.Context, []string) error { return nil })
	t.Cleanup(func() { cancel(); u.rest() })
	return u
}

// A router's services are there while any of its families is, and what is taken from
// one claim ends nothing.
func TestPoolMoverCountsFamilies(t *testing.T) {
	b := newBalanced()
	u := newTestPools(t, b, "pools: {web: {listen: 192.0.2.100:80, scheduler: wrr, with: a, servers: [198.51.100.11:80]}}\n")
	m := u.mover
	four := vip.Claim{Router: "a", Addresses: prefixes("192.0.2.100/24", "192.0.2.101/24")}
	part := vip.Claim{Router: "a", Addresses: prefixes("192.0.2.101/24")}
	six := vip.Claim{Router: "a/ipv6", Addresses: prefixes("2001:db8::100/64")}
	other := vip.Claim{Router: "b", Addresses: prefixes("192.0.2.110/24")}
	for i, step := range []struct {
		do    func(context.Context, vip.Claim) error
		claim vip.Claim
		there bool
	}{
		{m.Release, four, false},
		{m.Acquire, other, false},
		{m.Acquire, four, true},
		{m.Acquire, four, true},
		{m.Release, other, true},
		{m.Acquire, six, true},
		{m.Release, part, true},
		{m.Release, four, true},
		{m.Release, six, false},
		{m.Acquire, six, true},
		{m.Release, six, false},
	} {
		if err := step.do(t.Context(), step.claim); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if there := len(b.ipvs().list()) > 0; there != step.there {
			t.Errorf("step %d: programmed %t, want %t", i, there, step.there)
		}
	}
	if held, err := m.Held(t.Context(), four); held || err != nil {
		t.Errorf("what was released is held %t, %v", held, err)
	}
}

// Without its services an address does not come; one that is here stays when they can't be
// programmed any more.
func TestPoolMoverFails(t *testing.T) {
	b := newBalanced()
	b.ipvs().failing(errNoPlane)
	u := newTestPools(t, b, "pools: {web: {listen: 192.0.2.100:80, scheduler: wrr, with: a, servers: [198.51.100.11:80]}}\n")
	c := vip.Claim{Router: "a", Addresses: prefixes("192.0.2.100/24")}
	if err := u.mover.Acquire(t.Context(), c); err == nil || !strings.Contains(err.Error(), errNoPlane.Error()) {
		t.Errorf("Acquire: %v, want %v", err, errNoPlane)
	}
	if held, _ := u.mover.Held(t.Context(), c); held {
		t.Error("what could not be had is held")
	}
	b.ipvs().failing(nil)
	if err := u.mover.Acquire(t.Context(), c); err != nil {
		t.Error(err)
	}
	b.ipvs().failing(errNoPlane)
	if held, err := u.mover.Held(t.Context(), c); !held || err != nil {
		t.Errorf("held %t, %v, while the plane fails", held, err)
	}
	b.ipvs().failing(nil)
}

// Where one of several services can't be programmed the address comes all the same, though
// nothing is known of the servers of the other yet.
func TestPoolMoverFailsInPart(t *testing.T) {
	b := newBalanced()
	b.planes[pool.NFTables].failing(errNoPlane)
	u := newTestPools(t, b, `pools:
  web: {listen: 192.0.2.100:80, scheduler: wrr, with: a, servers: [198.51.100.11:80], checks: [{file: /nonexistent, interval: 1m}]}
  dns: {listen: 192.0.2.100:53/udp, plane: nftables, with: a, servers: [198.51.100.53:53]}
`)
	c := vip.Claim{Router: "a", Addresses: prefixes("192.0.2.100/24")}
	if err := u.mover.Acquire(t.Context(), c); err != nil {
		t.Errorf("Acquire: %v, with one of two services", err)
	}
	if held, err := u.mover.Held(t.Context(), c); !held || err != nil {
		t.Errorf("held %t, %v", held, err)
	}
	b.planes[pool.NFTables].failing(nil)
}

// A plane that hangs, or can't remove, does not keep the addresses' successor waiting, and
// what it could not do is done when it can.
func TestPoolMoverReleasesInTime(t *testing.T) {
	for name, hinder := range map[string]func(p *memPlane) (end func()){
		"hangs": (*memPlane).hang,
		"fails": func(p *memPlane) func() { p.failing(errNoPlane); return func() { p.failing(nil) } },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBalanced()
				u := newTestPools(t, b, "pools: {web: {listen: 192.0.2.100:80, scheduler: wrr, with: a, servers: [198.51.100.11:80]}}\n")
				c := vip.Claim{Router: "a", Addresses: prefixes("192.0.2.100/24")}
				if err := u.mover.Acquire(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				end := hinder(b.ipvs())
				began := time.Now()
				if err := u.mover.Release(t.Context(), c); err != nil || time.Since(began) > time.Second {
					t.Errorf("Release: %v after %v", err, time.Since(began))
				}
				end()
				time.Sleep(10 * time.Second)
				if got := b.ipvs().list(); len(got) > 0 {
					t.Errorf("programmed are %q", got)
				}
			})
		})
	}
}

// A plane that hangs keeps a node from taking the address, and says so soon enough for
// another to have it.
func TestPoolMoverAcquiresInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBalanced()
		u := newTestPools(t, b, "pools: {web: {listen: 192.0.2.100:80, scheduler: wrr, with: a, servers: [198.51.100.11:80]}}\n")
		c := vip.Claim{Router: "a", Addresses: prefixes("192.0.2.100/24")}
		end := b.ipvs().hang()
		began := time.Now()
		if err := u.mover.Acquire(t.Context(), c); !errors.Is(err, errPlaneSilent) || time.Since(began) > 10*time.Second {
			t.Errorf("Acquire: %v after %v", err, time.Since(began))
		}
		end()
		if err := u.mover.Acquire(t.Context(), c); err != nil {
			t.Error(err)
		}
	})
}

// The synchronisation of connections follows the router.
func TestPoolsSync(t *testing.T) {
	w := newPoolWorld(t, "ipvs: {sync: {router: a, interface: eth1, id: 51}}\npools: {web: {listen: 192.0.2.100:80, with: a, servers: [198.51.100.11:80]}}\n")
	w.start(t)
	w.up(t, "192.0.2.100/24")
	eventually(t, "it tells", func() bool {
		st := w.status(t)
		return st.Sync != nil && st.Sync.Role == "master" && st.Sync.Interface == "eth1" && st.Sync.ID == 51
	})
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if got, want := w.balanced.ipvs().played(), []pool.SyncRole{pool.SyncBackup, pool.SyncMaster, pool.SyncBackup, pool.SyncNone}; !slices.Equal(got, want) {
		t.Errorf("its roles were %v, want %v", got, want)
	}
}

// What an agent left that died is removed by the next, as far as that does not want it;
// keep leaves it at the stop.
func TestPoolsJournal(t *testing.T) {
	const kept = "pools: {web: {listen: 192.0.2.10:80, scheduler: wrr, at_stop: keep, servers: [198.51.100.11:80]}}\n"
	w := newPoolWorld(t, kept)
	w.start(t)
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1")
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1")
	w.write(t, routerA+strings.ReplaceAll(kept, "web:", "mail:"))
	w.start(t)
	w.programs(t, pool.IPVS, "mail 198.51.100.11:80=1")
}

// What is bound to a router stays at the stop, too, if it is to, and goes when the router
// goes for another reason.
func TestPoolsKeepsWhatIsBound(t *testing.T) {
	const kept = "pools: {web: {listen: 192.0.2.100:80, scheduler: wrr, with: a, at_stop: keep, servers: [198.51.100.11:80]}}\n"
	w := newPoolWorld(t, kept)
	for range 2 {
		w.start(t)
		w.up(t, "192.0.2.100/24")
		w.programs(t, pool.IPVS, "web 198.51.100.11:80=1")
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
		w.up(t)
		w.programs(t, pool.IPVS, "web 198.51.100.11:80=1")
	}
	w.start(t)
	w.up(t, "192.0.2.100/24")
	w.status(t)
	if got := w.vicar(t, "drain", "--force"); got.code == exitUsage {
		t.Fatalf("drain: %v", got)
	}
	w.programs(t, pool.IPVS)
}

// Who interrupts a reload leaves nothing half done.
func TestPoolsReloadInterrupted(t *testing.T) {
	b := newBalanced()
	u := newTestPools(t, b, "")
	cfg, err := config.Parse("vicar.yaml", []byte(`cluster: web
nodes: {lb-1: {address: 192.0.2.10}}
routers: {a: {vrid: 1, interface: eth0, addresses: [192.0.2.100/24]}}
pools: {web: {listen: 192.0.2.100:80, scheduler: wrr, servers: [198.51.100.11:80], checks: [{file: /nonexistent, interval: 1m}]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	prepared, err := u.prepare(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer prepared.discard()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := prepared.apply(ctx); err != nil {
		t.Error(err)
	}
	if got := u.checks.Status(); len(got) != 1 {
		t.Errorf("the checks are %+v", got)
	}
}

// A drained server stays so over a reboot after which its servers file is written later.
func TestPoolsDrainedOfFile(t *testing.T) {
	w := newPoolWorld(t, "pools: {web: {listen: 192.0.2.10:80, scheduler: wrr, servers_file: servers}}\n")
	file := filepath.Join(filepath.Dir(w.file), "servers")
	write := func() {
		t.Helper()
		if err := os.WriteFile(file, []byte("198.51.100.11:80\n198.51.100.12:80\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write()
	w.start(t)
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1 198.51.100.12:80=1")
	w.status(t)
	if got := w.vicar(t, "pool", "drain", "web", "198.51.100.12:80"); got.code != exitOK {
		t.Fatalf("drain: %v", got)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	w.start(t)
	w.programs(t, pool.IPVS, "web")
	w.status(t)
	if got := w.vicar(t, "reload"); got.code != exitOK {
		t.Fatalf("reload: %v", got)
	}
	write()
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1")
	if p := w.pool(t, "web"); len(p.Servers) != 2 || p.Servers[1].State != poolDrained {
		t.Errorf("after the start: %+v", p)
	}
	if err := os.WriteFile(file, []byte("198.51.100.11:80\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is away", func() bool { return len(w.pool(t, "web").Servers) == 1 })
	if got := w.vicar(t, "status"); !strings.Contains(got.stdout, "does not have any more will be drained if they come back, until vicar pool undrain web SERVER: 198.51.100.12:80") {
		t.Errorf("vicar status: %v", got)
	}
	write()
	eventually(t, "it is back", func() bool { return len(w.pool(t, "web").Servers) == 2 })
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1")
	eventually(t, "it is remembered", func() bool {
		kept, err := drainedServers(filepath.Join(filepath.Dir(w.file), "state"))
		return err == nil && slices.Equal(kept["web"], []string{"198.51.100.12:80"})
	})
}

// A reload changes what differs, and a file that is not valid nothing.
func TestPoolsReload(t *testing.T) {
	w := newPoolWorld(t, bothPools, "198.51.100.11", "198.51.100.12", "198.51.100.13")
	w.start(t)
	w.up(t, "192.0.2.100/24")
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1 198.51.100.12:80=2")
	before := w.status(t)
	w.write(t, routerA+w.pools("pools: {web: {listen: 192.0.2.100:80, scheduler: lc, with: b, servers: [198.51.100.11:80]}}\n"))
	if got := w.vicar(t, "reload"); got.code != exitConfig {
		t.Errorf("reload of what is bound to no router: %v", got)
	}
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1 198.51.100.12:80=2")
	w.write(t, routerA+w.pools(`
pools:
  web: {listen: 192.0.2.100:80, scheduler: wrr, with: a, servers: [198.51.100.12:80, 198.51.100.13:80], CHECKS}
`))
	if got := w.vicar(t, "reload"); got.code != exitOK {
		t.Fatalf("reload: %v", got)
	}
	w.programs(t, pool.IPVS, "web 198.51.100.12:80=1 198.51.100.13:80=1")
	w.programs(t, pool.NFTables)
	after := w.status(t)
	if disturbed(before, after) {
		t.Errorf("the router was disturbed: %+v, before %+v", after.Routers, before.Routers)
	}
	if a, b := before.Pools[1].Servers[1], after.Pools[0].Servers[0]; a.Name != b.Name || !a.Since.Equal(b.Since) || b.State != poolUp {
		t.Errorf("a server that stays was disturbed: %+v, before %+v", b, a)
	}
	for _, want := range []string{"pool web: server 198.51.100.11:80 removed", "pool web: server 198.51.100.13:80 added", "pool dns: removed"} {
		if !strings.Contains(w.logged(), want) {
			t.Errorf("the log lacks %q:\n%s", want, w.logged())
		}
	}
}

// A reload may bind a pool to a router that is held already, and unbind it, without
// the router noticing.
func TestPoolsReloadBinds(t *testing.T) {
	const free, bound = "pools: {web: {listen: 192.0.2.100:80, scheduler: wrr, servers: [198.51.100.11:80]}}\n", "pools: {web: {listen: 192.0.2.100:80, scheduler: wrr, with: a, servers: [198.51.100.11:80]}}\n"
	w := newPoolWorld(t, "")
	w.start(t)
	w.up(t, "192.0.2.100/24")
	before := w.status(t)
	for _, text := range []string{bound, free, bound} {
		w.write(t, routerA+text)
		if got := w.vicar(t, "reload"); got.code != exitOK {
			t.Fatalf("reload: %v", got)
		}
		w.programs(t, pool.IPVS, "web 198.51.100.11:80=1")
	}
	if after := w.status(t); disturbed(before, after) {
		t.Errorf("the router was disturbed: %+v, before %+v", after.Routers, before.Routers)
	}
	if got := w.vicar(t, "drain", "--force"); got.code == exitUsage {
		t.Fatalf("drain: %v", got)
	}
	w.programs(t, pool.IPVS)
}

// Hooks are told of pools, at the stop too.
func TestPoolsTellHooks(t *testing.T) {
	w := newPoolWorld(t, "")
	out := filepath.Join(filepath.Dir(w.file), "told")
	w.write(t, routerA+w.pools(`
pools: {web: {listen: 192.0.2.10:80, initial: down, tell_at_stop: true, servers: [198.51.100.11:80], CHECKS}}
hooks: [{on: [quorum_up, quorum_down, server_up, server_down], pools: [web], exec: [/bin/sh, -c, "cat >> `+out+`"]}]
`))
	w.server(t, "198.51.100.11", true)
	w.start(t)
	told := func() (all []string) {
		text, err := os.ReadFile(out)
		if err != nil {
			return nil
		}
		for line := range strings.Lines(string(text)) {
			var e vip.Event
			if json.Unmarshal([]byte(line), &e) == nil {
				all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Kind, e.Pool, e.Server)))
			}
		}
		slices.Sort(all)
		return all
	}
	eventually(t, "the hook is told of the start", func() bool { return slices.Equal(told(), []string{"quorum_up web", "server_up web 198.51.100.11:80"}) })
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	want := []string{"quorum_down web", "quorum_up web", "server_down web 198.51.100.11:80", "server_up web 198.51.100.11:80"}
	if got := told(); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// What the host does not forward is said.
func TestPoolsHindrance(t *testing.T) {
	w := newPoolWorld(t, `pools:
  dr: {listen: 192.0.2.10:81, forward: direct, servers: [198.51.100.11:81]}
  web: {listen: 192.0.2.10:80, servers: [198.51.100.11:80]}
`)
	w.balanced.forwards = false
	w.start(t)
	w.up(t, "192.0.2.100/24")
	eventually(t, "it is said", func() bool { return strings.Contains(w.pool(t, "web").Hindrance, "net.ipv4.ip_forward=1") })
	if p := w.pool(t, "dr"); p.Hindrance != "" {
		t.Errorf("what needs no forwarding: %s", p.Hindrance)
	}
	if got := w.vicar(t, "pool"); !strings.Contains(got.stdout, "does not forward IPv4") || !strings.Contains(w.logged(), "net.ipv4.ip_forward=1") {
		t.Errorf("vicar pool: %v", got)
	}
}

// A file that is being written to is read when it rests; one that is replaced at once.
func TestPoolFilesLook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "servers")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := poolFiles{log: slog.New(slog.DiscardHandler)}
	seen, tried := make(map[string]stamp), make(map[string]stamp)
	serves := false
	look := func(what string, want bool) {
		t.Helper()
		changed := f.look([]string{path}, func(string) bool { return serves }, seen, tried)
		if len(changed) > 0 != want {
			t.Errorf("%s: to be read are %v", what, changed)
		}
		if len(changed) > 0 {
			tried[path], serves = seen[path], !seen[path].missing
		}
	}
	look("missing from the beginning", true)
	look("still", false)
	write("a")
	look("there", true)
	look("the same", false)
	write("ab")
	look("written to", false)
	write("abc")
	look("written to again", false)
	look("at rest", true)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	look("gone", false)
	if f.problem(path) == "" {
		t.Error("that it is gone is not said")
	}
	write("d")
	look("another", true)
	look("the same", false)
	f.accept([]string{path}, nil)
	if f.problem(path) != "" {
		t.Error("it is said still")
	}
}

// A pool's check waits for the first results, and fails with the reason when there are
// none in time.
func TestQuorumProbe(t *testing.T) {
	u := newTestPools(t, newBalanced(), "pools: {web: {listen: 192.0.2.10:80, initial: down, servers: [198.51.100.11:80], checks: [{file: /nonexistent, interval: 1m}]}}\n")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := (quorumProbe{u, "mail"}).Probe(ctx); err == nil || !strings.Contains(err.Error(), "no such service") {
		t.Errorf("a service that is not there: %v", err)
	}
}
