// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// local is an HTTP server of the test's process.
type local struct {
	*httptest.Server
	connections atomic.Int64
}

// newLocal starts a server, with TLS if cfg is not nil.
func newLocal(t testing.TB, cfg *tls.Config, h http.HandlerFunc) *local {
	t.Helper()
	s := &local{Server: httptest.NewUnstartedServer(h)}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	if cfg != nil {
		s.TLS = cfg
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetHTTP1(true)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

// newProbe makes a probe that is closed with the test.
func newProbe(t testing.TB, k checks.Kind) checks.Probe {
	t.Helper()
	p, err := New(k)
	labtest.OK(t, err)
	t.Cleanup(func() { labtest.OK(t, p.Close()) })
	return p
}

// lookFor looks once.
func lookFor(p checks.Probe, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return p.Probe(ctx)
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }

// versions are the ways to speak HTTP over a kept connection.
var versions = []struct {
	name string
	tls  bool
	kind checks.HTTP
}{
	{name: "HTTP/1.1", kind: checks.HTTP{Version: "1.1"}},
	{name: "HTTP/1.1 TLS", tls: true, kind: checks.HTTP{Version: "1.1"}},
	{name: "HTTP/2", tls: true, kind: checks.HTTP{Version: "2"}},
	{name: "HTTP/2 without TLS", kind: checks.HTTP{Version: "2"}},
	{name: "HTTP/1.1 POST", kind: checks.HTTP{Version: "1.1", Method: "POST", Body: "question"}},
	{name: "HTTP/2 POST", tls: true, kind: checks.HTTP{Version: "2", Method: "POST", Body: "question"}},
}

// eachVersion runs a test with a server and a check of it.
func eachVersion(t *testing.T, test func(t *testing.T, s *local, k checks.HTTP)) {
	a := newAuthority(t)
	pair := a.pair("kept", 100*day, "127.0.0.1")
	for _, v := range versions {
		t.Run(v.name, func(t *testing.T) {
			var cfg *tls.Config
			k := v.kind
			if v.tls {
				cfg = &tls.Config{Certificates: []tls.Certificate{pair}}
				k.CA = a.file
			}
			s := newLocal(t, cfg, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				fmt.Fprintf(w, "%s %q", r.Method, body)
			})
			k.URL = s.URL
			k.Expect = "^GET \"\"$|^POST \"question\"$"
			test(t, s, k)
		})
	}
}

func TestHTTPKeepsConnection(t *testing.T) {
	eachVersion(t, func(t *testing.T, s *local, k checks.HTTP) {
		p := newProbe(t, k)
		for range 5 {
			want(t, lookFor(p, plenty), "")
		}
		if n := s.connections.Load(); n != 1 {
			t.Errorf("5 looks made %d connections, want 1", n)
		}
	})
}

func TestHTTPFresh(t *testing.T) {
	eachVersion(t, func(t *testing.T, s *local, k checks.HTTP) {
		k.Fresh = true
		p := newProbe(t, k)
		for range 5 {
			want(t, lookFor(p, plenty), "")
		}
		if n := s.connections.Load(); n != 5 {
			t.Errorf("5 looks made %d connections, want 5", n)
		}
	})
}

// A server that closes connections between looks is well.
func TestHTTPClosedBetweenLooks(t *testing.T) {
	eachVersion(t, func(t *testing.T, s *local, k checks.HTTP) {
		p := newProbe(t, k)
		for range 20 {
			want(t, lookFor(p, plenty), "")
			s.CloseClientConnections()
		}
	})
}

// A server that answers one request per connection and doesn't say so closes
// it while the next request may be on its way.
func TestHTTPClosedUnsaid(t *testing.T) {
	f := newField(t)
	port, visitors := f.listen(answerAndClose("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
	for _, method := range []string{"GET", "POST"} {
		p := f.make(checks.HTTP{URL: "http://" + net.JoinHostPort(server4, port), Method: method, Body: "question"})
		for range 100 {
			want(t, f.look(p, plenty), "")
		}
	}
	if !visitors.last().IsValid() {
		t.Error("nobody came")
	}
}

// A server that speaks first is no HTTP server, whether or not it is heard
// before the request is sent.
func TestHTTPUnasked(t *testing.T) {
	f := newField(t)
	port, _ := f.listen(say("220 mail.example ESMTP\r\n"))
	p := f.make(checks.HTTP{URL: "http://" + net.JoinHostPort(server4, port)})
	for range 50 {
		err := f.look(p, plenty)
		if err == nil || !errors.Is(err, errNotHTTP) {
			t.Fatalf("got %v", err)
		}
	}
}

// What ends with the connection and comes again with the next one is the
// server's.
func TestHTTPGoneBetweenLooks(t *testing.T) {
	eachVersion(t, func(t *testing.T, s *local, k checks.HTTP) {
		p := newProbe(t, k)
		want(t, lookFor(p, plenty), "")
		s.Close()
		want(t, lookFor(p, plenty), "connection refused")
	})
}

// A connection that a look timed out on is not used again: the next look would
// wait for it.
func TestHTTPTimeoutDropsConnection(t *testing.T) {
	for _, version := range []string{"1.1", "2"} {
		t.Run(version, func(t *testing.T) {
			var hang atomic.Bool
			s := newLocal(t, nil, func(w http.ResponseWriter, r *http.Request) {
				if hang.Load() {
					<-r.Context().Done()
				}
				ok(w, r)
			})
			p := newProbe(t, checks.HTTP{URL: s.URL, Version: version})
			want(t, lookFor(p, plenty), "")
			hang.Store(true)
			if err := lookFor(p, short); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want a time-out", err)
			}
			hang.Store(false)
			want(t, lookFor(p, plenty), "")
			if n := s.connections.Load(); n != 2 {
				t.Errorf("got %d connections, want 2", n)
			}
		})
	}
}

// The certificate of a kept connection grows old with it; one that was renewed
// shows on a new connection.
func TestHTTPCertificateOfKeptConnection(t *testing.T) {
	for _, version := range []string{"1.1", "2"} {
		t.Run(version, func(t *testing.T) {
			a := newAuthority(t)
			var mu sync.Mutex
			pair := a.pair("old", 10*day, "127.0.0.1")
			cfg := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
				mu.Lock()
				defer mu.Unlock()
				return &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}, nil
			}}
			s := newLocal(t, cfg, ok)
			p := newProbe(t, checks.HTTP{URL: s.URL, Version: version, TLS: checks.TLS{CA: a.file, Valid: 5 * day}})
			want(t, lookFor(p, plenty), "")
			// As if six days had gone by.
			p.(*httpProbe).server.kept.verifier.valid = 11 * day
			// The handshake goes on wanting 5 days.
			want(t, lookFor(p, plenty), "certificate of 127.0.0.1 expires in 9d, less than ")
			renewed := a.pair("new", 100*day, "127.0.0.1")
			mu.Lock()
			pair = renewed
			mu.Unlock()
			want(t, lookFor(p, plenty), "")
			if n := s.connections.Load(); n != 3 {
				t.Errorf("got %d connections, want 3", n)
			}
		})
	}
}

