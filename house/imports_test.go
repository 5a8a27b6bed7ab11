// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package house

import (
	"go/parser"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// imports are the packages of the project that a package may import, from the
// bottom up. Tests may import more: they put the pieces together. Nothing
// imports agent but the command.
var imports = map[string][]string{
	"vrrp/wire": {},
	"vrrp":      {"vrrp/wire"},
	"vip":       {},
	"status":    {},
	"track":     {},
	"quorum":    {},
	"logqueue":  {},
	"guard":     {"clock", "logqueue", "quorum", "status", "vip"},
	"guardian":  {"address", "child", "transport", "vip", "vrrp/wire"},
	"fleet":     {"status", "vip"},

	"transport":        {"vrrp/wire", "vip"},
	"transport/memnet": {"vrrp/wire"},
	"transport/gossip": {"vrrp/wire", "vip"},
	"address":          {"vrrp/wire", "vip"},
	"agent":            {"clock", "logqueue", "vrrp", "vrrp/wire", "vip", "status", "track"},
	"checks":           {"logqueue", "status", "track"},
	"checks/probe":     {"checks", "child", "track"},
	"child":            {},
	"clock":            {},
	"cloud":            {"status", "vip"},
	"cloud/aws":        {"cloud"},
	"cloud/cloudtest":  {"cloud", "vip"},
	"cloud/exec":       {"child", "cloud"},
	"cloud/probe":      {"vip"},
	"config":           {"vrrp/wire", "checks", "pool", "track", "vip"},
	"control":          {"status", "track"},
	"hook":             {"child", "logqueue", "status", "vip"},
	"lab":              {},
	"lab/bench":        {"cloud/aws/awsfake", "lab", "lab/keepalived", "lab/nginx", "lab/probe", "lab/site", "lab/uml", "lab/vicar", "lab/vpc", "pool", "pool/ipvs", "pool/nft", "status", "track"},
	"lab/cloud":        {}, // tests only
	"lab/demo":         {"cloud/aws/awsfake", "control", "lab", "lab/probe", "lab/vpc", "status"},
	"lab/keepalived":   {"lab"},
	"lab/labtest":      {"lab"},
	"lab/machine":      {"lab", "lab/labtest"},
	"lab/nginx":        {"lab"},
	"lab/probe":        {"lab"},
	"lab/site":         {"lab"},
	"lab/uml":          {"lab"},
	"lab/vicar":        {"lab", "status", "control"},
	"lab/vpc":          {"cloud/aws/awsfake", "lab"},
	"lab/guard":        {}, // tests only
	"lab/health":       {}, // tests only
	"lab/interop":      {}, // tests only
	"lab/pool":         {}, // tests only
	"pool":             {"logqueue", "status", "track", "vip"},
	"pool/ipvs":        {"pool"},
	"pool/nft":         {"pool"},
	"proof":            {"checks", "config", "track"},

	"cmd/vicar": {
		"address", "agent", "checks", "checks/probe", "clock", "cloud", "cloud/aws", "cloud/exec", "cloud/probe", "config", "control", "fleet", "guard", "guardian", "hook", "lab", "lab/demo", "logqueue",
		"pool", "pool/ipvs", "pool/nft", "proof", "quorum", "status", "track", "transport", "transport/gossip", "vip", "vrrp", "vrrp/wire",
	},

	"cloud/aws/awsfake": {},

	"house":               {},
	"packaging/container": {}, // tests only
	"packaging/deb":       {}, // tests only
	"packaging/systemd":   {},
	"terraform":           {}, // tests only
}

// doors are the packages through which a third-party module enters, and in
// which its types may be seen.
var doors = map[string][]string{
	"github.com/aws":                           {"cloud/aws", "cloud/aws/awsfake"}, // aws-sdk-go-v2 and smithy-go; awsfake's tests
	"github.com/cilium/ebpf":                   {"address"},
	"github.com/coreos/go-systemd/v22":         {"cmd/vicar"},
	"github.com/emersion/go-smtp":              {}, // tests only
	"github.com/goccy/go-yaml":                 {"config"},
	"github.com/google/go-cmp":                 {}, // tests only
	"github.com/google/nftables":               {"pool/nft"},
	"github.com/hashicorp/memberlist":          {"transport/gossip"},
	"github.com/invopop/jsonschema":            {"config"},
	"github.com/miekg/dns":                     {"checks/probe"},
	"github.com/moby/ipvs":                     {}, // tests only
	"github.com/prometheus/client_golang":      {"control"},
	"github.com/santhosh-tekuri/jsonschema/v6": {}, // tests only
	"github.com/spf13/cobra":                   {"cmd/vicar"},
	"github.com/spf13/pflag":                   {"cmd/vicar"},                               // cobra's flags
	"github.com/vishvananda/netlink":           {"address", "lab", "lab/probe", "pool/nft"}, // pool/nft: connection tracking, which google/nftables has not
	"github.com/vishvananda/netns":             {"address", "lab", "lab/probe"},
	"golang.org/x/net":                         {"transport", "address", "checks/probe", "lab", "lab/probe"},
	"golang.org/x/sync":                        {"agent", "cmd/vicar", "lab", "lab/site"},
	"golang.org/x/sys":                         {"transport", "address", "checks/probe", "child", "clock", "guardian", "lab", "lab/probe", "lab/site", "pool/ipvs", "pool/nft", "control", "cmd/vicar"},
	"google.golang.org/grpc":                   {"checks/probe"},
}

// starters, and what is below them, may start processes. The unit gives the
// agent a real-time policy and capabilities that processes inherit; child gives
// them up first, so what the agent starts it starts through child.
var starters = []string{"child", "guardian", "lab", "cmd/vicar"}

// eachImport calls f for each import of each file.
func eachImport(t *testing.T, f func(s source, imported, at string)) {
	t.Helper()
	for _, s := range sources(t, parser.ImportsOnly) {
		for _, spec := range s.file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			f(s, imported, s.at(spec.Pos()))
		}
	}
}

