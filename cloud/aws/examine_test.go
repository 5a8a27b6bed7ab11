// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
)

// without is a policy that allows everything but an action.
func without(action string) string {
	return `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": "*", "Resource": "*"},
		{"Effect": "Deny", "Action": "` + action + `", "Resource": "*"}]}`
}

// wrong are the findings that are not good.
func wrong(all []cloud.Finding) []cloud.Finding {
	var found []cloud.Finding
	for _, f := range all {
		if !f.OK {
			found = append(found, f)
		}
	}
	return found
}

type examined struct {
	name    string
	change  func(cfg *awsfake.Config)
	spoil   func(t *testing.T, f *fake)
	to      string // the address
	what    string // a part of the one thing that is wrong; empty: nothing is
	missing string
}

func deny(action string) func(*testing.T, *fake) {
	return func(t *testing.T, f *fake) {
		t.Helper()
		if err := f.SetPolicy(awsfake.ClusterRole, without(action)); err != nil {
			t.Fatal(err)
		}
	}
}

func (c examined) run(t *testing.T, provider func(t *testing.T, f *fake) cloud.Provider) {
	t.Helper()
	t.Run(c.name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t, 2, c.change)
			p := provider(t, f)
			if c.spoil != nil {
				c.spoil(t, f)
			}
			examiner, ok := p.(cloud.Examiner)
			if !ok {
				t.Fatalf("%s does not examine", p.Kind())
			}
			all := examiner.Examine(t.Context(), objects(t, p, netip.MustParsePrefix(c.to)))
			found := wrong(all)
			if f.writes(-1, "") != 0 || len(all) < 2 {
				t.Errorf("looking made %d writes, found %d things", f.writes(-1, ""), len(all))
			}
			switch {
			case c.what == "" && len(found) > 0, c.what != "" && len(found) != 1:
				t.Fatalf("found %+v", found)
			case c.what == "":
				return
			}
			if g := found[0]; !strings.Contains(g.What, c.what) || g.Missing != c.missing || g.Problem == "" || g.Remedy == "" {
				t.Errorf("found %+v, want %q, missing %q", g, c.what, c.missing)
			}
		})
	})
}

func TestExamineSecondary(t *testing.T) {
	full := func(cfg *awsfake.Config) {
		for i := range 29 {
			cfg.Interfaces[0].Secondary = append(cfg.Interfaces[0].Secondary, netip.AddrFrom4([4]byte{192, 0, 2, byte(200 + i)}))
		}
	}
	for _, c := range []examined{
		{name: "ready", to: "192.0.2.100/24"},
		{name: "not of the subnet", to: "198.51.100.7/32", what: "subnet"},
		{name: "another's primary address", to: "192.0.2.12/24", what: "secondary"},
		{name: "no room", change: full, to: "192.0.2.100/24", what: "room"},
		{name: "no room is needed", change: full, to: "192.0.2.200/24"},
		{name: "interfaces may not be described", spoil: deny("ec2:DescribeNetworkInterfaces"), to: "192.0.2.100/24", what: "network interface eni-", missing: "ec2:DescribeNetworkInterfaces"},
		{name: "types may not be described", spoil: deny("ec2:DescribeInstanceTypes"), to: "192.0.2.100/24", what: "room", missing: "ec2:DescribeInstanceTypes"},
	} {
		c.run(t, func(t *testing.T, f *fake) cloud.Provider { return f.secondary(t, 1, false) })
	}
}

