// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// Object is one thing of a cloud that makes packets for an address come to a
// node: a route in a table, a secondary address, an Elastic IP's association.
type Object struct {
	ID      string // for people, unique among a Provider's: "rtb-0a1b 198.51.100.7/32"
	Address netip.Addr
}

// Ownership is how an object stands, as the cloud shows it.
type Ownership struct {
	Object
	Mine   bool
	Holder string // as the cloud names it, an interface's id mostly; empty: nobody
	Dead   bool   // packets go nowhere: the holder is gone (a blackhole route)
}

// Taking says how objects are taken.
type Taking struct {
	// Steal takes what another has. Without it only what is free is taken, and the
	// rest is a Conflict: two nodes that start at the same moment, and don't know of
	// each other, don't take it to and fro.
	Steal bool
	// Allowed is asked right before each request that writes leaves, from any
	// goroutine. What it answers is returned, wrapped, and the request is not made.
	// Nil is always.
	Allowed func() error
}

// May asks Allowed.
func (t Taking) May() error {
	if t.Allowed == nil {
		return nil
	}
	return t.Allowed()
}

// Provider is one means of moving addresses in one cloud, for this node. Its
// methods may be called at the same time for different claims. Each ends with
// ctx, tries once, and returns errors of this package (Kind).
type Provider interface {
	// Kind is its name in the configuration: "aws-route".
	Kind() string
	// Objects are those of a claim's addresses, in a stable order. It asks nobody.
	Objects(addresses []netip.Prefix) ([]Object, error)
	// Observe tells how the objects stand, in their order, in as few requests as
	// the cloud allows.
	Observe(ctx context.Context, objects []Object) ([]Ownership, error)
	// Take makes the objects this node's, in as few requests as the cloud allows,
	// those side by side that can be. What is this node's already is no error. When
	// some were taken and others not, the error is a *Partial.
	Take(ctx context.Context, objects []Object, how Taking) error
	// Yield gives up those of the objects that are this node's own.
	Yield(ctx context.Context, objects []Object, how Taking) error
}

// Reflector is a Provider whose cloud shows the node itself what it has, beside
// its interface (the metadata service).
type Reflector interface {
	// Reflected tells which of the objects the node is shown.
	Reflected(ctx context.Context, objects []Object) ([]bool, error)
}

// Examiner is a Provider that can tell beforehand whether a take-over would
// succeed.
type Examiner interface {
	// Examine looks at all that a take-over of the objects needs, and returns a
	// Finding per thing looked at, the good ones too. It changes nothing.
	Examine(ctx context.Context, objects []Object) []Finding
}

// Forgetter is an Examiner that remembers what was refused.
type Forgetter interface {
	// Forget has refusals count no more: what was at fault is said to be put right.
	Forget()
}

// Finding is one thing that a take-over needs.
type Finding struct {
	What string // what was looked at: "source/destination check of eni-1"
	OK   bool   // nothing is known to be wrong
	// Untried is that it can't be known until it is tried: OK says nothing then.
	Untried bool
	// Problem says what is wrong, Remedy what to do about it, Missing the permission
	// that lacks, as the cloud names it ("ec2:ReplaceRoute").
	Problem, Remedy, Missing string
}

// Counter is a Provider that counts its requests.
type Counter interface {
	// Calls are the requests to the cloud since the start by action, as the cloud
	// names it, those that failed too. The map is the caller's.
	Calls() map[string]uint64
}

// Slow is a Provider whose calls may need more time than Config.Attempt's default.
type Slow interface {
	// Longest is how long a call may take.
	Longest() time.Duration
}

// Prober has a peer send a packet to addresses, and tells whether it came here:
// the last thing to be known of a take-over.
type Prober interface {
	// Probe tells which peer was asked, and whether a packet to each of the claim's
	// addresses has arrived. An error is that it can't be known. It ends with ctx.
	Probe(ctx context.Context, c vip.Claim) (peer string, arrived bool, err error)
}
