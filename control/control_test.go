// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vicar-ha/vicar/status"
)

func TestStatusThroughTheSocket(t *testing.T) {
	s := start(t, &backend{st: full()})
	got, err := Dial(s.socket).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full(), got, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{})); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

func TestStatusFails(t *testing.T) {
	s := start(t, &backend{err: errors.New("no time")})
	_, err := Dial(s.socket).Status(t.Context())
	if answer, ok := errors.AsType[*AnswerError](err); !ok || answer.Code != http.StatusServiceUnavailable {
		t.Errorf("error is %v, want 503", err)
	}
	if errors.Is(err, ErrNoAgent) || !strings.Contains(err.Error(), "no time") {
		t.Errorf("error is %v, want the agent's", err)
	}
	if res := s.do(t, http.MethodGet, "/metrics"); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("metrics: %s, want 503", res.Status)
	}
}

func TestReload(t *testing.T) {
	tests := map[string]struct {
		err     error
		invalid bool
	}{
		"applied": {},
		"refused": {err: fmt.Errorf("vicar.yaml:3:5: unknown key: %w", ErrInvalid), invalid: true},
		"failed":  {err: errors.New("no such file")},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := &backend{reload: func(context.Context) error { return tc.err }}
			s := start(t, b)
			err := Dial(s.socket).Reload(t.Context())
			if (err == nil) != (tc.err == nil) || errors.Is(err, ErrInvalid) != tc.invalid {
				t.Errorf("error is %v, want %v", err, tc.err)
			}
			if err != nil && err.Error() != tc.err.Error() {
				t.Errorf("message is %q, want %q", err, tc.err)
			}
			if b.reloads != 1 {
				t.Errorf("%d reloads, want 1", b.reloads)
			}
		})
	}
}

// A reload goes on when its client has gone, and ends with Run.
func TestReloadOutlivesItsClientNotTheServer(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan error, 1)
	s := start(t, &backend{reload: func(ctx context.Context) error {
		close(begun)
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { gone <- Dial(s.socket).Reload(ctx) }()
	<-begun
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) || errors.Is(err, ErrNoAgent) {
		t.Errorf("client's error is %v, want that it was cancelled", err)
	}
	select {
	case err := <-ended:
		t.Fatalf("the reload ended with its client: %v", err)
	default:
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the reload was not told to end")
		}
	default:
		t.Error("Run returned before the reload did")
	}
}

func TestHTTPReadsOnly(t *testing.T) {
	b := &backend{st: full()}
	s := start(t, b)
	tests := []struct {
		method, path string
		code         int
		contains     string
	}{
		{http.MethodGet, "/", 200, "/metrics"},
		{http.MethodGet, "/v1/status", 200, `"node":"lb-1"`},
		{http.MethodHead, "/v1/status", 200, ""},
		{http.MethodGet, "/metrics", 200, `vicar_router_state{cluster="web",router="web",state="Active"} 1`},
		{http.MethodPost, "/metrics", 405, `{"error":"method not allowed"}`},
		{http.MethodDelete, "/v1/status", 405, `{"error":"method not allowed"}`},
		{http.MethodPost, "/v1/reload", 404, `{"error":"no such page"}`},
		{http.MethodGet, "/v1/reload", 404, `{"error":"no such page"}`},
		{http.MethodGet, "/debug/pprof/", 404, `{"error":"no such page"}`},
	}
	for _, tc := range tests {
		t.Run(tc.method+tc.path, func(t *testing.T) {
			res := s.do(t, tc.method, tc.path)
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != tc.code || !strings.Contains(string(body), tc.contains) {
				t.Errorf("answered %s %s, want %d and %q", res.Status, body, tc.code, tc.contains)
			}
			if tc.code == 405 && res.Header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
			if tc.code >= 400 && !json.Valid(body) {
				t.Errorf("error is not JSON: %s", body)
			}
		})
	}
	if b.reloads != 0 {
		t.Error("the HTTP listener reloaded")
	}
}

func TestHTTPTurnsTheFloodAway(t *testing.T) {
	hold, inside := make(chan struct{}), make(chan struct{}, maxInFlight)
	s := start(t, &slow{inside: inside, hold: hold})
	done := make(chan int, maxInFlight)
	for range maxInFlight {
		go func() { done <- s.do(t, http.MethodGet, "/v1/status").StatusCode }()
	}
	for range maxInFlight {
		<-inside
	}
	if res := s.do(t, http.MethodGet, "/v1/status"); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one too many: %s, want 503", res.Status)
	}
	close(hold)
	for range maxInFlight {
		if code := <-done; code != http.StatusOK {
			t.Errorf("one that had a seat: %d, want 200", code)
		}
	}
}

// slow is a Backend that answers when hold is closed.
type slow struct {
	backend
	inside chan<- struct{}
	hold   <-chan struct{}
}

func (b *slow) Status(ctx context.Context) (status.Status, error) {
	b.inside <- struct{}{}
	select {
	case <-b.hold:
		return status.Status{}, nil
	case <-ctx.Done():
		return status.Status{}, ctx.Err()
	}
}

func TestNewChecks(t *testing.T) {
	ok := Config{Socket: "/run/vicar/vicar.sock", Backend: &backend{}}
	if _, err := New(ok); err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(*Config){
		"no backend":    func(c *Config) { c.Backend = nil },
		"no socket":     func(c *Config) { c.Socket = "" },
		"long socket":   func(c *Config) { c.Socket = "/run/" + strings.Repeat("a", 120) + "/s" },
		"no room":       func(c *Config) { c.Socket = "/run/" + strings.Repeat("a", 95) + "/s" },
		"http no port":  func(c *Config) { c.HTTP = "127.0.0.1" },
		"http bare IP6": func(c *Config) { c.HTTP = "::1" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			c := ok
			change(&c)
			if _, err := New(c); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestHTTPAddressTaken(t *testing.T) {
	first := start(t, &backend{})
	socket := t.TempDir() + "/s"
	s, err := New(Config{Socket: socket, HTTP: first.HTTPAddr().String(), Backend: &backend{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), first.HTTPAddr().String()) {
		t.Errorf("error is %v, want one that names the address", err)
	}
	if _, err := os.Lstat(socket); err == nil {
		t.Error("the socket was left behind")
	}
}

// A client that never asks does not keep Run.
func TestRunEndsDespiteIdleClients(t *testing.T) {
	s := start(t, &backend{})
	c := idle(t, s.socket)
	defer c.Close()
	begun := time.Now()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	t.Logf("ended after %v", time.Since(begun))
}
