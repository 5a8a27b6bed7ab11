// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// healthServer is a gRPC server with the health service.
type healthServer struct {
	t      testing.TB
	health *health.Server
	server *grpc.Server
	conns  *countingListener
	done   sync.WaitGroup
}

// countingListener counts connections.
type countingListener struct {
	net.Listener
	mu sync.Mutex
	n  int
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.n++
	}
	return c, err
}

func (l *countingListener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// listenOn listens on a host, or here if it is nil.
func listenOn(t testing.TB, h *lab.Host, address string) net.Listener {
	t.Helper()
	var l net.Listener
	listen := func() (err error) {
		l, err = net.Listen("tcp", address)
		return err
	}
	if h == nil {
		labtest.OK(t, listen())
	} else {
		labtest.OK(t, h.Do(listen))
	}
	return l
}

// serveHealth starts a server. Without a health service it has none at all.
func serveHealth(t testing.TB, l net.Listener, cfg *tls.Config, withHealth bool) *healthServer {
	t.Helper()
	s := &healthServer{t: t, health: health.NewServer(), conns: &countingListener{Listener: l}}
	var options []grpc.ServerOption
	if cfg != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(cfg)))
	}
	s.server = grpc.NewServer(options...)
	if withHealth {
		healthpb.RegisterHealthServer(s.server, s.health)
	}
	s.done.Go(func() { _ = s.server.Serve(s.conns) })
	t.Cleanup(s.stop)
	return s
}

func (s *healthServer) stop() {
	s.server.Stop()
	s.done.Wait()
}

func (s *healthServer) set(service string, status healthpb.HealthCheckResponse_ServingStatus) {
	s.health.SetServingStatus(service, status)
}

func (s *healthServer) port() string {
	_, port, err := net.SplitHostPort(s.conns.Addr().String())
	labtest.OK(s.t, err)
	return port
}

