// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/proof"
)

// proved wants a file to be a valid configuration without a problem, also after two
// failures, and with these warnings alone.
func proved(t *testing.T, file string, warnings ...string) *config.Config {
	t.Helper()
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(c.Warnings)
	if len(c.Warnings) != len(warnings) || slices.ContainsFunc(warnings, func(w string) bool { return !strings.Contains(text, w) }) {
		t.Errorf("warnings %s, want %q", text, warnings)
	}
	for _, f := range proof.Prove(c, proof.Options{Pairs: true}).Problems() {
		t.Errorf("%v: %s; %s", f.Routers, f.Text, f.Remedy)
	}
	return c
}

// TestOnPremises applies the example: the file that it writes is what vicar reads.
func TestOnPremises(t *testing.T) {
	w := open(t, tree(t), "modules/config/examples/on-premises")
	w.run(t, "apply", "-input=false", "-auto-approve")
	c := proved(t, filepath.Join(w.dir, "vicar.yaml"))
	if len(c.Nodes) != 3 || c.Routers[0].Priority["lb-1"] != 200 {
		t.Errorf("nodes %v, priorities %v: not those of the example", c.Nodes, c.Routers[0].Priority)
	}
	w.run(t, "plan", "-input=false", "-detailed-exitcode") // no changes, or the exit code is 2
}
