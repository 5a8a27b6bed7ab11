// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/machine"
)

// pair is two nodes of one zone whose script sets up a service too.
const pair = `
variable "ami_id" { type = string }
variable "package" { type = any }
variable "peer_key_arn" { type = string }
variable "vpc" { type = any }

module "vicar" {
  source = "../.."

  name    = "pair"
  region  = "eu-central-1"
  vpc     = var.vpc
  subnets = { a = { id = "subnet-0123456789abcdef0", cidr_block = "192.0.2.0/25", availability_zone = "eu-central-1a" } }
  nodes = {
    lb-1 = { subnet = "a", address = "192.0.2.10" }
    lb-2 = { subnet = "a", address = "192.0.2.11" }
  }
  lease_table  = {}
  routers      = { web = { vrid = 51, move = "secondary-ip", addresses = ["192.0.2.100/25"], elastic_ip = true } }
  setup_script = <<-EOT
    #!/bin/sh
    echo "set up with $(command -v vicar)" >>/srv/service
  EOT
  peer_key     = { arn = var.peer_key_arn }
  ami_id       = var.ami_id
  package      = var.package
}

output "vicar_yaml" {
  value = module.vicar.vicar_yaml
}
`

// debian is the .deb of the tested binary.
func debian(t *testing.T) []byte {
	t.Helper()
	labtest.Need(t, "make", "git")
	dir := t.TempDir()
	cmd := exec.Command("make", "-s", "-C", "..", "dist", "DIST="+dir, "ARCHES="+runtime.GOARCH)
	// What the make that runs the tests passes on is not for this one.
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=", "VERSION=0.2.0", "VICAR_BIN="+binary)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make dist: %v\n%s", err, out)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(names) != 1 {
		t.Fatalf("make dist has made %v: %v", names, err)
	}
	text, err := os.ReadFile(names[0])
	labtest.OK(t, err)
	return text
}

// TestUserData boots a clean Debian in each slot, which runs what its instance is
// given, with the module's policy: that is enough for all that follows. One node
// dies, the other one has its addresses, and the instance that replaces it takes
// them back.
func TestUserData(t *testing.T) {
	program(t)
	noEnvironment(t)
	machine.Debian(t)
	deb := debian(t)
	sum := sha256.Sum256(deb)
	d := deployment{name: "pair", text: pair, land: land(examples["haproxy-pair"]["subnet"].(map[string]string)), inputs: map[string]any{
		"package": map[string]string{"url": "https://" + packages + "/vicar.deb", "sha256": hex.EncodeToString(sum[:])},
	}}
	keys := common["peer_key_arn"].(string)
	d.land.Secrets = []awsfake.Secret{{ARN: keys, Value: say(t, "keygen", "--out", "-")}}
	r := newRegion(t, d.land)
	w := d.deploy(t, r)
	w.run(t, "apply", "-input=false", "-auto-approve")
	nodes := r.nodes(t, w)
	s := newSite(t, r, deb)

	first := s.machine("ip-10", "192.0.2.10/25")
	script := s.userData(nodes[0].eni)
	s.refused(first, script)
	s.sets(first, script, "lb-1")
	second := s.machine("ip-11", "192.0.2.11/25")
	s.sets(second, s.userData(nodes[1].eni), "lb-2")
	for _, m := range []*machine.Machine{first, second} {
		labtest.Eventually(t, time.Minute, "well", func() bool { return well(m) })
	}
	s.at(nodes[0], first)
	s.again(first, script, "lb-1")

	labtest.OK(t, s.lab.Cut(first.Host)) // it dies
	s.at(nodes[1], second)
	empty(t, w, "lb-2 has taken over")

	// Its group replaces it: the next instance in the slot is the same voter, and is
	// preferred.
	r.replace(t, nodes[0].eni)
	next := s.machine("ip-10-next", "192.0.2.10/25")
	s.sets(next, s.userData(nodes[0].eni), "lb-1")
	s.at(nodes[0], next)
	labtest.Eventually(t, time.Minute, "well", func() bool { return well(next) && well(second) })
	if err := denied(r.World); err != nil {
		t.Errorf("the module's policy is not enough: %v", err)
	}
	empty(t, w, "lb-1 has been replaced")
}