// within tells whether imported is the package or module name or below it.
func within(imported, name string) bool {
	return imported == name || strings.HasPrefix(imported, name+"/")
}

func TestImportDirection(t *testing.T) {
	missing := map[string]bool{}
	eachImport(t, func(s source, imported, at string) {
		allowed, known := imports[s.dir]
		if !known && !missing[s.dir] {
			missing[s.dir] = true
			t.Errorf("%s: package %q is not in the table of imports", s.name, s.dir)
		}
		dir, own := strings.CutPrefix(imported, module+"/")
		if !known || !own || s.test {
			return
		}
		if !slices.Contains(allowed, dir) {
			t.Errorf("%s: %s must not import %s", at, s.dir, dir)
		}
	})
}

func TestThirdPartyDoors(t *testing.T) {
	eachImport(t, func(s source, imported, at string) {
		host, _, _ := strings.Cut(imported, "/")
		if !strings.Contains(host, ".") || within(imported, module) {
			return
		}
		for name, open := range doors {
			if !within(imported, name) {
				continue
			}
			if len(open) == 0 && s.test || slices.Contains(open, s.dir) {
				return
			}
			t.Errorf("%s: %s enters through %s, not %s", at, name, strings.Join(open, ", "), s.dir)
			return
		}
		t.Errorf("%s: %s is not in the table of third-party modules", at, imported)
	})
}

func TestProcessStarters(t *testing.T) {
	eachImport(t, func(s source, imported, at string) {
		allowed := slices.ContainsFunc(starters, func(dir string) bool { return within(s.dir, dir) })
		if imported == "os/exec" && !s.test && !allowed {
			t.Errorf("%s: %s must not start processes", at, s.dir)
		}
	})
}
