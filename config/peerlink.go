// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/vip"
)

// PeerLink is the encrypted link between the agents of all nodes, witnesses
// included. It uses all addresses of each node.
type PeerLink struct {
	Port     uint16 // UDP and TCP
	KeysFile string
	// KeysFrom is the ARN of what `vicar keygen --fetch` writes into KeysFile: of an
	// SSM parameter or a Secrets Manager secret. Empty: the file comes otherwise.
	KeysFrom string `json:",omitempty"`
	KeysKMS  string `json:",omitempty"` // ARN of the key of KMS that encrypts it, if AWS's own does not
}

// defaultPort is memberlist's usual port.
const defaultPort = 7946

// addPeerLink is the remedy for a file that needs the link.
const addPeerLink = "add peer_link: {keys_file: /etc/vicar/keys} at the top; vicar keygen makes the keys"

// rawPeerLink is the section peer_link.
type rawPeerLink struct {
	mark
	Port     port      `yaml:"port" jsonschema_description:"The port, UDP and TCP, that every node listens at on its addresses. 1 to 65535, default 7946."`
	KeysFile absolute  `yaml:"keys_file" jsonschema:"required" jsonschema_description:"The file with the keys, the same on all nodes, as vicar keygen makes it. One that others than its owner and group can read is refused."`
	KeysFrom keysARN   `yaml:"keys_from" jsonschema_description:"The ARN of the SSM parameter (a SecureString) or the Secrets Manager secret that has the file's text. vicar keygen --fetch writes it into keys_file."`
	KeysKMS  kmsKeyARN `yaml:"keys_kms" jsonschema_description:"The ARN of the customer managed key of KMS that encrypts it, for vicar doctor --policy. Default: AWS's own key, which needs no permission."`
}

func (p *rawPeerLink) refuse(at mark) { p.mark = at }

func (p *rawPeerLink) decode(r *reader, key mark, n ast.Node) {
	p.mark = key
	if r.fields(key, n, p).present() && !p.KeysFile.present() {
		r.bad(key, "keys_file is missing", "name the file with the keys, as in {keys_file: /etc/vicar/keys}; vicar keygen makes them")
	}
	from, kms := p.KeysFrom, p.KeysKMS
	switch {
	case kms.present() && !from.present():
		r.bad(kms.mark, "keys_kms is the key of what keys_from names, and there is no keys_from", "add keys_from, or remove it")
	case kms.ok && from.ok && arnsRegion(kms.v) != arnsRegion(from.v):
		r.bad(kms.mark, "the key is of region "+arnsRegion(kms.v)+", and what keys_from names of "+arnsRegion(from.v), "write the key that encrypts it, which is of its region")
	}
}

// port is a service's.
type port struct{ number }

func (p *port) decode(r *reader, key mark, n ast.Node) {
	p.decodeRange(r, key, n, 1, 65535, between("a port", 1, 65535))
}

// peerLink is the section's meaning, nil without it.
func peerLink(raw rawPeerLink) *PeerLink {
	if !raw.present() {
		return nil
	}
	return &PeerLink{Port: uint16(raw.Port.or(defaultPort)), KeysFile: raw.KeysFile.v, KeysFrom: raw.KeysFrom.v, KeysKMS: raw.KeysKMS.v}
}

// linked checks that the nodes can talk where there is a peer link, and that
// there is one where it is needed.
func (r *reader) linked(raw *rawFile, c *Config) {
	if !raw.PeerLink.present() {
		if c.Guard.Kind == GuardQuorum {
			r.bad(raw.Guard.Kind.mark, "quorum needs the peer link: the nodes ask each other by it", addPeerLink)
		}
		if c.Transport.Kind == Gossip {
			r.bad(raw.Transport.Kind.mark, "gossip needs the peer link: adverts travel by it", addPeerLink)
		}
		return
	}
	r.freePort(raw, c)
	r.reachPeers(raw, c)
}

// freePort checks that the status server doesn't want the link's port.
func (r *reader) freePort(raw *rawFile, c *Config) {
	http := c.Control.HTTP
	taken := http.Addr().IsUnspecified() || slices.ContainsFunc(c.Nodes, func(n Node) bool { return slices.Contains(n.Addresses, http.Addr()) })
	if http.IsValid() && taken && http.Port() == c.PeerLink.Port {
		r.bad(raw.Control.HTTP.mark, fmt.Sprintf("the port %d is the peer link's (line %d)", http.Port(), raw.PeerLink.line), "choose another")
	}
}

// reachPeers checks that each node has an address that each other can send to: of
// the same family, and not link-local, since the file has no zones.
func (r *reader) reachPeers(raw *rawFile, c *Config) {
	families := func(n Node) []int {
		var of []int
		for _, a := range n.Addresses {
			if !a.IsLinkLocalUnicast() || a.Is4() {
				of = append(of, familyOf(a))
			}
		}
		return of
	}
	for i, n := range c.Nodes {
		if len(n.Addresses) == 0 {
			continue
		}
		own := families(n)
		if len(own) == 0 {
			r.bad(nodePlace(raw, n.Name), "the peer link can't use the address of "+n.Name+": it is link-local", "add another to address")
			continue
		}
		for _, o := range c.Nodes[:i] {
			theirs := families(o)
			if len(theirs) > 0 && !slices.ContainsFunc(own, func(f int) bool { return slices.Contains(theirs, f) }) {
				r.bad(nodePlace(raw, n.Name), fmt.Sprintf("the peer link can't go from %s to %s: one has an IPv4 address and the other an IPv6 one", n.Name, o.Name),
					"give both an address of one family")
				break
			}
		}
	}
}

// nodePlace is where the node's address is said.
func nodePlace(raw *rawFile, name string) mark {
	for _, e := range raw.Nodes.entries {
		if e.name == name {
			return e.value.Address.mark
		}
	}
	return raw.Nodes.mark
}

// distinctByGossip checks that the names make addresses of their own (see
// vip.NodeAddress).
func (r *reader) distinctByGossip(raw *rawFile, c *Config) {
	if c.Transport.Kind != Gossip {
		return
	}
	for _, family := range []int{4, 6} {
		first := make(map[netip.Addr]string)
		for _, n := range c.contenders() {
			a := vip.NodeAddress(n.Name, family)
			if other, used := first[a]; used {
				r.bad(nodePlace(raw, n.Name), "gossip can't tell "+n.Name+" from "+other+": it goes by a number made of the name, and by chance theirs are the same",
					"rename one of them")
				continue
			}
			first[a] = n.Name
		}
	}
}
