// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/control"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/transport/memnet"
	"github.com/vicar-ha/vicar/vip"
)

// world is a service on a host in memory, talked to as in life: by its
// configuration file, its socket and its signals.
type world struct {
	file, socket string
	kernel       *memKernel
	told         *told
	hup          chan os.Signal
	peers        agent.Peers  // nil: no peer link
	balanced     *balanced    // nil: it balances nothing
	stop         func() error // ends the service and returns its error

	mu  sync.Mutex
	log bytes.Buffer
}

func (w *world) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(b)
}

func (w *world) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

const routerA = "  a: {vrid: 1, interface: eth0, addresses: [192.0.2.100/24], advert_interval: 100ms}\n"

// write writes a configuration with these routers.
func (w *world) write(t *testing.T, routers string) {
	t.Helper()
	text := fmt.Sprintf(`cluster: web
nodes: {lb-1: {address: 192.0.2.10, priority: 150}}
control: {socket: %s}
routers:
%s`, w.socket, routers)
	if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{
		file: filepath.Join(dir, "vicar.yaml"), socket: filepath.Join(dir, "s"),
		kernel: newMemKernel("192.0.2.10/24"), told: &told{}, hup: make(chan os.Signal, 1),
	}
	w.write(t, routerA)
	return w
}

// start runs the service until the test ends.
func (w *world) start(t *testing.T) {
	t.Helper()
	node := memnet.New(1).Host("lb-1", netip.MustParseAddr("192.0.2.10"))
	h := host{
		open:    func(l agent.Link) (agent.Transport, error) { return node.OpenFamily(l.Family, l.Multicast), nil },
		network: w.kernel, kernel: w.kernel,
		announcer: func(config.Announce) agent.Announcer { return w.kernel },
	}
	var s service
	s = service{
		load: func() (*config.Config, string, error) { return load(w.file, "lb-1") },
		build: func(c *config.Config, node string) agent.Config {
			h.pools = s.pools
			built := agentConfig(c, node, "v1", h)
			built.Peers = w.peers
			return built
		},
		stateDir: filepath.Join(filepath.Dir(w.file), "state"),
		notify:   w.told.notifier(), hup: w.hup, log: slog.New(slog.NewTextHandler(w, nil)),
	}
	if w.balanced != nil {
		s.dir, s.balance = filepath.Dir(w.file), w.balanced.balance
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	w.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { _ = w.stop() })
}

// vicar runs a command against the service.
func (w *world) vicar(t *testing.T, args ...string) outcome {
	t.Helper()
	return vicar(t.Context(), append(args, "--socket", w.socket)...).hide(filepath.Dir(w.file), "DIR")
}

// eventually waits until ok answers true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.NewTimer(10 * time.Second)
	defer end.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// status is the agent's. One that resumes holds its addresses before it answers.
func (w *world) status(t *testing.T) (st status.Status) {
	t.Helper()
	eventually(t, "the agent answers", func() bool {
		var err error
		st, err = control.Dial(w.socket).Status(t.Context())
		return err == nil
	})
	return st
}

// up waits until the service holds what it was told to.
func (w *world) up(t *testing.T, held ...string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("held are %v, log:\n%s", w.kernel.list(), w.logged())
		}
	}()
	eventually(t, fmt.Sprintf("held are %v", held), func() bool { return slices.Equal(w.kernel.list(), prefixes(held...)) })
}

