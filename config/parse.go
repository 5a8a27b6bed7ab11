// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// rawFile is the whole file.
type rawFile struct {
	Cluster    name             `yaml:"cluster" jsonschema:"required" jsonschema_description:"A name for these nodes together, shown in status and logs."`
	Nodes      named[rawNode]   `yaml:"nodes" jsonschema:"required" jsonschema_description:"The hosts that take part, by name. Each finds itself by --node, by its host name, or by its address."`
	Transport  rawTransport     `yaml:"transport" jsonschema_description:"How adverts travel."`
	PeerLink   rawPeerLink      `yaml:"peer_link" jsonschema_description:"The encrypted link between the nodes, witnesses included. The guard and gossip need it; without them it carries handovers and every node's state."`
	Guard      rawGuard         `yaml:"guard" jsonschema_description:"What makes a second holder impossible."`
	Announce   rawAnnounce      `yaml:"announce" jsonschema_description:"How neighbours are told where an address is now: gratuitous ARP and unsolicited neighbour advertisements."`
	Routers    named[rawRouter] `yaml:"routers" jsonschema:"required" jsonschema_description:"The virtual routers, by name: addresses that move together."`
	SyncGroups named[rawGroup]  `yaml:"sync_groups" jsonschema_description:"Routers that move together, by the group's name."`
	Checks     named[rawCheck]  `yaml:"checks" jsonschema_description:"What a node's health is made of, by name. A check counts where a router or a sync group tracks it."`
	Hooks      list[rawHook]    `yaml:"hooks" jsonschema_description:"Who is told of transitions: programs and webhooks."`
	Control    rawControl       `yaml:"control" jsonschema_description:"How the agent can be talked to."`

	AWS rawAWS `yaml:"aws" jsonschema_description:"How addresses move in AWS, and the guard's table: where its services are, and the ids of what moves."`

	Pools named[rawPool] `yaml:"pools" jsonschema_description:"Virtual services balanced over real servers, by name."`
	IPVS  rawIPVS        `yaml:"ipvs" jsonschema_description:"What the kernel's IPVS has once for all pools: how connections are told to the other nodes, and time-outs."`
}

func (f *rawFile) decode(r *reader, key mark, n ast.Node) { r.fields(key, n, f) }

// Parse reads and checks data; name is the file's in errors. The error is an
// Errors with everything that is wrong. Where the file is not even YAML that
// is one error, since the rest can't be judged.
func Parse(name string, data []byte) (*Config, error) { return parseWith(name, data, nil) }

// parseWith is Parse, with what the servers' files have; nil: they are read.
func parseWith(name string, data []byte, served map[string][]byte) (*Config, error) {
	text := strings.TrimPrefix(string(data), "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	r := &reader{file: name, lines: strings.Split(text, "\n"), given: served, served: make(map[string][]byte)}
	var c *Config
	if r.ours() && r.preflight([]byte(text)) {
		if root := r.document([]byte(text)); root != nil {
			c = r.config(root)
		}
	}
	if errs := append(r.errors.sorted(), r.beyond...); len(errs) > 0 {
		return nil, errs
	}
	c.Warnings = r.warnings.sorted()
	c.name, c.text, c.served = name, data, r.served
	return c, nil
}

// peekNodes are the names of the nodes, right or wrong.
func peekNodes(root ast.Node) []string {
	var names []string
	for _, section := range entriesOf(root) {
		if key, ok := section.Key.(*ast.StringNode); !ok || key.Value != "nodes" {
			continue
		}
		for _, node := range entriesOf(section.Value) {
			if key, ok := node.Key.(*ast.StringNode); ok {
				names = append(names, key.Value)
			}
		}
	}
	return names
}

// config makes a Config of the document. It is of use only if no error was
// noted.
func (r *reader) config(root ast.Node) *Config {
	var raw rawFile
	top := r.at(root, "")
	if !isMapping(root) {
		r.bad(top, describe(root)+" is here", "a file begins with keys, as in cluster: web")
		return nil
	}
	r.nodeNames = peekNodes(root)
	raw.decode(r, top, root)
	if !raw.Cluster.present() {
		r.bad(top, "cluster is missing", "name the cluster, as in cluster: web")
	}
	c := &Config{
		Cluster:   raw.Cluster.v,
		Nodes:     r.nodes(top, raw.Nodes),
		Transport: r.transport(raw.Transport),
		Control:   control(raw.Control),
		PeerLink:  peerLink(raw.PeerLink),
		Guard:     guard(raw.Guard),
	}
	c.AWS = r.aws(&raw.AWS, c)
	known := r.checks(&raw, c)
	routers := r.routers(top, &raw, c, known)
	for _, v := range routers {
		c.Routers = append(c.Routers, v.Router)
	}
	if c.AWS != nil {
		c.AWS.ReadinessWeight = raw.AWS.Readiness.Weight.or(defaultUnready)
	}
	groups := r.groups(&raw, c, known)
	for _, g := range groups {
		c.SyncGroups = append(c.SyncGroups, g.SyncGroup)
	}
	r.pools(&raw, c)
	r.ipvs(&raw, c)
	c.Hooks = r.hooks(&raw, c)
	r.prove(&raw, c, known, routers, groups)
	return c
}
