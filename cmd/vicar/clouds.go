// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/aws"
	"github.com/vicar-ha/vicar/cloud/exec"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
)

// clouds are what moves this node's routers beside the kernel: the movers of a
// cloud, and programs. What is about AWS doesn't change while the agent runs.
type clouds struct {
	cluster string
	node    string
	watch   config.Watch
	session *aws.Session // nil: nothing of AWS
	world   cloudWorld
	kinds   map[config.MoverKind]*cloud.Mover
	signals signals

	mu       sync.Mutex
	programs map[string]*cloud.Mover // by argv, time limit and release
	started  func(*cloud.Mover)      // nil before run
	findings map[string][]status.Finding
	news     map[chan struct{}]string // who is told that a look at a router is worth while
	// refusedAt is when all routers were looked at for a refusal last.
	refusedAt time.Time
}

// cloudWorld is what clouds are built with.
type cloudWorld struct {
	epoch   func(vip.Claim) error // nil: no guard
	guarded bool
	prober  cloud.Prober // may be nil
	now     func() time.Time
	log     *slog.Logger
}

// newClouds builds what the configuration wants, nil if no router moves but by the
// kernel, and no table votes; a witness, which may be elsewhere, has no routers. It
// asks nobody.
func newClouds(ctx context.Context, c *config.Config, node string, w cloudWorld) (*clouds, error) {
	if !skyward(c) || witness(c, node) && c.Guard.Table == "" {
		return nil, nil
	}
	u := &clouds{
		cluster: c.Cluster, node: node, watch: c.Watch(), world: w, kinds: make(map[config.MoverKind]*cloud.Mover),
		programs: make(map[string]*cloud.Mover), findings: make(map[string][]status.Finding),
		news: make(map[chan struct{}]string),
	}
	if !c.UsesAWS() {
		return u, nil
	}
	var err error
	if u.session, err = aws.New(ctx, sessionConfig(c, w.log)); err != nil {
		return nil, fmt.Errorf("setting up AWS: %w", err)
	}
	for _, kind := range awsMeans(c) {
		p, err := awsProvider(u.session, kind, c, node)
		if err != nil {
			return nil, fmt.Errorf("setting up %s: %w", kind, err)
		}
		if u.kinds[kind], err = u.newMover(p, c.AWS.Release); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// sessionConfig is how AWS is reached.
func sessionConfig(c *config.Config, log *slog.Logger) aws.Config {
	a := c.AWS
	if a == nil { // only the peer link's keys are there
		a = new(config.AWS)
	}
	return aws.Config{
		Region: a.Region, EC2Endpoint: a.EC2Endpoint, IMDSEndpoint: a.IMDSEndpoint, DynamoDBEndpoint: a.DynamoDBEndpoint,
		STSEndpoint: a.STSEndpoint, SSMEndpoint: a.SSMEndpoint, SecretsManagerEndpoint: a.SecretsManagerEndpoint, Proxy: a.Proxy, Role: a.Role, Warm: writes(a), Log: log,
	}
}

// writes are how many requests a take-over of an address makes side by side.
func writes(a *config.AWS) int {
	most := 0
	for _, all := range a.Routes {
		n := 0
		for _, v := range all {
			n += len(v.Tables)
		}
		most = max(most, n)
	}
	return max(1, len(a.RouteTables)+most)
}

// along are the destinations that move along with addresses.
func along(a *config.AWS) map[netip.Addr][]aws.Destination {
	all := make(map[netip.Addr][]aws.Destination)
	for address, routes := range a.Routes {
		for _, v := range routes {
			all[address] = append(all[address], aws.Destination(v))
		}
	}
	return all
}

// awsProvider is one means of AWS, for this node.
func awsProvider(s *aws.Session, kind config.MoverKind, c *config.Config, node string) (cloud.Provider, error) {
	i := aws.Interface{ID: c.AWS.Interfaces[node], Address: firstOwn(c, node), TagKey: c.AWS.TagKey, TagValue: c.AWS.TagValue}
	switch kind {
	case config.MoveAWSSecondaryIP:
		return aws.NewSecondary(s, aws.SecondaryConfig{Interface: i, IPv6: c.AWS.IPv6Assign})
	case config.MoveAWSRoute:
		return aws.NewRoute(s, aws.RouteConfig{Interface: i, Tables: c.AWS.RouteTables, Along: along(c.AWS)})
	default:
		return aws.NewEIP(s, aws.EIPConfig{Interface: i, Allocations: c.AWS.Allocations, Follows: following(c)})
	}
}

// firstOwn is an address of the node that does not move.
func firstOwn(c *config.Config, node string) netip.Addr {
	if own := own(c, node); len(own) > 0 {
		return own[0]
	}
	return netip.Addr{}
}

func (u *clouds) newMover(p cloud.Provider, release bool) (*cloud.Mover, error) {
	w := u.world
	cfg := cloud.Config{Provider: p, Epoch: w.epoch, Prober: w.prober, Poll: u.watch.Poll, Release: release, Refused: u.refused, Log: w.log, Now: w.now}
	if w.guarded {
		cfg.Steal = cloud.StealAtOnce
	}
	return cloud.New(cfg)
}

// mover is that of the configuration's.
func (u *clouds) mover(m config.Mover) (*cloud.Mover, error) {
	if m.Kind != config.MoveExec {
		if known := u.kinds[m.Kind]; known != nil {
			return known, nil
		}
		return nil, fmt.Errorf("%s was not set up at the start: restart the agent", m.Kind)
	}
	key := fmt.Sprintf("%q %v %t", m.Exec, m.Timeout, m.Release)
	u.mu.Lock()
	defer u.mu.Unlock()
	if known := u.programs[key]; known != nil {
		return known, nil
	}
	p, err := exec.New(exec.Config{Argv: m.Exec, Timeout: m.Timeout, Cluster: u.cluster, Node: u.node})
	if err != nil {
		return nil, fmt.Errorf("setting up the mover %s: %w", m.Exec[0], err)
	}
	made, err := u.newMover(p, m.Release)
	if err != nil {
		return nil, err
	}
	u.programs[key] = made
	if u.started != nil {
		u.started(made)
	}
	return made, nil
}

// movers are a router's, in the order of acquiring; kernel is the host's.
func (u *clouds) movers(r config.Router, kernel agent.Mover) []agent.Mover {
	var all []agent.Mover
	for _, m := range r.Move {
		if m.Kind == config.MoveKernel {
			all = append(all, kernel)
			continue
		}
		moves, err := u.mover(m)
		if err != nil {
			all = append(all, unmoved{err})
			continue
		}
		all = append(all, moves)
	}
	return all
}

// unmoved is a mover that can't be had: a node that has it acquires nothing.
type unmoved struct{ err error }

func (b unmoved) Acquire(context.Context, vip.Claim) error      { return b.err }
func (b unmoved) Release(context.Context, vip.Claim) error      { return nil }
func (b unmoved) Held(context.Context, vip.Claim) (bool, error) { return false, nil }

// skyward tells whether the configuration needs a cloud.
func skyward(c *config.Config) bool {
	return c.Guard.Table != "" || slices.ContainsFunc(c.Routers, config.Router.Cloud)
}

// sameCloud tells whether two configurations want the same of AWS, by the same
// means. How often a standby looks, and what it loses by that, is its check's.
func sameCloud(a, b *config.Config) bool {
	return reflect.DeepEqual(fixedAWS(a), fixedAWS(b)) && slices.Equal(awsMeans(a), awsMeans(b)) && slices.Equal(following(a), following(b)) &&
		a.Guard.Table == b.Guard.Table && skyward(a) == skyward(b)
}

// fixedAWS is the section aws without what a reload can change; nil without it.
func fixedAWS(c *config.Config) *config.AWS {
	if c.AWS == nil {
		return nil
	}
	a := *c.AWS
	a.Readiness, a.ReadinessWeight = 0, 0
	a.Account, a.SSMEndpoint, a.SecretsManagerEndpoint = "", "", "" // commands' alone
	return &a
}

// awsMeans are the means of AWS by which some router moves.
func awsMeans(c *config.Config) []config.MoverKind {
	var all []config.MoverKind
	for _, kind := range []config.MoverKind{config.MoveAWSSecondaryIP, config.MoveAWSRoute, config.MoveAWSEIP} {
		if slices.ContainsFunc(c.Routers, func(r config.Router) bool { return r.Moves(kind) }) {
			all = append(all, kind)
		}
	}
	return all
}

// following are the addresses that Elastic IPs follow without a request.
func following(c *config.Config) []netip.Addr {
	var all []netip.Addr
	for _, r := range c.Routers {
		if r.Moves(config.MoveAWSEIP) && r.Moves(config.MoveAWSSecondaryIP) {
			for _, p := range slices.Concat(r.Addresses, r.Exclude) {
				all = append(all, p.Addr())
			}
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return all
}

// mayWrite tells whether this node may write to a cloud for a claim: it has the
// lease of the claim's term, which is the epoch of all such writes. One that is
// being given up it has still.
func (s *service) mayWrite(c vip.Claim) error {
	u := s.cluster
	if u == nil || u.guard == nil {
		return errNoLease
	}
	switch lease := u.guard.Lease(u.resourceOf(c.Router)); {
	case !lease.Until.After(s.clouds.world.now()):
		return errNoLease
	case lease.Term != c.Term:
		return fmt.Errorf("its lease is of term %d, and this is a write of term %d", lease.Term, c.Term)
	default:
		return nil
	}
}

var errNoLease = errors.New("it does not hold the lease")
