// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"strconv"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// What the program returns, TC_ACT_* of linux/pkt_cls.h: with a filter's
// direct action, "unspecified" lets the chain go on as if the filter had not
// been there.
const (
	actUnspec = -1
	actShot   = 2
)

// Protocols, and where their headers have what is looked for.
const (
	etherIPv4 = 0x0800
	ether8021 = 0x8100 // 802.1Q
	ether8ad  = 0x88a8 // 802.1ad

	tagsMost       = 3 // in-band VLAN tags that are looked behind
	extensionsMost = 4 // IPv6 extension headers that are looked behind

	headerNet = 1 // BPF_HDR_START_NET

	icmpNS = 135
	icmpNA = 136
)

// The program's stack: the key of a look-up at its top, and below that a buffer
// for what is read of a packet.
const (
	keyAt    = -16
	bufferAt = -40 // 24 bytes: a neighbour message up to its target
	targetAt = bufferAt + 8
)

// fenceProgram writes the fence's program for one direction and one kind of
// interface.
//
// Registers: R6 the packet, R7 where its network header begins, R8 a protocol,
// R9 what is at hand.
type fenceProgram struct {
	ingress bool
	ether   bool // frames have an Ethernet header; without it, R7 counts from the network header
	m       *ebpf.Map

	insns  asm.Instructions
	label  string // for the next instruction
	labels int
}

// assemble returns the whole program.
func (p *fenceProgram) assemble() asm.Instructions {
	p.add(asm.Mov.Reg(asm.R6, asm.R1))
	p.protocol()
	p.add(
		asm.JEq.Imm(asm.R8, etherIPv4, "ip4"),
		asm.JEq.Imm(asm.R8, etherIPv6, "ip6"),
		asm.JEq.Imm(asm.R8, etherARP, "arp"),
		asm.Ja.Label("pass"),
	)
	p.ip4()
	p.ip6()
	p.neighbour()
	p.arp()
	p.mark("pass")
	p.add(asm.Mov.Imm(asm.R0, actUnspec), asm.Return())
	p.mark("drop")
	p.add(asm.Mov.Imm(asm.R0, actShot), asm.Return())
	return p.insns
}

func (p *fenceProgram) add(insns ...asm.Instruction) {
	if p.label != "" {
		insns[0] = insns[0].WithSymbol(p.label)
		p.label = ""
	}
	p.insns = append(p.insns, insns...)
}

// mark gives the next instruction a name.
func (p *fenceProgram) mark(label string) { p.label = label }

// fresh is a name that there is once.
func (p *fenceProgram) fresh() string {
	p.labels++
	return "l" + strconv.Itoa(p.labels)
}

// load copies bytes of the packet to the stack: from base, a register or none
// (R0), plus offset. A packet that is too short goes on: nobody will make sense
// of it. The helper reads whatever of the packet is not linear as well.
func (p *fenceProgram) load(base asm.Register, offset int32, to, size int32) {
	p.add(asm.Mov.Imm(asm.R2, offset))
	if base != asm.R0 {
		p.add(asm.Add.Reg(asm.R2, base))
	}
	p.add(
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, to),
		asm.Mov.Imm(asm.R4, size),
	)
	if p.ether {
		p.add(asm.FnSkbLoadBytes.Call())
	} else {
		p.add(asm.Mov.Imm(asm.R5, headerNet), asm.FnSkbLoadBytesRelative.Call())
	}
	p.add(asm.JSLT.Imm(asm.R0, 0, "pass"))
}

// protocol finds the EtherType (R8) and the network header (R7). A VLAN tag is
// no matter here: the kernel answers priority-tagged frames as well.
func (p *fenceProgram) protocol() {
	if !p.ether {
		p.add(
			asm.LoadMem(asm.R8, asm.R6, 16, asm.Word), // __sk_buff.protocol, a __be16
			asm.HostTo(asm.BE, asm.R8, asm.Half),
			asm.Mov.Imm(asm.R7, 0),
		)
		return
	}
	ready := p.fresh()
	p.add(asm.Mov.Imm(asm.R7, 14))
	for i := range tagsMost + 1 {
		p.load(asm.R7, -2, bufferAt, 2)
		p.add(asm.LoadMem(asm.R8, asm.RFP, bufferAt, asm.Half), asm.HostTo(asm.BE, asm.R8, asm.Half))
		if i == tagsMost {
			break
		}
		tagged := p.fresh()
		p.add(
			asm.JEq.Imm(asm.R8, ether8021, tagged),
			asm.JNE.Imm(asm.R8, ether8ad, ready),
		)
		p.mark(tagged)
		p.add(asm.Add.Imm(asm.R7, 4))
	}
	p.mark(ready)
}

// check drops the packet if the address on the stack has a deadline that has
// passed. What is not about neighbours is let through to an address that is
// fenced for those only.
func (p *fenceProgram) check(at int32, neighbours bool) {
	open := p.fresh()
	p.add(
		asm.LoadMapPtr(asm.R1, p.m.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, at),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, open),
		asm.LoadMem(asm.R9, asm.R0, 0, asm.DWord),
	)
	if neighbours {
		p.add(asm.LSh.Imm(asm.R9, 1), asm.RSh.Imm(asm.R9, 1))
	} else {
		p.add(asm.JSLT.Imm(asm.R9, 0, open))
	}
	p.add(asm.FnKtimeGetBootNs.Call(), asm.JGE.Reg(asm.R0, asm.R9, "drop"))
	p.mark(open)
}

