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

// everyUse does all that a configuration may do, on node 2, and returns what was
// denied. What is not permitted is not in the way of the rest.
func everyUse(t *testing.T, f *fake, role, keys string) []error {
	t.Helper()
	s := f.session(t, 2, Config{Role: role})
	f.nodes[1] = s
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
			try(p.Yield(ctx, all, cloud.Taking{}))
		}
	}
	// Node 1 has them, so that there is something to take.
	for _, a := range prefixes("192.0.2.100/24", "2001:db8::100/64") {
		if err := f.MoveAddress(a.Addr(), awsfake.ClusterInterface(1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.SetRoute(awsfake.ClusterRoutes(1), prefixes("198.51.100.7/32")[0], awsfake.ClusterInterface(1)); err != nil {
		t.Fatal(err)
	}
	move(f.secondary(t, 2, true), "192.0.2.100/24", "2001:db8::100/64")
	move(f.routeAlong(t, 2, 2, []Destination{{To: netip.MustParsePrefix("2001:db8:fffe::/48"), Tables: []string{awsfake.ClusterRoutes(3)}}}), "198.51.100.7/32")
	move(f.eip(t, 2, false, "203.0.113.1"), "203.0.113.1/32")
	tables, err := NewTables(s)
	if err != nil {
		t.Fatal(err)
	}
	try(votes(ctx, tables))
	x, err := NewSecret(s, keys)
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

// TestLeastPolicy: the policy permits all that vicar does, and without any one of
// its actions something is denied, which names that action.
func TestLeastPolicy(t *testing.T) {
	for _, c := range []struct {
		name   string
		role   bool
		change func(*awsfake.Config)
	}{{"of one account", false, keeping}, {"of a shared VPC", true, shared}} {
		t.Run(c.name, func(t *testing.T) {
			u := uses(c.role)
			own := u.Policy()
			owner, _ := u.RolePolicy()
			with := func(t *testing.T, own, owner Policy) []error {
				t.Helper()
				var denied []error
				synctest.Test(t, func(t *testing.T) {
					f := newFake(t, 3, c.change)
					f.SetLimits(awsfake.Unlimited())
					set(t, f, awsfake.ClusterRole, own)
					if c.role {
						set(t, f, ownerRole, owner)
					}
					denied = everyUse(t, f, u.Role, u.KeysFrom)
				})
				return denied
			}
			if denied := with(t, own, owner); len(denied) > 0 {
				t.Errorf("with the policy: %v", denied)
			}
			for _, p := range []*Policy{&own, &owner} {
				for _, action := range actions(*p) {
					whole := *p
					*p = whole.less(action)
					lacks(t, u, action, with(t, own, owner))
					*p = whole
				}
			}
		})
	}
}

// lacks looks whether what was denied tells the action that lacks.
func lacks(t *testing.T, u Uses, action string, denied []error) {
	t.Helper()
	if len(denied) == 0 {
		t.Errorf("without %s all goes well", action)
	}
	for _, err := range denied {
		e, ok := errors.AsType[*cloud.Error](err)
		if !ok || e.Kind == cloud.Denied && e.Action != action {
			t.Errorf("without %s: %v", action, err)
		}
	}
	if !slices.ContainsFunc(denied, func(err error) bool { return cloud.KindOf(err) == cloud.Denied }) {
		t.Errorf("without %s nothing is denied: %v", action, denied)
	}
	if p, _ := u.Lacking(action); len(p.Statement) == 0 {
		t.Errorf("no statement has %s", action)
	}
}

func set(t *testing.T, f *fake, role string, p Policy) {
	t.Helper()
	if err := f.SetPolicy(role, p.JSON()); err != nil {
		t.Fatal(err)
	}
}

func actions(p Policy) []string {
	var all []string
	for _, s := range p.Statement {
		all = append(all, s.Action...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// less is the policy without an action.
func (p Policy) less(action string) Policy {
	q := Policy{Version: p.Version}
	for _, s := range p.Statement {
		s.Action = slices.DeleteFunc(slices.Clone(s.Action), func(a string) bool { return a == action })
		if len(s.Action) > 0 {
			q.Statement = append(q.Statement, s)
		}
	}
	return q
}