func TestService(t *testing.T) {
	w := newWorld(t)
	w.start(t)
	w.up(t, "192.0.2.100/24")
	if st := w.status(t); st.Node != "lb-1" || st.Cluster != "web" || st.Version != "v1" || len(st.Routers) != 1 {
		t.Errorf("status is %+v", st)
	}
	if got := w.vicar(t, "status"); got.code != exitOK || !strings.Contains(got.stdout, "192.0.2.100/24") || strings.Contains(got.stdout, "\x1b") {
		t.Errorf("vicar status: %v", got)
	}
	var st status.Status
	if got := w.vicar(t, "status", "--json"); got.code != exitOK || json.Unmarshal([]byte(got.stdout), &st) != nil || st.Node != "lb-1" {
		t.Errorf("vicar status --json: %v", got)
	}
	eventually(t, "systemd is told", func() bool {
		w.told.mu.Lock()
		defer w.told.mu.Unlock()
		return len(w.told.states) >= 2
	})
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.up(t)
	if _, err := os.Lstat(w.socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket: %v, want it gone", err)
	}
	got := w.told.take()
	if got[0] != "READY=1" || !strings.HasPrefix(got[1], "STATUS=lb-1: 1 router, ") || !slices.Contains(got, "STOPPING=1") {
		t.Errorf("systemd was told %q", got)
	}
}

func TestServiceReloads(t *testing.T) {
	tests := map[string]struct {
		ask func(t *testing.T, w *world)
	}{
		"by command": {func(t *testing.T, w *world) { golden(t, "reload.txt", w.vicar(t, "reload").String()) }},
		"by SIGHUP":  {func(_ *testing.T, w *world) { w.hup <- syscall.SIGHUP }},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.start(t)
			w.up(t, "192.0.2.100/24")
			before := w.status(t)
			w.told.take()
			w.write(t, routerA+"  b: {vrid: 2, interface: eth0, addresses: [192.0.2.101/24], advert_interval: 100ms}\n")
			tc.ask(t, w)
			w.up(t, "192.0.2.100/24", "192.0.2.101/24")
			after := w.status(t)
			if disturbed(before, after) {
				t.Errorf("router a was disturbed: since %v term %d, before %v %d",
					after.Routers[0].Since, after.Routers[0].Term, before.Routers[0].Since, before.Routers[0].Term)
			}
			if after.Digest == before.Digest || after.Reloaded.IsZero() {
				t.Errorf("digest %s, reloaded %v", after.Digest, after.Reloaded)
			}
			eventually(t, "systemd is told", func() bool {
				w.told.mu.Lock()
				defer w.told.mu.Unlock()
				i := slices.Index(w.told.states, "RELOADING=1")
				return i >= 0 && slices.Contains(w.told.states[i:], "READY=1")
			})
		})
	}
}

// disturbed tells whether the first router moved, other than because the
// machine was too busy to run the loop.
func disturbed(before, after status.Status) bool {
	a, b := before.Routers[0], after.Routers[0]
	return (!a.Since.Equal(b.Since) || a.Term != b.Term) && before.Loop.Stalls == after.Loop.Stalls
}

// What can't be applied changes nothing, and both who asked and the log learn
// why.
func TestServiceRefusesReload(t *testing.T) {
	tests := map[string]struct {
		spoil  func(t *testing.T, w *world)
		code   int
		logged string
	}{
		"invalid": {func(t *testing.T, w *world) { w.write(t, "  a: {vrid: 500, colour: red}\n") }, exitConfig, "vicar.yaml:5:13: routers.a.vrid: 500 is out of range"},
		"gone": {func(t *testing.T, w *world) {
			if err := os.Remove(w.file); err != nil {
				t.Fatal(err)
			}
		}, exitFailure, "no such file"},
		"control": {func(t *testing.T, w *world) {
			socket := w.socket
			w.socket += "2"
			w.write(t, routerA)
			w.socket = socket
		}, exitConfig, "needs a restart"},
		"node": {func(t *testing.T, w *world) {
			text := strings.Replace("cluster: web\nnodes: {lb-9: {address: 192.0.2.10}}\ncontrol: {socket: SOCKET}\nrouters:\n"+routerA, "SOCKET", w.socket, 1)
			if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}, exitConfig, "can't tell which node"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.start(t)
			w.up(t, "192.0.2.100/24")
			before := w.status(t)
			tc.spoil(t, w)
			got := w.vicar(t, "reload")
			if got.code != tc.code {
				t.Errorf("exit code %d, want %d", got.code, tc.code)
			}
			golden(t, "reload-"+name+".txt", got.String())
			if !strings.Contains(w.logged(), tc.logged) {
				t.Errorf("log lacks %q:\n%s", tc.logged, w.logged())
			}
			after := w.status(t)
			if after.Digest != before.Digest || !after.Reloaded.Equal(before.Reloaded) || disturbed(before, after) {
				t.Errorf("something changed: %+v, before %+v", after, before)
			}
		})
	}
}

