// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/vicar-ha/vicar/checks"
)

// httpConn is a connection to a server.
type httpConn interface {
	// ask sends the question and returns the answer, whose body is to be closed.
	ask(ctx context.Context) (*http.Response, error)
	// usable tells whether another question can follow, as far as is known.
	usable() bool
	Close() error
}

// httpServer makes connections to one server. The transport is used for
// nothing else: it has no pool, no proxy, and no retries of its own, so that a
// look ends when its context does, dialling included.
type httpServer struct {
	request   *http.Request // but for the body
	body      string
	dialer    *net.Dialer
	address   string // host:port
	question  []byte // as HTTP/1.1 without TLS sends it; nil: the transport is used
	transport *http.Transport
	files     *trust // or nil
	kept      *keptCertificate
	carrier   carrier
}

// newHTTPServer prepares to ask the server of a request. version is 0 for any.
func newHTTPServer(k checks.HTTP, r *http.Request, version int) (*httpServer, error) {
	u := r.URL
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	s := &httpServer{request: r, body: k.Body, dialer: dialer(k.Bind), address: net.JoinHostPort(u.Hostname(), port)}
	if u.Scheme == "http" && version != 2 {
		var b bytes.Buffer
		if err := s.next(context.Background()).Write(&b); err != nil {
			return nil, fmt.Errorf("making the request: %w", err)
		}
		s.question = b.Bytes()
		return s, nil
	}
	s.transport = &http.Transport{
		DisableCompression:     true,
		MaxResponseHeaderBytes: headerLimit,
		Protocols:              httpProtocols(u.Scheme, version),
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := s.dial(ctx)
			if err != nil {
				return nil, &dialError{err}
			}
			return c, nil
		},
	}
	if u.Scheme == "https" {
		cfg, files, err := tlsConfig(k.TLS, u.Hostname())
		if err != nil {
			return nil, err
		}
		s.transport.TLSClientConfig, s.files = cfg, files
		s.kept = newKeptCertificate(k.TLS, cfg.ServerName)
	}
	return s, nil
}

// next is the request of a look.
func (s *httpServer) next(ctx context.Context) *http.Request {
	r := s.request.WithContext(ctx)
	if s.body != "" {
		r.Body = io.NopCloser(strings.NewReader(s.body))
	}
	return r
}

func (s *httpServer) dial(ctx context.Context) (net.Conn, error) {
	c, err := dial(ctx, s.dialer, "tcp", s.address)
	s.carrier.set(c)
	return c, err
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
func (s *httpServer) connect(ctx context.Context) (httpConn, error) {
	if s.question != nil {
		c, err := s.dial(ctx)
		if err != nil {
			return nil, err
		}
		return newPlainConn(c, s.request, s.question), nil
	}
	c, err := s.transport.NewClientConn(ctx, s.request.URL.Scheme, s.address)
	if err == nil {
		return &libraryConn{c, s}, nil
	}
	if failed, ok := errors.AsType[*dialError](err); ok {
		return nil, failed.err
	}
	what := "TLS handshake"
	if !s.transport.Protocols.HTTP1() {
		what += " for HTTP/2" // which may be what the server refuses
	}
	return nil, fmt.Errorf("%s with %s: %w", what, s.address, s.files.explain(answerError(ctx, err)))
}

// libraryConn is a connection of net/http.
type libraryConn struct {
	*http.ClientConn

	server *httpServer
}

// ask implements httpConn.
func (c *libraryConn) ask(ctx context.Context) (*http.Response, error) {
	return c.RoundTrip(c.server.next(ctx))
}

// usable implements httpConn.
func (c *libraryConn) usable() bool { return c.Err() == nil }
