// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/vicar-ha/vicar/checks"
)

// grpcLink makes the connections of a client and remembers why the last one
// failed: of that grpc itself tells only a text.
type grpcLink struct {
	credentials.TransportCredentials

	address string
	dialer  *net.Dialer
	files   *trust // or nil
	failed  *lastError
	carrier *carrier
}

// lastError is set in grpc's goroutines.
type lastError struct {
	mu  sync.Mutex
	err error
}

func (l *lastError) set(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// newGRPCLink prepares for a server on host.
func newGRPCLink(k checks.GRPC, host string) (*grpcLink, *keptCertificate, error) {
	l := &grpcLink{
		TransportCredentials: insecure.NewCredentials(),
		address:              k.Address,
		dialer:               dialer(k.Bind),
		failed:               new(lastError),
		carrier:              new(carrier),
	}
	if !k.Secure {
		return l, nil, nil
	}
	cfg, files, err := tlsConfig(k.TLS, host)
	if err != nil {
		return nil, nil, err
	}
	l.files, l.TransportCredentials = files, credentials.NewTLS(cfg)
	return l, newKeptCertificate(k.TLS, cfg.ServerName), nil
}

// dial is grpc's dialer.
func (l *grpcLink) dial(ctx context.Context, address string) (net.Conn, error) {
	c, err := dial(ctx, l.dialer, "tcp", address)
	l.failed.set(err)
	l.carrier.set(c)
	return c, err
}

// ClientHandshake implements credentials.TransportCredentials.
func (l *grpcLink) ClientHandshake(
	ctx context.Context, authority string, raw net.Conn,
) (net.Conn, credentials.AuthInfo, error) {
	c, info, err := l.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err != nil {
		l.failed.set(fmt.Errorf("TLS handshake with %s: %w", l.address, l.files.explain(answerError(ctx, err))))
	}
	return c, info, err
}

// Clone implements credentials.TransportCredentials.
func (l *grpcLink) Clone() credentials.TransportCredentials {
	c := *l
	c.TransportCredentials = l.TransportCredentials.Clone()
	return &c
}

// failure is why the last connection was not made, or nil.
func (l *grpcLink) failure() error {
	l.failed.mu.Lock()
	defer l.failed.mu.Unlock()
	return l.failed.err
}

// forget prepares for a new client.
func (l *grpcLink) forget() { l.failed.set(nil) }