// A start that can't succeed ends at once with the reason.
func TestServiceDoesNotStart(t *testing.T) {
	t.Run("invalid configuration", func(t *testing.T) {
		w := newWorld(t)
		w.write(t, "  a: {}\n")
		w.start(t)
		if _, ok := errors.AsType[config.Errors](w.stop()); !ok {
			t.Errorf("error is %v, want config.Errors", w.stop())
		}
	})
	t.Run("socket in use", func(t *testing.T) {
		w := newWorld(t)
		w.start(t)
		w.up(t, "192.0.2.100/24")
		second := &world{file: w.file, socket: w.socket, kernel: newMemKernel("192.0.2.10/24"), told: &told{}, hup: make(chan os.Signal)}
		second.start(t)
		eventually(t, "the second gives up", func() bool { return strings.Contains(second.logged(), "stopped") })
		if err := second.stop(); !errors.Is(err, control.ErrInUse) {
			t.Errorf("error is %v, want %v", err, control.ErrInUse)
		}
		w.status(t)
	})
}

// nobody is a peer link with no other node on it.
type nobody struct{}

func (nobody) Send(string, vip.PeerMessage) error { return nil }
func (nobody) Announce(vip.NodeState)             {}

func (nobody) Watch(ctx context.Context, told func(vip.PeerEvent)) error {
	told(vip.PeerEvent{States: []vip.NodeState{}})
	<-ctx.Done()
	return nil
}

// A drain that is refused is not remembered either.
func TestServiceRefusesDrain(t *testing.T) {
	w := newWorld(t)
	w.peers = nobody{}
	w.start(t)
	w.up(t, "192.0.2.100/24")
	drained := func() bool {
		kept, err := isDrained(filepath.Join(filepath.Dir(w.file), "state"))
		if err != nil {
			t.Error(err)
		}
		if st := w.status(t); st.Drained != kept {
			t.Errorf("drained is %t, and remembered %t", st.Drained, kept)
		}
		return kept
	}
	got := w.vicar(t, "drain")
	if got.code != exitRefused || drained() {
		t.Errorf("drained %t: %v", drained(), got)
	}
	golden(t, "drain-last.txt", got.String())
	if got := w.vicar(t, "drain", "--force"); got.code != exitFailure || !drained() {
		t.Errorf("drained %t: %v", drained(), got)
	}
	w.up(t)
}

// What a reload was refused for is in the status, with the advice that works, until
// one succeeds.
func TestServiceNeedsRestart(t *testing.T) {
	w := newWorld(t)
	w.start(t)
	w.up(t, "192.0.2.100/24")
	const why = "control.http (none, in the file 127.0.0.1:9000)"
	text, err := os.ReadFile(w.file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "}\nrouters", ", http: 127.0.0.1:9000}\nrouters", 1)
	if err := os.WriteFile(w.file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := w.vicar(t, "reload"); got.code != exitConfig || !strings.Contains(got.stderr, why) {
		t.Errorf("reload: %v", got)
	}
	if st := w.status(t); !slices.Equal(st.NeedsRestart, []string{why}) {
		t.Errorf("needs a restart for %q", st.NeedsRestart)
	}
	if got := w.vicar(t, "status"); !strings.Contains(got.stdout, "\nWrong now\n  a reload was refused: the file differs in "+why+": that needs a restart: systemctl restart vicar\n") {
		t.Errorf("status: %v", got)
	}
	w.write(t, routerA)
	if got := w.vicar(t, "reload"); got.code != exitOK {
		t.Errorf("reload: %v", got)
	}
	if st := w.status(t); st.NeedsRestart != nil {
		t.Errorf("still needs a restart for %q", st.NeedsRestart)
	}
}
