// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/vicar-ha/vicar/vip"
)

// MaxState is the most that State returns.
const MaxState = 64 << 10

// The fields of a node's state. The flags stand there also if they are zero: a
// state without them is that of a node whose agent has said nothing yet.
const (
	stateVersion  = 1 // text
	stateDigest   = 2 // text
	stateFlags    = 3 // number
	stateReport   = 4 // bytes, the guard's
	stateResource = 5 // one for each
)

const (
	flagWitness = 1 << iota
	flagDrained
)

// A resource is
//
//	prefix 1, name 1+n, state 1, priority 1, flags 1, term
//
// and what later versions put behind that. prefixes and states are numbered by
// their order.
var (
	prefixes = [...]string{"", "router ", "sync group "}
	states   = [...]string{"", "Initialize", "Backup", "Active"}
)

const (
	flagPinned = 1 << iota
	flagUnheard
	flagYields
	flagUnready
	flagTaking
)

// document is what a node tells of itself.
type document struct {
	told   bool // state has been set
	state  vip.NodeState
	report []byte
}

// encode is d without the state's Node, which the peer link tells. Resources
// that don't fit are left out; left is how many.
func (d *document) encode() (b []byte, left int) {
	b = append(b, version)
	b = appendBytes(b, stateVersion, cut(d.state.Version, maxText))
	b = appendBytes(b, stateDigest, cut(d.state.Digest, maxText))
	if d.told {
		b = append(b, stateFlags, 1, byte(bit(d.state.Witness, flagWitness)|bit(d.state.Drained, flagDrained)))
	}
	if len(b)+len(d.report)+8 <= MaxState {
		b = appendBytes(b, stateReport, d.report)
	} else {
		left++
	}
	var one []byte
	for _, r := range d.state.Resources {
		one = appendResource(one[:0], r)
		if len(r.Name) > maxName || len(b)+len(one)+8 > MaxState {
			left++
			continue
		}
		b = appendBytes(b, stateResource, one)
	}
	return b, left
}

func cut(s string, most int) string { return strings.ToValidUTF8(s[:min(most, len(s))], "") }

func appendResource(b []byte, r vip.ResourceState) []byte {
	prefix := 0
	for i, p := range prefixes {
		if strings.HasPrefix(r.Name, p) {
			prefix = i
		}
	}
	name := strings.TrimPrefix(r.Name, prefixes[prefix])
	state := max(slices.Index(states[:], r.State), 0)
	b = append(b, byte(prefix))
	b = binary.AppendUvarint(b, uint64(len(name)))
	b = append(b, name...)
	flags := bit(r.Pinned, flagPinned) | bit(r.Unheard, flagUnheard) | bit(r.Yields, flagYields) | bit(r.Unready, flagUnready) | bit(r.Taking, flagTaking)
	b = append(b, byte(state), r.Priority, byte(flags))
	return binary.AppendUvarint(b, r.Term)
}

// parseDocument reads what encode wrote. The report is a part of b.
func parseDocument(b []byte) (d document, err error) {
	if len(b) > MaxState {
		return document{}, fmt.Errorf("parsing a state: %w", errLength)
	}
	err = fields(b, func(tag uint64, value []byte) (err error) {
		switch tag {
		case stateVersion:
			d.state.Version, err = text(value, maxText)
		case stateDigest:
			d.state.Digest, err = text(value, maxText)
		case stateFlags:
			var n uint64
			n, err = whole(value)
			d.told = true
			d.state.Witness, d.state.Drained = n&flagWitness != 0, n&flagDrained != 0
		case stateReport:
			d.report = value
		case stateResource:
			var r vip.ResourceState
			r, err = parseResource(value)
			d.state.Resources = append(d.state.Resources, r)
		}
		return err
	})
	if err != nil {
		return document{}, fmt.Errorf("parsing a state: %w", err)
	}
	return d, nil
}

func parseResource(b []byte) (r vip.ResourceState, err error) {
	if len(b) == 0 || int(b[0]) >= len(prefixes) {
		return r, errValue
	}
	name, rest, err := counted(b[1:])
	if err != nil {
		return r, err
	}
	own, err := text(name, maxName)
	if err != nil {
		return r, err
	}
	r.Name = prefixes[b[0]] + own
	if len(r.Name) > maxName || len(rest) < 3 {
		return r, errLength
	}
	if state := int(rest[0]); state < len(states) {
		r.State = states[state]
	}
	r.Priority = rest[1]
	r.Pinned, r.Unheard, r.Yields = rest[2]&flagPinned != 0, rest[2]&flagUnheard != 0, rest[2]&flagYields != 0
	r.Unready, r.Taking = rest[2]&flagUnready != 0, rest[2]&flagTaking != 0
	r.Term, _, err = number(rest[3:])
	return r, err
}
