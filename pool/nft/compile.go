// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/pool"
)

// program is a service as the table has it.
type program struct {
	part
	// frontends are its elements in the sets of frontends.
	frontends map[string]map[element]struct{}
}

// The registers of a service's chain, of 4 bytes each.
const (
	keyAt    = 0 // the client's address, and its port behind it
	serverAt = 8 // the server's address, and its port behind it
	slotAt   = 7
	// verdictAt is no register: what is found is where to go.
	verdictAt = 16
)

// compile is the service as it is to be in the table. The counters of rr and wrr
// begin at 0 when their rules are written: starts says with which slot each family
// begins then, so that not always the same server comes first.
func compile(v pool.Virtual, starts map[string]uint32) *program {
	p := &program{part: *newPart(), frontends: map[string]map[element]struct{}{}}
	for _, name := range frontendSets() {
		p.frontends[name] = map[element]struct{}{}
	}
	for _, f := range families() {
		chainName, empty := p.compileFamily(v, f, starts[f.name])
		for _, front := range v.Frontends {
			if front.Is4() != (f.words == 1) {
				continue
			}
			balanced, refused := setsOf(front)
			for _, e := range keys(front) {
				if empty {
					p.frontends[refused][e] = struct{}{}
				}
				e.chain = chainName
				p.frontends[balanced][e] = struct{}{}
			}
		}
	}
	return p
}

// compileFamily makes the chain and the sets of a family, if the service has
// frontends of it, and tells whether no server takes connections.
func (p *program) compileFamily(v pool.Virtual, f family, start uint32) (name string, empty bool) {
	if !slices.ContainsFunc(v.Frontends, func(front pool.Frontend) bool { return front.Is4() == (f.words == 1) }) {
		return "", false
	}
	name = f.identifier("service", v.Name)
	servers := p.add(nftables.Set{
		Name: f.identifier("servers", v.Name), KeyType: f.server(), DataType: nftables.TypeMark, IsMap: true,
		Concatenation: true, KeyByteOrder: binaryutil.NativeEndian,
	})
	slots := p.add(f.slots(v.Name))
	var active []pool.Destination
	for _, d := range v.Destinations {
		if !f.of(d.Address.Addr()) {
			continue
		}
		servers.elements[element{key: endpoint(d.Address), val: weight(d.Weight)}] = struct{}{}
		if d.Weight > 0 {
			active = append(active, d)
		}
	}
	persistent := v.Persistence.Timeout > 0
	if persistent {
		delete(p.sets, slots.def.Name)
		slots = p.add(f.choices(v.Name))
	}
	if len(active) == 0 {
		p.addChain(name)
		return name, true
	}
	// The same slots on all nodes, in whatever order the servers were given.
	slices.SortFunc(active, func(a, b pool.Destination) int { return a.Address.Compare(b.Address) })
	ids := identities(active)
	order, pick := f.pick(v, active, start)
	for i, index := range order {
		key := uint32(i)
		if n, ok := pick[len(pick)-1].(*expr.Numgen); ok {
			key += n.Offset
		}
		e := element{key: string(native(key))}
		if persistent {
			e.chain = f.identifier("server", v.Name) + ids[index]
		} else {
			e.val = endpoint(active[index].Address)
		}
		slots.elements[e] = struct{}{}
	}
	if persistent {
		rules := p.persistent(v, f, active, ids)
		p.addChain(name, append(rules, append(pick, find(slotAt, verdictAt, slots.def.Name)))...)
	} else {
		p.addChain(name, append(pick, find(slotAt, serverAt, slots.def.Name), f.rewrite(active[0].Address.Port() != 0)))
	}
	return name, false
}

// find looks a register up in a map, into another register.
func find(from, to uint32, set string) *expr.Lookup {
	l := &expr.Lookup{SourceRegister: register(from), IsDestRegSet: true, SetName: set}
	if to != verdictAt {
		l.DestRegister = register(to)
	}
	return l
}

// weight is a weight as a value of the servers' map, in the order in which nft shows it.
func weight(w int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(w))) }

// pick are the expressions that put a slot's number into its register, and the
// servers' indices by slot. A counter is the last of them.
func (f family) pick(v pool.Virtual, active []pool.Destination, start uint32) (order []int, pick []expr.Any) {
	weights, names := make([]int, len(active)), make([]string, len(active))
	for i, d := range active {
		weights[i], names[i] = d.Weight, d.Address.String()
	}
	count := func() []expr.Any {
		n := uint32(len(order))
		return []expr.Any{&expr.Numgen{Register: register(slotAt), Modulus: n, Type: unix.NFT_NG_INCREMENTAL, Offset: start % n}}
	}
	switch v.Scheduler {
	case pool.RR:
		order = rotated(turns(slices.Repeat([]int{1}, len(active))), start)
		return order, count()
	case pool.FO:
		heaviest := slices.MaxFunc(active, func(a, b pool.Destination) int {
			return cmp.Or(cmp.Compare(a.Weight, b.Weight), b.Address.Compare(a.Address))
		})
		order = []int{slices.Index(active, heaviest)}
		return order, count()
	case pool.SH:
		order = turns(reduce(weights, maxSlots))
		return order, f.hash(f.src, v.Port, len(order))
	case pool.MH:
		order = maglev(names, reduce(weights, maxSlots))
		return order, f.hash(f.src, v.Port, len(order))
	case pool.DH:
		order = turns(reduce(weights, maxSlots))
		return order, f.hash(f.dst, false, len(order))
	default:
		order = rotated(turns(reduce(weights, maxSlots)), start)
		return order, count()
	}
}

// rotated is the cycle from the place of start on.
func rotated(cycle []int, start uint32) []int {
	at := int(start % uint32(len(cycle)))
	return append(slices.Clone(cycle[at:]), cycle[:at]...)
}

// hash puts the hash of an address, and of the client's port, into the slot's register.
func (f family) hash(from uint32, withPort bool, slots int) []expr.Any {
	out := []expr.Any{&expr.Payload{DestRegister: register(keyAt), Base: expr.PayloadBaseNetworkHeader, Offset: from, Len: f.addr.Bytes}}
	length := f.addr.Bytes
	if withPort {
		out = append(out, &expr.Payload{DestRegister: register(keyAt + f.words), Base: expr.PayloadBaseTransportHeader, Len: 2})
		length += 4
	}
	return append(out, &expr.Hash{
		SourceRegister: register(keyAt), DestRegister: register(slotAt), Length: length, Modulus: uint32(slots), Seed: seed, Type: expr.HashTypeJenkins,
	})
}

// rewrite sends the connection to the server in the registers.
func (f family) rewrite(withPort bool) expr.Any {
	n := &expr.NAT{Type: expr.NATTypeDestNAT, Family: uint32(f.proto), RegAddrMin: register(serverAt), RegAddrMax: register(serverAt)}
	if withPort {
		n.RegProtoMin, n.RegProtoMax, n.Specified = register(serverAt+f.words), register(serverAt+f.words), true
	}
	return n
}

// starts are where the counters of a program began, by family, and how many slots
// they count.
func (p *program) starts(service string) map[string]uint32 {
	out := map[string]uint32{}
	for _, f := range families() {
		c := p.chains[f.identifier("service", service)]
		if c == nil {
			continue
		}
		for _, e := range slices.Concat(c.rules...) {
			if n, ok := e.(*expr.Numgen); ok {
				out[f.name] = n.Offset
			}
		}
	}
	return out
}
