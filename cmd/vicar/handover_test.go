// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/control"
	"github.com/vicar-ha/vicar/status"
)

// answering is an agent that answers what it was told to.
type answering struct {
	st     status.Status
	result control.HandoverResult
	moved  []control.Moved
	err    error
	asked  string
}

func (a *answering) Status(context.Context) (status.Status, error) { return a.st, nil }
func (a *answering) Reload(context.Context) error                  { return a.err }

func (a *answering) Handover(_ context.Context, h control.Handover) (control.HandoverResult, error) {
	a.asked = fmt.Sprintf("handover %+v", h)
	return a.result, a.err
}

func (a *answering) Drain(_ context.Context, on, force bool) ([]control.Moved, error) {
	a.asked = fmt.Sprintf("drain %t", on)
	if force {
		a.asked += " by force"
	}
	return a.moved, a.err
}

func (a *answering) Forget(_ context.Context, node string) error {
	a.asked = "forget " + node
	return a.err
}

func (a *answering) PoolDrain(_ context.Context, d control.PoolDrain) error {
	a.asked = fmt.Sprintf("pool drain %+v", d)
	return a.err
}

// listen serves an agent until the test ends and returns its socket.
func listen(t *testing.T, b control.Backend) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	server, err := control.New(control.Config{Socket: socket, Backend: b})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-server.Ready():
	case err := <-done:
		done <- err
		t.Fatalf("Run: %v", err)
	}
	return socket
}

// The commands that ask something of an agent, with their output and exit code.
func TestMoves(t *testing.T) {
	moved := control.HandoverResult{From: "lb-1", To: "lb-2", Took: 2943 * time.Microsecond, Held: 612400 * time.Microsecond}
	untold := control.HandoverResult{From: "lb-1", To: "lb-2", Took: 612700 * time.Microsecond}
	changing := guarded()
	changing.Guard.Staged, changing.Guard.Waits = true, []string{"lb-3", "lb-4"}
	staging := guarded()
	staging.Guard.Staged, staging.Guard.Waits = true, []string{"arbiter", "lb-2"}
	for i := range staging.Guard.Voters {
		staging.Guard.Voters[i].Staged = true
	}
	var cfg config.Config
	cfg.Routers, cfg.Nodes = []config.Router{{Name: "mail"}, {Name: "web"}}, []config.Node{{Name: "lb-1"}, {Name: "lb-2"}, {Name: "arbiter", Witness: true}}
	witnessing := guarded()
	witnessing.Node, witnessing.Routers = "arbiter", nil
	for i := range witnessing.Fleet {
		witnessing.Fleet[i].Here = witnessing.Fleet[i].Witness
	}
	tests := []struct {
		name, args string
		agent      answering
		code       int
		asked      string
	}{
		{"handover", "handover web", answering{result: moved}, exitOK, "handover {Router:web To: Auto:false Force:false}"},
		{"handover-untold", "handover web", answering{result: untold}, exitOK, ""},
		{"handover-force", "handover web --to lb-2 --force", answering{result: moved}, exitOK, "handover {Router:web To:lb-2 Auto:false Force:true}"},
		{"handover-returns", "handover web", answering{result: control.HandoverResult{From: "lb-1", To: "lb-2", Took: moved.Took, Held: moved.Held, Returns: true}}, exitOK, ""},
		{"handover-returns-untold", "handover web", answering{result: control.HandoverResult{From: "lb-1", To: "lb-2", Took: moved.Took, Returns: true}}, exitOK, ""},
		{"handover-to", "handover web --to lb-2", answering{result: moved}, exitOK, "handover {Router:web To:lb-2 Auto:false Force:false}"},
		{"handover-there", "handover web --to lb-2", answering{result: control.HandoverResult{From: "lb-2", To: "lb-2"}}, exitOK, ""},
		{"handover-auto", "handover web --auto", answering{result: control.HandoverResult{From: "lb-2", To: "lb-2"}}, exitOK, "handover {Router:web To: Auto:true Force:false}"},
		{"handover-auto-nobody", "handover web --auto", answering{}, exitOK, ""},
		{"handover-json", "handover web --json", answering{result: moved}, exitOK, ""},
		{"handover-refused", "handover web --to lb-2", answering{err: fmt.Errorf("%w: lb-2 is drained", control.ErrRefused)}, exitRefused, ""},
		{"handover-failed", "handover web", answering{err: errors.New("the agent is stopping")}, exitFailure, ""},
		{"handover-typo", "handover wbe", answering{st: guarded(), err: knowsRouter(&cfg, "wbe")}, exitUsage, ""},
		{"handover-unknown", "handover database", answering{st: guarded(), err: knowsRouter(&cfg, "database")}, exitUsage, ""},
		{"handover-unknown-node", "handover web --to db-1", answering{st: guarded(), err: knowsNode(&cfg, "db-1")}, exitUsage, ""},
		{"handover-unknown-bare", "handover database", answering{err: knowsRouter(&cfg, "database")}, exitUsage, ""},
		{"drain", "drain", answering{moved: []control.Moved{{Router: "mail", To: "lb-3", Took: 4700 * time.Microsecond}, {Router: "web", To: "lb-2", Took: 4700 * time.Microsecond, Held: 612 * time.Millisecond}}}, exitOK, "drain true"},
		{"drain-json", "drain --json", answering{moved: []control.Moved{{Router: "web", To: "lb-2", Took: 4700 * time.Microsecond, Held: 612 * time.Millisecond}}}, exitOK, "drain true"},
		{"drain-nothing", "drain", answering{}, exitOK, "drain true"},
		{"drain-nobody", "drain", answering{moved: []control.Moved{{Router: "mail"}, {Router: "web", To: "lb-2", Took: 4700 * time.Microsecond, Held: 5 * time.Millisecond}}}, exitFailure, "drain true"},
		{"drain-refused", "drain", answering{err: refused{fmt.Errorf("%w router web (lb-2: it is drained)", agent.ErrNoSuccessor)}}, exitRefused, "drain true"},
		{"drain-force", "drain --force", answering{moved: []control.Moved{{Router: "web"}}}, exitFailure, "drain true by force"},
		{"drain-failed", "drain", answering{err: errors.New("keeping it over a restart: no space left on device")}, exitFailure, "drain true"},
		{"drain-witness", "drain", answering{st: witnessing}, exitOK, "drain true"},
		{"undrain", "undrain", answering{}, exitOK, "drain false"},
		{"voters-asked", "voters", answering{st: guarded()}, exitOK, ""},
		{"voters-json", "voters --json", answering{st: guarded()}, exitOK, ""},
		{"voters-none", "voters", answering{st: quiet()}, exitRefused, ""},
		{"voters-none-json", "voters --json", answering{st: quiet()}, exitRefused, ""},
		{"reload-staged", "reload", answering{st: staging}, exitOK, ""},
		{"voters-forget", "voters forget lb-5", answering{st: guarded()}, exitOK, "forget lb-5"},
		{"voters-forget-more", "voters forget lb-5", answering{st: changing}, exitOK, "forget lb-5"},
		{"voters-forget-refused", "voters forget lb-2", answering{st: guarded(), err: fmt.Errorf("%w: lb-2 is there", control.ErrRefused)}, exitRefused, "forget lb-2"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			socket := listen(t, &tc.agent)
			got := vicar(t.Context(), append(strings.Fields(tc.args), "--socket", socket)...)
			if got.code != tc.code {
				t.Errorf("exit code %d, want %d", got.code, tc.code)
			}
			if tc.asked != "" && tc.agent.asked != tc.asked {
				t.Errorf("asked %q, want %q", tc.agent.asked, tc.asked)
			}
			golden(t, tc.name+".txt", got.String())
		})
	}
}

