// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/status"
)

// asks are the client's calls that change something.
var asks = map[string]func(context.Context, *Client) error{
	"reload": func(ctx context.Context, c *Client) error { return c.Reload(ctx) },
	"handover": func(ctx context.Context, c *Client) error {
		_, err := c.Handover(ctx, Handover{Router: "web"})
		return err
	},
	"drain": func(ctx context.Context, c *Client) error {
		_, err := c.Drain(ctx, true, false)
		return err
	},
	"undrain": func(ctx context.Context, c *Client) error {
		_, err := c.Drain(ctx, false, false)
		return err
	},
	"forget": func(ctx context.Context, c *Client) error { return c.Forget(ctx, "lb-2") },
	"pool drain": func(ctx context.Context, c *Client) error {
		return c.PoolDrain(ctx, PoolDrain{Service: "web", Server: "198.51.100.11:80", Drain: true})
	},
}

// all is a backend that does f whatever it is asked for.
func all(f func(context.Context) error) *backend {
	return &backend{
		reload:   f,
		handover: func(ctx context.Context, _ Handover) (HandoverResult, error) { return HandoverResult{}, f(ctx) },
		drain:    func(ctx context.Context, _, _ bool) ([]Moved, error) { return nil, f(ctx) },
		forget:   func(ctx context.Context, _ string) error { return f(ctx) },
		pool:     func(ctx context.Context, _ PoolDrain) error { return f(ctx) },
	}
}

// A client's error is what the backend's was, in kind and text.
func TestErrorsSurviveTheSocket(t *testing.T) {
	plain := errors.New("no space left on device")
	sentinels := []error{ErrInvalid, ErrUnknown, ErrRefused, ErrNoGuard}
	for i, sentinel := range append(sentinels, plain) {
		meant := fmt.Errorf("web: %w: lb-2 is drained", sentinel)
		s := start(t, all(func(context.Context) error { return meant }))
		for name, ask := range asks {
			err := ask(t.Context(), Dial(s.socket))
			if err == nil || err.Error() != meant.Error() {
				t.Errorf("%s: error is %v, want %v", name, err, meant)
			}
			for j, other := range sentinels {
				if got, want := errors.Is(err, other), i == j; got != want {
					t.Errorf("%s: %v is %v: %t, want %t", name, err, other, got, want)
				}
			}
			if errors.Is(err, ErrNoAgent) {
				t.Errorf("%s: %v is ErrNoAgent", name, err)
			}
		}
	}
}

