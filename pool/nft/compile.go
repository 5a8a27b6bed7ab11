// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"cmp"
	"net"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/pool"
)

// opDelete is NFT_DYNSET_OP_DELETE.
const opDelete = 2

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
	slots := p.add(nftables.Set{
		Name: f.identifier("slots", v.Name), KeyType: nftables.TypeMark, DataType: f.server(), IsMap: true, KeyByteOrder: binaryutil.NativeEndian,
	})
	var active []pool.Destination
	for _, d := range v.Destinations {
		if !f.of(d.Address.Addr()) {
			continue
		}
		servers.elements[element{key: endpoint(d.Address), val: string(native(uint32(d.Weight)))}] = struct{}{}
		if d.Weight > 0 {
			active = append(active, d)
		}
	}
	persistent := v.Persistence.Timeout > 0
	if persistent {
		s := p.add(nftables.Set{
			Name: f.identifier("clients", v.Name), KeyType: f.addr, DataType: f.server(), IsMap: true,
			HasTimeout: true, Dynamic: true, Size: clientsSize, KeyByteOrder: binaryutil.BigEndian,
		})
		s.open = true
	}
	if len(active) == 0 {
		p.addChain(name)
		return name, true
	}
	// The same slots on all nodes, in whatever order the servers were given.
	slices.SortFunc(active, func(a, b pool.Destination) int { return a.Address.Compare(b.Address) })
	order, pick := f.pick(v, active, start)
	for i, index := range order {
		key := uint32(i)
		if n, ok := pick[len(pick)-1].(*expr.Numgen); ok {
			key += n.Offset
		}
		at := active[index].Address
		slots.elements[element{key: string(native(key)), val: endpoint(at)}] = struct{}{}
	}
	choose := append(pick, &expr.Lookup{
		SourceRegister: register(slotAt), DestRegister: register(serverAt), IsDestRegSet: true, SetName: slots.def.Name,
	})
	to := f.rewrite(active[0].Address.Port() != 0)
	if !persistent {
		p.addChain(name, append(choose, to))
		return name, false
	}
	p.addChain(name, f.persistent(v, choose, to)...)
	return name, false
}

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

// persistent are the rules of a persistent service: a client goes where it was sent to
// before, if that server still takes connections, and is forgotten if not.
func (f family) persistent(v pool.Virtual, choose []expr.Any, to expr.Any) [][]expr.Any {
	clients, servers := f.identifier("clients", v.Name), f.identifier("servers", v.Name)
	key := f.client(v.Persistence)
	remembered := &expr.Lookup{SourceRegister: register(keyAt), DestRegister: register(serverAt), IsDestRegSet: true, SetName: clients}
	const weightAt = slotAt
	note := func(op uint32) *expr.Dynset {
		return &expr.Dynset{SrcRegKey: register(keyAt), SrcRegData: register(serverAt), SetName: clients, Operation: op, Timeout: v.Persistence.Timeout}
	}
	forget := note(opDelete)
	forget.Timeout = 0
	return [][]expr.Any{
		slices.Concat(key, []expr.Any{
			remembered,
			&expr.Lookup{SourceRegister: register(serverAt), DestRegister: register(weightAt), IsDestRegSet: true, SetName: servers},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: register(weightAt), Data: native(0)},
			note(unix.NFT_DYNSET_OP_UPDATE), to,
		}),
		slices.Concat(key, []expr.Any{remembered, forget}),
		slices.Concat(choose, key, []expr.Any{note(unix.NFT_DYNSET_OP_ADD), to}),
		append(slices.Clone(choose), to), // no room for another client
	}
}

// client puts what counts of the client's address into its register.
func (f family) client(p pool.Persistence) []expr.Any {
	out := []expr.Any{&expr.Payload{DestRegister: register(keyAt), Base: expr.PayloadBaseNetworkHeader, Offset: f.src, Len: f.addr.Bytes}}
	bits, all := p.Prefix4, 32
	if f.words == 4 {
		bits, all = p.Prefix6, 128
	}
	if bits > 0 && bits < all {
		out = append(out, &expr.Bitwise{
			SourceRegister: register(keyAt), DestRegister: register(keyAt), Len: f.addr.Bytes,
			Mask: net.CIDRMask(bits, all), Xor: make([]byte, f.addr.Bytes),
		})
	}
	return out
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
