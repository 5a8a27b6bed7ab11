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
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab/labtest"
)

func TestVerify(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	leaf := func(a *authority, from, until time.Duration) *x509.Certificate {
		file, key := a.issue("server", from, until, "lb.example", "192.0.2.1", "2001:db8::1")
		pair, err := tls.LoadX509KeyPair(file, key)
		labtest.OK(t, err)
		return pair.Leaf
	}
	good := leaf(ca, -day, 53*time.Hour+time.Minute)
	trust := func(name string, valid time.Duration) checks.TLS {
		return checks.TLS{ServerName: name, CA: ca.file, Valid: valid}
	}
	for _, c := range []struct {
		name string
		tls  checks.TLS
		host string
		leaf *x509.Certificate
		want string
	}{
		{name: "name", tls: trust("lb.example", 0), leaf: good},
		{name: "host", tls: trust("", 0), host: "lb.example", leaf: good},
		{name: "name before host", tls: trust("lb.example", 0), host: "192.0.2.9", leaf: good},
		{name: "IPv4", tls: trust("", 0), host: "192.0.2.1", leaf: good},
		{name: "IPv6", tls: trust("", 0), host: "2001:db8::1", leaf: good},
		{name: "IPv6 with a zone", tls: trust("", 0), host: "2001:db8::1%eth0", leaf: good},
		{name: "wrong name", tls: trust("www.example", 0), leaf: good, want: "certificate of www.example: x509: certificate is valid for lb.example, not www.example"},
		{name: "wrong address", tls: trust("", 0), host: "192.0.2.9", leaf: good, want: "certificate of 192.0.2.9: x509: certificate is valid for 192.0.2.1, 2001:db8::1, not 192.0.2.9"},
		{name: "valid for long enough", tls: trust("lb.example", 53*time.Hour), leaf: good},
		{name: "soon over", tls: trust("lb.example", 14*day), leaf: good, want: "certificate of lb.example expires in 53h, less than 336h"},
		{name: "soon over, odd", tls: trust("lb.example", 54*time.Hour+time.Minute), leaf: good, want: "expires in 53h, less than 54h1m0s"},
		{name: "later over", tls: trust("lb.example", 336*time.Hour), leaf: leaf(ca, -day, 10*day+time.Minute), want: "expires in 10d, less than 336h"},
		{name: "expired", tls: trust("lb.example", 0), leaf: leaf(ca, -9*day, -3*day-time.Minute), want: "certificate of lb.example expired 3d ago"},
		{name: "just expired", tls: trust("lb.example", 0), leaf: leaf(ca, -9*day, -5*time.Minute-time.Second), want: "certificate of lb.example expired 5m ago"},
		{name: "not yet valid", tls: trust("lb.example", 0), leaf: leaf(ca, day, 9*day), want: "certificate of lb.example is not valid before 20"},
		{name: "unknown authority", tls: trust("lb.example", 0), leaf: leaf(stranger, -day, day), want: "certificate of lb.example: x509: certificate signed by unknown authority"},
		{name: "system's authorities", tls: checks.TLS{ServerName: "lb.example"}, leaf: good, want: "certificate of lb.example: x509: certificate signed by unknown authority"},
		{name: "insecure", tls: checks.TLS{Insecure: true}, host: "192.0.2.9", leaf: leaf(stranger, -9*day, -day)},
		{name: "insecure, valid", tls: checks.TLS{Insecure: true, Valid: time.Hour}, host: "192.0.2.9", leaf: good},
		{name: "insecure, soon over", tls: checks.TLS{Insecure: true, Valid: 336 * time.Hour}, host: "192.0.2.9", leaf: good, want: "certificate of 192.0.2.9 expires in 53h, less than 336h"},
		{name: "none", tls: trust("lb.example", 0), want: "certificate of lb.example: the server shows none"},
		{name: "none, insecure", tls: checks.TLS{Insecure: true}, host: "192.0.2.9", want: "certificate of 192.0.2.9: the server shows none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, _, err := tlsConfig(c.tls, c.host)
			labtest.OK(t, err)
			var shown []*x509.Certificate
			if c.leaf != nil {
				shown = append(shown, c.leaf)
			}
			want(t, config.VerifyConnection(tls.ConnectionState{PeerCertificates: shown}), c.want)
		})
	}
}

