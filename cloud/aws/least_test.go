// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
)

const (
	nodesAccount = "111122223333"
	ownerAccount = "444455556666"
	ownerRole    = "routes"
)

// uses is what the test of policies does.
func uses(role bool) Uses {
	u := Uses{
		Cluster: "web", Region: "eu-central-1", Account: nodesAccount, TagKey: awsfake.ClusterTag, TagValue: "web",
		SecondaryIPs: true, IPv6: true, Routes: true, EIPs: true, Release: true,
		RouteTables: []string{awsfake.ClusterRoutes(1), awsfake.ClusterRoutes(2), awsfake.ClusterRoutes(3)},
		Allocations: []string{awsfake.ClusterEIP(1)}, Tables: []string{awsfake.ClusterTable},
	}
	u.KeysFrom, u.KeysKMS = parameterARN, customerKey
	if role {
		u.KeysFrom = secretARN
		u.Role = "arn:aws:iam::" + ownerAccount + ":role/" + ownerRole
	}
	return u
}

// shared has the route tables belong to another account.
func shared(cfg *awsfake.Config) {
	keeping(cfg)
	for i := range cfg.RouteTables {
		cfg.RouteTables[i].Account = ownerAccount
	}
	cfg.Roles = append(cfg.Roles, awsfake.Role{Name: ownerRole, Account: ownerAccount, Trust: []string{awsfake.ClusterRole}})
}

// named names the nodes' interfaces, as a configuration made by Terraform does, and
// gives nothing back.
func named() Uses {
	u := uses(false)
	u.TagKey, u.TagValue, u.Release = "", "", false
	u.Interfaces = []string{awsfake.ClusterInterface(1), awsfake.ClusterInterface(2)}
	return u
}

