// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/track"
)

// rawAWS is the section aws.
type rawAWS struct {
	mark
	Region      region                 `yaml:"region" jsonschema_description:"The region, as in eu-central-1. Default: the machine's, as its metadata says."`
	Account     accountID              `yaml:"account" jsonschema_description:"The id of the account that the nodes are in, 12 digits in quotes, for vicar doctor --policy. Default: the policy names no account."`
	Endpoints   rawEndpoints           `yaml:"endpoints" jsonschema_description:"URLs of services that are not at their usual place: VPC endpoints with names of their own."`
	Proxy       serviceURL             `yaml:"proxy" jsonschema_description:"URL of an HTTP proxy for all requests but those to the metadata service. Default: none, whatever the environment says."`
	Role        roleARN                `yaml:"role" jsonschema_description:"ARN of a role that is assumed for the route tables, as those of a shared VPC, which are its owner's. Default: the instance's own role."`
	RouteTables list[routeTableID]     `yaml:"route_tables" jsonschema_description:"The route tables (rtb-...) that aws-route writes to: those of all subnets from which the addresses are to be reached."`
	Routes      awsRoutes              `yaml:"routes" jsonschema_description:"Destinations that move along with an address of aws-route, by that address: their routes lead to its holder. For nodes that translate or inspect what goes through them."`
	Interfaces  named[interfaceID]     `yaml:"interfaces" jsonschema_description:"The nodes' network interfaces (eni-...), by node. Default: the one that has the address of the router's interface."`
	Tag         resourceTag            `yaml:"tag" jsonschema_description:"A tag that the nodes' network interfaces have, as in {vicar: web}: vicar doctor --policy permits to write to such only. Default: to those of interfaces, or to any."`
	Allocations byAddress[elasticIPID] `yaml:"allocations" jsonschema_description:"The Elastic IPs (eipalloc-...) of aws-eip, by the router's address that each belongs to."`
	IPv6        moveIPv6               `yaml:"ipv6" jsonschema_description:"assign: aws-secondary-ip moves IPv6 addresses, too: it takes them from the former holder and then assigns them, with a gap. Default: they need aws-route."`
	Release     boolean                `yaml:"release" jsonschema_description:"Whether a node that gives up in order gives back what it has in the cloud; else the successor takes it. Default false."`
	Poll        poll                   `yaml:"poll" jsonschema_description:"How often a holder looks whether somebody has taken what is its own. 1s to 1h, default 30s."`
	Readiness   rawReadiness           `yaml:"readiness" jsonschema_description:"The look of a standby whether it could take over."`

	meant map[string]bool // keys that are there, spelled wrong
}

// stranger notes which key was meant, so that nobody is told that it is missing.
func (a *rawAWS) stranger(_ *reader, _ []pair, p pair) bool {
	names := tagged(reflect.ValueOf(a).Elem(), make(map[string]reflect.Value), nil)
	if meant := guess(p.name, names); meant != "" {
		if a.meant == nil {
			a.meant = make(map[string]bool)
		}
		a.meant[meant] = true
	}
	return false
}

func (a *rawAWS) refuse(at mark) { a.mark = at }

func (a *rawAWS) decode(r *reader, key mark, n ast.Node) {
	a.mark = key
	r.fields(key, n, a)
	if a.RouteTables.present() && !a.RouteTables.refused && len(a.RouteTables.items) == 0 {
		r.bad(a.RouteTables.mark, "there is no route table", "name those of all subnets from which the addresses are to be reached, or remove the key")
	}
}

// rawEndpoints is its section endpoints.
type rawEndpoints struct {
	EC2      serviceURL `yaml:"ec2" jsonschema_description:"Of EC2: what moves the addresses."`
	IMDS     serviceURL `yaml:"imds" jsonschema_description:"Of the instance metadata service. Default http://169.254.169.254."`
	DynamoDB serviceURL `yaml:"dynamodb" jsonschema_description:"Of DynamoDB: the guard's table."`
	STS      serviceURL `yaml:"sts" jsonschema_description:"Of STS: assumes the role."`
	SSM      serviceURL `yaml:"ssm" jsonschema_description:"Of SSM: has the peer link's keys, if peer_link.keys_from is a parameter."`
	Secrets  serviceURL `yaml:"secretsmanager" jsonschema_description:"Of Secrets Manager: has the peer link's keys, if peer_link.keys_from is a secret."`
}

func (e *rawEndpoints) decode(r *reader, key mark, n ast.Node) {
	r.fields(key, n, e)
	for name, u := range map[string]serviceURL{"EC2": e.EC2, "DynamoDB": e.DynamoDB, "STS": e.STS, "SSM": e.SSM, "Secrets Manager": e.Secrets} {
		if u.ok && u.plain() {
			r.warn(u.mark, "requests to "+name+" go without TLS: who is on the way can read and change them", "write an https URL")
		}
	}
}

