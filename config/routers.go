// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// rawRouter is an entry of routers.
type rawRouter struct {
	mark
	VRID      vrid                  `yaml:"vrid" jsonschema:"required" jsonschema_description:"The virtual router's number (VRID), 1 to 255. No other router on the same LAN may have it, in this file or elsewhere."`
	Interface byNode[interfaceName] `yaml:"interface" jsonschema_description:"The network interface: a name, auto (the one that has the node's address), or a mapping from each node to one of these. Default auto."`
	Version   version               `yaml:"version" jsonschema_description:"The VRRP version: 3 (RFC 9568) or 2 (RFC 3768, IPv4 alone). Default 3."`
	Interval  duration              `yaml:"advert_interval" jsonschema_description:"How often the holder is heard. A dead holder is noticed after three intervals and a bit. Version 3: 10ms to 40.95s in steps of 10ms; version 2: whole seconds, 1s to 255s. Default 1s. The same for all nodes."`
	Addresses list[prefix]          `yaml:"addresses" jsonschema:"required" jsonschema_description:"The virtual addresses with the prefix length each gets on the interface. Both families may be mixed; they move together."`
	Exclude   list[prefix]          `yaml:"exclude" jsonschema_description:"More virtual addresses that move along but are not in the adverts, which have room for few."`
	Priority  byNode[priority]      `yaml:"priority" jsonschema_description:"Overrides the nodes' priority in this router: a number for all nodes, or a mapping from nodes to numbers."`
	Preempt   preempt               `yaml:"preempt" jsonschema_description:"Whether a node with a higher priority takes the addresses from one that holds them: true (at once), false, or how long it waits first. Default true."`
	Checksum  checksum              `yaml:"checksum" jsonschema_description:"The checksum of version 3 IPv4 adverts: rfc9568 (of the message alone) or keepalived (with a pseudo-header, as keepalived sends and expects by default). Both are accepted. Default rfc9568."`
	Auth      rawAuth               `yaml:"auth" jsonschema_description:"Version 2's plain-text authentication, for routers that insist on it. It protects from nothing but mistakes."`
	Announce  rawAnnounce           `yaml:"announce" jsonschema_description:"Overrides keys of the section announce for this router."`

	Track   list[rawTrack] `yaml:"track" jsonschema_description:"The checks that move the election: names, or mappings that override the check's weight."`
	Damping damping        `yaml:"damping" jsonschema_description:"Holds a router that changes hands too often: for a while it does not take over from another. Default false."`
	Listen  listen         `yaml:"listen" jsonschema_description:"How long after its start an agent takes no part in the router's election. Up to 1h, default 0s."`

	OnLoss onLoss `yaml:"on_loss" jsonschema_description:"Overrides the guard's on_loss for this router: release or hold."`

	Move oneOrMore[rawMover] `yaml:"move" jsonschema_description:"How the addresses move: one or more of kernel (onto the interface), aws-secondary-ip, aws-route, aws-eip, and programs. They are taken in this order. Default [kernel]."`
}

func (t *rawRouter) decode(r *reader, key mark, n ast.Node) {
	t.mark = r.fields(key, n, t)
}

// rawAuth is a router's section auth.
type rawAuth struct {
	mark
	Password password `yaml:"password" jsonschema:"required" jsonschema_description:"The password, 1 to 8 bytes. Everybody on the LAN can read it."`
}

func (a *rawAuth) decode(r *reader, key mark, n ast.Node) {
	a.mark = r.fields(key, n, a)
	if a.present() && !a.Password.present() {
		r.bad(key, "password is missing", "as in auth: {password: secret}")
	}
}

// password is that of RFC 2338 section 5.3.10. It is not repeated in errors.
type password struct{ text }

func (p *password) decode(r *reader, key mark, n ast.Node) {
	p.mark = r.at(n, key.path)
	s, ok := n.(*ast.StringNode)
	switch {
	case !ok:
		r.bad(p.mark, "the password is not text", "put it in quotes")
	case len(s.Value) == 0 || len(s.Value) > 8:
		r.bad(p.mark, fmt.Sprintf("the password has %d bytes", len(s.Value)), "it has 1 to 8; keepalived cuts longer ones after the eighth")
	default:
		p.set(s.Value)
	}
}

// vrid is a Virtual Router Identifier (RFC 9568 section 5.2.3).
type vrid struct{ number }

func (v *vrid) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 1, 255, between("a VRID", 1, 255))
}

// version is the protocol's.
type version struct{ number }

func (v *version) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 2, 3, "the version is 2 or 3")
}

// preempt is true, false or a delay.
type preempt struct {
	scalar[bool]
	delay time.Duration
}

func (p *preempt) decode(r *reader, key mark, n ast.Node) {
	p.mark = r.at(n, key.path)
	if b, ok := n.(*ast.BoolNode); ok {
		p.set(b.Value)
		return
	}
	if s, ok := n.(*ast.StringNode); ok {
		if meant := boolWord(s.Value); meant != "" {
			r.bad(p.mark, "the text "+shown(s.Value)+" is here", "write "+meant)
			return
		}
		if meant := nearest(s.Value, []string{"true", "false"}); meant != "" {
			r.bad(p.mark, shown(s.Value)+" is not true, false or a delay", "did you mean "+meant+"?")
			return
		}
	}
	var d duration
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode:
		d.decodeRange(r, key, n, 0, 24*time.Hour)
	default:
		r.bad(p.mark, describe(n)+" is here", "write true, false or a delay, as in 30s")
	}
	if d.ok {
		p.set(true)
		p.delay = d.v
	}
}

// boolWord is what is meant by a word that other versions of YAML take for
// true or false, or "".
func boolWord(s string) string {
	switch fold(s) {
	case "true", "yes", "on", "y":
		return "true"
	case "false", "no", "off", "n", "never":
		return "false"
	}
	return ""
}

// checksum is the form that is sent.
type checksum struct{ text }

const (
	checksumRFC        = "rfc9568"
	checksumKeepalived = "keepalived"
)

func (c *checksum) decode(r *reader, key mark, n ast.Node) {
	c.choice(r, key, n, checksumRFC, checksumKeepalived)
}

func (c *checksum) form() wire.Checksum {
	if c.v == checksumKeepalived {
		return wire.ChecksumPseudo
	}
	return wire.ChecksumMessage
}