// Names are completed where an agent answers.
func TestCompleteNames(t *testing.T) {
	st := guarded()
	st.Routers[0].SyncGroup = "edge"
	st.Fleet[2].Configured = true
	st.Fleet = append(st.Fleet, status.Node{Name: "lb-9"})
	st.Guard.Waits = []string{"lb-3"}
	socket := listen(t, &answering{st: st})
	tests := map[string][]string{
		"handover":               {"edge", "mail", "web"},
		"handover w":             {"web"},
		"handover web more":      nil,
		"handover web --to":      {"lb-1", "lb-2"},
		"voters forget":          {"lb-3"},
		"keygen --step":          {"add", "use", "drop"},
		"handover --socket none": nil,
	}
	for line, want := range tests {
		args := append([]string{"__complete"}, strings.Fields(line)...)
		if last := args[len(args)-1]; last != "w" {
			args = append(args, "")
		}
		if !strings.Contains(line, "--socket") && !strings.Contains(line, "keygen") {
			args = append(args[:2], append([]string{"--socket", socket}, args[2:]...)...)
			if args[1] == "voters" {
				args = append([]string{"__complete", "voters", "forget", "--socket", socket}, args[5:]...)
			}
		}
		got := vicar(t.Context(), args...)
		lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
		if names := lines[:len(lines)-1]; strings.Join(names, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %q, want %q", line, names, want)
		}
		if last := lines[len(lines)-1]; last != ":4" { // no file names
			t.Errorf("%s: directive %s", line, last)
		}
	}
}
