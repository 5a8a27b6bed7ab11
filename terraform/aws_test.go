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
	var all []rendered
	for _, made := range states(t, w.run(t, "test", "-json", "-verbose", "-filter=tests/ways.tftest.hcl")) {
		r := rendered{run: made.Run}
		made.output(t, "vicar_yaml", &r.vicarYAML)
		made.output(t, "policy", &r.policy)
		made.output(t, "network_interface_ids", &r.interfaces)
		made.output(t, "elastic_ips", &r.eips)
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

// state is what a run of a module's tests has left, as -json -verbose tells it.
type state struct {
	Type  string `json:"type"`
	Run   string `json:"@testrun"`
	State struct {
		Values struct {
			Outputs map[string]struct{ Value json.RawMessage } `json:"outputs"`
		} `json:"values"`
	} `json:"test_state"`
}

func states(t *testing.T, events string) []state {
	t.Helper()
	var all []state
	for line := range strings.Lines(events) {
		var s state
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if s.Type == "test_state" {
			all = append(all, s)
		}
	}
	return all
}

func (s state) output(t *testing.T, name string, into any) {
	t.Helper()
	if err := json.Unmarshal(s.State.Values.Outputs[name].Value, into); err != nil {
		t.Fatalf("%s, output %s: %v", s.Run, name, err)
	}
}

// numbered gives each id that the mocked provider has made up in a configuration,
// which are all the same, a number of its own.
func numbered(yaml string) string {
	n := 0
	section := ""
	lines := strings.Split(yaml, "\n")
	for i, line := range lines {
		if strings.HasSuffix(line, ":") {
			section = strings.Trim(strings.TrimSpace(line), `":`)
		}
		prefix := map[string]string{"interfaces": "eni", "allocations": "eipalloc"}[section]
		if key, _, ok := strings.Cut(line, `: "`); ok && prefix != "" && strings.HasPrefix(line, "    ") {
			n++
			lines[i] = fmt.Sprintf(`%s: "%s-%017x"`, key, prefix, n)
		}
	}
	return strings.Join(lines, "\n")
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