func TestGRPC(t *testing.T) {
	f := newField(t)
	s := serveHealth(t, listenOn(t, f.server, ":0"), nil, true)
	s.set("well", healthpb.HealthCheckResponse_SERVING)
	s.set("sick", healthpb.HealthCheckResponse_NOT_SERVING)
	s.set("odd", healthpb.HealthCheckResponse_UNKNOWN)
	s.set("lost", healthpb.HealthCheckResponse_SERVICE_UNKNOWN)
	bare := serveHealth(t, listenOn(t, f.server, ":0"), nil, false)
	silent, _ := f.listen(hush)
	web, _ := f.listen(answer("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
	refused, dropped := f.free(), f.free()
	f.swallow("tcp dport " + dropped)
	at := func(host, port string) string { return net.JoinHostPort(host, port) }
	here := at(server4, s.port())
	f.remotely([]outcome{
		{name: "passing", kind: checks.GRPC{Address: here}},
		{name: "passing IPv6", kind: checks.GRPC{Address: at(server6, s.port())}},
		{name: "service", kind: checks.GRPC{Address: here, Service: "well"}},
		{
			name: "service not serving", kind: checks.GRPC{Address: here, Service: "sick"},
			want: "asking " + here + ` for the health of service "sick": status NOT_SERVING`,
		},
		{name: "status unknown", kind: checks.GRPC{Address: here, Service: "odd"}, want: ": status UNKNOWN"},
		{name: "service unknown", kind: checks.GRPC{Address: here, Service: "lost"}, want: ": status SERVICE_UNKNOWN"},
		{name: "no such service", kind: checks.GRPC{Address: here, Service: "none"}, want: ": the server does not know the service"},
		{
			name: "no health service", kind: checks.GRPC{Address: at(server4, bare.port())},
			want: " for the health of the server: the server does not offer the service grpc.health.v1.Health",
		},
		{
			name: "refused", kind: checks.GRPC{Address: at(server4, refused)},
			want: "asking " + at(server4, refused) + " for the health of the server: connecting to " + at(server4, refused) + ": connection refused",
		},
		{
			name: "dropped", kind: checks.GRPC{Address: at(server4, dropped)}, timeout: short,
			want: "connecting: no answer in time", is: context.DeadlineExceeded,
		},
		{name: "silent", kind: checks.GRPC{Address: at(server4, silent)}, timeout: short, want: "no answer in time", is: context.DeadlineExceeded},
		{name: "not gRPC", kind: checks.GRPC{Address: at(server4, web)}, want: " for the health of the server: error Unavailable "},
		{name: "no TLS there", kind: checks.GRPC{Address: here, Secure: true}, want: "TLS handshake with " + here + ": "},
	})
}

func TestGRPCOverTLS(t *testing.T) {
	f := newField(t)
	a := newAuthority(t)
	start := func(cfg *tls.Config) string {
		return net.JoinHostPort(server4, serveHealth(t, listenOn(t, f.server, ":0"), cfg, true).port())
	}
	show := func(a *authority, name string, until time.Duration, hosts ...string) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{a.pair(name, until, hosts...)}}
	}
	good := start(show(a, "good", 10*day, server4))
	expired := start(show(a, "expired", -time.Hour, server4))
	other := start(show(a, "other", day, "other.example"))
	stranger := start(show(newAuthority(t), "stranger", day, server4))
	asking := show(a, "asking", day, server4)
	asking.ClientAuth, asking.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	asking.ClientCAs.AddCert(a.cert)
	client := start(asking)
	cert, key := a.issue("visitor", -day, day)
	trust := checks.TLS{CA: a.file}
	f.remotely([]outcome{
		{name: "passing", kind: checks.GRPC{Address: good, Secure: true, TLS: trust}},
		{name: "without TLS", kind: checks.GRPC{Address: good}, want: "error Unavailable"},
		{name: "expired", kind: checks.GRPC{Address: expired, Secure: true, TLS: trust}, want: "TLS handshake with " + expired + ": certificate of " + server4 + " expired "},
		{name: "not valid long enough", kind: checks.GRPC{Address: good, Secure: true, TLS: checks.TLS{CA: a.file, Valid: 30 * day}}, want: " expires in 9d"},
		{name: "wrong name", kind: checks.GRPC{Address: other, Secure: true, TLS: trust}, want: "TLS handshake with " + other + ": certificate of " + server4},
		{name: "server name", kind: checks.GRPC{Address: other, Secure: true, TLS: checks.TLS{CA: a.file, ServerName: "other.example"}}},
		{name: "unknown authority", kind: checks.GRPC{Address: stranger, Secure: true, TLS: trust}, want: "unknown authority"},
		{name: "insecure", kind: checks.GRPC{Address: stranger, Secure: true, TLS: checks.TLS{Insecure: true}}},
		{name: "client certificate missing", kind: checks.GRPC{Address: client, Secure: true, TLS: trust}, want: "error Unavailable "},
		{name: "client certificate", kind: checks.GRPC{Address: client, Secure: true, TLS: checks.TLS{CA: a.file, Certificate: cert, Key: key}}},
	})
}

// remotely looks at everything from a process on the node: grpc's goroutines
// must be there too.
func (f *field) remotely(rows []outcome) {
	f.t.Helper()
	r := newRemote(f.t, f.node, rows[0].kind)
	for _, row := range rows {
		f.t.Run(row.name, func(t *testing.T) {
			if row.timeout == 0 {
				row.timeout = plenty
			}
			r.make(row.kind)
			err := r.look(row.timeout)
			want(t, err, row.want)
			if timeout := errors.Is(err, context.DeadlineExceeded); timeout != errors.Is(row.is, context.DeadlineExceeded) {
				t.Errorf("%q: a time-out is %v", err, timeout)
			}
		})
	}
}

