// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/pool"
)

// rawListen is an item of listen: a place to connect to, or a firewall mark.
type rawListen struct {
	mark
	Mark   fwmark `yaml:"mark" jsonschema:"required" jsonschema_description:"The firewall mark of packets that somebody else has marked. 1 to 4294967295."`
	Family family `yaml:"family" jsonschema_description:"The packets' family: 4 or 6. Default 4."`

	frontend pool.Frontend
	ok       bool
}

const listenNeed = "an address and a port are needed, as in 192.0.2.100:80, \"[2001:db8::100]:80\", 192.0.2.100:53/udp, " +
	"192.0.2.100-192.0.2.110:8000-8010 or 192.0.2.100:*"

func (l *rawListen) decode(r *reader, key mark, n ast.Node) {
	l.mark = r.at(n, key.path)
	if isMapping(n) {
		r.fields(key, n, l)
		if !l.Mark.present() {
			r.bad(key, "mark is missing", "write {mark: 7, family: 4}, or an address and a port")
		}
		l.frontend, l.ok = pool.Frontend{Mark: l.Mark.v, Family: l.Family.or(4)}, l.Mark.ok
		return
	}
	s, ok := r.plainText(l.mark, n, listenNeed)
	if !ok {
		return
	}
	l.frontend, l.ok = r.frontend(l.mark, s)
}

func (l *rawListen) refuse(at mark) { l.mark = at }

type family struct{ number }

func (v *family) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 4, 6, "the family is 4 or 6")
	if v.v == 5 {
		v.ok = false
		r.bad(v.mark, "5 is no family", "the family is 4 or 6")
	}
}

var protocols = map[string]pool.Protocol{"tcp": pool.TCP, "udp": pool.UDP, "sctp": pool.SCTP}

// frontend reads a place to connect to.
func (r *reader) frontend(at mark, s string) (pool.Frontend, bool) {
	place, word, said := strings.Cut(s, "/")
	protocol, known := protocols[strings.ToLower(word)]
	switch {
	case !said:
		protocol = pool.TCP
	case word != "" && word[0] >= '0' && word[0] <= '9':
		r.bad(at, shown(s)+" has a prefix length", "write the first and the last address, as in 192.0.2.96-192.0.2.111:80")
		return pool.Frontend{}, false
	case !known:
		r.bad(at, shown(word)+" is not a protocol", "write /tcp, /udp or /sctp")
		return pool.Frontend{}, false
	}
	hosts, ports, err := net.SplitHostPort(place)
	if err != nil {
		hint := listenNeed
		if a, err := netip.ParseAddr(strings.Trim(place, "[]")); err == nil {
			hint = "write the port, as in " + quotedTarget(netip.AddrPortFrom(a, 80).String()) + ", or * for every port"
		}
		r.bad(at, shown(place)+" is not an address with a port", hint)
		return pool.Frontend{}, false
	}
	f := pool.Frontend{Protocol: protocol}
	var ok bool
	if f.First, f.Last, ok = r.addressRange(at, hosts); !ok {
		return f, false
	}
	f.FirstPort, f.LastPort, ok = r.portRange(at, ports)
	return f, ok
}

// addressRange reads an address, or the first and the last of several.
func (r *reader) addressRange(at mark, s string) (first, last netip.Addr, ok bool) {
	low, high, isRange := strings.Cut(s, "-")
	if !isRange {
		high = low
	}
	first, err := netip.ParseAddr(low)
	if err != nil {
		r.bad(at, shown(low)+" is not an address", listenNeed)
		return first, last, false
	}
	if last, err = netip.ParseAddr(high); err != nil {
		hint := listenNeed
		if dot := strings.LastIndexByte(low, '.'); dot > 0 && isDecimal(high) {
			hint = "write the last address as a whole: " + low + "-" + low[:dot+1] + high
		}
		r.bad(at, shown(high)+" is not an address", hint)
		return first, last, false
	}
	switch {
	case !r.checkUnicast(at, first) || isRange && !r.checkUnicast(at, last):
		return first, last, false
	case familyOf(first) != familyOf(last):
		r.bad(at, first.String()+" and "+last.String()+" are of two families", "a range is of one family")
		return first, last, false
	case last.Less(first):
		r.bad(at, shown(s)+" begins after its end", fmt.Sprintf("write %s-%s", last, first))
		return first, last, false
	}
	return first, last, true
}

// portRange reads a port, the first and the last of several, or * for all.
func (r *reader) portRange(at mark, s string) (first, last uint16, ok bool) {
	if s == "*" {
		return 0, 0, true
	}
	low, high, isRange := strings.Cut(s, "-")
	if !isRange {
		high = low
	}
	a, err1 := strconv.ParseUint(low, 10, 16)
	b, err2 := strconv.ParseUint(high, 10, 16)
	switch {
	case s == "0":
		r.bad(at, "0 is not a port", "write * for every port")
	case err1 != nil || err2 != nil || !isDecimal(low) || !isDecimal(high) || a == 0 || b == 0:
		r.bad(at, shown(s)+" is not a port", "a port is 1 to 65535, a range is written 8000-8010, and * is every port")
	case a > b:
		r.bad(at, shown(s)+" begins after its end", fmt.Sprintf("write %d-%d", b, a))
	default:
		return uint16(a), uint16(b), true
	}
	return 0, 0, false
}

// serverAddress is a server's address, with a port or, where the service's does,
// without.
type serverAddress struct{ scalar[netip.AddrPort] }

func (a *serverAddress) decode(r *reader, key mark, n ast.Node) {
	const need = "a server's IP address and port are needed, as in 198.51.100.11:8080 or \"[2001:db8::11]:8080\""
	a.mark = r.at(n, key.path)
	s, ok := r.plainText(a.mark, n, need)
	if !ok {
		return
	}
	v, err := netip.ParseAddrPort(s)
	if err != nil {
		bare, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
		if err != nil {
			hint := need
			if host, _, err := net.SplitHostPort(s); err == nil && isHost(host) && net.ParseIP(host) == nil {
				hint = "names are not looked up; write its IP address, or let a program write it into servers_file"
			}
			r.bad(a.mark, shown(s)+" is not a server", hint)
			return
		}
		v = netip.AddrPortFrom(bare, 0)
	} else if v.Port() == 0 {
		r.bad(a.mark, shown(s)+" has the port 0", "leave the port away for the one that the client connects to")
		return
	}
	if v.Addr().IsLoopback() && v.Addr().Zone() == "" || r.checkUnicast(a.mark, v.Addr()) {
		a.set(v)
	}
}

// serverName is the server as it is called.
func serverName(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return a.String()
}
