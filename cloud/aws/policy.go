// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"encoding/json"
	"slices"
	"strings"
)

// Uses is what a configuration uses of AWS. Its policy permits that and nothing
// else.
type Uses struct {
	Cluster         string // whose records in Tables it may read and write; empty: all
	Region, Account string // empty: any
	// Tag narrows the interfaces down to those that have it. Without it, and without
	// Interfaces, any interface of the account may be written to. Whoever may write
	// tags may go around it.
	TagKey, TagValue string

	SecondaryIPs bool
	IPv6         bool // secondary addresses of IPv6, which are unassigned first
	Routes       bool
	EIPs         bool
	Release      bool // objects are given back

	Interfaces  []string // of all nodes, eni-...; empty: any
	RouteTables []string // rtb-...
	Allocations []string // eipalloc-...
	Tables      []string // of DynamoDB
	Role        string   // the ARN of the one that is assumed for route tables, or empty
	// KeysFrom is the ARN of a parameter of SSM or a secret of Secrets Manager that is
	// read, KeysKMS that of the customer's key which encrypts it; empty: none.
	KeysFrom, KeysKMS string
}

// Policy is a policy document of IAM.
type Policy struct {
	Version   string
	Statement []Statement
}

// Statement is one of a Policy.
type Statement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string]string `json:",omitempty"`
}

// JSON is the document as IAM takes it, indented.
func (p Policy) JSON() string {
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(p) // strings only
	return text.String()
}

// Policy is what the instances' role needs.
func (u Uses) Policy() Policy {
	p := Policy{Version: "2012-10-17"}
	p.add(u.reads())
	if u.Role == "" {
		p.add(u.routes())
	}
	p.add(u.secondaryIPs())
	p.add(u.eips()...)
	p.add(u.votes())
	p.add(u.keys()...)
	if u.Role != "" {
		p.add(Statement{Sid: "Owner", Action: []string{assumeRole}, Resource: []string{u.Role}})
	}
	return p
}

// RolePolicy is what the role needs that is assumed for route tables; false if
// none is.
func (u Uses) RolePolicy() (Policy, bool) {
	if u.Role == "" {
		return Policy{}, false
	}
	p := Policy{Version: "2012-10-17"}
	// The tables are of the account that the role is in.
	if parts := strings.Split(u.Role, ":"); len(parts) > 4 {
		u.Account = parts[4]
	}
	p.add(u.inRegion(Statement{Sid: "Read", Action: []string{describeTables}, Resource: []string{"*"}}), u.routes())
	return p, true
}

// Lacking are the statements that permit an action, as an answer has it
// ("ec2:ReplaceRoute"): none if there are none. It tells whether they are the
// assumed role's.
func (u Uses) Lacking(action string) (p Policy, ofRole bool) {
	if p, assumed := u.RolePolicy(); assumed {
		if p = p.of(action); len(p.Statement) > 0 {
			return p, true
		}
	}
	return u.Policy().of(action), false
}

// of is the part of the policy that has the action.
func (p Policy) of(action string) Policy {
	return Policy{Version: p.Version, Statement: slices.DeleteFunc(slices.Clone(p.Statement), func(s Statement) bool {
		return !slices.Contains(s.Action, action)
	})}
}

// Wide tells whether the policy permits to write to any network interface.
func (u Uses) Wide() bool {
	return (u.SecondaryIPs || u.EIPs) && len(u.Interfaces) == 0 && u.TagKey == ""
}

// add adds the statements that have actions.
func (p *Policy) add(all ...Statement) {
	for _, s := range all {
		if len(s.Action) > 0 {
			s.Effect = "Allow"
			p.Statement = append(p.Statement, s)
		}
	}
}

// reads are the describes: IAM knows no resources for them.
func (u Uses) reads() Statement {
	var actions []string
	if u.SecondaryIPs || u.Routes || u.EIPs {
		actions = append(actions, describeInterfaces)
	}
	if u.SecondaryIPs {
		actions = append(actions, describeTypes)
	}
	if u.Routes && u.Role == "" {
		actions = append(actions, describeTables)
	}
	if u.EIPs {
		actions = append(actions, describeAddresses)
	}
	slices.Sort(actions)
	return u.inRegion(Statement{Sid: "Read", Action: actions, Resource: []string{"*"}})
}