// checkIPv4 is check for the four bytes of the packet at base plus offset.
func (p *fenceProgram) checkIPv4(base asm.Register, offset int32, neighbours bool) {
	p.load(base, offset, keyAt+12, 4)
	p.add(
		asm.StoreImm(asm.RFP, keyAt, 0, asm.Word),
		asm.StoreImm(asm.RFP, keyAt+4, 0, asm.Word),
		asm.StoreImm(asm.RFP, keyAt+8, 0, asm.Half),
		asm.StoreImm(asm.RFP, keyAt+10, 0xffff, asm.Half),
	)
	p.check(keyAt, neighbours)
}

// choose is the value for the direction.
func (p *fenceProgram) choose(ingress, egress int32) int32 {
	if p.ingress {
		return ingress
	}
	return egress
}

// ip4: the destination of what comes in, the source of what goes out.
func (p *fenceProgram) ip4() {
	p.mark("ip4")
	p.checkIPv4(asm.R7, p.choose(16, 12), false)
	p.add(asm.Ja.Label("pass"))
}

// ip6 is ip4 for IPv6, and finds ICMPv6.
func (p *fenceProgram) ip6() {
	p.mark("ip6")
	p.load(asm.R7, p.choose(24, 8), keyAt, 16)
	p.check(keyAt, false)
	p.load(asm.R7, 6, bufferAt, 1)
	p.add(
		asm.LoadMem(asm.R8, asm.RFP, bufferAt, asm.Byte),
		asm.Mov.Reg(asm.R9, asm.R7),
		asm.Add.Imm(asm.R9, 40),
	)
	for range extensionsMost {
		extension := p.fresh()
		p.add(
			asm.JEq.Imm(asm.R8, unix.IPPROTO_ICMPV6, "icmp6"),
			asm.JEq.Imm(asm.R8, unix.IPPROTO_HOPOPTS, extension),
			asm.JEq.Imm(asm.R8, unix.IPPROTO_ROUTING, extension),
			asm.JNE.Imm(asm.R8, unix.IPPROTO_DSTOPTS, "pass"),
		)
		p.mark(extension)
		p.load(asm.R9, 0, bufferAt, 2)
		p.add(
			asm.LoadMem(asm.R8, asm.RFP, bufferAt, asm.Byte),
			asm.LoadMem(asm.R1, asm.RFP, bufferAt+1, asm.Byte),
			asm.LSh.Imm(asm.R1, 3),
			asm.Add.Reg(asm.R9, asm.R1),
			asm.Add.Imm(asm.R9, 8),
		)
	}
	p.add(asm.JNE.Imm(asm.R8, unix.IPPROTO_ICMPV6, "pass"))
}

// neighbour: what comes in may ask for no fenced target, what goes out may
// advertise none, nor ask with a fenced source (RFC 4861 section 4.3: it tells
// the hardware address as well).
func (p *fenceProgram) neighbour() {
	p.mark("icmp6")
	p.load(asm.R9, 0, bufferAt, 24)
	p.add(
		asm.LoadMem(asm.R8, asm.RFP, bufferAt, asm.Byte),
		asm.JNE.Imm(asm.R8, p.choose(icmpNS, icmpNA), "other"),
	)
	p.check(targetAt, true)
	p.add(asm.Ja.Label("pass"))
	p.mark("other")
	if !p.ingress {
		p.add(asm.JNE.Imm(asm.R8, icmpNS, "pass"))
		p.load(asm.R7, 8, keyAt, 16)
		p.check(keyAt, true)
	}
	p.add(asm.Ja.Label("pass"))
}

// arp: what comes in may not ask for a fenced address, unless it says that it
// has it itself; what goes out may not have one as its sender. The length of
// hardware addresses is in the packet.
func (p *fenceProgram) arp() {
	p.mark("arp")
	if p.ingress {
		p.load(asm.R7, 6, bufferAt, 2)
		p.add(
			asm.LoadMem(asm.R8, asm.RFP, bufferAt, asm.Half),
			asm.HostTo(asm.BE, asm.R8, asm.Half),
			asm.JNE.Imm(asm.R8, arpRequest, "pass"),
		)
	}
	p.load(asm.R7, 4, bufferAt, 1)
	p.add(asm.LoadMem(asm.R8, asm.RFP, bufferAt, asm.Byte), asm.Add.Reg(asm.R7, asm.R8))
	if !p.ingress {
		p.checkIPv4(asm.R7, 8, true)
		p.add(asm.Ja.Label("pass"))
		return
	}
	p.load(asm.R7, 8, bufferAt, 4)
	p.add(asm.Add.Reg(asm.R7, asm.R8))
	p.load(asm.R7, 12, bufferAt+4, 4)
	p.add(
		asm.LoadMem(asm.R1, asm.RFP, bufferAt, asm.Word),
		asm.LoadMem(asm.R2, asm.RFP, bufferAt+4, asm.Word),
		asm.JEq.Reg(asm.R1, asm.R2, "pass"),
	)
	p.checkIPv4(asm.R7, 12, true)
	p.add(asm.Ja.Label("pass"))
}