// sets runs a node's script on a machine and wants all that it sets up.
func (s *site) sets(m *machine.Machine, script, node string) {
	s.t.Helper()
	out, err := starts(m, script)
	if err != nil || !strings.HasSuffix(strings.TrimSpace(out), "this is "+node) {
		s.t.Fatalf("%s: %v\n%s", m.Host.Name, err, out)
	}
	for command, want := range map[string]string{
		"stat -c '%a %U %G' /etc/vicar/vicar.yaml /etc/vicar/keys":   "640 root vicar\n600 vicar vicar",
		"systemctl is-active vicar; systemctl is-enabled vicar":      "active\nenabled",
		"vicar check >/dev/null":                                     "",
		"tail -n 1 /srv/service":                                     "set up with /usr/bin/vicar",
		"ls -A /etc/vicar; ls /var/lib | grep vicar-setup || :":      ".installed\nkeys\nvicar.yaml",
		imds + " vicar doctor >/tmp/doctor || ! cat /tmp/doctor":     "",
		"vicar status --json | grep -c '\"node\": \"" + node + "\"'": "1",
	} {
		if got, err := m.Try(command); err != nil || strings.TrimSpace(got) != want {
			s.t.Errorf("%s: %s: %v\n%s\nwant\n%s", node, command, err, got, want)
		}
	}
}

// again runs a node's script once more, which leaves everything as it is.
func (s *site) again(m *machine.Machine, script, node string) {
	s.t.Helper()
	const look = "stat -c '%n %i %y' /etc/vicar/* /usr/bin/vicar; systemctl show -p MainPID vicar"
	before := m.Run(look)
	out, err := starts(m, script)
	if err != nil || !strings.HasSuffix(strings.TrimSpace(out), "this is "+node) {
		s.t.Errorf("once more on %s: %v\n%s", node, err, out)
	}
	if after := m.Run(look); after != before {
		s.t.Errorf("running the script once more has changed %s from\n%s\nto\n%s", node, before, after)
	}
}

// well tells whether the agent on a machine sees the other one and misses nothing.
func well(m *machine.Machine) bool {
	out, err := m.Try("vicar status")
	return err == nil && strings.Contains(out, "lb-1") && strings.Contains(out, "lb-2") && !strings.Contains(out, "Wrong now")
}

// at waits until everything is at a node, and its machine has the address.
func (s *site) at(n *node, m *machine.Machine) {
	s.t.Helper()
	labtest.Eventually(s.t, time.Minute, "addresses at "+n.name, func() bool {
		for _, eni := range places(s.World, n) {
			if eni != n.eni {
				return false
			}
		}
		has, err := m.Host.Has(n.config.Routers[0].Addresses[0].Addr())
		return err == nil && has
	})
}

// denied tells of a request of an instance that was not permitted.
func denied(w *awsfake.World) error {
	for _, r := range w.Requests() {
		if strings.HasPrefix(r.Caller, "i-") && (strings.Contains(r.Code, "Unauthorized") || strings.Contains(r.Code, "AccessDenied")) {
			return fmt.Errorf("%s may not %s:%s", r.Caller, r.Service, r.Action)
		}
	}
	return nil
}

// refused runs scripts that must not end with an agent.
func (s *site) refused(m *machine.Machine, script string) {
	s.t.Helper()
	sum := regexp.MustCompile(`sha256='[0-9a-f]+'`)
	config := regexp.MustCompile(`echo '[A-Za-z0-9+/=]+' \| base64 -d >"\$work/vicar.yaml"`)
	invalid := base64.StdEncoding.EncodeToString([]byte("cluster: pair\nnodes: {lb-1: {adress: 192.0.2.10}}\n"))
	for _, c := range []struct{ name, script, says string }{
		{"another package", sum.ReplaceAllLiteralString(script, "sha256='"+strings.Repeat("0", 64)+"'"), "is not the file that was named"},
		{"an invalid configuration", config.ReplaceAllLiteralString(script, "echo '"+invalid+`' | base64 -d >"$work/vicar.yaml"`), "vicar check refuses"},
		{"a denied key", strings.Replace(script, "retry 180", "retry 1", 1), "the peer key can't be had"},
	} {
		if c.script == script {
			s.t.Fatalf("%s: the script has not been changed", c.name)
		}
		allow := func() {}
		if strings.Contains(c.name, "key") {
			allow = s.deny()
		}
		out, err := starts(m, c.script)
		allow()
		if err == nil || !strings.Contains(out, "FAILED: ") || !strings.Contains(out, c.says) {
			s.t.Errorf("%s: %v\n%s", c.name, err, out)
		}
		if state, _ := m.Try("systemctl is-active vicar"); strings.TrimSpace(state) != "inactive" {
			s.t.Errorf("%s: the agent is %s", c.name, state)
		}
	}
}

// deny takes the nodes' policy away until the function that it returns is called,
// which forgets what was denied too.
func (s *site) deny() (allow func()) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	name := sorted(s.inline)[0]
	labtest.OK(s.t, s.SetPolicy(name, ""))
	return func() {
		labtest.OK(s.t, s.SetPolicy(name, s.inline[name].Get("PolicyDocument")))
		s.Forget()
	}
}