// TestVerifyChain: intermediates that the server shows are used.
func TestVerifyChain(t *testing.T) {
	root, middle := newAuthority(t), newAuthority(t)
	labtest.OK(t, os.Remove(middle.file))
	middle.signedBy(root)
	pair := middle.pair("server", day, "lb.example")
	config, _, err := tlsConfig(checks.TLS{CA: root.file}, "lb.example")
	labtest.OK(t, err)
	verify := func(chain ...*x509.Certificate) error {
		return config.VerifyConnection(tls.ConnectionState{PeerCertificates: chain})
	}
	want(t, verify(pair.Leaf, middle.cert), "")
	want(t, verify(pair.Leaf), "unknown authority")
	want(t, verify(middle.cert, pair.Leaf), "certificate of lb.example: x509: certificate is not valid for any names")
}

// signedBy replaces the authority's certificate by one of another authority's.
func (a *authority) signedBy(root *authority) {
	a.t.Helper()
	der, err := x509.CreateCertificate(nil, a.cert, root.cert, a.key.Public(), root.key)
	labtest.OK(a.t, err)
	a.cert, err = x509.ParseCertificate(der)
	labtest.OK(a.t, err)
}

// shakeHands is a TLS server that reads until the client is gone.
func shakeHands(config *tls.Config) func(net.Conn) {
	return func(c net.Conn) {
		s := tls.Server(c, config)
		hush(s)
		s.Close()
	}
}