func TestExamineRoute(t *testing.T) {
	const to = "198.51.100.7/32"
	has := func(t *testing.T, f *fake) {
		t.Helper()
		for n := 1; n <= 2; n++ {
			if err := f.SetRoute(awsfake.ClusterRoutes(n), netip.MustParsePrefix(to), awsfake.ClusterInterface(2)); err != nil {
				t.Fatal(err)
			}
		}
	}
	other := func(cfg *awsfake.Config) {
		cfg.VPCs = append(cfg.VPCs, awsfake.VPC{ID: "vpc-other", CIDRs: prefixes("203.0.113.0/24")})
		cfg.RouteTables[1].VPC = "vpc-other"
	}
	for _, c := range []examined{
		{name: "ready, without routes", to: to},
		{name: "ready, with routes", spoil: has, to: to},
		{name: "in the VPC", to: "192.0.2.100/32", what: "outside the VPC"},
		{name: "source/destination check", change: func(cfg *awsfake.Config) { cfg.Interfaces[0].NoCheck = false }, to: to, what: "source/destination check"},
		{name: "a table is not there", change: func(cfg *awsfake.Config) { cfg.RouteTables = cfg.RouteTables[:1] }, to: to, what: "route table " + awsfake.ClusterRoutes(2)},
		{name: "a table of another VPC", change: other, to: to, what: "route table " + awsfake.ClusterRoutes(2)},
		{name: "tables may not be described", spoil: deny("ec2:DescribeRouteTables"), to: to, what: "route tables", missing: "ec2:DescribeRouteTables"},
	} {
		c.run(t, func(t *testing.T, f *fake) cloud.Provider { return f.route(t, 1, 2) })
	}
	for _, action := range []string{"ec2:ReplaceRoute", "ec2:CreateRoute"} {
		examined{
			name: action, spoil: func(t *testing.T, f *fake) {
				if action == "ec2:ReplaceRoute" {
					has(t, f)
				}
				deny(action)(t, f)
			}, to: to, what: "permission " + action, missing: action,
		}.run(t, func(t *testing.T, f *fake) cloud.Provider { return f.route(t, 1, 1) })
	}
}

func TestExamineEIP(t *testing.T) {
	const to = "203.0.113.1/32"
	for _, c := range []examined{
		{name: "ready", to: to},
		{name: "it is not there", change: func(cfg *awsfake.Config) { cfg.Addresses = cfg.Addresses[1:] }, to: to, what: "Elastic IP eipalloc-"},
		{name: "it may not be associated", spoil: deny("ec2:AssociateAddress"), to: to, what: "permission ec2:AssociateAddress", missing: "ec2:AssociateAddress"},
		{name: "they may not be described", spoil: deny("ec2:DescribeAddresses"), to: to, what: "Elastic IPs", missing: "ec2:DescribeAddresses"},
	} {
		c.run(t, func(t *testing.T, f *fake) cloud.Provider { return f.eip(t, 1, false, "203.0.113.1") })
	}
}

// TestExamineBasics: what every request needs. Each is found by all providers.
func TestExamineBasics(t *testing.T) {
	const to = "192.0.2.100/24"
	inject := func(fault awsfake.Fault) func(*testing.T, *fake) {
		return func(_ *testing.T, f *fake) { f.Inject(fault) }
	}
	for _, c := range []examined{
		{name: "EC2 is out of reach", spoil: inject(awsfake.Fault{Service: "ec2", Effect: awsfake.Refuse}), to: to, what: "EC2's endpoint"},
		{name: "EC2 does not answer", spoil: inject(awsfake.Fault{Service: "ec2", Effect: awsfake.Blackhole}), to: to, what: "EC2's endpoint"},
		{name: "no role", change: func(cfg *awsfake.Config) { cfg.Instances[0].Role = "" }, to: to, what: "credentials of the instance"},
		{name: "credentials have ended", spoil: func(t *testing.T, f *fake) {
			if _, err := f.nodes[0].own.Retrieve(t.Context()); err != nil {
				t.Fatal(err)
			}
			<-time.After(2 * time.Hour)
		}, to: to, what: "credentials of the instance"},
	} {
		c.run(t, func(t *testing.T, f *fake) cloud.Provider { return f.secondary(t, 1, false) })
	}
}

// TestExamineIdentity: which machine this is.
func TestExamineIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		look := func(s *Session, at Interface) []cloud.Finding {
			p, err := NewSecondary(s, SecondaryConfig{Interface: at})
			if err != nil {
				t.Fatal(err)
			}
			return wrong(p.Examine(t.Context(), objects(t, p, prefixes("192.0.2.100/24")...)))
		}
		if found := look(f.nodes[0], Interface{Address: netip.MustParseAddr("192.0.2.99")}); len(found) == 0 || !strings.Contains(found[0].Problem, "192.0.2.99") {
			t.Errorf("an address that it has not: %+v", found)
		}
		if found := look(f.nodes[0], Interface{ID: awsfake.ClusterInterface(2)}); len(found) == 0 {
			t.Errorf("another machine's interface: %+v", found)
		}
		// In a container the token's answer needs one hop more.
		f.Inject(awsfake.Fault{Service: "imds", Effect: awsfake.Blackhole})
		if found := look(f.session(t, 1, Config{}), at(1)); len(found) == 0 || !strings.Contains(found[0].Remedy, "hop-limit 2") {
			t.Errorf("no metadata: %+v", found)
		}
	})
}

