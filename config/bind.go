// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/checks"
)

// rawFrom is a check's section from.
type rawFrom struct {
	mark
	Address   byNode[sourceAddress] `yaml:"address" jsonschema_description:"The source address, which the host must have: one for all nodes, or a mapping from nodes."`
	Interface byNode[device]        `yaml:"interface" jsonschema_description:"The network interface that a look leaves by: a name, or a mapping from nodes."`
	Mark      fwmark                `yaml:"mark" jsonschema_description:"The firewall mark (SO_MARK) of what is sent, for rules of routing. 1 to 4294967295."`
}

func (f *rawFrom) decode(r *reader, key mark, n ast.Node) {
	f.mark = r.fields(key, n, f)
}

func (f *rawFrom) bind(node string) checks.Bind {
	return checks.Bind{Source: f.Address.of(node).v, Interface: f.Interface.of(node).v, Mark: f.Mark.v}
}

// sourceAddress is an address of the host, possibly loopback.
type sourceAddress struct{ scalar[netip.Addr] }

func (a *sourceAddress) decode(r *reader, key mark, n ast.Node) {
	v, ok := r.plainAddress(&a.mark, key, n, " without the prefix length")
	if ok && (v.IsLoopback() && v.Zone() == "" || r.checkUnicast(a.mark, v)) {
		a.set(v)
	}
}

// device is the name of one network interface.
type device struct{ interfaceName }

func (d *device) decode(r *reader, key mark, n ast.Node) {
	d.interfaceName.decode(r, key, n)
	if d.ok && d.v == InterfaceAuto {
		d.ok = false
		r.bad(d.mark, "auto is for routers alone", "name the interface, or give each node its own, as in {lb-1: ens5, lb-2: eth0}")
	}
}

// fwmark is a firewall mark. It is often written in hexadecimal.
type fwmark struct{ scalar[uint32] }

func (f *fwmark) decode(r *reader, key mark, n ast.Node) {
	const rule = "a mark is 1 to 4294967295, or 0x1 to 0xffffffff"
	f.mark = r.at(n, key.path)
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		r.bad(f.mark, describe(n)+" is here", rule)
		return
	}
	digits, base := strings.CutPrefix(i.Token.Value, "0x")
	radix := 10
	if base {
		radix = 16
	}
	v, err := strconv.ParseUint(digits, radix, 64)
	switch {
	case err != nil && !isDecimal(digits) || radix == 10 && len(digits) > 1 && digits[0] == '0':
		r.bad(f.mark, i.Token.Value+" is not a decimal or hexadecimal number", rule)
	case err != nil || v == 0 || v > math.MaxUint32:
		r.bad(f.mark, shown(i.Token.Value)+" is out of range", rule)
	default:
		f.set(uint32(v))
	}
}

// reachableFrom checks that the source address and the target, where that is an
// address, are of one family.
func (r *reader) reachableFrom(from *rawFrom, node string, k checks.Kind) {
	source := from.Address.of(node)
	target, err := netip.ParseAddr(targetHost(k))
	if err != nil || !source.ok || familyOf(source.v) == familyOf(target) {
		return
	}
	r.bad(source.mark, fmt.Sprintf("%s is an IPv%d address and the target %s an IPv%d one", source.v, familyOf(source.v), target, familyOf(target)),
		"both must be of one family")
}

// targetHost is the host that a check talks to, or "".
func targetHost(k checks.Kind) string {
	address := ""
	switch k := k.(type) {
	case checks.ICMP:
		return k.Host
	case checks.HTTP:
		u, err := url.Parse(k.URL)
		if err != nil {
			return ""
		}
		return u.Hostname()
	case checks.DNS:
		address = k.Server
	default:
		address = k.Target()
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return host
}
