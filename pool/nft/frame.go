// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The priorities: before others' translation of destinations, so that the services
// come first, and before others' filters, which would let a refused connection in.
const (
	natPriority    nftables.ChainPriority = -101
	filterPriority nftables.ChainPriority = -10
)

// The names of the frame's chains that are no hook's.
const (
	findChain   = "find"
	refuseChain = "refuse"
)

// hooks are the chains at the kernel's hooks and where they lead to.
func hooks() []struct {
	name, to string
	kind     nftables.ChainType
	at       *nftables.ChainHook
	priority nftables.ChainPriority
} {
	type h = struct {
		name, to string
		kind     nftables.ChainType
		at       *nftables.ChainHook
		priority nftables.ChainPriority
	}
	return []h{
		{"prerouting", findChain, nftables.ChainTypeNAT, nftables.ChainHookPrerouting, natPriority},
		{"output", findChain, nftables.ChainTypeNAT, nftables.ChainHookOutput, natPriority},
		{"refuse-input", refuseChain, nftables.ChainTypeFilter, nftables.ChainHookInput, filterPriority},
		{"refuse-forward", refuseChain, nftables.ChainTypeFilter, nftables.ChainHookForward, filterPriority},
		{"refuse-output", refuseChain, nftables.ChainTypeFilter, nftables.ChainHookOutput, filterPriority},
	}
}

// frame is what does not depend on the services: the hooks, the look-up, and the sets of frontends,
// here without elements.
func frame() *part {
	p := newPart()
	fams := families()
	for i, balanced := range []string{services4, services6} {
		key := nftables.MustConcatSetType(fams[i].addr, nftables.TypeInetProto, nftables.TypeInetService)
		p.add(nftables.Set{Name: balanced, KeyType: key, DataType: nftables.TypeVerdict, IsMap: true, Interval: true, Concatenation: true})
		p.add(nftables.Set{Name: []string{emptyServices4, emptyServices6}[i], KeyType: key, Interval: true, Concatenation: true})
	}
	key := nftables.MustConcatSetType(nftables.TypeMark, nftables.TypeNFProto, nftables.TypeInetProto)
	p.add(nftables.Set{Name: marks, KeyType: key, DataType: nftables.TypeVerdict, IsMap: true, Concatenation: true, KeyByteOrder: binaryutil.NativeEndian})
	p.add(nftables.Set{Name: emptied, KeyType: key, Concatenation: true, KeyByteOrder: binaryutil.NativeEndian})

	goes := func(set string) []expr.Any {
		return []expr.Any{&expr.Lookup{SourceRegister: register(0), DestRegister: unix.NFT_REG_VERDICT, IsDestRegSet: true, SetName: set}}
	}
	p.addChain(findChain,
		append(byMark(), goes(marks)...),
		append(byAddress(fams[0]), goes(services4)...),
		append(byAddress(fams[1]), goes(services6)...))

	var refusals [][]expr.Any
	for _, r := range []struct {
		found []expr.Any
		set   string
	}{{byMark(), emptied}, {byAddress(fams[0]), emptyServices4}, {byAddress(fams[1]), emptyServices6}} {
		match := append(append(isNew(), r.found...), &expr.Lookup{SourceRegister: register(0), SetName: r.set})
		refusals = append(refusals,
			append(append(isTCP(), match...), &expr.Reject{Type: unix.NFT_REJECT_TCP_RST}),
			append(match, &expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_PORT_UNREACH}))
	}
	p.addChain(refuseChain, refusals...)

	accept := nftables.ChainPolicyAccept
	for _, h := range hooks() {
		p.chains[h.name] = &chain{
			def: nftables.Chain{
				Name: h.name, Table: table(), Type: h.kind, Hooknum: h.at,
				Priority: new(h.priority), Policy: &accept,
			},
			rules: [][]expr.Any{{&expr.Verdict{Kind: expr.VerdictJump, Chain: h.to}}},
		}
	}
	return p
}

// byMark puts the packet's mark, family and protocol into the registers from 0.
func byMark() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyMARK, Register: register(0)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: register(0), Data: native(0)},
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: register(1)},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register(2)},
	}
}

// byAddress puts a packet's destination, protocol and port into the registers
// from 0, if it is of the family.
func byAddress(f family) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: register(0)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register(0), Data: []byte{f.proto}},
		&expr.Payload{DestRegister: register(0), Base: expr.PayloadBaseNetworkHeader, Offset: f.dst, Len: f.addr.Bytes},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register(f.words)},
		&expr.Payload{DestRegister: register(f.words + 1), Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
	}
}

// isNew goes on with packets that begin a connection.
func isNew() []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: register(0)},
		&expr.Bitwise{SourceRegister: register(0), DestRegister: register(0), Len: 4, Mask: native(expr.CtStateBitNEW), Xor: native(0)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: register(0), Data: native(0)},
	}
}

// isTCP goes on with TCP.
func isTCP() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register(0)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register(0), Data: []byte{unix.IPPROTO_TCP}},
	}
}