// TestUntried: EC2 has no dry run of AssignPrivateIpAddresses. Who has never tried
// does not know, a refusal is remembered for a while, or until it is said to be put
// right, and a success is.
func TestUntried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		p := f.secondary(t, 1, false)
		all := objects(t, p, prefixes("192.0.2.100/24")...)
		take := func() error { return p.Take(t.Context(), all, cloud.Taking{Steal: true}) }
		look := func() cloud.Finding {
			t.Helper()
			found := p.Examine(t.Context(), all)
			at := slices.IndexFunc(found, func(g cloud.Finding) bool { return strings.HasPrefix(g.What, "permission "+assignIPv4) })
			if at < 0 || slices.ContainsFunc(slices.Delete(slices.Clone(found), at, at+1), func(g cloud.Finding) bool { return !g.OK || g.Untried }) {
				t.Fatalf("found %+v", found)
			}
			return found[at]
		}
		if g := look(); !g.OK || !g.Untried || g.Remedy == "" {
			t.Errorf("never tried: %+v", g)
		}
		deny(assignIPv4)(t, f)
		refuse := func() {
			t.Helper()
			if err := take(); cloud.KindOf(err) != cloud.Denied {
				t.Fatal(err)
			}
			if g := look(); g.OK || g.Missing != assignIPv4 || !strings.Contains(g.Remedy, "vicar reload") {
				t.Errorf("after a refusal: %+v", g)
			}
		}
		refuse()
		time.Sleep(cloud.RefusedFor)
		if g := look(); !g.OK || !g.Untried || g.Problem == "" {
			t.Errorf("a while after a refusal: %+v", g)
		}
		refuse()
		p.Forget()
		if g := look(); !g.OK || !g.Untried {
			t.Errorf("said to be put right: %+v", g)
		}
		if err := f.SetPolicy(awsfake.ClusterRole, without("ec2:Nothing")); err != nil {
			t.Fatal(err)
		}
		if err := take(); err != nil {
			t.Fatal(err)
		}
		if g := look(); !g.OK || g.Untried {
			t.Errorf("done: %+v", g)
		}
	})
}

// TestExamineSilence: metadata that say nothing are one thing to mend, and no other
// is told to be, whoever asks.
func TestExamineSilence(t *testing.T) {
	for name, at := range map[string]Interface{"alone": at(1), "with a region": at(1), "with an interface": {ID: awsfake.ClusterInterface(1)}} {
		cfg := Config{Region: "eu-central-1"}
		if name == "alone" {
			cfg.Region = ""
		}
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t, 1, nil)
			f.Inject(awsfake.Fault{Service: "imds", Effect: awsfake.Blackhole})
			s := f.session(t, 1, cfg)
			p, err := NewSecondary(s, SecondaryConfig{Interface: at})
			if err != nil {
				t.Fatal(err)
			}
			tables, err := NewTables(s)
			if err != nil {
				t.Fatal(err)
			}
			x, err := NewSecret(s, parameterARN)
			if err != nil {
				t.Fatal(err)
			}
			_, keys := x.Examine(t.Context())
			for who, found := range map[string][]cloud.Finding{
				"secondary": wrong(p.Examine(t.Context(), objects(t, p, prefixes("192.0.2.100/24")...))),
				"table":     wrong(tables.Examine(t.Context(), awsfake.ClusterTable, "web")),
				"keys":      wrong([]cloud.Finding{keys}),
			} {
				if len(found) != 1 || found[0].What != "the metadata service" || !strings.Contains(found[0].Remedy, "HttpEndpoint") {
					t.Errorf("%s, %s: %+v", name, who, found)
				}
			}
		})
	}
}

// TestExamineOtherEIP: where the router's address is the Elastic IP itself, another
// one's id is seen.
func TestExamineOtherEIP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 2, nil)
		a := netip.MustParseAddr("203.0.113.1")
		for _, c := range []struct {
			cfg EIPConfig
			ok  bool
		}{
			{EIPConfig{Allocations: map[netip.Addr]string{a: awsfake.ClusterEIP(1)}}, true},
			{EIPConfig{Allocations: map[netip.Addr]string{a: awsfake.ClusterEIP(2)}}, false},
			{EIPConfig{Allocations: map[netip.Addr]string{a: awsfake.ClusterEIP(2)}, Follows: []netip.Addr{a}}, true}, // a is private then
		} {
			c.cfg.Interface = at(1)
			p, err := NewEIP(f.nodes[0], c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			found := wrong(p.Examine(t.Context(), objects(t, p, netip.PrefixFrom(a, 32))))
			if c.ok != (len(found) == 0) || !c.ok && (!strings.Contains(found[0].Problem, "203.0.113.2") || !strings.Contains(found[0].Remedy, "allocations")) {
				t.Errorf("%v: found %+v", c.cfg, found)
			}
		}
	})
}

