// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

const (
	maxWarm = 16
	// pingEvery is below the time after which services of AWS close connections
	// that nothing comes from (less than a minute with some of them).
	pingEvery  = 15 * time.Second
	pingWithin = 2 * time.Second
)

// buildable is the SDK's client, which takes its certificates from
// AWS_CA_BUNDLE, and its proxy from the configuration or the environment.
func buildable(proxy string) (*awshttp.BuildableClient, error) {
	through := http.ProxyFromEnvironment
	if proxy != "" {
		at, err := url.Parse(proxy)
		if err != nil {
			return nil, fmt.Errorf("aws: the proxy's address: %w", err)
		}
		through = http.ProxyURL(at)
	}
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) {
			d.Timeout = pingWithin
			d.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: time.Second, Count: 3}
		}).
		WithTransportOptions(func(t *http.Transport) {
			t.Proxy = through
			t.MaxIdleConns, t.MaxIdleConnsPerHost = 4*maxWarm, 2*maxWarm
			t.IdleConnTimeout = 3 * pingEvery
			t.TLSHandshakeTimeout = pingWithin
			// A connection that has to be made anew needs one round trip less.
			t.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(0)
		}), nil
}

// plain is the client as one that can close what is idle, and that follows no
// redirection.
func plain(c sdk.HTTPClient, transport http.RoundTripper) *http.Client {
	if b, ok := c.(*awshttp.BuildableClient); ok && transport == nil {
		transport = b.GetTransport()
	}
	if transport == nil {
		transport = http.DefaultTransport
	}
	return &http.Client{
		Transport:     inMemory{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// keepWarm keeps Config.Warm connections to EC2 open.
func (s *Session) keepWarm(ctx context.Context) {
	lost := false
	for {
		err := s.warm(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !lost:
			s.log.LogAttrs(ctx, slog.LevelWarn, "aws: EC2 can't be reached", slog.Any("err", err))
		case err == nil && lost:
			s.log.LogAttrs(ctx, slog.LevelInfo, "aws: EC2 is reached again")
		}
		lost = err != nil
		wait := pingEvery
		if lost {
			wait /= 3
		}
		if !sleep(ctx, wait-rand.N(wait/5)) {
			return
		}
	}
}

// warm has Config.Warm connections open, and drops them all when that fails: a
// request that is sent into a dead one would be lost.
func (s *Session) warm(ctx context.Context) error {
	_, err := s.ping(ctx, s.cfg.Warm)
	if err != nil {
		s.http.CloseIdleConnections()
	}
	return err
}

// pong is what an endpoint has answered.
type pong struct {
	endpoint string
	date     time.Time // the server's; zero if it told none
}

// ping asks EC2's endpoint for nothing, n times side by side and on a connection
// each. Such a request is not signed and takes nothing from the account's rate of
// requests. Any answer is good: it came from where requests go to.
func (s *Session) ping(ctx context.Context, n int) (pong, error) {
	ctx, cancel := context.WithTimeout(ctx, pingWithin)
	defer cancel()
	endpoint, err := s.endpoint(ctx)
	if err != nil {
		return pong{}, err
	}
	var (
		work, answered sync.WaitGroup
		answers        = make([]pong, n)
		errs           = make([]error, n)
	)
	answered.Add(n)
	for i := range n {
		work.Go(func() { answers[i], errs[i] = s.knock(ctx, endpoint, &answered) })
	}
	work.Wait()
	if err := errors.Join(errs...); err != nil {
		return pong{endpoint: endpoint.String()}, fmt.Errorf("asking %s for an answer: %w", endpoint, err)
	}
	return answers[0], nil
}

// knock asks once, and gives its connection back when all have an answer: none is
// used twice.
func (s *Session) knock(ctx context.Context, endpoint *url.URL, answered *sync.WaitGroup) (pong, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint.JoinPath("ping").String(), http.NoBody)
	if err != nil {
		answered.Done()
		return pong{}, err
	}
	answer, err := s.http.Do(request)
	answered.Done()
	if err != nil {
		return pong{}, err
	}
	defer answer.Body.Close()
	answered.Wait()
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	date, _ := http.ParseTime(answer.Header.Get("Date")) // not told: zero
	return pong{endpoint: endpoint.String(), date: date}, err
}

// endpoint is where the SDK sends requests for EC2.
func (s *Session) endpoint(ctx context.Context) (*url.URL, error) {
	c, err := s.ready(ctx)
	if err != nil {
		return nil, err
	}
	o := c.ec2.Options()
	if o.BaseEndpoint != nil {
		return url.Parse(*o.BaseEndpoint)
	}
	return resolve(ctx, o)
}

// resolve is EC2's endpoint by the SDK's rules alone.
func resolve(ctx context.Context, o ec2.Options) (*url.URL, error) {
	at, err := o.EndpointResolverV2.ResolveEndpoint(ctx, ec2.EndpointParameters{
		Region:       sdk.String(o.Region),
		UseDualStack: sdk.Bool(o.EndpointOptions.UseDualStackEndpoint == sdk.DualStackEndpointStateEnabled),
		UseFIPS:      sdk.Bool(o.EndpointOptions.UseFIPSEndpoint == sdk.FIPSEndpointStateEnabled),
	})
	if err != nil {
		return nil, fmt.Errorf("finding EC2's endpoint in region %q: %w", o.Region, err)
	}
	return &at.URI, nil
}
