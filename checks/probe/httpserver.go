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
}

// newHTTPServer prepares for the server of u. version is 0 for any.
func newHTTPServer(k checks.HTTP, u *url.URL, version int) (httpServer, error) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	s := httpServer{scheme: u.Scheme, address: net.JoinHostPort(u.Hostname(), port)}
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
			return c, nil
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
	return nil, fmt.Errorf("TLS handshake with %s: %w", s.address, answerError(ctx, err))
}