func TestHandover(t *testing.T) {
	var asked Handover
	b := &backend{handover: func(_ context.Context, h Handover) (HandoverResult, error) {
		asked = h
		return HandoverResult{From: "lb-1", To: "lb-2", Took: 3 * time.Millisecond}, nil
	}}
	s := start(t, b)
	for _, h := range []Handover{{Router: "web"}, {Router: "web", To: "lb-2"}, {Router: "web", Auto: true}} {
		got, err := Dial(s.socket).Handover(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(HandoverResult{From: "lb-1", To: "lb-2", Took: 3 * time.Millisecond}, got); diff != "" {
			t.Errorf("result (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(h, asked); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
	}
}

func TestDrain(t *testing.T) {
	moved := []Moved{{Router: "web", To: "lb-2"}, {Router: "mail"}}
	var forced bool
	s := start(t, &backend{drain: func(_ context.Context, on, force bool) ([]Moved, error) {
		forced = force
		if on {
			return moved, nil
		}
		return nil, nil
	}})
	for _, force := range []bool{false, true} {
		got, err := Dial(s.socket).Drain(t.Context(), true, force)
		if diff := cmp.Diff(moved, got); diff != "" || err != nil || forced != force {
			t.Errorf("drain: %v, forced %t, (-want +got):\n%s", err, forced, diff)
		}
	}
	if got, err := Dial(s.socket).Drain(t.Context(), false, false); len(got) > 0 || err != nil {
		t.Errorf("undrain: %v, %v", got, err)
	}
}

func TestVoters(t *testing.T) {
	want := status.Guard{Fence: "on", Majority: true, Voters: []status.Voter{{Name: "lb-1", Answers: true, Current: true}}}
	b := &backend{st: status.Status{Guard: &want}}
	s := start(t, b)
	got, err := Dial(s.socket).Voters(t.Context())
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
	none := start(t, &backend{})
	if _, err := Dial(none.socket).Voters(t.Context()); !errors.Is(err, ErrNoGuard) {
		t.Errorf("without a guard: %v", err)
	}
	fails := start(t, &backend{err: errors.New("no time")})
	if _, err := Dial(fails.socket).Voters(t.Context()); err == nil || !strings.Contains(err.Error(), "no time") {
		t.Errorf("without an answer: %v", err)
	}
}

func TestForget(t *testing.T) {
	var asked string
	s := start(t, &backend{forget: func(_ context.Context, node string) error { asked = node; return nil }})
	if err := Dial(s.socket).Forget(t.Context(), "lb-3"); err != nil || asked != "lb-3" {
		t.Errorf("forgot %q: %v", asked, err)
	}
}

// What no client sends is refused, and nobody is asked.
func TestMovesRefuseNonsense(t *testing.T) {
	s := start(t, all(func(context.Context) error { t.Error("the backend was asked"); return nil }))
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", s.socket)
	}}}
	tests := []struct {
		method, path, body string
		code               int
	}{
		{http.MethodPost, "/v1/handover", ``, 400},
		{http.MethodPost, "/v1/handover", `{}`, 400},
		{http.MethodPost, "/v1/handover", `[]`, 400},
		{http.MethodPost, "/v1/handover", `{"router": "web", "too": "lb-1"}`, 400},
		{http.MethodPost, "/v1/handover", `{"router": "web", "to": "lb-1", "auto": true}`, 400},
		{http.MethodPost, "/v1/handover", `{"router": "` + strings.Repeat("w", maxRequest) + `"}`, 400},
		{http.MethodPost, "/v1/voters/forget", `{}`, 400},
		{http.MethodPost, "/v1/drain", `{"force": 1}`, 400},
		{http.MethodGet, "/v1/handover", ``, 405},
		{http.MethodGet, "/v1/drain", ``, 405},
		{http.MethodPost, "/v1/voters", ``, 405},
	}
	for _, tc := range tests {
		req, err := http.NewRequestWithContext(t.Context(), tc.method, "http://vicar"+tc.path, strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != tc.code {
			t.Errorf("%s %s %.60s: %s %s, want %d", tc.method, tc.path, tc.body, res.Status, body, tc.code)
		}
	}
	for _, path := range []string{"/v1/handover", "/v1/drain", "/v1/undrain", "/v1/voters/forget", "/v1/voters"} {
		if res := s.do(t, http.MethodPost, path); res.StatusCode != http.StatusNotFound {
			t.Errorf("the HTTP listener answered %s to %s", res.Status, path)
		}
	}
}

// An agent that knows no handovers is older than the client.
func TestOlderAgent(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(notFound), ReadHeaderTimeout: time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(l) })
	t.Cleanup(func() {
		_ = srv.Close()
		serving.Wait()
	})
	_, err = Dial(l.Addr().String()).Handover(t.Context(), Handover{Router: "web"})
	if err == nil || !strings.Contains(err.Error(), "older version") || errors.Is(err, ErrUnknown) {
		t.Errorf("error is %v", err)
	}
}

// A move goes on when its client has gone, and ends with Run.
func TestMovesOutliveTheirClient(t *testing.T) {
	for name, ask := range asks {
		begun, ended := make(chan struct{}), make(chan error, 1)
		s := start(t, all(func(ctx context.Context) error {
			close(begun)
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		}))
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { gone <- ask(ctx, Dial(s.socket)) }()
		<-begun
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: client's error is %v", name, err)
		}
		select {
		case err := <-ended:
			t.Fatalf("%s ended with its client: %v", name, err)
		default:
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if err == nil {
				t.Errorf("%s was not told to end", name)
			}
		default:
			t.Errorf("Run returned before %s did", name)
		}
	}
}
