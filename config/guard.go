// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"time"

	"github.com/goccy/go-yaml/ast"
)

// GuardKind says what keeps a second node from holding the addresses.
type GuardKind string

// The kinds of guard.
const (
	GuardNone   GuardKind = "none"   // nothing but the election
	GuardQuorum GuardKind = "quorum" // a lease that a majority of the nodes grants
)

// OnLoss is what a holder does that can't renew its lease.
type OnLoss string

// The kinds of OnLoss.
const (
	OnLossRelease OnLoss = "release"
	OnLossHold    OnLoss = "hold" // keeps the addresses while no majority answers
)

// FenceMode says whether the kernel keeps the end of a lease.
type FenceMode string

// The kinds of FenceMode.
const (
	FenceAuto     FenceMode = "auto"     // where eBPF may be used
	FenceRequired FenceMode = "required" // or the agent doesn't start
	FenceOff      FenceMode = "off"
	FenceARP      FenceMode = "arp" // for ARP and neighbour discovery only: direct routing
)

// Guard makes a second holder impossible. It is zero without one, also where the
// file says so.
type Guard struct {
	Kind     GuardKind
	OnLoss   OnLoss // of routers that don't say
	MaxLease time.Duration
	Fence    FenceMode
	// Table is the DynamoDB table that is the third voter of two nodes; empty: none.
	Table string `json:",omitempty"`
}

// defaultMaxLease allows advert intervals of up to 3.33 s.
const defaultMaxLease = 10 * time.Second

// rawGuard is the section guard.
type rawGuard struct {
	mark
	Kind     guardKind `yaml:"kind" jsonschema:"required" jsonschema_description:"What keeps a second node from holding the addresses: quorum (a lease that a majority of all nodes grants, witnesses included) or none (nothing but the election; the other keys have no effect)."`
	OnLoss   onLoss    `yaml:"on_loss" jsonschema_description:"What a holder does when no majority answers: release (gives the addresses up in time) or hold (keeps them, at the risk of a second holder). Default release. A router's on_loss overrides it."`
	MaxLease maxLease  `yaml:"max_lease" jsonschema_description:"The longest lease, three advert intervals at least, and how long a voter says nothing after its start. 300ms to 15m, default 10s."`
	Fence    fence     `yaml:"fence" jsonschema_description:"Whether the kernel silences the addresses when the lease ends, even if the agent is frozen or dead: auto (where eBPF may be used), required (or the agent does not start), arp (ARP and neighbour discovery alone, for direct routing), off. Default auto."`
	Table    tableName `yaml:"table" jsonschema_description:"The name of a DynamoDB table that is the third voter of two nodes without a third machine. It needs aws. Default: none."`
}

func (g *rawGuard) refuse(at mark) { g.mark = at }

func (g *rawGuard) decode(r *reader, key mark, n ast.Node) {
	g.mark = key
	if r.fields(key, n, g).present() && !g.Kind.present() {
		r.bad(key, "kind is missing", "write kind: quorum, or kind: none for no guard")
	}
}

type (
	guardKind struct{ text }
	onLoss    struct{ text }
	fence     struct{ text }
	maxLease  struct{ duration }
)

func (v *guardKind) decode(r *reader, key mark, n ast.Node) {
	v.choice(r, key, n, string(GuardNone), string(GuardQuorum))
}

func (v *onLoss) decode(r *reader, key mark, n ast.Node) {
	v.choice(r, key, n, string(OnLossRelease), string(OnLossHold))
}

func (v *fence) decode(r *reader, key mark, n ast.Node) {
	v.choice(r, key, n, string(FenceAuto), string(FenceRequired), string(FenceARP), string(FenceOff))
}

// A lease of the longest interval, 255 s, is within it.
func (v *maxLease) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 300*time.Millisecond, 15*time.Minute)
}

// guard is the section's meaning.
func guard(raw rawGuard) Guard {
	if GuardKind(raw.Kind.v) != GuardQuorum || !raw.Kind.ok {
		return Guard{}
	}
	return Guard{
		Kind:     GuardQuorum,
		OnLoss:   OnLoss(raw.OnLoss.or(string(OnLossRelease))),
		MaxLease: raw.MaxLease.or(defaultMaxLease),
		Fence:    FenceMode(raw.Fence.or(string(FenceAuto))),
		Table:    raw.Table.v,
	}
}

// onLoss is the router's own, or the guard's. Where the guard is turned off it
// is none; where there is no guard at all it is a mistake.
func (r *reader) onLoss(v *router, file *rawFile, c *Config) {
	own := v.raw.OnLoss
	if own.present() && !file.Guard.present() {
		r.bad(own.mark, "on_loss is for the guard, and there is none", "add guard: {kind: quorum} at the top, or remove on_loss")
	}
	if c.Guard.Kind == GuardQuorum {
		v.OnLoss = OnLoss(own.or(string(c.Guard.OnLoss)))
	}
}
