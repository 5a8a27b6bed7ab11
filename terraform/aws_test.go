// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// rendered is what a run of the module's tests has made.
type rendered struct {
	run        string
	vicarYAML  string
	policy     string
	interfaces map[string]string
	eips       map[string]struct {
		ID string `json:"allocation_id"`
	}
}

// ways runs the module's own tests and tells what each run has made, with ids of the
// form that EC2's have.
func ways(t *testing.T) []rendered {
	t.Helper()
	w := open(t, tree(t), "modules/aws-vicar")
	out := w.run(t, "test", "-json", "-verbose", "-filter=tests/ways.tftest.hcl")
	var all []rendered
	for line := range strings.Lines(out) {
		var event struct {
			Type  string `json:"type"`
			Run   string `json:"@testrun"`
			State struct {
				Values struct {
					Outputs map[string]struct{ Value json.RawMessage } `json:"outputs"`
				} `json:"values"`
			} `json:"test_state"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if event.Type != "test_state" {
			continue
		}
		r := rendered{run: event.Run}
		outputs := event.State.Values.Outputs
		for name, into := range map[string]any{"vicar_yaml": &r.vicarYAML, "policy": &r.policy, "network_interface_ids": &r.interfaces, "elastic_ips": &r.eips} {
			if err := json.Unmarshal(outputs[name].Value, into); err != nil {
				t.Fatalf("%s, output %s: %v", r.run, name, err)
			}
		}
		all = append(all, r.withIDs())
	}
	if len(all) < 7 {
		t.Fatalf("%d runs have made something, not 7", len(all))
	}
	return all
}

// withIDs replaces the ids that the mocked provider has made up, which are the same
// for all instances of a resource, by one for each. Configuration and policy have them in
// one order.
func (r rendered) withIDs() rendered {
	for prefix, ids := range map[string][]string{"eni": slices.Collect(maps.Values(r.interfaces)), "eipalloc": r.allocations()} {
		if len(ids) == 0 {
			continue
		}
		each := strings.Count(r.vicarYAML, ids[0])
		for _, text := range []*string{&r.vicarYAML, &r.policy} {
			for n := 0; strings.Contains(*text, ids[0]); n++ {
				*text = strings.Replace(*text, ids[0], fmt.Sprintf("%s-%017x", prefix, n%each), 1)
			}
		}
	}
	return r
}

func (r rendered) allocations() []string {
	var ids []string
	for _, e := range r.eips {
		ids = append(ids, e.ID)
	}
	return ids
}

// TestWays wants each configuration that the module renders to be one that vicar
// takes, proved without a problem, and its IAM policy to be the one that vicar
// prints for it: nothing more and nothing less.
func TestWays(t *testing.T) {
	for _, r := range ways(t) {
		t.Run(r.run, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "vicar.yaml")
			if err := os.WriteFile(file, []byte(r.vicarYAML), 0o600); err != nil {
				t.Fatal(err)
			}
			var warnings []string
			if r.run == "without_a_guard" {
				warnings = []string{"without a guard"}
			}
			proved(t, file, warnings...)
			printed := say(t, "doctor", "--policy", "--config", file)
			if got, want := statements(t, r.policy), statements(t, printed); !reflect.DeepEqual(got, want) {
				t.Errorf("the module's policy:\n%s\nvicar's:\n%s", r.policy, printed)
			}
		})
	}
}

// statements are a policy's by Sid, with what is a set sorted.
func statements(t *testing.T, policy string) map[string]map[string]any {
	t.Helper()
	var p struct{ Statement []map[string]any }
	if err := json.Unmarshal([]byte(policy), &p); err != nil {
		t.Fatalf("%v in %s", err, policy)
	}
	all := map[string]map[string]any{}
	for _, s := range p.Statement {
		for _, key := range []string{"Action", "Resource"} {
			list, _ := s[key].([]any)
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		}
		all[s["Sid"].(string)] = s
	}
	return all
}
