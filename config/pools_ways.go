// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/pool"
)

// rawForward is how packets get to a server: a word, or a mapping about a tunnel.
type rawForward struct {
	mark
	word     forwardWay
	Tunnel   tunnelKind `yaml:"tunnel" jsonschema:"required" jsonschema_description:"The tunnel's kind: ipip, gue or gre."`
	Port     port       `yaml:"port" jsonschema_description:"The UDP port of gue. 1 to 65535, default 6080."`
	Checksum boolean    `yaml:"checksum" jsonschema_description:"Whether the outer header of gue or gre has a checksum. Default false."`
}

// guePort is that of IANA for GUE.
const guePort = 6080

func (f *rawForward) decode(r *reader, key mark, n ast.Node) {
	f.mark = r.at(n, key.path)
	if !isMapping(n) {
		f.word.decode(r, key, n)
		return
	}
	r.fields(key, n, f)
	switch {
	case !f.Tunnel.present():
		r.bad(key, "tunnel is missing", "write nat, direct or tunnel, or a mapping as in {tunnel: gue, port: 6080}")
	case !f.Tunnel.ok:
	case f.Port.present() && f.Tunnel.v != pool.GUE.String():
		r.bad(f.Port.mark, "port is for gue", "remove it")
	case f.Checksum.present() && f.Tunnel.v == pool.IPIP.String():
		r.bad(f.Checksum.mark, "checksum is for gue and gre", "remove it")
	}
}

func (f *rawForward) refuse(at mark) { f.mark = at }

type (
	forwardWay struct{ text }
	tunnelKind struct{ text }
)

var (
	forwardWays = []string{pool.NAT.String(), pool.Direct.String(), pool.Encap.String()}
	tunnelKinds = []string{pool.IPIP.String(), pool.GUE.String(), pool.GRE.String()}
)

func (v *forwardWay) decode(r *reader, key mark, n ast.Node) { v.choice(r, key, n, forwardWays...) }
func (v *tunnelKind) decode(r *reader, key mark, n ast.Node) { v.choice(r, key, n, tunnelKinds...) }

// way is what it says.
func (f *rawForward) way() (pool.Forward, pool.Tunnel) {
	switch {
	case f.Tunnel.ok:
		t := pool.Tunnel{Checksum: f.Checksum.v}
		switch f.Tunnel.v {
		case pool.GUE.String():
			t.Kind, t.Port = pool.GUE, uint16(f.Port.or(guePort))
		case pool.GRE.String():
			t.Kind = pool.GRE
		}
		return pool.Encap, t
	case f.word.v == pool.Encap.String():
		return pool.Encap, pool.Tunnel{}
	case f.word.v == pool.Direct.String():
		return pool.Direct, pool.Tunnel{}
	default:
		return pool.NAT, pool.Tunnel{}
	}
}

// rawPersistence is a duration, or a mapping.
type rawPersistence struct {
	mark
	Timeout seconds `yaml:"timeout" jsonschema:"required" jsonschema_description:"How long after its last connection a client is sent to the same server. Whole seconds, 1s to 744h."`
	IPv4    bits4   `yaml:"ipv4" jsonschema_description:"How many bits of an IPv4 client's address count: clients that share them go to one server. 1 to 32, default 32."`
	IPv6    bits6   `yaml:"ipv6" jsonschema_description:"How many bits of an IPv6 client's address count. 1 to 128, default 128."`
}

func (p *rawPersistence) decode(r *reader, key mark, n ast.Node) {
	p.mark = r.at(n, key.path)
	if !isMapping(n) {
		r.value(&p.Timeout, key, n)
		return
	}
	r.fields(key, n, p)
	if !p.Timeout.present() {
		r.bad(key, "timeout is missing", "as in persistence: {timeout: 5m, ipv4: 24}")
	}
}

func (p *rawPersistence) refuse(at mark) { p.mark = at }

func (p *rawPersistence) value() pool.Persistence {
	if !p.Timeout.ok {
		return pool.Persistence{}
	}
	return pool.Persistence{Timeout: p.Timeout.v, Prefix4: p.IPv4.or(32), Prefix6: p.IPv6.or(128)}
}

type (
	bits4   struct{ number }
	bits6   struct{ number }
	seconds struct{ duration }
)

func (v *bits4) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 1, 32, between("a prefix length", 1, 32))
}

func (v *bits6) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 1, 128, between("a prefix length", 1, 128))
}

// longestKept is 31 days, as ipvsadm has it.
const longestKept = 744 * time.Hour

// seconds are whole ones, which is how the kernel counts.
func (v *seconds) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, time.Second, longestKept)
	if v.ok && v.v%time.Second != 0 {
		v.ok = false
		r.bad(v.mark, shortDuration(v.v)+" is not in whole seconds", "write "+shortDuration(v.v.Round(time.Second)))
	}
}