func (u Uses) inRegion(s Statement) Statement {
	if u.Region != "" {
		s.Condition = map[string]map[string]string{"StringEquals": {"aws:RequestedRegion": u.Region}}
	}
	return s
}

func (u Uses) routes() Statement {
	if !u.Routes {
		return Statement{}
	}
	s := Statement{Sid: "Routes", Action: []string{createRoute, replaceRoute}}
	if u.Release {
		s.Action = []string{createRoute, deleteRoute, replaceRoute}
	}
	for _, id := range u.RouteTables {
		s.Resource = append(s.Resource, u.arn("ec2", "route-table/"+id))
	}
	return s
}

func (u Uses) secondaryIPs() Statement {
	if !u.SecondaryIPs {
		return Statement{}
	}
	s := Statement{Sid: "SecondaryIPs", Action: []string{assignIPv4}, Resource: u.interfaces()}
	if u.IPv6 {
		// An IPv6 address is taken from the other node's interface.
		s.Action = append(s.Action, assignIPv6, unassignIPv6)
	}
	if u.Release {
		s.Action = append(s.Action, unassignIPv4)
	}
	slices.Sort(s.Action)
	return u.tagged(s)
}

// eips are some statements: EC2 wants all of the Elastic IP, the interface and the
// instance permitted, and it is the interfaces alone that have the tag.
func (u Uses) eips() []Statement {
	if !u.EIPs {
		return nil
	}
	s := Statement{Sid: "ElasticIPs", Action: []string{associate}}
	if u.Release {
		s.Action = append(s.Action, disassociate)
	}
	for _, id := range u.Allocations {
		s.Resource = append(s.Resource, u.arn("ec2", "elastic-ip/"+id))
	}
	on := Statement{Sid: "ElasticIPsInterfaces", Action: s.Action, Resource: u.interfaces()}
	at := Statement{Sid: "ElasticIPsInstances", Action: s.Action, Resource: []string{u.arn("ec2", "instance/*")}}
	return []Statement{s, u.tagged(on), at}
}

func (u Uses) votes() Statement {
	if len(u.Tables) == 0 {
		return Statement{}
	}
	s := Statement{Sid: "Tables", Action: []string{getItem, putItem}}
	for _, name := range u.Tables {
		s.Resource = append(s.Resource, u.arn("dynamodb", "table/"+name))
	}
	if u.Cluster != "" {
		// The table may be that of other clusters, too.
		s.Condition = map[string]map[string]string{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": u.Cluster + "/*"}}
	}
	return s
}

// keys are what `vicar keygen --fetch` needs.
func (u Uses) keys() []Statement {
	if u.KeysFrom == "" {
		return nil
	}
	s := Statement{Sid: "Keys", Action: []string{readParameter}, Resource: []string{u.KeysFrom}}
	if strings.Contains(u.KeysFrom, ":secretsmanager:") {
		s.Action = []string{readSecret}
	}
	if u.KeysKMS == "" {
		return []Statement{s}
	}
	return []Statement{s, {Sid: "KeysKMS", Action: []string{decrypt}, Resource: []string{u.KeysKMS}}}
}

func (u Uses) interfaces() []string {
	if len(u.Interfaces) == 0 {
		return []string{u.arn("ec2", "network-interface/*")}
	}
	var all []string
	for _, id := range u.Interfaces {
		all = append(all, u.arn("ec2", "network-interface/"+id))
	}
	return all
}

func (u Uses) tagged(s Statement) Statement {
	if u.TagKey != "" {
		s.Condition = map[string]map[string]string{"StringEquals": {"aws:ResourceTag/" + u.TagKey: u.TagValue}}
	}
	return s
}

func (u Uses) arn(service, resource string) string {
	orAny := func(s string) string {
		if s == "" {
			return "*"
		}
		return s
	}
	return strings.Join([]string{"arn", partition(u.Region), service, orAny(u.Region), orAny(u.Account), resource}, ":")
}

// partition is the part of AWS that a region is in.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
