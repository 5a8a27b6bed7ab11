// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/vicar-ha/vicar/checks"
)

// httpServer makes connections to one server. The transport is used for
// nothing else: it has no pool, no proxy, and no retries of its own, so that a
// look ends when its context does, dialling included.
type httpServer struct {
	transport *http.Transport
	scheme    string
	address   string // host:port
	kept      *keptCertificate
	talk      *talk // HTTP/1.1 without TLS, or nil
}

// newHTTPServer prepares for the server of u. version is 0 for any.
func newHTTPServer(k checks.HTTP, u *url.URL, version int) (httpServer, error) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	s := httpServer{scheme: u.Scheme, address: net.JoinHostPort(u.Hostname(), port)}
	if u.Scheme == "http" && version != 2 {
		s.talk = new(talk)
	}
	d := dialer(k.Bind)
	s.transport = &http.Transport{
		DisableCompression:     true,
		MaxResponseHeaderBytes: headerLimit,
		Protocols:              httpProtocols(u.Scheme, version),
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dial(ctx, d, network, address)
			if err != nil {
				return nil, &dialError{err}
			}
			return s.talk.wrap(c), nil
		},
	}
	if u.Scheme == "https" {
		cfg, err := tlsConfig(k.TLS, u.Hostname())
		if err != nil {
			return httpServer{}, err
		}
		s.transport.TLSClientConfig = cfg
		s.kept = newKeptCertificate(k.TLS, cfg.ServerName)
	}
	return s, nil
}

// httpProtocols are what is offered to the server. Without TLS nothing is
// negotiated: HTTP/2 is known to be spoken (RFC 9113 section 3.3).
func httpProtocols(scheme string, version int) *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(version != 2)
	switch scheme {
	case "https":
		p.SetHTTP2(version != 1)
	default:
		p.SetUnencryptedHTTP2(version == 2)
	}
	return &p
}

// dialError is that of a connection that was not made.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// connect makes a connection, with TLS if the scheme says so.
func (s *httpServer) connect(ctx context.Context) (*http.ClientConn, error) {
	c, err := s.transport.NewClientConn(ctx, s.scheme, s.address)
	if err == nil {
		return c, nil
	}
	if failed, ok := errors.AsType[*dialError](err); ok {
		return nil, failed.err
	}
	what := "TLS handshake"
	if !s.transport.Protocols.HTTP1() {
		what += " for HTTP/2" // which may be what the server refuses
	}
	return nil, fmt.Errorf("%s with %s: %w", what, s.address, answerError(ctx, err))
}

// errUnasked is a server that speaks first, which HTTP/1.1 knows nothing of.
var errUnasked = errors.New("the server speaks without being asked: this is not HTTP")

// talk tells whose turn it is on a connection. Of a server that speaks first
// net/http would write to the process's log, at each look, and its error says
// nothing.
type talk struct{ asked atomic.Bool }

// over says that the question has been answered.
func (t *talk) over() {
	if t != nil {
		t.asked.Store(false)
	}
}

func (t *talk) wrap(c net.Conn) net.Conn {
	if t == nil {
		return c
	}
	t.over()
	return &talkConn{c, t}
}

// talkConn is a connection on which the server speaks when it is asked.
type talkConn struct {
	net.Conn

	talk *talk
}

func (c *talkConn) Write(b []byte) (int, error) {
	c.talk.asked.Store(true)
	return c.Conn.Write(b)
}

func (c *talkConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && !c.talk.asked.Load() {
		return 0, errUnasked
	}
	return n, err
}
