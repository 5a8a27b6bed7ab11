// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"slices"

	"github.com/vicar-ha/vicar/cloud/aws"
	"github.com/vicar-ha/vicar/config"
)

// uses is what a configuration uses of AWS.
func uses(c *config.Config) aws.Uses {
	moves := func(kind config.MoverKind) bool {
		return slices.ContainsFunc(c.Routers, func(r config.Router) bool { return r.Moves(kind) })
	}
	u := aws.Uses{Cluster: c.Cluster}
	if c.PeerLink != nil {
		u.KeysFrom, u.KeysKMS = c.PeerLink.KeysFrom, c.PeerLink.KeysKMS
	}
	if c.AWS == nil {
		return u
	}
	u.Region, u.Account, u.TagKey, u.TagValue, u.Release = c.AWS.Region, c.AWS.Account, c.AWS.TagKey, c.AWS.TagValue, c.AWS.Release
	u.SecondaryIPs, u.IPv6 = moves(config.MoveAWSSecondaryIP), c.AWS.IPv6Assign
	u.Routes, u.RouteTables, u.EIPs = moves(config.MoveAWSRoute), written(c.AWS), moves(config.MoveAWSEIP)
	if u.Routes {
		u.Role = c.AWS.Role
	}
	if c.Guard.Table != "" {
		u.Tables = []string{c.Guard.Table}
	}
	for _, n := range c.Nodes {
		if n.Witness {
			continue
		}
		id := c.AWS.Interfaces[n.Name]
		if id == "" {
			u.Interfaces = nil // only that node's metadata say which one it is
			break
		}
		u.Interfaces = append(u.Interfaces, id)
	}
	for _, id := range c.AWS.Allocations {
		u.Allocations = append(u.Allocations, id)
	}
	slices.Sort(u.Allocations)
	u.Allocations = slices.Compact(u.Allocations)
	return u
}

// written are the route tables that are written to: route_tables as the file has
// them, and others in which destinations move along, sorted.
func written(a *config.AWS) []string {
	var others []string
	for _, all := range a.Routes {
		for _, v := range all {
			for _, t := range v.Tables {
				if !slices.Contains(a.RouteTables, t) {
					others = append(others, t)
				}
			}
		}
	}
	slices.Sort(others)
	return slices.Concat(a.RouteTables, slices.Compact(others))
}

var (
	errNoAWS  = errors.New("the configuration has neither a section aws nor peer_link.keys_from, so it needs no policy")
	errNoRole = errors.New("no role is assumed: there is none in the section aws, or no router moves by aws-route")
)

// printPolicy prints one document, as IAM takes it.
func (a *app) printPolicy(o doctorOptions) error {
	cfg, err := config.Load(o.config)
	if err != nil {
		return err
	}
	if cfg.AWS == nil && (cfg.PeerLink == nil || cfg.PeerLink.KeysFrom == "") {
		return errNoAWS
	}
	u := uses(cfg)
	role, assumes := u.RolePolicy()
	if o.role {
		if !assumes {
			return errNoRole
		}
		return a.print(role.JSON())
	}
	say := func(text string) { _, _ = io.WriteString(a.stderr, "vicar: "+text+"\n") }
	if assumes {
		say(u.Role + " needs a policy, too: vicar doctor --role prints it. It must trust the instances' role")
	}
	if u.Wide() {
		say("this policy permits to write to any network interface: name the nodes' in aws.interfaces, or a tag that they have in aws.tag")
	}
	return a.print(u.Policy().JSON())
}
