// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/grpclog"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/vicar-ha/vicar/checks"
)

// grpc writes errors to stderr by itself, and its logger can only be set for
// the whole process and before it is used. What it has to say comes back as
// errors too.
func init() { grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard)) }

const (
	grpcBuffer = 4 << 10  // for each direction of a connection
	grpcWindow = 64 << 10 // fixed: else each answer brings a ping that measures it
	grpcLimit  = 64 << 10 // of an answer, and of its header
)

// grpcProbe asks a server for its health (grpc.health.v1). It keeps the
// connection while looks pass and its tenure lasts. After a failure grpc would wait before it
// connects again, so each look then begins with a client of its own.
type grpcProbe struct {
	what    string // what is done, as errors begin
	target  string // passthrough: the dialer looks the name up
	request health.HealthCheckRequest
	options []grpc.DialOption
	link    *grpcLink // how connections are made
	kept    *keptCertificate
	fresh   bool

	client *grpc.ClientConn // or nil
	tenure tenure           // the client's
}

func newGRPC(k checks.GRPC) (checks.Probe, error) {
	host, _, err := net.SplitHostPort(k.Address)
	if err != nil {
		return nil, fmt.Errorf("address %s: %w", k.Address, err)
	}
	link, kept, err := newGRPCLink(k, host)
	if err != nil {
		return nil, err
	}
	p := &grpcProbe{
		what:   "asking " + k.Address + " for the health of the server",
		target: "passthrough:///" + k.Address,
		link:   link,
		kept:   kept,
		fresh:  k.Fresh,
		options: []grpc.DialOption{
			grpc.WithContextDialer(link.dial), grpc.WithTransportCredentials(link),
			grpc.WithNoProxy(), grpc.WithDisableServiceConfig(), grpc.WithDisableRetry(), grpc.WithIdleTimeout(0),
			grpc.WithUserAgent("vicar"), grpc.WithMaxHeaderListSize(grpcLimit),
			grpc.WithReadBufferSize(grpcBuffer), grpc.WithWriteBufferSize(grpcBuffer),
			grpc.WithStaticStreamWindowSize(grpcWindow), grpc.WithStaticConnWindowSize(grpcWindow),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(grpcLimit)),
		},
	}
	if k.Service != "" {
		p.what = fmt.Sprintf("asking %s for the health of service %q", k.Address, k.Service)
		p.request.Service = k.Service
	}
	return p, nil
}

// Probe implements checks.Probe.
func (p *grpcProbe) Probe(ctx context.Context) error {
	if p.client != nil && p.tenure.over() {
		p.drop()
	}
	kept := p.client != nil
	if kept && p.tenure.looks == 1 {
		p.link.carrier.hasten(ctx)
	}
	doubt, err := p.look(ctx)
	if doubt {
		p.drop()
		// The connection may have ended between looks, or show a certificate that
		// has been renewed since: only a new one tells.
		if kept && ctx.Err() == nil {
			if doubt, err = p.look(ctx); doubt {
				p.drop()
			}
		}
	}
	if p.fresh {
		p.drop()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.what, err)
	}
	return nil
}

// look looks once. doubt says that the error, if any, may be the connection's
// and not the server's.
func (p *grpcProbe) look(ctx context.Context) (doubt bool, err error) {
	if p.client == nil {
		p.link.forget()
		if p.client, err = grpc.NewClient(p.target, p.options...); err != nil {
			return true, fmt.Errorf("making a client: %w", err)
		}
		p.tenure = newTenure()
	}
	p.tenure.looks++
	var from peer.Peer
	answer, err := health.NewHealthClient(p.client).Check(ctx, &p.request, grpc.Peer(&from))
	if err != nil {
		return p.failure(ctx, err)
	}
	if info, ok := from.AuthInfo.(credentials.TLSInfo); ok {
		if err := p.kept.stillValid(&info.State, time.Now()); err != nil {
			return true, err
		}
	}
	if s := answer.GetStatus(); s != health.HealthCheckResponse_SERVING {
		return false, fmt.Errorf("status %s", s)
	}
	return false, nil
}

// errNoHealth is a server without the health service.
var errNoHealth = errors.New("the server does not offer the service grpc.health.v1.Health")

// errNoService is a service that a server knows nothing of.
var errNoService = errors.New("the server does not know the service")

// failure is what kept an answer from coming, for people.
func (p *grpcProbe) failure(ctx context.Context, err error) (doubt bool, _ error) {
	ready := p.client.GetState() == connectivity.Ready
	if ctx.Err() != nil {
		if !ready {
			return true, fmt.Errorf("connecting: %w", cause(ctx, err))
		}
		return true, cause(ctx, err)
	}
	if failed := p.link.failure(); failed != nil {
		return true, failed
	}
	switch s := status.Convert(err); s.Code() {
	case codes.Unimplemented:
		return false, errNoHealth
	case codes.NotFound:
		return false, errNoService
	default:
		return true, p.link.files.explain(fmt.Errorf("error %s %s", s.Code(), excerpt(s.Message())))
	}
}

// drop ends the client, if there is one.
func (p *grpcProbe) drop() {
	if p.client != nil {
		_ = p.client.Close() // nothing is lost with it
		p.client = nil
	}
}

// Close implements checks.Probe.
func (p *grpcProbe) Close() error {
	p.drop()
	return nil
}
