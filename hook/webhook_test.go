// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// post tells a webhook of an event.
func post(t *testing.T, h Hook) error {
	t.Helper()
	h.On = every
	w, err := newWebhook(h)
	if err != nil {
		t.Fatal(err)
	}
	m, err := newMessage(delivery{event: &vip.Event{Kind: vip.BecameActive, Router: "web"}, skipped: 3})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), h.Timeout)
	defer cancel()
	return w.run(ctx, m)
}

// serve is a server for one test. What it has in hand ends with the test, if it
// has read the body: only then does it notice that the client is gone.
func serve(t *testing.T, f http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

// TestWebhook: what reaches the server, and by no proxy.
func TestWebhook(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	var got *http.Request
	var body []byte
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
	})
	header := map[string]string{"Authorization": "Bearer x", "Host": "hooks.example.com"}
	if err := post(t, Hook{Webhook: s.URL + "/vip?to=ops", Header: header, Timeout: patience}); err != nil {
		t.Fatal(err)
	}
	if got.Method != http.MethodPost || got.URL.String() != "/vip?to=ops" || got.Host != "hooks.example.com" ||
		got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Authorization") != "Bearer x" {
		t.Errorf("the request is %s %s to %s, %v", got.Method, got.URL, got.Host, got.Header)
	}
	var d document
	if err := json.Unmarshal(body, &d); err != nil || d.Kind != vip.BecameActive || d.Skipped != 3 || d.Version != documentVersion {
		t.Errorf("the body is %s (%v)", body, err)
	}
}

// TestWebhookAnswers: 200 to 299 passes, nothing else does, and the error says
// what the server did.
func TestWebhookAnswers(t *testing.T) {
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") })
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   string // empty: passes
	}{
		{"200", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }, ""},
		{"204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, ""},
		{
			"500", func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "no such\n\x1b[31mrouter", http.StatusInternalServerError)
			},
			`posting the event: the server answered 500 Internal Server Error: "no such [31mrouter"`,
		},
		{"404 without a body", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, "posting the event: the server answered 404 Not Found"},
		{"599", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(599) }, "posting the event: the server answered 599"},
		{
			"redirect", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
			},
			"posting the event: the server answered 307 Temporary Redirect, and redirects are not followed",
		},
		{
			"slow", func(w http.ResponseWriter, _ *http.Request) {
				<-time.After(50 * time.Millisecond)
				w.WriteHeader(http.StatusOK)
			}, "",
		},
		{
			"the head is an answer", func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusOK)
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}, "",
		},
		{
			"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			"posting the event: EOF",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var posts atomic.Int32
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				posts.Add(1)
				_, _ = io.Copy(io.Discard, r.Body)
				c.answer(w, r)
			})
			err := post(t, Hook{Webhook: s.URL, Timeout: patience})
			if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want) {
				t.Errorf("the error is %v, not %q", err, c.want)
			}
			if n := posts.Load(); n != 1 {
				t.Errorf("%d attempts", n)
			}
		})
	}
}

// TestWebhookEndlessAnswer: a body without an end is read to a limit and shown
// to a smaller one.
func TestWebhookEndlessAnswer(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("down ", 1000)); err != nil {
				return
			}
		}
	})
	err := post(t, Hook{Webhook: s.URL, Timeout: patience})
	if err == nil || !strings.HasPrefix(err.Error(), "posting the event: the server answered 502 Bad Gateway: \"down down") || len(err.Error()) > maxExcerpt+80 {
		t.Errorf("the error is %v", err)
	}
}

// TestWebhookEndlessHeader: a header is read to a limit.
func TestWebhookEndlessHeader(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("A", strings.Repeat("a", 2*maxFields)) })
	if err := post(t, Hook{Webhook: s.URL, Timeout: patience}); err == nil || !strings.Contains(err.Error(), "headers exceeded") {
		t.Errorf("the error is %v", err)
	}
}

// TestWebhookRefused: the error is the network's, without the URL.
func TestWebhookRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	err = post(t, Hook{Webhook: "http://" + l.Addr().String() + "/secret", Timeout: patience})
	if !errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error is %v", err)
	}
}

// TestWebhookHangs: a server that takes the event and does not answer costs the
// hook's time, is counted as a time-out, and the next one is told.
func TestWebhookHangs(t *testing.T) {
	var heard atomic.Int32
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/hangs" {
			<-r.Context().Done()
			return
		}
		heard.Add(1)
	})
	n, err := New(Config{Hooks: []Hook{
		{On: every, Webhook: s.URL + "/hangs", Timeout: 200 * time.Millisecond},
		{On: every, Webhook: s.URL + "/well", Timeout: patience},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	n.Tell(event(vip.BecameActive))
	eventually(t, "the second hook is told", func() bool { return heard.Load() == 1 })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if s := n.Status(); s[0].TimedOut != 1 || s[0].Error != "its time of 200ms was over: posting the event: context deadline exceeded" ||
		s[1].Ran != 1 || s[1].Failed != 0 {
		t.Errorf("the status is %+v", s)
	}
}
