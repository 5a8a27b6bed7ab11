// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/pool/ipvs"
	"github.com/vicar-ha/vicar/status"
)

// balanced is what a service in memory balances with.
type balanced struct {
	planes   map[pool.PlaneKind]*memPlane
	forwards bool
}

func newBalanced() *balanced {
	return &balanced{planes: map[pool.PlaneKind]*memPlane{pool.IPVS: newMemPlane(), pool.NFTables: newMemPlane()}, forwards: true}
}

func (b *balanced) balance(c *config.Config, node string, w poolWorld) (*pools, error) {
	w.open = make(map[pool.PlaneKind]func() (pool.Plane, error))
	for kind, p := range b.planes {
		w.open[kind] = p.open
	}
	w.forwards = func(int) (bool, error) { return b.forwards, nil }
	return newPools(c, node, w)
}

func (b *balanced) ipvs() *memPlane { return b.planes[pool.IPVS] }

// newPoolWorld is a service in memory with pools. Its servers are up while a file of
// their address is there.
func newPoolWorld(t *testing.T, pools string, up ...string) *world {
	t.Helper()
	w := newWorld(t)
	w.balanced = newBalanced()
	w.write(t, routerA+w.pools(pools))
	for _, server := range up {
		w.server(t, server, true)
	}
	return w
}

// pools puts the checks into a section of pools.
func (w *world) pools(text string) string {
	check := fmt.Sprintf(`checks: [{file: "%s/{host}", interval: 100ms, rise: 1, fall: 1}]`, filepath.Dir(w.file))
	return strings.ReplaceAll(text, "CHECKS", check)
}

