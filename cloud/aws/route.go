// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/vicar-ha/vicar/cloud"
)

// RouteConfig says where routes are written.
type RouteConfig struct {
	Interface Interface // this node's, where the routes lead to
	Tables    []string  // rtb-..., of the routes to the addresses themselves
	// Along are the destinations that move with an address: what lies behind the
	// node that holds it.
	Along map[netip.Addr][]Destination
}

// Destination is where packets are for, by the routes of some tables.
type Destination struct {
	To     netip.Prefix // of either family, whatever the address is of
	Tables []string     // rtb-...
}

// Route moves addresses that are outside the VPC by a route to each, in all
// tables, and with them the routes to what is behind their holder. The nodes may
// be in different zones.
type Route struct {
	*means
	tables []string
	along  map[netip.Addr][]Destination

	shown lately[tables] // to who looks whether a take-over would succeed

	lock   sync.Mutex
	absent map[string]bool // routes, by Object.ID, that were not there when last looked for
}

var (
	_ cloud.Provider = (*Route)(nil)
	_ cloud.Examiner = (*Route)(nil)
	_ cloud.Counter  = (*Route)(nil)
)

// NewRoute checks cfg, and asks nobody.
func NewRoute(s *Session, cfg RouteConfig) (*Route, error) {
	m, err := newMeans(s, cfg.Interface)
	if err != nil {
		return nil, err
	}
	if len(cfg.Tables) == 0 {
		return nil, errors.New("aws: routes need a route table")
	}
	for address, all := range cfg.Along {
		for _, d := range all {
			if !d.To.IsValid() || d.To != d.To.Masked() || len(d.Tables) == 0 {
				return nil, fmt.Errorf("aws: %s can't move with %s: it needs a table, and nothing behind the prefix length", d.To, address)
			}
		}
	}
	return &Route{means: m, tables: slices.Clone(cfg.Tables), along: maps.Clone(cfg.Along), absent: map[string]bool{}}, nil
}

// Kind satisfies cloud.Provider.
func (*Route) Kind() string { return "aws-route" }

// Objects are a route per address and table, and one per destination that moves
// with an address and table of its.
func (p *Route) Objects(addresses []netip.Prefix) ([]cloud.Object, error) {
	var all []cloud.Object
	for _, a := range addresses {
		own := Destination{To: alone(a.Addr()), Tables: p.tables}
		for _, d := range append([]Destination{own}, p.along[a.Addr()]...) {
			for _, table := range d.Tables {
				all = append(all, cloud.Object{ID: table + " " + d.To.String(), Address: a.Addr()})
			}
		}
	}
	return all, nil
}