// rawReadiness is its section readiness.
type rawReadiness struct {
	Interval readinessInterval `yaml:"interval" jsonschema_description:"How often it looks. 1s to 24h, default 1m."`
	Weight   readinessWeight   `yaml:"weight" jsonschema_description:"What is taken from its priority while it could not take over. -253 to -1. Default -253: it is behind all that could."`
}

func (v *rawReadiness) decode(r *reader, key mark, n ast.Node) { r.fields(key, n, v) }

type (
	poll              struct{ duration }
	readinessInterval struct{ duration }
	readinessWeight   struct{ number }
	moveIPv6          struct{ text }
)

const ipv6Assign = "assign"

func (v *moveIPv6) decode(r *reader, key mark, n ast.Node) {
	v.mark = r.at(n, key.path)
	if s, ok := n.(*ast.StringNode); ok && s.Value == ipv6Assign {
		v.set(s.Value)
		return
	}
	r.bad(v.mark, describe(n)+" is here", "write assign, or remove the key: IPv6 addresses need aws-route then")
}

func (v *poll) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, time.Second, time.Hour)
}

func (v *readinessInterval) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, time.Second, 24*time.Hour)
}

// A weight of fault would keep all standbys out while the interfaces of the cloud
// are down, and with them the only way to try.
func (v *readinessWeight) decode(r *reader, key mark, n ast.Node) {
	rule := fmt.Sprintf("the weight is -%d to -1", track.MaxWeight)
	if s, ok := n.(*ast.StringNode); ok && s.Value == weightFault {
		v.mark = r.at(n, key.path)
		r.bad(v.mark, "fault would keep every standby out while EC2 can't be asked", rule+": then one of them can still try when the holder dies")
		return
	}
	v.decodeRange(r, key, n, -track.MaxWeight, -1, rule)
}

const (
	defaultPoll      = 30 * time.Second
	defaultReadiness = time.Minute
	// usualPoll is how often one may ask without being a burden.
	usualPoll = 10 * time.Second
	// defaultUnready puts a node that could not take over behind all that could, even
	// behind a holder that yields, which has the lowest priority: else it would take
	// the addresses from one that can hold them.
	defaultUnready = -track.MaxWeight
)

// aws is the section's meaning, nil without it. The readiness' weight is that of
// routers.
func (r *reader) aws(raw *rawAWS, c *Config) *AWS {
	if !raw.present() {
		return nil
	}
	a := &AWS{
		Region: raw.Region.v, Account: raw.Account.v,
		EC2Endpoint: raw.Endpoints.EC2.v, IMDSEndpoint: raw.Endpoints.IMDS.v,
		DynamoDBEndpoint: raw.Endpoints.DynamoDB.v, STSEndpoint: raw.Endpoints.STS.v,
		SSMEndpoint: raw.Endpoints.SSM.v, SecretsManagerEndpoint: raw.Endpoints.Secrets.v,
		Proxy: raw.Proxy.v, Role: raw.Role.v,
		RouteTables: r.routeTables(raw),
		Routes:      routesAlong(raw),
		Interfaces:  r.nodeInterfaces(raw, c),
		TagKey:      raw.Tag.key,
		TagValue:    raw.Tag.value,
		Allocations: r.allocations(raw),
		IPv6Assign:  raw.IPv6.v == ipv6Assign,
		Release:     raw.Release.v,
		Poll:        raw.Poll.or(defaultPoll),
		Readiness:   raw.Readiness.Interval.or(defaultReadiness),
	}
	return a
}

func (r *reader) routeTables(raw *rawAWS) []string {
	var tables []string
	first := make(map[string]mark)
	for _, t := range raw.RouteTables.items {
		if t.ok && r.firstTime(first, t.v, t.mark) {
			tables = append(tables, t.v)
		}
	}
	return tables
}

// firstTime notes an error if v was there before.
func (r *reader) firstTime(first map[string]mark, v string, at mark) bool {
	if before, twice := first[v]; twice {
		r.bad(at, fmt.Sprintf("%s is already on line %d", v, before.line), "remove one of them")
		return false
	}
	first[v] = at
	return true
}

func (r *reader) nodeInterfaces(raw *rawAWS, c *Config) map[string]string {
	interfaces := make(map[string]string)
	owner := make(map[string]string)
	for _, e := range raw.Interfaces.entries {
		id := e.value
		if !r.takesPart(e.key, e.name, c) || !id.ok {
			continue
		}
		if other, twice := owner[id.v]; twice {
			r.bad(id.mark, id.v+" is already that of node "+other, "each node has an interface of its own")
			continue
		}
		owner[id.v] = e.name
		interfaces[e.name] = id.v
	}
	if len(interfaces) == 0 {
		return nil
	}
	return interfaces
}

func (r *reader) allocations(raw *rawAWS) map[netip.Addr]string {
	allocations := make(map[netip.Addr]string)
	first := make(map[string]mark)
	for _, e := range raw.Allocations.entries {
		if e.address.IsValid() && e.value.ok && r.firstTime(first, e.value.v, e.value.mark) {
			allocations[e.address] = e.value.v
		}
	}
	if len(allocations) == 0 {
		return nil
	}
	return allocations
}
