// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// The kernel runs the filter for every packet of protocol 112 on the
// interface. Unicast from strangers, low hop limits, bad checksums, other
// versions and truncated messages pass, since they are worth a counter.
//
// For a raw IPv4 socket the filter sees the IP header first, for a raw IPv6
// socket the message.
const (
	offVRID = 1 // in the message, RFC 9568 section 5.2.3

	acceptAll = 1 << 18 // how many bytes of the packet are kept
)

// A filter ends with these two; jumps to them are relative.
var (
	drop   = bpf.RetConstant{Val: 0}
	accept = bpf.RetConstant{Val: acceptAll}
)

// blockAll passes nothing. A socket has it while it is set up.
func blockAll() ([]bpf.RawInstruction, error) {
	return bpf.Assemble([]bpf.Instruction{drop})
}

// filter passes the messages of vrids. A load beyond the packet's end drops it,
// as the kernel has it.
func filter(family int, vrids []uint8) ([]bpf.RawInstruction, error) {
	prog := []bpf.Instruction{bpf.LoadAbsolute{Off: offVRID, Size: 1}}
	if family == 4 {
		prog = []bpf.Instruction{
			bpf.LoadMemShift{Off: 0}, // X = length of the IP header
			bpf.LoadIndirect{Off: offVRID, Size: 1},
		}
	}
	raw, err := bpf.Assemble(append(prog, oneOf(vrids)...))
	if err != nil {
		return nil, fmt.Errorf("assembling the socket filter: %w", err)
	}
	return raw, nil
}

// everyVRID lists all there are, and the invalid 0.
func everyVRID() []uint8 {
	ids := make([]uint8, 256)
	for i := range ids {
		ids[i] = uint8(i)
	}
	return ids
}

// oneOf accepts when A is one of ids and drops otherwise. The set is a bitmap
// of 8 words, so that the cost does not grow with it.
func oneOf(ids []uint8) []bpf.Instruction {
	var set [8]uint32
	for _, id := range ids {
		set[id>>5] |= 1 << (id & 31)
	}
	prog := []bpf.Instruction{
		bpf.StoreScratch{Src: bpf.RegA, N: 0},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 31},
		bpf.TAX{}, // X = bit in the word
		bpf.LoadScratch{Dst: bpf.RegA, N: 0},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 5}, // A = word
	}
	for i, word := range set {
		left := uint32(len(set) - 1 - i)
		prog = append(prog,
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(i), SkipFalse: 2},
			bpf.LoadConstant{Dst: bpf.RegA, Val: word},
			bpf.Jump{Skip: 3*left + 1})
	}
	return append(prog,
		drop, // not reached: A was below 8
		bpf.ALUOpX{Op: bpf.ALUOpShiftRight},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 1, SkipTrue: 1},
		drop,
		accept)
}
