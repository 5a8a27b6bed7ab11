// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/pool"
)

// rawIPVS is the section ipvs.
type rawIPVS struct {
	mark
	Sync     rawSync     `yaml:"sync" jsonschema_description:"Tells connections to the other nodes, so that they outlive a failover: the holder of a router tells, the others hear."`
	Timeouts rawTimeouts `yaml:"timeouts" jsonschema_description:"How long IPVS keeps connections that are silent. Default: as the kernel has it."`
}

func (v *rawIPVS) decode(r *reader, key mark, n ast.Node) { v.mark = r.fields(key, n, v) }

// rawSync is its section sync.
type rawSync struct {
	mark
	Router    text           `yaml:"router" jsonschema:"required" jsonschema_description:"The router whose holder tells its connections."`
	Interface byNode[device] `yaml:"interface" jsonschema:"required" jsonschema_description:"The network interface that they are told over: a name, or a mapping from nodes."`
	ID        syncID         `yaml:"id" jsonschema_description:"Tells several pairs on one network apart; the same on all nodes. 0 to 255, default the router's vrid."`
	MaxLen    syncLength     `yaml:"maxlen" jsonschema_description:"The longest message in bytes. 100 to 65507. Default: as the interface's MTU says."`
	Group     multicastGroup `yaml:"group" jsonschema_description:"The multicast group. Default 224.0.0.81."`
	Port      port           `yaml:"port" jsonschema_description:"The UDP port. Default 8848."`
	TTL       ttl            `yaml:"ttl" jsonschema_description:"The TTL of the messages. 1 to 255, default 1."`
}

func (v *rawSync) decode(r *reader, key mark, n ast.Node) {
	v.mark = r.fields(key, n, v)
	if !v.present() {
		return
	}
	const example = "as in sync: {router: web, interface: eth1}"
	if !v.Router.present() {
		r.bad(key, "router is missing", example)
	}
	if !v.Interface.present() {
		r.bad(key, "interface is missing", example)
	}
}

// rawTimeouts is its section timeouts.
type rawTimeouts struct {
	mark
	TCP    seconds `yaml:"tcp" jsonschema_description:"Of TCP connections. Whole seconds, 1s to 744h."`
	TCPFin seconds `yaml:"tcp_fin" jsonschema_description:"Of TCP connections that one side has closed."`
	UDP    seconds `yaml:"udp" jsonschema_description:"Of UDP."`
}

func (v *rawTimeouts) decode(r *reader, key mark, n ast.Node) { v.mark = r.fields(key, n, v) }

type (
	syncID         struct{ number }
	syncLength     struct{ number }
	ttl            struct{ number }
	multicastGroup struct{ scalar[netip.Addr] }
)

func (v *syncID) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 0, 255, between("the id", 0, 255))
}

func (v *syncLength) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 100, 65507, between("the length", 100, 65507))
}

func (v *ttl) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 1, 255, between("the TTL", 1, 255))
}

func (v *multicastGroup) decode(r *reader, key mark, n ast.Node) {
	a, ok := r.plainAddress(&v.mark, key, n, "")
	switch {
	case !ok:
	case !a.IsMulticast() || a.Zone() != "" || a.Is4In6():
		r.bad(v.mark, a.String()+" is not a multicast group", "as in 224.0.0.81, or leave it away")
	default:
		v.set(a)
	}
}

// ipvs resolves the section.
func (r *reader) ipvs(file *rawFile, c *Config) {
	raw := &file.IPVS
	if !raw.present() {
		return
	}
	c.IPVS = &IPVS{Timeouts: IPVSTimeouts{TCP: raw.Timeouts.TCP.v, TCPFin: raw.Timeouts.TCPFin.v, UDP: raw.Timeouts.UDP.v}}
	if !slices.ContainsFunc(c.Pools, func(p Pool) bool { return p.Plane == pool.IPVS }) {
		r.warn(raw.mark, "no pool uses IPVS", "remove the section, or add a pool")
	}
	if raw.Sync.present() {
		c.IPVS.Sync = r.sync(&raw.Sync, c)
	}
}

func (r *reader) sync(raw *rawSync, c *Config) *Sync {
	s := &Sync{Sync: pool.Sync{
		Router: raw.Router.v, ID: uint8(raw.ID.v), MaxLen: uint16(raw.MaxLen.v),
		Group: raw.Group.v, Port: uint16(raw.Port.v), TTL: uint8(raw.TTL.v),
	}}
	raw.Interface.complete(r, c, "an interface's name")
	if raw.Interface.differs() {
		s.Interfaces = make(map[string]string)
		for _, n := range c.contenders() {
			s.Interfaces[n.Name] = raw.Interface.of(n.Name).v
		}
	} else {
		s.Interface = raw.Interface.of("").v
	}
	if raw.Router.ok && r.knownRouter(raw.Router, c) && !raw.ID.present() {
		i := slices.IndexFunc(c.Routers, func(v Router) bool { return v.Name == raw.Router.v })
		s.ID = c.Routers[i].VRID
	}
	return s
}
