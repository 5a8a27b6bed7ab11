// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/vicar-ha/vicar/checks"
)

// handshake makes a TLS connection and closes it.
type handshake struct {
	dialer  *net.Dialer
	config  *tls.Config
	files   *trust
	address string
}

func newHandshake(k checks.Handshake) (checks.Probe, error) {
	host, err := hostOf(k.Address)
	if err != nil {
		return nil, err
	}
	config, files, err := tlsConfig(k.TLS, host)
	if err != nil {
		return nil, err
	}
	return &handshake{dialer: dialer(k.Bind), config: config, files: files, address: k.Address}, nil
}

// Probe implements checks.Probe.
func (p *handshake) Probe(ctx context.Context) error {
	conn, err := dial(ctx, p.dialer, "tcp", p.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	config, asked := p.config.Clone(), false
	config.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return suitable(r, p.files.currentPair()), nil
	}
	c := tls.Client(conn, config)
	if err := c.HandshakeContext(ctx); err != nil {
		return p.failed(ctx, err)
	}
	defer c.Close()
	if asked && c.ConnectionState().Version >= tls.VersionTLS13 {
		return p.accepted(ctx, c)
	}
	return nil
}

// accepted tells whether the server takes the client's certificate. In TLS 1.3
// it judges after the client's side of the handshake is over (RFC 8446 section
// 2), and says only what it doesn't like. So the client takes its leave, and
// the server's answer to that tells; as with UDP, silence passes.
func (p *handshake) accepted(ctx context.Context, c *tls.Conn) error {
	quiet, cancel := context.WithTimeout(ctx, patience(ctx))
	defer cancel()
	defer until(quiet, c)()
	err := c.CloseWrite()
	if err == nil {
		_, err = c.Read(make([]byte, 1))
	}
	op, ok := errors.AsType[*net.OpError](err)
	if ok && op.Op == opAlert || ctx.Err() != nil {
		return p.failed(ctx, err)
	}
	return nil
}

// failed is an error that may quote the server's certificate.
func (p *handshake) failed(ctx context.Context, err error) error {
	return harmless(fmt.Errorf("TLS handshake with %s: %w", p.address, p.files.explain(cause(ctx, err))))
}

// Close implements checks.Probe.
func (p *handshake) Close() error { return nil }