// What becomes of the server shows at the next look, whatever was before.
func TestGRPCChanges(t *testing.T) {
	s := serveHealth(t, listenOn(t, nil, "127.0.0.1:0"), nil, true)
	address := s.conns.Addr().String()
	p := newProbe(t, checks.GRPC{Address: address})
	for range 3 {
		want(t, lookFor(p, plenty), "")
	}
	s.set("", healthpb.HealthCheckResponse_NOT_SERVING)
	want(t, lookFor(p, plenty), "status NOT_SERVING")
	s.set("", healthpb.HealthCheckResponse_SERVING)
	want(t, lookFor(p, plenty), "")
	if n := s.conns.count(); n != 1 {
		t.Errorf("got %d connections, want 1", n)
	}
	for range 5 {
		s.stop()
		for range 3 {
			want(t, lookFor(p, plenty), "connecting to "+address+": connection refused")
		}
		s = serveHealth(t, listenOn(t, nil, address), nil, true)
		want(t, lookFor(p, plenty), "")
		s.stop()
		s = serveHealth(t, listenOn(t, nil, address), nil, true) // between looks
		want(t, lookFor(p, plenty), "")
	}
}

func TestGRPCCertificateOfKeptConnection(t *testing.T) {
	a := newAuthority(t)
	cfg := &tls.Config{Certificates: []tls.Certificate{a.pair("old", 10*day, "127.0.0.1")}}
	s := serveHealth(t, listenOn(t, nil, "127.0.0.1:0"), cfg, true)
	p := newProbe(t, checks.GRPC{
		Address: s.conns.Addr().String(), Secure: true, TLS: checks.TLS{CA: a.file, Valid: 5 * day},
	})
	want(t, lookFor(p, plenty), "")
	p.(*grpcProbe).kept.verifier.valid = 11 * day // as if six days had gone by
	want(t, lookFor(p, plenty), "certificate of 127.0.0.1 expires in 9d")
}

func TestGRPCLeavesNothing(t *testing.T) {
	f := newField(t)
	silent, _ := f.listen(hush)
	s := serveHealth(t, listenOn(t, nil, "127.0.0.1:0"), nil, true)
	before := runtime.NumGoroutine()
	p, err := New(checks.GRPC{Address: s.conns.Addr().String()})
	labtest.OK(t, err)
	want(t, lookFor(p, plenty), "")
	labtest.OK(t, p.Close())
	goroutines(t, before)
	// After a failure nothing is left even without Close.
	p = newProbe(t, checks.GRPC{Address: "127.0.0.1:" + silent})
	if lookFor(p, short) == nil {
		t.Error("got success, want an error")
	}
	goroutines(t, before)
}

// A proxy of the environment is not for checks.
func TestNoProxy(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://192.0.2.99:9")
	}
	t.Setenv("NO_PROXY", "")
	f := newField(t)
	s := serveHealth(t, listenOn(t, f.server, ":0"), nil, true)
	want(t, run(t, f.node, checks.GRPC{Address: net.JoinHostPort(server4, s.port())}, plenty), "")
	port, _ := f.listen(answer("HTTP/1.1 204 No\r\n\r\n"))
	want(t, run(t, f.node, checks.HTTP{URL: "http://" + net.JoinHostPort(server4, port)}, plenty), "")
	if os.Getenv("HTTP_PROXY") == "" {
		t.Error("the environment has no proxy")
	}
}

func TestGRPCBindings(t *testing.T) {
	f := newField(t)
	s := serveHealth(t, listenOn(t, f.server, ":0"), nil, true)
	here := net.JoinHostPort(server4, s.port())
	f.nft(f.server, "input", "tcp dport "+s.port()+" ip saddr != "+node4b+" drop")
	bind := checks.Bind{Source: addr(node4b)}
	want(t, run(t, f.node, checks.GRPC{Address: here, Bind: bind}, plenty), "")
	if run(t, f.node, checks.GRPC{Address: here}, short) == nil {
		t.Error("got success from the other source, want an error")
	}
	bind = checks.Bind{Interface: "eth9"}
	want(t, run(t, f.node, checks.GRPC{Address: here, Bind: bind}, plenty), "binding to interface eth9: no such device")
}

func TestGRPCRejected(t *testing.T) {
	for _, c := range []struct {
		kind checks.GRPC
		want string
	}{
		{checks.GRPC{Address: "server"}, "address server: "},
		{checks.GRPC{Address: "192.0.2.1:1", Secure: true, TLS: checks.TLS{CA: "/nonexistent"}}, "reading the CA certificates"},
	} {
		_, err := New(c.kind)
		want(t, err, c.want)
	}
}