// What a server without ALPN speaks is HTTP/1.1.
func TestHTTPWithoutALPN(t *testing.T) {
	a := newAuthority(t)
	s := httptest.NewUnstartedServer(http.HandlerFunc(ok))
	cfg := &tls.Config{Certificates: []tls.Certificate{a.pair("plain", day, "127.0.0.1")}}
	s.Listener = tls.NewListener(s.Listener, cfg)
	s.Start()
	defer s.Close()
	url := strings.Replace(s.URL, "http:", "https:", 1)
	trust := checks.TLS{CA: a.file}
	want(t, lookFor(newProbe(t, checks.HTTP{URL: url, TLS: trust}), plenty), "")
	want(t, lookFor(newProbe(t, checks.HTTP{URL: url, TLS: trust, Version: "2"}), plenty), "the server answers by HTTP/1, want HTTP/2")
}

// goroutines waits until no more than n are left.
func goroutines(t *testing.T, n int) {
	t.Helper()
	labtest.Eventually(t, plenty, "no more goroutines than before", func() bool { return runtime.NumGoroutine() <= n })
}

func TestHTTPLeavesNothing(t *testing.T) {
	f := newField(t)
	dropped := f.free()
	f.swallow("tcp dport " + dropped)
	silent, _ := f.listen(hush)
	before := runtime.NumGoroutine()
	for _, port := range []string{dropped, silent} {
		for _, scheme := range []string{"http", "https"} {
			p, err := New(checks.HTTP{URL: scheme + "://" + net.JoinHostPort(server4, port)})
			labtest.OK(t, err)
			if err := f.look(p, short); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v, want a time-out", port, err)
			}
			labtest.OK(t, p.Close())
		}
	}
	goroutines(t, before)
	eachVersion(t, func(t *testing.T, s *local, k checks.HTTP) {
		before := runtime.NumGoroutine()
		p, err := New(k)
		labtest.OK(t, err)
		want(t, lookFor(p, plenty), "")
		labtest.OK(t, p.Close())
		goroutines(t, before)
	})
}

