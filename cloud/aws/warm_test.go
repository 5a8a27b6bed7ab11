// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"encoding/pem"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
)

// server is a region behind sockets, with TLS.
type server struct {
	*awsfake.World
	session *Session
	opened  atomic.Int64   // connections to EC2
	arrived chan time.Time // has room for when a request came that is no ping
	silent  atomic.Bool    // pings are not answered
}

func newServer(tb testing.TB, tables, warm int) *server {
	tb.Helper()
	w, err := awsfake.New(awsfake.Cluster(2, tables))
	if err != nil {
		tb.Fatal(err)
	}
	w.SetLimits(awsfake.Unlimited())
	tb.Cleanup(w.Close)
	s := &server{World: w, arrived: make(chan time.Time, 1)}
	ec2 := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		now := time.Now()
		if r.URL.Path != "/ping" {
			select {
			case s.arrived <- now:
			default:
			}
		} else if s.silent.Load() {
			<-r.Context().Done()
			return
		}
		w.ServeHTTP(rw, r)
	}))
	ec2.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.opened.Add(1)
		}
	}
	ec2.Config.ErrorLog = slog.NewLogLogger(quiet.Handler(), slog.LevelError)
	ec2.StartTLS()
	tb.Cleanup(ec2.Close)
	meta := httptest.NewServer(w.IMDS(awsfake.ClusterNode(1)))
	tb.Cleanup(meta.Close)
	bundle := filepath.Join(tb.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ec2.Certificate().Raw}), 0o600); err != nil {
		tb.Fatal(err)
	}
	noEnvironment(tb)
	tb.Setenv("AWS_CA_BUNDLE", bundle)
	if s.session, err = New(tb.Context(), Config{EC2Endpoint: ec2.URL, IMDSEndpoint: meta.URL, Warm: warm, Log: quiet}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.session.http.CloseIdleConnections)
	return s
}

func (s *server) route(tb testing.TB, tables int) *Route {
	tb.Helper()
	var ids []string
	for n := 1; n <= tables; n++ {
		ids = append(ids, awsfake.ClusterRoutes(n))
	}
	p, err := NewRoute(s.session, RouteConfig{Interface: at(1), Tables: ids})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// TestConnectionsAreWarm: a take-over of five tables opens no connection.
func TestConnectionsAreWarm(t *testing.T) {
	const tables = 5
	s := newServer(t, tables, tables)
	for range 3 {
		if err := s.session.warm(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.opened.Load(); n != tables {
		t.Errorf("%d connections are open, want %d", n, tables)
	}
	s.SetLatency(awsfake.Exactly(20 * time.Millisecond))
	p := s.route(t, tables)
	if err := p.Take(t.Context(), objects(t, p, prefixes("198.51.100.7/32")...), cloud.Taking{Steal: true}); err != nil {
		t.Fatal(err)
	}
	if n := s.opened.Load(); n != tables {
		t.Errorf("a take-over opened %d connections", n-tables)
	}
}

// TestDeadConnectionsAreDropped: what does not answer a ping carries no take-over.
func TestDeadConnectionsAreDropped(t *testing.T) {
	s := newServer(t, 1, 3)
	if err := s.session.warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.silent.Store(true)
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.session.warm(short); err == nil {
		t.Fatal("who does not answer is warm")
	}
	before := s.opened.Load()
	p := s.route(t, 1)
	if err := p.Take(t.Context(), objects(t, p, prefixes("198.51.100.7/32")...), cloud.Taking{Steal: true}); err != nil {
		t.Fatal(err)
	}
	if s.opened.Load() == before {
		t.Error("a take-over used a connection that had not answered")
	}
}

// TestEndpoint: where the SDK sends requests, it is pinged.
func TestEndpoint(t *testing.T) {
	for _, c := range []struct{ region, endpoint, want string }{
		{"eu-central-1", "", "https://ec2.eu-central-1.amazonaws.com"},
		{"cn-north-1", "", "https://ec2.cn-north-1.amazonaws.com.cn"},
		{"eu-central-1", "https://vpce-1.ec2.eu-central-1.vpce.amazonaws.com", "https://vpce-1.ec2.eu-central-1.vpce.amazonaws.com"},
	} {
		t.Run(c.want, func(t *testing.T) {
			noEnvironment(t)
			s, err := New(t.Context(), Config{Region: c.region, EC2Endpoint: c.endpoint, Log: quiet})
			if err != nil {
				t.Fatal(err)
			}
			if at, err := s.endpoint(t.Context()); err != nil || at.String() != c.want {
				t.Errorf("the endpoint is %v, %v", at, err)
			}
		})
	}
}

// BenchmarkToTheWire is the time from a new term to the arrival of the first
// request, by TLS over the loopback interface, with connections that are warm.
func BenchmarkToTheWire(b *testing.B) {
	const tables = 5
	s := newServer(b, tables, tables)
	p := s.route(b, tables)
	m, err := cloud.New(cloud.Config{Provider: p, Steal: cloud.StealAtOnce})
	if err != nil {
		b.Fatal(err)
	}
	s.session.spend = newBucket(1e9, 1e9)
	if err := s.session.warm(b.Context()); err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for term := uint64(1); b.Loop(); term++ {
		select {
		case <-s.arrived: // one of the last round
		default:
		}
		began := time.Now()
		if err := m.Acquire(b.Context(), claim(term, prefixes("198.51.100.7/32"))); err != nil {
			b.Fatal(err)
		}
		took = append(took, (<-s.arrived).Sub(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/1e6, "ms-median")
	b.ReportMetric(float64(took[len(took)*99/100])/1e6, "ms-p99")
}