// everyUse does all that a configuration may do, on one of the two nodes, and
// returns what was denied. What is not permitted is not in the way of the rest.
func everyUse(t *testing.T, f *fake, node int, u Uses) []error {
	t.Helper()
	s := f.session(t, node, Config{Role: u.Role})
	f.nodes[node-1] = s
	var errs []error
	try := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	ctx := t.Context()
	move := func(p cloud.Provider, addresses ...string) {
		all := objects(t, p, prefixes(addresses...)...)
		for _, steal := range []bool{true, false} {
			try(p.Take(ctx, all, cloud.Taking{Steal: steal}))
			_, err := p.Observe(ctx, all)
			try(err)
			for _, found := range wrong(p.(cloud.Examiner).Examine(ctx, all)) {
				try(&cloud.Error{Kind: cloud.Denied, Action: found.Missing, Err: errors.New(found.Problem)})
			}
			if u.Release {
				try(p.Yield(ctx, all, cloud.Taking{}))
			}
		}
	}
	// The other one has them, so that there is something to take; the routes of one
	// table are not there.
	other := awsfake.ClusterInterface(3 - node)
	for _, a := range prefixes("192.0.2.100/24", "2001:db8::100/64") {
		if err := f.MoveAddress(a.Addr(), other); err != nil {
			t.Fatal(err)
		}
	}
	for table, to := range map[int]string{1: other, 2: "", 3: other} {
		for _, p := range prefixes("198.51.100.7/32", "2001:db8:fffe::/48") {
			if err := f.SetRoute(awsfake.ClusterRoutes(table), p, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	move(f.secondary(t, node, true), "192.0.2.100/24", "2001:db8::100/64")
	move(f.routeAlong(t, node, 2, []Destination{{To: netip.MustParsePrefix("2001:db8:fffe::/48"), Tables: []string{awsfake.ClusterRoutes(3)}}}), "198.51.100.7/32")
	move(f.eip(t, node, false, "203.0.113.1"), "203.0.113.1/32")
	tables, err := NewTables(s)
	if err != nil {
		t.Fatal(err)
	}
	try(votes(ctx, tables))
	x, err := NewSecret(s, u.KeysFrom)
	if err != nil {
		t.Fatal(err)
	}
	_, err = x.Read(ctx)
	try(err)
	return errs
}

func votes(ctx context.Context, tables *Tables) error { return voteOf(ctx, tables, "web") }

// voteOf reads and writes a record as a cluster does.
func voteOf(ctx context.Context, tables *Tables, cluster string) error {
	key := cluster + "/voters/1/0123456789abcdef"
	_, version, err := tables.Read(ctx, awsfake.ClusterTable, key)
	if err != nil {
		return err
	}
	_, err = tables.Write(ctx, awsfake.ClusterTable, key, []byte("a"), version, version+1)
	return err
}

// TestPolicyKeepsOut: with the policy nothing can be done to what is not named in it:
// other clusters' votes in the same table, other machines' interfaces, other Elastic
// IPs.
func TestPolicyKeepsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 2, func(cfg *awsfake.Config) {
			cfg.Interfaces[1].Tags = nil // another machine's
		})
		f.SetLimits(awsfake.Unlimited())
		set(t, f, awsfake.ClusterRole, uses(false).Policy())
		denied := func(what string, err error) {
			t.Helper()
			if cloud.KindOf(err) != cloud.Denied {
				t.Errorf("%s: %v", what, err)
			}
		}
		tables, err := NewTables(f.nodes[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := voteOf(t.Context(), tables, "web"); err != nil {
			t.Errorf("the cluster's own vote: %v", err)
		}
		for _, other := range []string{"mail", "web2", "we"} {
			denied("the vote of "+other, voteOf(t.Context(), tables, other))
		}
		for name, p := range map[string]cloud.Provider{"secondary": f.secondary(t, 2, false), "eip": f.eip(t, 2, false, "203.0.113.1")} {
			all := objects(t, p, prefixes(map[string]string{"secondary": "192.0.2.100/24", "eip": "203.0.113.1/32"}[name])...)
			denied(name+" of an interface without the tag", p.Take(t.Context(), all, cloud.Taking{Steal: true}))
		}
		other := f.eip(t, 1, false, "203.0.113.1", "203.0.113.2")
		denied("another Elastic IP", other.Take(t.Context(), objects(t, other, prefixes("203.0.113.2/32")...), cloud.Taking{Steal: true}))
	})
}

// TestLeastPolicy: the policy permits all that vicar does. Without any
// one action of a statement, or any one resource, something is denied, and what is
// said of it names an action of that statement.
func TestLeastPolicy(t *testing.T) {
	for _, c := range []struct {
		name   string
		uses   Uses
		change func(*awsfake.Config)
	}{{"of one account", uses(false), keeping}, {"of a shared VPC", uses(true), shared}, {"of named interfaces", named(), keeping}} {
		t.Run(c.name, func(t *testing.T) {
			own := c.uses.Policy()
			owner, _ := c.uses.RolePolicy()
			with := func(t *testing.T, own, owner Policy) []error {
				t.Helper()
				var denied []error
				synctest.Test(t, func(t *testing.T) {
					f := newFake(t, 3, c.change)
					f.SetLimits(awsfake.Unlimited())
					set(t, f, awsfake.ClusterRole, own)
					if c.uses.Role != "" {
						set(t, f, ownerRole, owner)
					}
					denied = everyUse(t, f, 2, c.uses)
					if len(c.uses.Interfaces) > 0 { // each node writes to its own
						denied = append(denied, everyUse(t, f, 1, c.uses)...)
					}
				})
				return denied
			}
			if denied := with(t, own, owner); len(denied) > 0 {
				t.Errorf("with the policy: %v", denied)
			}
			for _, l := range own.less() {
				lacks(t, c.uses, l, with(t, l.Policy, owner))
			}
			for _, l := range owner.less() {
				lacks(t, c.uses, l, with(t, own, l.Policy))
			}
		})
	}
}

// lacks looks whether what was denied tells an action that lacks.
func lacks(t *testing.T, u Uses, l lesser, denied []error) {
	t.Helper()
	for _, err := range denied {
		e, ok := errors.AsType[*cloud.Error](err)
		if !ok || e.Kind == cloud.Denied && !slices.Contains(l.actions, e.Action) {
			t.Errorf("without %s: %v", l.what, err)
		}
	}
	if !slices.ContainsFunc(denied, func(err error) bool { return cloud.KindOf(err) == cloud.Denied }) {
		t.Errorf("without %s nothing is denied: %v", l.what, denied)
	}
	for _, action := range l.actions {
		if p, _ := u.Lacking(action); len(p.Statement) == 0 {
			t.Errorf("no statement has %s", action)
		}
	}
}

func set(t *testing.T, f *fake, role string, p Policy) {
	t.Helper()
	if err := f.SetPolicy(role, p.JSON()); err != nil {
		t.Fatal(err)
	}
}

// lesser is a policy without one thing, and the actions that this may deny.
type lesser struct {
	Policy

	what    string
	actions []string
}

// less are the policy without each action of each statement, and without each
// resource.
func (p Policy) less() (all []lesser) {
	without := func(n int, s Statement) Policy {
		q := Policy{Version: p.Version, Statement: slices.Clone(p.Statement)}
		q.Statement[n] = s
		return Policy{Version: q.Version, Statement: slices.DeleteFunc(q.Statement, func(s Statement) bool { return len(s.Action)*len(s.Resource) == 0 })}
	}
	for n, s := range p.Statement {
		for i, action := range s.Action {
			fewer := s
			fewer.Action = slices.Delete(slices.Clone(s.Action), i, i+1)
			all = append(all, lesser{without(n, fewer), action + " of " + s.Sid, []string{action}})
		}
		for i, resource := range s.Resource {
			fewer := s
			fewer.Resource = slices.Delete(slices.Clone(s.Resource), i, i+1)
			all = append(all, lesser{without(n, fewer), resource + " of " + s.Sid, s.Action})
		}
	}
	return all
}
