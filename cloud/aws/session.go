// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/vicar-ha/vicar/cloud"
)

// Config says how to reach AWS. What is empty is what the machine's metadata and
// the SDK's usual places (environment, shared files) say.
type Config struct {
	Region string
	// The endpoints are URLs, for VPC endpoints with names of their own, and tests.
	EC2Endpoint      string
	IMDSEndpoint     string
	DynamoDBEndpoint string
	STSEndpoint      string
	SSMEndpoint      string

	SecretsManagerEndpoint string

	Proxy string // an http URL; never used for the metadata service
	// Role is the ARN of a role that is assumed for route tables: those of a shared
	// VPC belong to its owner's account. Interfaces and Elastic IPs are this
	// machine's account's.
	Role string
	// Warm is how many connections to EC2 are kept open: as many as a take-over has
	// requests side by side. At least 1, at most maxWarm.
	Warm int
	// Transport carries all requests, in place of the network. For tests.
	Transport http.RoundTripper
	Log       *slog.Logger // required
}

// Session is this machine's way to AWS. It is safe for concurrent use.
type Session struct {
	cfg   Config
	log   *slog.Logger
	meta  *metadata
	base  sdk.Config // its Region may be empty, see ready
	http  *http.Client
	spend *bucket
	own   *keeper // the machine's credentials
	role  *keeper // those of Config.Role; nil without one

	looking chan struct{} // has room for the one that asks who this machine is
	self    atomic.Pointer[machine]
	clients atomic.Pointer[clients]
	sizes   sync.Map     // limits of instance types, by name
	tried   cloud.Trials // of actions
}

// clients are made once the region is known.
type clients struct {
	region string
	ec2    *ec2.Client // for the machine's account
	routes *ec2.Client // for the account that the route tables belong to
	tables *dynamodb.Client
	role   sdk.CredentialsProvider // nil without Config.Role
}

// New reads the SDK's configuration and asks nobody: AWS may be out of reach. Run
// does the rest.
func New(ctx context.Context, cfg Config) (*Session, error) {
	if cfg.Log == nil {
		return nil, errors.New("aws: no logger")
	}
	cfg.Warm = min(max(cfg.Warm, 1), maxWarm)
	client, err := buildable(cfg.Proxy)
	if err != nil {
		return nil, err
	}
	meta := newMetadata(cfg)
	base, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(client),
		config.WithAppID("vicar"), // shown in CloudTrail
		config.WithLogger(sdkLog(cfg.Log)),
		config.WithRetryer(func() sdk.Retryer { return sdk.NopRetryer{} }),
		config.WithEC2RoleCredentialOptions(func(o *ec2rolecreds.Options) { o.Client = meta }),
	)
	if err != nil {
		return nil, fmt.Errorf("aws: reading the SDK's configuration: %w", err)
	}
	if cfg.Region != "" {
		base.Region = cfg.Region
	}
	own, err := findCredentials(base.Credentials, meta)
	if err != nil {
		return nil, err
	}
	s := &Session{
		cfg: cfg, log: cfg.Log, meta: meta, base: base, http: plain(base.HTTPClient, cfg.Transport),
		spend: newBucket(writeBurst, writesPerSecond), own: newKeeper(ownName, own),
		looking: make(chan struct{}, 1),
	}
	s.base.HTTPClient, s.base.Credentials = s.http, s.own
	if cfg.Role != "" {
		s.role = newKeeper(cfg.Role, sdk.CredentialsProviderFunc(s.assume))
	}
	if base.Region != "" {
		s.clients.Store(s.build(base.Region))
	}
	return s, nil
}

// build makes the clients of a region.
func (s *Session) build(region string) *clients {
	base := s.base
	base.Region = region
	toEC2 := func(o *ec2.Options) { o.BaseEndpoint = orElse(s.cfg.EC2Endpoint, o.BaseEndpoint) }
	own := ec2.NewFromConfig(base, toEC2)
	c := &clients{region: region, ec2: own, routes: own}
	c.tables = dynamodb.NewFromConfig(base, func(o *dynamodb.Options) {
		o.BaseEndpoint = orElse(s.cfg.DynamoDBEndpoint, o.BaseEndpoint)
	})
	if s.cfg.Role != "" {
		c.role = stscreds.NewAssumeRoleProvider(
			sts.NewFromConfig(base, func(o *sts.Options) { o.BaseEndpoint = orElse(s.cfg.STSEndpoint, o.BaseEndpoint) }),
			s.cfg.Role, func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = "vicar" })
		base.Credentials = s.role
		c.routes = ec2.NewFromConfig(base, toEC2)
	}
	return c
}

// Forget has refusals count no more: the policy is said to be put right.
func (s *Session) Forget() { s.tried.Forget() }

func orElse(url string, other *string) *string {
	if url == "" {
		return other
	}
	return &url
}

// ready are the clients; it waits for the region if that is not known yet.
func (s *Session) ready(ctx context.Context) (*clients, error) {
	if c := s.clients.Load(); c != nil {
		return c, nil
	}
	if _, err := s.machine(ctx); err != nil {
		return nil, fmt.Errorf("finding the region: %w", err)
	}
	return s.clients.Load(), nil
}

func (s *Session) assume(ctx context.Context) (sdk.Credentials, error) {
	c, err := s.ready(ctx)
	if err != nil {
		return sdk.Credentials{}, err
	}
	return c.role.Retrieve(ctx)
}

// Run keeps at hand what a take-over needs, until ctx ends: credentials,
// connections, and who this machine is. It returns nil.
func (s *Session) Run(ctx context.Context) error {
	var work sync.WaitGroup
	work.Go(func() { s.own.keep(ctx, s.log) })
	if s.role != nil {
		work.Go(func() { s.role.keep(ctx, s.log) })
	}
	work.Go(func() { s.keepMachine(ctx) })
	work.Go(func() { s.keepWarm(ctx) })
	work.Wait()
	return nil
}
