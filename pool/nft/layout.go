// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/pool"
)

// tableName is the table, which nobody else writes to.
const tableName = "vicar"

// seed is of all hashes: the same on all nodes, so that a client stays with its
// server when the address moves.
const seed = 0x76696361

// clientsSize is how many clients a server's set remembers. More get a server each
// time.
const clientsSize = 1 << 20

// element is an element of a set or map, comparable. All parts are as the kernel has
// them.
type element struct {
	key, end string // end is the last key of a range, empty in sets without ranges
	val      string
	chain    string // where a verdict leads to
}

// set is a named set or map and what is to be in it.
type set struct {
	def      nftables.Set
	elements map[element]struct{}
	// open: others add elements, which are not looked at.
	open bool
}

// chain is a chain and its rules.
type chain struct {
	def   nftables.Chain
	rules [][]expr.Any
}

// part is some chains and sets, by name.
type part struct {
	chains map[string]*chain
	sets   map[string]*set
}

// newPart is an empty one.
func newPart() *part {
	return &part{chains: map[string]*chain{}, sets: map[string]*set{}}
}

// table is what all chains and sets are in.
func table() *nftables.Table {
	return &nftables.Table{Name: tableName, Family: nftables.TableFamilyINet}
}

// add adds a set without elements.
func (p *part) add(def nftables.Set) *set {
	def.Table = table()
	s := &set{def: def, elements: map[element]struct{}{}}
	p.sets[def.Name] = s
	return s
}

// addChain adds a chain that is no hook's.
func (p *part) addChain(name string, rules ...[]expr.Any) {
	p.chains[name] = &chain{def: nftables.Chain{Name: name, Table: table()}, rules: rules}
}

// register is the n-th register of 4 bytes, by the name that the kernel gives back.
func register(n uint32) uint32 {
	if n%4 == 0 {
		return unix.NFT_REG_1 + n/4
	}
	return unix.NFT_REG32_00 + n
}

// family is what differs between IPv4 and IPv6.
type family struct {
	name     string // ends the names of chains and sets
	proto    byte   // NFPROTO_IPV4 or 6
	addr     nftables.SetDatatype
	src, dst uint32 // where in the network header the addresses are
	words    uint32 // of an address in registers
}

// families are both.
func families() [2]family {
	return [2]family{
		{name: "4", proto: unix.NFPROTO_IPV4, addr: nftables.TypeIPAddr, src: 12, dst: 16, words: 1},
		{name: "6", proto: unix.NFPROTO_IPV6, addr: nftables.TypeIP6Addr, src: 8, dst: 24, words: 4},
	}
}

// of tells whether an address is of the family.
func (f family) of(a netip.Addr) bool { return a.Is4() == (f.words == 1) }

// server is the type of a server's address and port.
func (f family) server() nftables.SetDatatype {
	return nftables.MustConcatSetType(f.addr, nftables.TypeInetService)
}

// longest is how long an identifier may be: the kernel's 255, and room for an identity.
const longest = 255 - identitySize

// identifier is a name in the table made of a purpose and a service's name: what nft
// does not read in a name is /xx. Of a name that is too long there is the begin, and its hash.
func (f family) identifier(purpose, service string) string {
	var b strings.Builder
	b.WriteString(purpose + "-")
	for i := range len(service) {
		switch c := service[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
			b.WriteByte(c)
		default:
			const digits = "0123456789abcdef"
			b.Write([]byte{'/', digits[c>>4], digits[c&15]})
		}
	}
	name, end := b.String(), "-"+f.name
	if len(name)+len(end) > longest {
		end = fmt.Sprintf("/%016x", hashed(service, "identifier")) + end
		name = name[:longest-len(end)]
	}
	return name + end
}

// The sets of frontends. Those of the empty services are refused.
const (
	services4, services6, marks             = "services4", "services6", "marks"
	emptyServices4, emptyServices6, emptied = "empty4", "empty6", "emptymarks"
)

// frontendSets are the sets that have elements of all services.
func frontendSets() []string {
	return []string{services4, services6, marks, emptyServices4, emptyServices6, emptied}
}

// keyed are the parts of a key, each padded to whole registers.
func keyed(parts ...[]byte) string {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
		for len(out)%4 != 0 {
			out = append(out, 0)
		}
	}
	return string(out)
}

// native is a number as registers have it.
func native(n uint32) []byte { return binaryutil.NativeEndian.PutUint32(n) }

// port is a port as packets have it.
func port(p uint16) []byte { return binary.BigEndian.AppendUint16(nil, p) }

// endpoint is a server as a value of maps.
func endpoint(a netip.AddrPort) string { return keyed(a.Addr().AsSlice(), port(a.Port())) }

// server is an endpoint's server.
func server(val string) (netip.AddrPort, bool) {
	b := []byte(val)
	if len(b) < 4 {
		return netip.AddrPort{}, false
	}
	a, ok := netip.AddrFromSlice(b[:len(b)-4])
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(b[len(b)-4:])), ok
}

// keys are the frontend as keys of the set of its kind.
func keys(f pool.Frontend) []element {
	if f.Mark != 0 {
		proto := byte(unix.NFPROTO_IPV4)
		if !f.Is4() {
			proto = unix.NFPROTO_IPV6
		}
		var out []element
		// Only what has ports: the server's port may be another.
		for _, p := range []pool.Protocol{pool.TCP, pool.UDP, pool.SCTP} {
			out = append(out, element{key: keyed(native(f.Mark), []byte{proto}, []byte{byte(p)})})
		}
		return out
	}
	first, last := f.FirstPort, f.LastPort
	if first == 0 {
		last = 65535
	}
	return []element{{
		key: keyed(f.First.AsSlice(), []byte{byte(f.Protocol)}, port(first)),
		end: keyed(f.Last.AsSlice(), []byte{byte(f.Protocol)}, port(last)),
	}}
}

// setsOf are the names of the sets where the frontend is, and where it is while it has no
// server.
func setsOf(f pool.Frontend) (balanced, empty string) {
	switch {
	case f.Mark != 0:
		return marks, emptied
	case f.Is4():
		return services4, emptyServices4
	default:
		return services6, emptyServices6
	}
}