func TestHandshake(t *testing.T) {
	f := newField(t)
	ca, stranger := newAuthority(t), newAuthority(t)
	hosts := []string{server4, server6, "lb.example"}
	serve := func(pair tls.Certificate, change func(*tls.Config)) (port string, visitors *seen) {
		config := &tls.Config{Certificates: []tls.Certificate{pair}}
		if change != nil {
			change(config)
		}
		return f.listen(shakeHands(config))
	}
	pair := ca.pair("server", 53*time.Hour+time.Minute, hosts...)
	good, visitors := serve(pair, nil)
	old, _ := serve(ca.pair("old", -3*time.Hour-time.Minute, hosts...), nil)
	strange, _ := serve(stranger.pair("strange", day, hosts...), nil)
	v12, _ := serve(pair, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })
	clients := x509.NewCertPool()
	clients.AddCert(ca.cert)
	mutual := func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, clients }
	mutual13, _ := serve(pair, mutual)
	mutual12, _ := serve(pair, func(c *tls.Config) { mutual(c); c.MaxVersion = tls.VersionTLS12 })
	deaf, _ := f.listen(func(c net.Conn) {
		s := tls.Server(c, func() *tls.Config {
			c := &tls.Config{Certificates: []tls.Certificate{pair}}
			mutual(c)
			return c
		}())
		_ = s.HandshakeContext(context.Background())
		hush(c) // doesn't take leave
	})
	plain, _ := f.listen(say("220 mail.example\r\n"))
	quiet, _ := f.listen(hush)
	rude, _ := f.listen(func(net.Conn) {})
	lost, _ := f.listen(hush)
	f.swallow("tcp dport " + lost)
	closed := f.free()

	trust := checks.TLS{CA: ca.file}
	ours, oursKey := ca.issue("client", -day, day, "node")
	theirs, theirsKey := stranger.issue("client", -day, day, "node")
	at := func(port string, c checks.TLS) checks.Handshake {
		return checks.Handshake{TLS: c, Address: net.JoinHostPort(server4, port)}
	}
	with := func(cert, key string) checks.TLS {
		return checks.TLS{CA: ca.file, Certificate: cert, Key: key}
	}
	phase := func(port string) string { return "TLS handshake with " + net.JoinHostPort(server4, port) + ": " }
	f.table([]outcome{
		{name: "passing IPv4", kind: at(good, trust)},
		{name: "passing IPv6", kind: checks.Handshake{TLS: trust, Address: net.JoinHostPort(server6, good)}},
		{name: "passing TLS 1.2", kind: at(v12, trust)},
		{name: "server name", kind: at(good, checks.TLS{CA: ca.file, ServerName: "lb.example"})},
		{name: "wrong name", kind: at(good, checks.TLS{CA: ca.file, ServerName: "www.example"}), want: phase(good) + "certificate of www.example: x509: certificate is valid for lb.example, not www.example"},
		{name: "expired", kind: at(old, trust), want: phase(old) + "certificate of 192.0.2.10 expired 3h ago"},
		{name: "expired, insecure", kind: at(old, checks.TLS{Insecure: true})},
		{name: "not valid long enough", kind: at(good, checks.TLS{CA: ca.file, Valid: 336 * time.Hour}), want: "certificate of 192.0.2.10 expires in 53h, less than 336h"},
		{name: "unknown authority", kind: at(strange, trust), want: "unknown authority"},
		{name: "unknown authority, insecure", kind: at(strange, checks.TLS{Insecure: true})},
		{name: "client certificate TLS 1.3", kind: at(mutual13, with(ours, oursKey))},
		{name: "client certificate TLS 1.2", kind: at(mutual12, with(ours, oursKey))},
		{name: "client certificate, server deaf", kind: at(deaf, with(ours, oursKey)), timeout: 2 * short},
		{name: "no client certificate TLS 1.3", kind: at(mutual13, trust), want: phase(mutual13) + "remote error: tls: certificate required"},
		{name: "no client certificate TLS 1.2", kind: at(mutual12, trust), want: phase(mutual12) + "remote error: tls: "},
		{name: "strange client certificate TLS 1.3", kind: at(mutual13, with(theirs, theirsKey)), want: "remote error: tls: "},
		{name: "strange client certificate TLS 1.2", kind: at(mutual12, with(theirs, theirsKey)), want: "remote error: tls: "},
		{name: "no TLS", kind: at(plain, trust), want: phase(plain) + "tls: first record does not look like a TLS handshake"},
		{name: "closed", kind: at(rude, trust), want: phase(rude)},
		{name: "slow", kind: at(quiet, trust), timeout: short, want: phase(quiet) + "no answer in time", is: context.DeadlineExceeded},
		{name: "refused", kind: at(closed, trust), want: "connecting to " + net.JoinHostPort(server4, closed) + ": connection refused", is: syscall.ECONNREFUSED},
		{name: "blackholed", kind: at(lost, trust), timeout: short, want: "connecting to " + net.JoinHostPort(server4, lost) + ": no answer in time", is: context.DeadlineExceeded},
	})
	f.bindings(func(b checks.Bind, host string) checks.Kind {
		return checks.Handshake{Bind: b, TLS: trust, Address: net.JoinHostPort(host, good)}
	}, visitors)
}

// TestHandshakeOpenSSL: another's implementation.
func TestHandshakeOpenSSL(t *testing.T) {
	labtest.Need(t, "openssl")
	f := newField(t)
	ca := newAuthority(t)
	cert, key := ca.issue("server", -day, day, server4)
	ours, oursKey := ca.issue("client", -day, day, "node")
	port := f.free()
	labtest.Start(t, f.server, "openssl", "s_server", "-quiet", "-accept", port, "-cert", cert, "-key", key, "-CAfile", ca.file, "-Verify", "1", "-verify_return_error")
	p := f.make(checks.Handshake{Address: net.JoinHostPort(server4, port), TLS: checks.TLS{CA: ca.file, Certificate: ours, Key: oursKey}})
	labtest.Eventually(t, plenty, "openssl takes the certificate", func() bool { return f.look(p, plenty) == nil })
	bare := f.make(checks.Handshake{Address: net.JoinHostPort(server4, port), TLS: checks.TLS{CA: ca.file}})
	want(t, f.look(bare, plenty), "remote error: tls: ")
}

func TestRootsUnreadable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	if _, _, err := tlsConfig(checks.TLS{CA: file}, "lb.example"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want %v", err, os.ErrNotExist)
	}
}
