// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// TestDoctor asks whether a node could take over, when it could and when a
// permission is missing.
func TestDoctor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, routes)
	w.start()
	before := len(w.writes())
	out, err := w.agents[second].Doctor(t.Context())
	if err != nil {
		t.Fatalf("doctor finds something wrong where nothing is: %v\n%s", err, out)
	}
	policy := w.policy()
	labtest.OK(t, w.SetPolicy(awsfake.ClusterRole, policy.without("ec2:ReplaceRoute").text(t)))
	out, err = w.agents[second].Doctor(t.Context())
	if err == nil {
		t.Errorf("doctor finds nothing wrong without ec2:ReplaceRoute")
	}
	// The statement that lacks, as a policy to be pasted.
	for _, want := range []string{"ec2:ReplaceRoute is missing in the instances' role", `"Effect": "Allow"`, awsfake.ClusterRoutes(1)} {
		if !strings.Contains(out, want) {
			t.Errorf("doctor does not say %q:\n%s", want, out)
		}
	}
	labtest.OK(t, w.SetPolicy(awsfake.ClusterRole, policy.text(t)))
	if out, err = w.agents[second].Doctor(t.Context()); err != nil {
		t.Errorf("doctor finds something wrong with the policy that it prints: %v\n%s", err, out)
	}
	w.settles(first) // it has changed nothing
	if n := len(w.writes()); n != before {
		t.Errorf("%d writes", n-before)
	}
}

// policy is one of IAM, as vicar doctor prints it.
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid, Effect string
	Action      []string
	Resource    any
	Condition   any `json:",omitempty"`
}

// policy is what vicar doctor --policy prints on the second node.
func (w *world) policy() (p policy) {
	w.t.Helper()
	text, err := w.agents[second].Doctor(w.t.Context(), "--policy")
	labtest.OK(w.t, err)
	labtest.OK(w.t, json.Unmarshal([]byte(text), &p))
	return p
}

func (p policy) text(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(p)
	labtest.OK(t, err)
	return string(text)
}

// actions are all that it allows.
func (p policy) actions() (all []string) {
	for _, s := range p.Statement {
		all = append(all, s.Action...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// without is the policy without an action.
func (p policy) without(action string) policy {
	var left []statement
	for _, s := range p.Statement {
		s.Action = slices.DeleteFunc(slices.Clone(s.Action), func(a string) bool { return a == action })
		if len(s.Action) > 0 {
			left = append(left, s)
		}
	}
	p.Statement = left
	return p
}

// everything moves by all means: a secondary address with its Elastic IP, and an
// overlay address.
func everything() shape {
	s := routes
	s.move = nil // by router, see both
	s.change = func(c *awsfake.Config) { c.Roles[0].Policy = "" }
	return s
}

// both are routers of all means.
func (w *world) both() {
	inside := w.conf.Routers[web]
	inside.Move = []any{"aws-route", "kernel"}
	edge := vicar.Router{
		VRID: 52, Interval: inside.Interval, Addresses: []netip.Prefix{secondary}, Move: []any{"aws-secondary-ip", "aws-eip", "kernel"},
	}
	w.conf.Routers = map[string]vicar.Router{web: inside, "edge": edge}
	w.conf.AWS.Tag = map[string]string{awsfake.ClusterTag: "web"}
	w.conf.AWS.Allocations = map[netip.Addr]string{secondary.Addr(): awsfake.ClusterEIP(1)}
}

// TestPolicySuffices gives the nodes the permissions that vicar doctor --policy prints
// and no others, and lets addresses move by all means; then it takes one permission
// away after the other, for each of which something must not work.
func TestPolicySuffices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, everything())
	w.both()
	for n := range w.hosts {
		w.run(n)
	}
	whole := w.policy()
	if len(whole.actions()) < 8 {
		t.Fatalf("the policy allows %q only: the test would show nothing", whole.actions())
	}
	labtest.OK(t, w.SetPolicy(awsfake.ClusterRole, whole.text(t)))
	w.settles(first)
	w.eventually("lb-1 has all", func() bool { return w.hasAll(first) })
	w.handAll(second)
	w.handAll(first)
	for _, action := range whole.actions() {
		labtest.OK(t, w.SetPolicy(awsfake.ClusterRole, whole.without(action).text(t)))
		out, err := w.agents[second].Doctor(t.Context())
		switch {
		case err == nil && action == "ec2:AssignPrivateIpAddresses", err == nil && action == "ec2:CreateRoute":
			// EC2 can't be asked beforehand.
			w.fails(action)
		case err == nil:
			t.Errorf("doctor misses nothing without %s:\n%s", action, out)
		case !strings.Contains(out, action):
			t.Errorf("doctor does not name %s:\n%s", action, out)
		}
	}
}

// hasAll tells whether all that moves is a node's in the region.
func (w *world) hasAll(n int) bool {
	eni := awsfake.ClusterInterface(n)
	holder, _ := w.Holder(secondary.Addr())
	_, to, _, _ := w.Association(awsfake.ClusterEIP(1))
	return w.has(n) && holder == eni && to == eni
}

// handAll hands all over to a node.
func (w *world) handAll(n int) {
	w.t.Helper()
	from := w.agents[first+second-n]
	for r := range w.conf.Routers {
		w.eventually(r+" moves to "+names[n], func() bool {
			if from.State(w.t.Context(), r) == "Active" {
				_ = from.Handover(w.t.Context(), r, names[n]) // refused while others are not ready
			}
			return w.agents[n].State(w.t.Context(), r) == "Active"
		})
	}
	w.eventually(names[n]+" has all", func() bool { return w.hasAll(n) })
}

// fails looks at what a take-over without a permission comes to: what it is for does
// not move, and the log says why.
func (w *world) fails(action string) {
	w.t.Helper()
	if action == "ec2:CreateRoute" {
		labtest.OK(w.t, w.SetRoute(awsfake.ClusterRoutes(1), overlay, ""))
	} else {
		labtest.OK(w.t, w.MoveAddress(secondary.Addr(), awsfake.ClusterInterface(arbiter)))
	}
	w.eventually("lb-1 is denied "+action, func() bool {
		return slices.ContainsFunc(w.Requests(), func(r awsfake.Request) bool {
			return "ec2:"+r.Action == action && r.Code == "UnauthorizedOperation"
		})
	})
	w.eventually("lb-1 says that "+action+" is denied", func() bool { return strings.Contains(w.agents[first].Output.String(), action) })
}

// TestPolicyIsDenied starts without any permission: nothing moves, and nobody is
// Active for long.
func TestPolicyIsDenied(t *testing.T) {
	t.Parallel()
	s := routes
	s.change = func(c *awsfake.Config) { c.Roles[0].Policy = "" }
	w := newWorld(t, s)
	for n := range w.hosts {
		w.run(n)
	}
	w.eventually("both say that they could not take over", func() bool {
		return !w.passes(first) && !w.passes(second) && len(w.status(first).Findings) > 0 && len(w.status(second).Findings) > 0
	})
	if out, err := w.agents[first].Doctor(t.Context()); err == nil {
		t.Errorf("doctor finds nothing wrong without a policy:\n%s", out)
	}
	if n := len(w.writes()); n > 0 || w.has(first) || w.has(second) {
		t.Errorf("%d writes were let through", n)
	}
}
