// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vicar-ha/vicar/checks"
)

// FuzzParse: no file makes Parse panic; what is wrong has a place in the file,
// and what is right can be used.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range append(files, "../packaging/vicar.yaml") {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("fuzz.yaml", data)
		if err != nil {
			checkErrors(t, data, err)
			return
		}
		if c.Digest() == "" || len(c.Report().Routers) != len(c.Routers) || len(c.Nodes) == 0 || len(c.Routers) == 0 {
			t.Errorf("a valid file of no use: %+v", c)
		}
		for _, n := range c.Nodes {
			if self, err := c.Self(Hints{Node: n.Name}); err != nil || self != n.Name {
				t.Errorf("node %s is %q: %v", n.Name, self, err)
			}
			members := c.Members(n.Name)
			if n.Witness != (members == nil) {
				t.Errorf("node %s has the members %v", n.Name, members)
			}
			for _, m := range members {
				checkMember(t, c, m)
			}
			for _, k := range c.NodeChecks(n.Name) {
				checkCheck(t, k)
			}
		}
		checkHooks(t, c)
		checkGuard(t, c)
		checkCloud(t, c)
		checkPools(t, c)
	})
}

func checkErrors(t *testing.T, data []byte, err error) {
	errs, ok := errors.AsType[Errors](err)
	if !ok || len(errs) == 0 {
		t.Fatalf("not an Errors: %v", err)
	}
	lines := strings.Count(string(data), "\n") + 1
	for _, e := range errs {
		switch {
		case e.File != "fuzz.yaml": // the servers' file
		case e.Message == "" || e.Line < 0 || e.Line > lines || e.Line > 0 && e.Column < 1:
			t.Errorf("an error without a place: %#v", e)
		case strings.ContainsAny(e.Error(), "\n\r\x1b") || !utf8.ValidString(e.Error()):
			t.Errorf("an error of more than a line: %q", e.Error())
		}
	}
	_ = errs.Excerpts()
}

func checkMember(t *testing.T, c *Config, m Member) {
	if m.Router.VRID == 0 || m.Priority == 0 || m.Interface == "" || m.Router.Interval <= 0 || len(m.Elections) == 0 || len(m.Own) == 0 {
		t.Errorf("an incomplete member: %+v", m)
	}
	for _, e := range m.Elections {
		if len(e.Addresses) == 0 || c.Transport.Kind != Multicast && (len(e.Own) == 0 || len(e.Peers) != len(c.contenders())-1) {
			t.Errorf("an incomplete election: %+v", e)
		}
	}
}

func checkCheck(t *testing.T, c checks.Check) {
	if c.Kind == nil || c.Interval <= 0 || c.Timeout <= 0 || c.Rise < 1 || c.Fall < 1 || c.Jitter < 0 || c.Jitter > 0.5 || c.Kind.Target() == "" {
		t.Errorf("an incomplete check: %+v", c)
	}
	expect := ""
	switch k := c.Kind.(type) {
	case checks.TCP:
		expect = k.Expect
	case checks.UDP:
		expect = k.Expect
	case checks.HTTP:
		expect = k.Expect
		if _, err := http.NewRequest(k.Method, k.URL, strings.NewReader(k.Body)); err != nil {
			t.Errorf("no request can be made of %+v: %v", k, err)
		}
	case checks.Exec:
		if len(k.Argv) == 0 || !strings.HasPrefix(k.Argv[0], "/") {
			t.Errorf("no program: %+v", k)
		}
	}
	if _, err := regexp.Compile(expect); err != nil {
		t.Errorf("%+v: %v", c, err)
	}
}

