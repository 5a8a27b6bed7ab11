// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnotherAddress gives a node's slot another address: its machine goes before
// the interface does, since an instance's first interface can't be taken from it, and the
// other node stays.
func TestAnotherAddress(t *testing.T) {
	program(t)
	noEnvironment(t)
	for _, c := range []struct{ deployment, from, to, machine, stays string }{
		{"haproxy-pair", "var.subnet.cidr_block, 10)", "var.subnet.cidr_block, 12)", `aws_autoscaling_group.node["lb-1"]`, `.node["lb-2"] must be replaced`},
		{"instances", `"192.0.2.5"`, `"192.0.2.6"`, `aws_instance.node["edge-1"]`, `.node["edge-2"] must be replaced`},
	} {
		for _, d := range deployments() {
			if d.name != c.deployment {
				continue
			}
			t.Run(d.name, func(t *testing.T) {
				t.Parallel()
				w := d.deploy(t, newRegion(t, d.land))
				w.run(t, "apply", "-input=false", "-auto-approve")
				file := filepath.Join(w.dir, "main.tf")
				text, err := os.ReadFile(file)
				if err != nil || !strings.Contains(string(text), c.from) {
					t.Fatalf("no %q: %v", c.from, err)
				}
				w.write(t, "main.tf", []byte(strings.Replace(string(text), c.from, c.to, 1)))
				out := w.run(t, "plan", "-input=false")
				if !strings.Contains(out, c.machine+" must be replaced") && !strings.Contains(out, c.machine+" will be replaced") {
					t.Errorf("the plan does not replace %s:\n%s", c.machine, out)
				}
				if strings.Contains(out, c.stays) {
					t.Errorf("the plan replaces the other node:\n%s", out)
				}
			})
		}
	}
}
