// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"strings"
)

// rule is one of a security group.
type rule struct {
	group  string
	egress bool
	ask    ask
}

const permission = "IpPermissions.1"

func networkActions() map[string]does {
	return map[string]does{
		"CreateSecurityGroup":        createGroup,
		"DescribeSecurityGroups":     describeGroups,
		"DescribeSecurityGroupRules": describeRules,
		"RevokeSecurityGroupEgress":  revokeEgress,
		"AuthorizeSecurityGroupIngress": func(r *region, a ask) (string, error) {
			return authorize(r, a, false)
		},
		"AuthorizeSecurityGroupEgress": func(r *region, a ask) (string, error) {
			return authorize(r, a, true)
		},
		"CreateVpcEndpoint":    createEndpoint,
		"DescribeVpcEndpoints": describeEndpoints,
		"DescribePrefixLists": func(_ *region, a ask) (string, error) {
			return in("prefixListSet", in("item", is("prefixListId", "pl-00000000000000001"), is("prefixListName", a.Get("Filter.1.Value.1")), in("cidrSet"))), nil
		},
	}
}

func noGroup(id string) error {
	return fault{"InvalidGroup.NotFound", "The security group '" + id + "' does not exist"}
}

func createGroup(r *region, a ask) (string, error) {
	id := r.id("sg")
	r.groups[id] = a.Values
	return is("return", "true") + is("groupId", id), nil
}

func describeGroups(r *region, a ask) (string, error) {
	var items []string
	for _, id := range a.wanted("GroupId", sorted(r.groups)) {
		g, ok := r.groups[id]
		if !ok {
			return "", noGroup(id)
		}
		made := ask{g}
		items = append(items, in("item", is("groupId", id), is("groupName", g.Get("GroupName")), is("groupDescription", g.Get("GroupDescription")),
			is("vpcId", g.Get("VpcId")), is("ownerId", account), in("ipPermissions"), in("ipPermissionsEgress"), made.tags("TagSpecification.1.Tag")))
	}
	return in("securityGroupInfo", items...), nil
}

// revokeEgress takes away what a new group lets out: everything of IPv4.
func revokeEgress(r *region, a ask) (string, error) {
	if _, ok := r.groups[a.Get("GroupId")]; !ok {
		return "", noGroup(a.Get("GroupId"))
	}
	if a.Get(permission+".IpRanges.1.CidrIp") != "0.0.0.0/0" {
		return "", fault{"InvalidPermission.NotFound", "The specified rule does not exist in this security group."}
	}
	return is("return", "true"), nil
}

func authorize(r *region, a ask, egress bool) (string, error) {
	if _, ok := r.groups[a.Get("GroupId")]; !ok {
		return "", noGroup(a.Get("GroupId"))
	}
	id := r.id("sgr")
	r.rules[id] = rule{a.Get("GroupId"), egress, a}
	return is("return", "true") + in("securityGroupRuleSet", r.ruleItem(id)), nil
}

func describeRules(r *region, a ask) (string, error) {
	var items []string
	for _, id := range a.wanted("SecurityGroupRuleId", sorted(r.rules)) {
		if _, ok := r.rules[id]; !ok {
			return "", fault{"InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '" + id + "' does not exist"}
		}
		items = append(items, r.ruleItem(id))
	}
	return in("securityGroupRuleSet", items...), nil
}

// ruleItem shows a rule. Without ports it has all of them, -1.
func (r *region) ruleItem(id string) string {
	one := r.rules[id]
	get := func(name string) string { return one.ask.Get(permission + "." + name) }
	from, to := get("FromPort"), get("ToPort")
	if from == "" {
		from, to = "-1", "-1"
	}
	description := get("IpRanges.1.Description") + get("Ipv6Ranges.1.Description") + get("Groups.1.Description")
	referenced := ""
	if g := get("Groups.1.GroupId"); g != "" {
		referenced = in("referencedGroupInfo", is("groupId", g))
	}
	return in("item", is("securityGroupRuleId", id), is("groupId", one.group), is("groupOwnerId", account), is("isEgress", map[bool]string{true: "true", false: "false"}[one.egress]),
		is("ipProtocol", get("IpProtocol")), is("fromPort", from), is("toPort", to), is("cidrIpv4", get("IpRanges.1.CidrIp")), is("cidrIpv6", get("Ipv6Ranges.1.CidrIpv6")),
		referenced, is("description", description), one.ask.tags("TagSpecification.1.Tag"))
}

func createEndpoint(r *region, a ask) (string, error) {
	id := r.id("vpce")
	r.endpoints[id] = a.Values
	return r.endpointItem("vpcEndpoint", id), nil
}

func describeEndpoints(r *region, a ask) (string, error) {
	var items []string
	for _, id := range a.wanted("VpcEndpointId", sorted(r.endpoints)) {
		if _, ok := r.endpoints[id]; !ok {
			return "", fault{"InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '" + id + "' does not exist"}
		}
		items = append(items, r.endpointItem("item", id))
	}
	return in("vpcEndpointSet", items...), nil
}

func (r *region) endpointItem(name, id string) string {
	e := ask{r.endpoints[id]}
	each := func(set, param string) string {
		var items []string
		for _, v := range e.list(param) {
			items = append(items, is("item", v))
		}
		return in(set, items...)
	}
	var groups []string
	for _, g := range e.list("SecurityGroupId") {
		groups = append(groups, in("item", is("groupId", g)))
	}
	private := e.Get("PrivateDnsEnabled")
	if private == "" {
		private = "false"
	}
	return in(name, is("vpcEndpointId", id), is("vpcEndpointType", e.Get("VpcEndpointType")), is("vpcId", e.Get("VpcId")), is("serviceName", e.Get("ServiceName")),
		is("state", "available"), is("ownerId", account), is("privateDnsEnabled", private), is("requesterManaged", "false"), is("ipAddressType", "ipv4"),
		is("policyDocument", strings.TrimSpace(`{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}`)),
		each("routeTableIdSet", "RouteTableId"), each("subnetIdSet", "SubnetId"), in("groupSet", groups...), e.tags("TagSpecification.1.Tag"))
}