// server makes a server well or ill.
func (w *world) server(t *testing.T, address string, up bool) {
	t.Helper()
	path := filepath.Join(filepath.Dir(w.file), address)
	err := os.Remove(path)
	if up {
		err = os.WriteFile(path, nil, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// programs waits until a plane has exactly that.
func (w *world) programs(t *testing.T, kind pool.PlaneKind, want ...string) {
	t.Helper()
	p := w.balanced.planes[kind]
	end := time.Now().Add(10 * time.Second)
	for !slices.Equal(p.list(), want) {
		if time.Now().After(end) {
			t.Fatalf("programmed are %q, want %q; log:\n%s", p.list(), want, w.logged())
		}
		<-time.After(time.Millisecond)
	}
}

func (w *world) pool(t *testing.T, name string) status.Pool {
	t.Helper()
	st := w.status(t)
	for _, p := range st.Pools {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("the status has no pool %s: %+v", name, st.Pools)
	return status.Pool{}
}

const bothPools = `
pools:
  web: {listen: 192.0.2.100:80, scheduler: wrr, with: a, servers: [198.51.100.11:80, {address: 198.51.100.12:80, weight: 2}], CHECKS}
  dns: {listen: 192.0.2.10:53/udp, plane: nftables, servers: [198.51.100.53:53]}
`

// A pool that is bound to a router is programmed with its addresses, and others always;
// servers go and come with their checks, and all is taken away at the end.
func TestPools(t *testing.T) {
	w := newPoolWorld(t, bothPools, "198.51.100.11", "198.51.100.12")
	w.start(t)
	w.up(t, "192.0.2.100/24")
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1 198.51.100.12:80=2")
	w.programs(t, pool.NFTables, "dns 198.51.100.53:53=1")
	w.server(t, "198.51.100.11", false)
	w.programs(t, pool.IPVS, "web 198.51.100.12:80=2")
	if p := w.pool(t, "web"); p.State != poolUp || p.With != "a" || !p.Programmed || p.Servers[0].State != poolDown || p.Servers[0].Cause == "" {
		t.Errorf("the status is %+v", p)
	}
	if st := w.status(t); len(st.PoolChecks) != 2 || len(st.Checks) != 0 {
		t.Errorf("the checks are %+v, those of the pools %+v", st.Checks, st.PoolChecks)
	}
	if got := w.vicar(t, "status"); got.code != exitOK || !strings.Contains(got.stdout, "pool web: 1 of 2 servers is down: 198.51.100.11:80") {
		t.Errorf("vicar status: %v", got)
	}
	w.server(t, "198.51.100.11", true)
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1 198.51.100.12:80=2")
	w.balanced.ipvs().wipe()
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1 198.51.100.12:80=2")
	eventually(t, "the repair is counted", func() bool { return w.pool(t, "web").Repaired > 0 })
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.programs(t, pool.IPVS)
	w.programs(t, pool.NFTables)
	w.up(t)
}

// What is in no use is never opened, a reload may bring it, and the timeouts come with it.
func TestPoolsPlanesAreLazy(t *testing.T) {
	w := newPoolWorld(t, "pools: {dns: {listen: 192.0.2.10:53/udp, plane: nftables, servers: [198.51.100.53:53]}}\n")
	w.start(t)
	w.up(t, "192.0.2.100/24")
	w.programs(t, pool.NFTables, "dns 198.51.100.53:53=1")
	w.status(t)
	if n := w.balanced.ipvs().opened; n != 0 {
		t.Errorf("IPVS was opened %d times", n)
	}
	w.write(t, routerA+"ipvs: {timeouts: {tcp: 10m}}\npools: {dns: {listen: 192.0.2.10:53/udp, plane: ipvs, servers: [198.51.100.53:53]}}\n")
	if got := w.vicar(t, "reload"); got.code != exitOK {
		t.Fatalf("reload: %v", got)
	}
	w.programs(t, pool.IPVS, "dns 198.51.100.53:53=1")
	w.programs(t, pool.NFTables)
	p := w.balanced.ipvs()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opened != 1 || !slices.Equal(p.timeouts, []ipvs.Timeouts{{TCP: 10 * time.Minute}}) {
		t.Errorf("IPVS was opened %d times, and its timeouts were set to %v", p.opened, p.timeouts)
	}
}

// A drained server stays so over a restart.
func TestPoolsDrain(t *testing.T) {
	w := newPoolWorld(t, bothPools, "198.51.100.11", "198.51.100.12")
	w.balanced.ipvs().readings["198.51.100.12:80"] = 7
	w.start(t)
	w.up(t, "192.0.2.100/24")
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1 198.51.100.12:80=2")
	golden(t, "pools-drain.txt", w.vicar(t, "pool", "drain", "web", "198.51.100.12:80").String())
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1 198.51.100.12:80=0")
	if p := w.pool(t, "web"); p.Servers[1].State != poolDraining || p.Alive != 1 {
		t.Errorf("the status is %+v", p)
	}
	golden(t, "pools-drain-unknown.txt", w.vicar(t, "pool", "drain", "web", "198.51.100.13:80").String())
	golden(t, "pools-drain-no-pool.txt", w.vicar(t, "pool", "drain", "wbe", "198.51.100.12:80").String())
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.start(t)
	w.up(t, "192.0.2.100/24")
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1")
	if p := w.pool(t, "web"); p.Servers[1].State != poolDrained {
		t.Errorf("after a restart: %+v", p)
	}
	if got := w.vicar(t, "pool", "undrain", "web", "198.51.100.12:80"); got.code != exitOK {
		t.Errorf("undrain: %v", got)
	}
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1 198.51.100.12:80=2")
	if kept, err := drainedServers(filepath.Join(filepath.Dir(w.file), "state")); err != nil || len(kept) > 0 {
		t.Errorf("remembered as drained: %v, %v", kept, err)
	}
}

// A router that tracks a pool's quorum leaves a node on which it is lost.
func TestPoolsQuorumIsTracked(t *testing.T) {
	const text = `
pools:
  web: {listen: 192.0.2.10:80, initial: down, servers: [198.51.100.11:80], CHECKS}
checks: {web-pool: {pool: web}}
`
	const tracked = "  a: {vrid: 1, interface: eth0, addresses: [192.0.2.100/24], advert_interval: 100ms, track: [web-pool]}\n"
	w := newPoolWorld(t, text, "198.51.100.11")
	w.write(t, tracked+w.pools(text))
	w.start(t)
	w.up(t, "192.0.2.100/24")
	w.server(t, "198.51.100.11", false)
	w.up(t)
	if got := w.vicar(t, "status"); !strings.Contains(got.stdout, "pool web has no quorum (0 of 1), and nobody serves") {
		t.Errorf("vicar status: %v", got)
	}
	w.server(t, "198.51.100.11", true)
	w.up(t, "192.0.2.100/24")
}

// Servers come from a file too: a change applies by difference, and what can't be used
// changes nothing and is shown.
func TestPoolsServersFile(t *testing.T) {
	w := newPoolWorld(t, "pools: {web: {listen: 192.0.2.10:80, scheduler: wrr, servers: [198.51.100.11:80], servers_file: servers.yaml}}\n")
	file := filepath.Join(filepath.Dir(w.file), "servers.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	write("[198.51.100.12:80]\n")
	w.start(t)
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1 198.51.100.12:80=1")
	before := w.status(t).Digest
	write("[198.51.100.12:80, {address: 198.51.100.13:80, weight: 3}]\n")
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1 198.51.100.12:80=1 198.51.100.13:80=3")
	if after := w.status(t).Digest; after != before {
		t.Errorf("the digest has changed from %s to %s", before, after)
	}
	write("[198.51.100.12:80,\n {address: 198.51.100.x:80}]\n")
	eventually(t, "the bad file shows", func() bool { return strings.Contains(w.pool(t, "web").FileError, "servers.yaml:2:") })
	if !strings.Contains(w.logged(), "servers.yaml:2:") {
		t.Errorf("the log does not say what is wrong:\n%s", w.logged())
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the missing file shows", func() bool { return strings.Contains(w.pool(t, "web").FileError, "does not exist any more") })
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1 198.51.100.12:80=1 198.51.100.13:80=3")
	if got := w.vicar(t, "status"); !strings.Contains(got.stdout, "pool web: what is in its servers_file now is not in force: ") {
		t.Errorf("vicar status: %v", got)
	}
	write("[]\n")
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1")
	eventually(t, "all is well", func() bool { return w.pool(t, "web").FileError == "" })
}

// Of two files one that can't be used does not hold up the other, nor does one that is gone.
func TestPoolsTwoFiles(t *testing.T) {
	w := newPoolWorld(t, `pools:
  mail: {listen: 192.0.2.10:25, scheduler: wrr, servers_file: mail.yaml}
  web: {listen: 192.0.2.10:80, scheduler: wrr, servers_file: web.yaml}
`)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(filepath.Dir(w.file), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("mail.yaml", "[198.51.100.11:25]\n")
	write("web.yaml", "[198.51.100.11:80]\n")
	w.start(t)
	w.programs(t, pool.IPVS, "mail 198.51.100.11:25=1", "web 198.51.100.11:80=1")
	write("mail.yaml", "[here]\n")
	eventually(t, "the bad file shows", func() bool { return strings.Contains(w.pool(t, "mail").FileError, "mail.yaml:1:") })
	write("web.yaml", "[198.51.100.12:80]\n")
	w.programs(t, pool.IPVS, "mail 198.51.100.11:25=1", "web 198.51.100.12:80=1")
	if p := w.pool(t, "web"); p.FileError != "" {
		t.Errorf("of the other it is said: %s", p.FileError)
	}
	write("mail.yaml", "[198.51.100.12:25]\n")
	w.programs(t, pool.IPVS, "mail 198.51.100.12:25=1", "web 198.51.100.12:80=1")
	eventually(t, "all is well", func() bool { return w.pool(t, "mail").FileError == "" && w.pool(t, "web").FileError == "" })
	if err := os.Remove(filepath.Join(filepath.Dir(w.file), "mail.yaml")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the missing file shows", func() bool { return strings.Contains(w.pool(t, "mail").FileError, "does not exist any more") })
	write("web.yaml", "[198.51.100.13:80]\n")
	w.programs(t, pool.IPVS, "mail 198.51.100.12:25=1", "web 198.51.100.13:80=1")
}

// A file that is gone empties no pool, whatever else a reload changes, and that is told in its
// answer. At the start there is nothing to keep.
func TestPoolsReloadWithoutFile(t *testing.T) {
	const text = "pools: {web: {listen: 192.0.2.10:80, scheduler: wrr, servers_file: web.yaml}}\n"
	w := newPoolWorld(t, text)
	file := filepath.Join(filepath.Dir(w.file), "web.yaml")
	write := func(server string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(server+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	remove := func() {
		t.Helper()
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	write("198.51.100.11:80")
	w.start(t)
	w.programs(t, pool.IPVS, "web 198.51.100.11:80=1")
	w.status(t)
	remove()
	for _, scheduler := range []string{"rr", "wrr"} {
		w.write(t, routerA+strings.ReplaceAll(text, "wrr", scheduler))
		got := w.vicar(t, "reload")
		if want := "pool web: what is in its servers_file now is not in force: DIR/web.yaml does not exist any more: its servers stay as they were\n"; got.code != exitOK || !strings.Contains(got.stdout, want) {
			t.Errorf("reload: %v, want %s", got, want)
		}
		w.programs(t, pool.IPVS, "web 198.51.100.11:80=1")
		if p := w.pool(t, "web"); p.Scheduler != scheduler || !strings.Contains(p.FileError, "does not exist any more") {
			t.Errorf("the status is %+v", p)
		}
	}
	write("198.51.100.12:80")
	w.programs(t, pool.IPVS, "web 198.51.100.12:80=1")
	eventually(t, "all is well", func() bool { return w.pool(t, "web").FileError == "" })
	if got := w.vicar(t, "reload"); got.code != exitOK || strings.Contains(got.stdout, "pool web") {
		t.Errorf("reload: %v", got)
	}
	eventually(t, "its return is told", func() bool {
		return strings.Count(w.logged(), "servers' file does not exist any more") == 1 && strings.Count(w.logged(), "is in force again") == 1
	})
	remove()
	w.write(t, routerA+strings.ReplaceAll(text, "listen", "sorry: 198.51.100.12:80, listen"))
	eventually(t, "it shows", func() bool { return w.pool(t, "web").FileError != "" })
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.start(t)
	w.programs(t, pool.IPVS, "web 198.51.100.12:80=1") // the sorry server
	if p := w.pool(t, "web"); p.FileError != "" || len(p.Servers) != 1 {
		t.Errorf("at the start: %+v", p)
	}
}