func TestClock(t *testing.T) {
	now := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		theirs time.Time
		ok     bool
	}{
		{"right", now.Add(time.Second), true},
		{"not told", time.Time{}, true},
		{"slow", now.Add(4 * time.Minute), false},
		{"fast", now.Add(-4 * time.Minute), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if f := clock(c.theirs, now); f.OK != c.ok {
				t.Errorf("found %+v", f)
			}
		})
	}
}

// TestExamineTag: the policy may permit to write to interfaces by their tag alone.
func TestExamineTag(t *testing.T) {
	for value, problems := range map[string]int{"web": 0, "mail": 1} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t, 1, nil)
			i := at(1)
			i.TagKey, i.TagValue = awsfake.ClusterTag, value
			secondary, err := NewSecondary(f.nodes[0], SecondaryConfig{Interface: i})
			if err != nil {
				t.Fatal(err)
			}
			a := netip.MustParseAddr("203.0.113.1")
			eip, err := NewEIP(f.nodes[0], EIPConfig{Interface: i, Allocations: map[netip.Addr]string{a: awsfake.ClusterEIP(1)}})
			if err != nil {
				t.Fatal(err)
			}
			for p, to := range map[cloud.Examiner]string{secondary: "192.0.2.100/24", eip: "203.0.113.1/32"} {
				found := wrong(p.Examine(t.Context(), objects(t, p.(cloud.Provider), netip.MustParsePrefix(to))))
				if len(found) != problems || problems > 0 && !strings.Contains(found[0].What, "tag "+awsfake.ClusterTag+"=mail of eni-") {
					t.Errorf("tag %s: %+v", value, found)
				}
			}
		})
	}
}

// TestExamineSlow: an EC2 that answers just within a take-over's attempt is good
// enough, and all is known in time, however many things there are to ask about.
func TestExamineSlow(t *testing.T) {
	const most = 20
	var private []string
	for i := range most {
		private = append(private, netip.AddrFrom4([4]byte{203, 0, 113, byte(1 + i)}).String())
	}
	for name, provider := range map[string]func(t *testing.T, f *fake) (cloud.Provider, []string){
		"tables": func(t *testing.T, f *fake) (cloud.Provider, []string) {
			return f.route(t, 1, most), []string{"198.51.100.7"}
		},
		"Elastic IPs": func(t *testing.T, f *fake) (cloud.Provider, []string) { return f.eip(t, 1, false, private...), private },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, most, func(cfg *awsfake.Config) {
					tags := cfg.Addresses[0].Tags // by which it may be associated
					cfg.Addresses = nil
					for i := range most {
						cfg.Addresses = append(cfg.Addresses, awsfake.Address{Allocation: awsfake.ClusterEIP(i + 1), Public: netip.MustParseAddr(private[i]), Tags: tags})
					}
				})
				p, addresses := provider(t, f)
				run(t, f.nodes[0])
				time.Sleep(time.Minute)
				f.Inject(awsfake.Fault{Service: "ec2", Effect: awsfake.Slow, Delay: 1900 * time.Millisecond})
				var claim []netip.Prefix
				for _, a := range addresses {
					claim = append(claim, netip.PrefixFrom(netip.MustParseAddr(a), 32))
				}
				began := time.Now()
				all := p.(cloud.Examiner).Examine(t.Context(), objects(t, p, claim...))
				if found := wrong(all); len(found) > 0 || len(all) < 2*most {
					t.Errorf("of %d things found %+v", len(all), found)
				}
				if took := time.Since(began); took > 25*time.Second {
					t.Errorf("it took %v", took)
				}
				want := slices.Clone(all)
				f.Heal()
				if diff := cmp.Diff(want, p.(cloud.Examiner).Examine(t.Context(), objects(t, p, claim...))); diff != "" {
					t.Errorf("in another order (-want +got)\n%s", diff)
				}
			})
		})
	}
}