// checkGuard: what votes, and what it votes on, can be used.
func checkGuard(t *testing.T, c *Config) {
	guarded := c.Guard.Kind == GuardQuorum
	voters := c.Voters()
	if guarded && (c.PeerLink == nil || len(voters) < 3 || c.Majority() <= len(voters)/2 || c.Guard.Fence == "") || !guarded && c.Guard != (Guard{}) {
		t.Errorf("a guard of no use: %+v, %+v, voters %v", c.Guard, c.PeerLink, voters)
	}
	if c.PeerLink != nil && (c.PeerLink.Port == 0 || c.PeerLink.KeysFile == "") || c.PeerLink == nil && c.Transport.Kind == Gossip {
		t.Errorf("a peer link of no use: %+v", c.PeerLink)
	}
	routers := 0
	for _, res := range c.Resources() {
		routers += len(res.Routers)
		if len(res.Addresses) == 0 || res.Shortest <= 0 || res.Longest < res.Shortest || guarded != (res.OnLoss != "") || guarded && res.Lease() > c.Guard.MaxLease {
			t.Errorf("an incomplete resource: %+v", res)
		}
	}
	if routers != len(c.Routers) {
		t.Errorf("%d routers are in resources, of %d", routers, len(c.Routers))
	}
}

// checkCloud: who moves addresses has all that it needs.
func checkCloud(t *testing.T, c *Config) {
	if a := c.AWS; a != nil && (a.Poll <= 0 || a.Readiness <= 0 || a.ReadinessWeight >= 0) {
		t.Errorf("a section aws of no use: %+v", a)
	}
	if c.AWS != nil {
		for a, all := range c.AWS.Routes {
			for _, v := range all {
				if !a.IsValid() || !v.To.IsValid() || v.To != v.To.Masked() || len(v.Tables) == 0 {
					t.Errorf("a route of no use: %+v with %s", v, a)
				}
			}
		}
	}
	for _, v := range c.Routers {
		if len(v.Move) == 0 {
			t.Errorf("nothing moves router %s", v.Name)
		}
		for _, m := range v.Move {
			if m.Kind == "" || m.Kind.AWS() && c.AWS == nil || (m.Kind == MoveExec) != (len(m.Exec) > 0 && m.Timeout > 0) || m.Kind == MoveAWSRoute && len(c.AWS.RouteTables) == 0 {
				t.Errorf("a mover of no use: %+v, %+v", m, c.AWS)
			}
		}
		for _, p := range v.Addresses {
			if v.Moves(MoveAWSEIP) && p.Addr().Is4() && c.AWS.Allocations[p.Addr()] == "" {
				t.Errorf("%s has no Elastic IP", p)
			}
		}
	}
	if c.Guard.Table != "" && (c.AWS == nil || len(c.Nodes) != 2 || len(c.Voters()) != 3) {
		t.Errorf("a table of no use: %+v, %+v", c.Guard, c.Nodes)
	}
}

// checkPools: each server has its checks, and what it needs to be programmed.
func checkPools(t *testing.T, c *Config) {
	if again, refused, err := c.Reread(c.ServersFiles()); err != nil || refused != nil || again.Digest() != c.Digest() {
		t.Errorf("read again it is another: %v", err)
	}
	node := c.contenders()[0].Name
	known := make(map[string]bool)
	for _, k := range c.PoolChecks(node) {
		checkCheck(t, k)
		if known[k.Name] {
			t.Errorf("two checks are called %s", k.Name)
		}
		known[k.Name] = true
	}
	for _, p := range c.PoolServices(node) {
		if len(p.Frontends) == 0 || p.Quorum < 1 || p.Hysteresis >= p.Quorum || len(p.Plane.Lacks(p)) > 0 {
			t.Errorf("a pool of no use: %+v", p)
		}
		for _, s := range p.Servers {
			if !s.Address.IsValid() || s.Name == "" || s.Lower > s.Upper {
				t.Errorf("a server of no use: %+v", s)
			}
			for _, name := range s.Checks {
				if !known[name] {
					t.Errorf("%s has no check %s", s.Name, name)
				}
			}
		}
	}
	if s := c.PoolSync(node); s != nil && (s.Router == "" || s.Interface == "") {
		t.Errorf("a daemon of no use: %+v", s)
	}
}

func checkHooks(t *testing.T, c *Config) {
	for _, h := range c.Hooks {
		if len(h.On) == 0 || h.Timeout <= 0 || (len(h.Exec) == 0) == (h.Webhook == "") {
			t.Errorf("an incomplete hook: %+v", h)
		}
	}
	for _, g := range c.SyncGroups {
		if len(g.Routers) == 0 {
			t.Errorf("an empty group: %+v", g)
		}
	}
}