func TestHTTPCancelled(t *testing.T) {
	s := newLocal(t, nil, ok)
	p := newProbe(t, checks.HTTP{URL: s.URL})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Probe(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	want(t, lookFor(p, plenty), "")
}

// Only a doubtful connection is a reason to ask twice.
func TestHTTPAsksOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		size   int
		want   string
	}{
		{"passing", 200, 10, ""},
		{"long body", 200, 2 << 20, ""},
		{"failing", 500, 10, "status 500"},
		{"failing with a long body", 500, 2 << 20, "status 500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked atomic.Int64
			s := newLocal(t, nil, func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, strings.Repeat("x", c.size))
			})
			for _, version := range []string{"1.1", "2"} {
				asked.Store(0)
				p := newProbe(t, checks.HTTP{URL: s.URL, Version: version})
				for range 4 {
					want(t, lookFor(p, plenty), c.want)
				}
				if n := asked.Load(); n != 4 {
					t.Errorf("HTTP/%s: 4 looks asked %d times", version, n)
				}
			}
		})
	}
}

func TestHTTPUser(t *testing.T) {
	s := newLocal(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != "me" || p != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	host := strings.TrimPrefix(s.URL, "http://")
	want(t, lookFor(newProbe(t, checks.HTTP{URL: "http://me:secret@" + host}), plenty), "")
	want(t, lookFor(newProbe(t, checks.HTTP{URL: "http://me:wrong@" + host}), plenty), "GET http://me:xxxxx@"+host+": status 401")
}

func TestHTTPRejected(t *testing.T) {
	for _, c := range []struct {
		kind checks.HTTP
		want string
	}{
		{checks.HTTP{URL: "ftp://web.example"}, "URL ftp://web.example: want http://host or https://host"},
		{checks.HTTP{URL: "http://"}, "want http://host"},
		{checks.HTTP{URL: "http://a:b:c"}, "making the request"},
		{checks.HTTP{URL: "http://web.example", Method: "BAD METHOD"}, "making the request"},
		{checks.HTTP{URL: "http://web.example", Header: map[string]string{"X": "a\r\nb"}}, `header "X": name or value`},
		{checks.HTTP{URL: "http://web.example", Header: map[string]string{"X Y": "a"}}, `header "X Y": name or value`},
		{checks.HTTP{URL: "http://web.example", Version: "3"}, `HTTP version "3": want 1.1 or 2`},
		{checks.HTTP{URL: "http://web.example", Expect: "("}, "compiling the pattern of the body"},
		{checks.HTTP{URL: "https://web.example", TLS: checks.TLS{CA: "/nonexistent"}}, "reading the CA certificates"},
	} {
		_, err := New(c.kind)
		want(t, err, c.want)
	}
}

// BenchmarkHTTP is one check of a kept connection, which is made anew now and
// then; BenchmarkBareHTTP is net/http's client, which keeps it. What a thousand
// checks cost an agent beside such a client is for make bench.
func BenchmarkHTTP(b *testing.B) {
	s := newLocal(b, nil, ok)
	p := newProbe(b, checks.HTTP{URL: s.URL})
	b.ReportAllocs()
	for b.Loop() {
		if err := lookFor(p, plenty); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareHTTP is a plain net/http client that keeps its connection.
func BenchmarkBareHTTP(b *testing.B) {
	s := newLocal(b, nil, ok)
	look := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), plenty)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
		if err != nil {
			return err
		}
		resp, err := s.Client().Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := look(); err != nil {
			b.Fatal(err)
		}
	}
}
