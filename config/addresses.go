// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// plainText is a scalar's text where neither its type nor its quotes matter.
func (r *reader) plainText(at mark, n ast.Node, need string) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode:
		return n.GetToken().Value, true
	case *ast.MappingNode, *ast.MappingValueNode:
		r.bad(at, describe(n)+" is here", need+"; put an IPv6 address that ends in : in quotes")
	default:
		r.bad(at, describe(n)+" is here", need)
	}
	return "", false
}

// plainAddress is an IP address without a prefix length. bare follows the
// address in the remedy for one that has a prefix length.
func (r *reader) plainAddress(at *mark, key mark, n ast.Node, bare string) (netip.Addr, bool) {
	const need = "an IP address is needed, as in 192.0.2.10 or 2001:db8::10"
	*at = r.at(n, key.path)
	s, ok := r.plainText(*at, n, need)
	if !ok {
		return netip.Addr{}, false
	}
	v, err := netip.ParseAddr(s)
	if err != nil {
		hint := need
		if p, err := netip.ParsePrefix(s); err == nil {
			hint = "write " + p.Addr().String() + bare
		}
		r.bad(*at, shown(s)+" is not an address", hint)
		return netip.Addr{}, false
	}
	return v, true
}

// address is a host's address, without a prefix length.
type address struct{ scalar[netip.Addr] }

func (a *address) decode(r *reader, key mark, n ast.Node) {
	if v, ok := r.plainAddress(&a.mark, key, n, ": a node's address has no prefix length"); ok && r.checkUnicast(a.mark, v) {
		a.set(v)
	}
}

// usualBits is the prefix length of a usual subnet.
func usualBits(a netip.Addr) int {
	if a.Is4() {
		return 24
	}
	return 64
}

// prefix is a virtual address with the prefix length that it gets.
type prefix struct{ scalar[netip.Prefix] }

func (p *prefix) decode(r *reader, key mark, n ast.Node) {
	const need = "an IP address with its prefix length is needed, as in 192.0.2.100/24 or 2001:db8::100/64"
	p.mark = r.at(n, key.path)
	s, ok := r.plainText(p.mark, n, need)
	if !ok {
		return
	}
	v, err := netip.ParsePrefix(s)
	if err != nil {
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
			r.bad(p.mark, s+" has no prefix length", fmt.Sprintf("write the subnet's, as in %s/%d, or %s/%d", s, usualBits(a), s, a.BitLen()))
			return
		}
		if strings.Contains(s, "%") {
			r.bad(p.mark, shown(s)+" has a zone", "write it without; the interface is the router's")
			return
		}
		r.bad(p.mark, shown(s)+" is not an address with a prefix length", need)
		return
	}
	if r.checkUnicast(p.mark, v.Addr()) && r.checkHost(p.mark, v) {
		p.set(v)
	}
}

// checkUnicast refuses what can't be the address of one host on a link.
func (r *reader) checkUnicast(at mark, a netip.Addr) bool {
	switch {
	case a.Zone() != "":
		r.bad(at, shown(a.String())+" has a zone", "write "+a.WithZone("").String()+"; the interface is a router's")
	case a.Is4In6():
		r.bad(at, a.String()+" is an IPv4 address in IPv6 notation", "write "+a.Unmap().String())
	case a.IsUnspecified():
		r.bad(at, a.String()+" is no host's address", "")
	case a.IsLoopback():
		r.bad(at, a.String()+" is a loopback address", "other hosts can't reach it")
	case a.IsMulticast():
		r.bad(at, a.String()+" is a multicast address", "an address of one host is needed")
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		r.bad(at, a.String()+" is the broadcast address", "")
	default:
		return true
	}
	return false
}

// checkHost refuses an IPv4 subnet's own and its broadcast address.
func (r *reader) checkHost(at mark, p netip.Prefix) bool {
	if !p.Addr().Is4() || p.Bits() > 30 {
		return true
	}
	if p.Bits() == 0 {
		r.bad(at, p.String()+" has the prefix length 0", "write the subnet's, as in "+p.Addr().String()+"/24")
		return false
	}
	first := p.Masked().Addr().As4()
	host := uint32(1)<<(32-p.Bits()) - 1
	last := [4]byte{first[0] | byte(host>>24), first[1] | byte(host>>16), first[2] | byte(host>>8), first[3] | byte(host)}
	switch p.Addr() {
	case p.Masked().Addr():
		r.bad(at, p.String()+" is the subnet, not an address in it", "write an address, as in "+p.Addr().Next().String()+fmt.Sprintf("/%d", p.Bits()))
		return false
	case netip.AddrFrom4(last):
		r.bad(at, p.String()+" is the subnet's broadcast address", "choose another")
		return false
	}
	return true
}

// interfaceName is a network interface's name, or auto.
type interfaceName struct{ text }

func (i *interfaceName) decode(r *reader, key mark, n ast.Node) {
	i.text.decode(r, key, n)
	if !i.ok {
		return
	}
	const most = 15 // IFNAMSIZ - 1
	if len(i.v) > most || i.v == "." || i.v == ".." || strings.ContainsAny(i.v, "/: \t\n") {
		i.ok = false
		r.bad(i.mark, shown(i.v)+" is not an interface's name", "a name has at most 15 characters, no space, / or :")
	}
}
