// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// Transport carries adverts of one family on one link. Send is called by the
// loop alone, Receive by one reader, Pending and Close by anyone.
type Transport interface {
	// Send hands the packets to the network in order and returns how many it
	// took. It doesn't wait for a slow network: what can't leave is an error.
	// It copies what it keeps.
	Send(batch []wire.Packet) (int, error)
	// Receive waits for packets, stores them in batch and returns how many. The
	// Data of each is valid until the next call. After Close it returns
	// net.ErrClosed; any other error is passing and may be followed by a call.
	Receive(batch []wire.Packet) (int, error)
	// Pending tells whether packets have arrived that Receive has not returned.
	// It doesn't block.
	Pending() bool
	// Close ends the Transport. It may be called twice.
	Close() error
}

// Mover makes this node the holder of addresses in one plane: the kernel's, or
// a cloud's. Calls for one router come one at a time, for different routers at
// the same time. Each is idempotent, may block, and gives up when ctx ends.
type Mover interface {
	// Acquire returns nil only after it has read back that the claim is held.
	Acquire(ctx context.Context, c vip.Claim) error
	// Release returns nil only when nothing of the claim is held here.
	Release(ctx context.Context, c vip.Claim) error
	// Held tells whether all of the claim is held here.
	Held(ctx context.Context, c vip.Claim) (bool, error)
}

// Remote is a Mover of a plane elsewhere, where whoever is asked may not answer.
// The host's own movers release before it, and its Release, which is done beside
// those of the router's other Remote ones, has little time: when that is over, ctx
// ends by its deadline, and what is not released by then is left to the successor.
// It returns nil then.
type Remote interface {
	Mover
	Remote()
}

// Wary is a Mover that looks at a hint whether it still holds what it does. Suspect
// tells that another node claims the claim's addresses. It doesn't block.
type Wary interface {
	Suspect(c vip.Claim)
}

// Announcer tells the neighbours that the claim's addresses are here
// (gratuitous ARP, unsolicited NA). The first round leaves before it returns;
// repetitions follow until ctx ends.
type Announcer interface {
	Announce(ctx context.Context, c vip.Claim) error
}

// Network tells what the host's network looks like.
type Network interface {
	// Watch calls changed with the whole state at first and then after each
	// change, bursts put together, until ctx ends. changed must not block.
	Watch(ctx context.Context, changed func(vip.Change)) error
}

// Checker tells how the node's checks stand.
type Checker interface {
	// Watch calls told with the results of all checks at first, and then with
	// those whose state has changed, until ctx ends. told must not block.
	Watch(ctx context.Context, told func([]track.Result)) error
}

// Listener is told what happens to routers.
type Listener interface {
	// Tell doesn't block and keeps nothing of the event's.
	Tell(e vip.Event)
	// GiveUp tells that the router is about to give up in order, and calls done
	// from any goroutine when those who asked for that have been told, at once
	// if there are none. It doesn't block. The agent does not wait long.
	GiveUp(e vip.Event, done func())
}

// Guard lets this node hold what a majority of voters lets it hold. Resources
// are what moves together: a router, or a sync group. None of its methods but
// Watch blocks; what they ask for is done in their order.
type Guard interface {
	// Watch calls told with each verdict, in order, until ctx ends. told must not
	// block.
	Watch(ctx context.Context, told func(vip.Verdict)) error
	// Claim wants the resource from now on, until GiveUp or Revoked. Again is as
	// once. token is what its last holder gave when it handed over, or empty.
	Claim(resource, token string)
	// Renew keeps the leases of the resources that are held: their routers work,
	// and have just sent their adverts. Nothing else renews them.
	Renew(resources []string)
	// Shut makes the host silent about the resource's addresses, which are about to
	// be given up.
	Shut(resource string)
	// GiveUp releases the resource: its addresses are given up, or were never
	// taken.
	GiveUp(resource string)
	// Answered is when the node's voter last answered this node, zero if it never
	// did: with each claim and each Renew all are asked.
	Answered(node string) time.Time
}

// Peers are the other nodes' agents.
type Peers interface {
	// Watch calls told with messages, and with how the nodes stand, at first and
	// after each change, until ctx ends. told must not block.
	Watch(ctx context.Context, told func(vip.PeerEvent)) error
	// Send sends a message to a node, without waiting and without a receipt.
	Send(to string, m vip.PeerMessage) error
	// Announce tells all nodes how this one stands, in place of what it told
	// before.
	Announce(s vip.NodeState)
}

// Executor gives up for an agent that has died. It is told what to say then.
type Executor interface {
	// Farewell hands over the adverts that say that the claim's holder gives up, and
	// the link that they leave by; none: the claim is not held any more. It doesn't
	// block, and keeps nothing of the packets'.
	Farewell(claim string, link Link, packets []wire.Packet)
}

// Prober asks hosts on the link whether they are there, by ARP or neighbour
// discovery.
type Prober interface {
	// Reachable tells whether any of the hosts, or of the interface's gateways,
	// answers within a short time that it sets itself.
	Reachable(ctx context.Context, iface string, hosts []netip.Addr) (bool, error)
}

// Alarm wakes the loop. It is the loop's alone.
type Alarm interface {
	// Set asks for a wake-up at a time of Config.Now's clock, in place of the one
	// that was asked for before. A time that has passed is now.
	Set(at time.Time)
	// C delivers the wake-ups. One too many does no harm.
	C() <-chan time.Time
	// Close ends the Alarm.
	Close() error
}