func alone(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// Observe reads the tables. A table that is not there has no holder; who writes
// to it is told.
func (p *Route) Observe(ctx context.Context, objects []cloud.Object) ([]cloud.Ownership, error) {
	eni, err := p.eni(ctx)
	if err != nil {
		return nil, err
	}
	tables, err := p.read(ctx, objects)
	if err != nil {
		return nil, err
	}
	seen := make([]cloud.Ownership, len(objects))
	for i, o := range objects {
		seen[i].Object = o
		r, ok := tables.route(o)
		p.note(o, !ok)
		if ok {
			seen[i].Holder = target(r)
			seen[i].Dead = r.State == types.RouteStateBlackhole
			// A route that leads to this node's interface and is dead is not taken, but
			// written again: it doesn't say why it is dead.
			seen[i].Mine = seen[i].Holder == eni && !seen[i].Dead
		}
	}
	return seen, nil
}

// Take points the routes here, all side by side.
func (p *Route) Take(ctx context.Context, objects []cloud.Object, how cloud.Taking) error {
	eni, err := p.eni(ctx)
	if err != nil {
		return err
	}
	c, err := p.s.ready(ctx)
	if err != nil {
		return err
	}
	if how.Steal {
		return outcome(each(objects, func(o cloud.Object) error { return p.point(ctx, c, o, eni, how) }))
	}
	seen, err := p.Observe(ctx, objects)
	if err != nil {
		return err
	}
	return outcome(each(objects, func(o cloud.Object) error {
		now := seen[slices.Index(objects, o)]
		switch {
		case now.Mine:
			return nil
		case now.Holder == "":
			// Fails if another has made it meanwhile: what is free is taken by one.
			return p.create(ctx, c, o, eni, how)
		case now.Dead:
			return p.replace(ctx, c, o, eni, how)
		}
		return conflict(now, replaceRoute)
	}))
}

// point replaces the route, or makes it where there is none: first what it has
// been when it was last looked for, then the other.
func (p *Route) point(ctx context.Context, c *clients, o cloud.Object, eni string, how cloud.Taking) error {
	if p.missing(o) {
		err := p.create(ctx, c, o, eni, how)
		if code(err) != "RouteAlreadyExists" {
			return err
		}
		p.note(o, false)
		return p.replace(ctx, c, o, eni, how)
	}
	err := p.replace(ctx, c, o, eni, how)
	// A route that is not there is an invalid parameter, which may mean other things
	// too; making it tells.
	if code(err) != "InvalidParameterValue" && code(err) != "InvalidRoute.NotFound" {
		return err
	}
	p.note(o, true)
	made := p.create(ctx, c, o, eni, how)
	switch {
	case made == nil:
		return nil
	case code(made) == "RouteAlreadyExists":
		// Another has made it in the meantime.
		p.note(o, false)
		return p.replace(ctx, c, o, eni, how)
	case cloud.KindOf(made) == cloud.Invalid:
		return fmt.Errorf("%w (and to make it: %w)", err, made)
	}
	return made
}

func (p *Route) missing(o cloud.Object) bool {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.absent[o.ID]
}

func (p *Route) note(o cloud.Object, absent bool) {
	p.lock.Lock()
	defer p.lock.Unlock()
	if absent {
		p.absent[o.ID] = true
	} else {
		delete(p.absent, o.ID)
	}
}

// to is the route's destination, in the parameter of its family.
func to(o cloud.Object) (v4, v6 *string) {
	d := destination(o)
	text := d.String()
	if d.Addr().Is4() {
		return &text, nil
	}
	return nil, &text
}

func (p *Route) replace(ctx context.Context, c *clients, o cloud.Object, eni string, how cloud.Taking) error {
	v4, v6 := to(o)
	_, err := write(ctx, p.means, how, replaceRoute, o.ID, func() (*ec2.ReplaceRouteOutput, error) {
		return c.routes.ReplaceRoute(ctx, &ec2.ReplaceRouteInput{
			RouteTableId: sdk.String(table(o)), NetworkInterfaceId: &eni, DestinationCidrBlock: v4, DestinationIpv6CidrBlock: v6,
		})
	})
	return err
}

func (p *Route) create(ctx context.Context, c *clients, o cloud.Object, eni string, how cloud.Taking) error {
	v4, v6 := to(o)
	_, err := write(ctx, p.means, how, createRoute, o.ID, func() (*ec2.CreateRouteOutput, error) {
		return c.routes.CreateRoute(ctx, &ec2.CreateRouteInput{
			RouteTableId: sdk.String(table(o)), NetworkInterfaceId: &eni, DestinationCidrBlock: v4, DestinationIpv6CidrBlock: v6,
		})
	})
	if err == nil {
		p.note(o, false)
	}
	return err
}

// Yield deletes the routes that lead here. EC2 can't be told to delete a route
// only if it leads here, so they are read just before.
func (p *Route) Yield(ctx context.Context, objects []cloud.Object, how cloud.Taking) error {
	c, err := p.s.ready(ctx)
	if err != nil {
		return err
	}
	seen, err := p.Observe(ctx, objects)
	if err != nil {
		return err
	}
	var own []cloud.Object
	for _, o := range seen {
		if o.Mine {
			own = append(own, o.Object)
		}
	}
	return outcome(each(own, func(o cloud.Object) error {
		v4, v6 := to(o)
		_, err := write(ctx, p.means, how, deleteRoute, o.ID, func() (*ec2.DeleteRouteOutput, error) {
			return c.routes.DeleteRoute(ctx, &ec2.DeleteRouteInput{
				RouteTableId: sdk.String(table(o)), DestinationCidrBlock: v4, DestinationIpv6CidrBlock: v6,
			})
		})
		if code(err) == "InvalidRoute.NotFound" {
			return nil
		}
		return err
	}))
}
