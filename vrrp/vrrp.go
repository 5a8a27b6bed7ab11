// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package vrrp is the election of RFC 9568 (VRRP version 3) and RFC 3768
// (version 2) as a pure state machine: it is told what happened and when, and
// answers with what must be done, in order. It has no goroutine, no timer, no
// socket and no clock.
//
// # The driver
//
// Who drives an Engine feeds it events one at a time and carries out the
// actions in their order before the next event:
//
//	for {
//		wait until Deadline, a packet, or a command
//		for _, a := range engine.Step(now, event) {
//			carry out a
//		}
//	}
//
// A Tick that comes early or twice is harmless. now never goes back. Adverts
// that have arrived are handed over before a Tick, or a driver that is late
// takes the Active for dead. Engines that move together are stepped through a
// Group.
//
// What is not in the RFCs is marked "beyond the RFC"; Engine lists it.
package vrrp

import (
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// State is a virtual router's state (RFC 9568 section 6.3). A fault is
// Initialize with a reason.
type State uint8

const (
	Initialize State = iota
	Backup
	Active
)

// String is the RFC's name of the state.
func (s State) String() string {
	switch s {
	case Backup:
		return "Backup"
	case Active:
		return "Active"
	default:
		return "Initialize"
	}
}

// Config is one virtual router on one interface in one family
// (RFC 9568 section 6.1).
type Config struct {
	// Name tells engines of a Group apart in reasons; empty is the VRID's and the
	// family's.
	Name     string
	Version  wire.Version
	VRID     uint8
	Priority uint8         // 1 to 254; 255 if the addresses are the node's own
	Interval time.Duration // Advertisement_Interval
	// Preempt is Preempt_Mode: whether a better Backup takes over from a worse
	// Active. PreemptDelay is how long it must have been Backup, at its present
	// priority or a higher one, before it does, unless the Active has become worse
	// meanwhile (beyond the RFC).
	Preempt      bool
	PreemptDelay time.Duration
	// Addresses are the IPvX addresses in their order, compared with a peer's
	// (RFC 9568 section 7.1) and never empty; all of one family.
	Addresses []netip.Addr
	// Epoch is a phase shared by the engines of a driver: adverts creep towards
	// multiples of Interval since it, by at most 1 % of Interval at a time and
	// never later than due, so that many routers' leave in one batch (beyond
	// the RFC). Zero leaves them where they fall.
	Epoch time.Time
	// Guarded makes the router ask (Claim) before it becomes Active, and yield to
	// Revoked alone (beyond the RFC; see Engine). All members of a Group are
	// guarded or none is. A guarded router is no address owner.
	Guarded bool
	// Follower makes an Active ignore equal priorities: its group's first
	// member breaks ties for all (beyond the RFC; see Group).
	Follower bool
}

// Event is something that happened.
type Event interface{ event() }

type (
	// Start is the Startup event (section 6.4.1).
	Start struct{}
	// Stop is the Shutdown event (sections 6.4.2 and 6.4.3).
	Stop struct{}
	// Tick says that time has passed.
	Tick struct{}
	// Received is an advert that passed the driver's checks (section 7.1): for
	// this VRID, version, family, with a good checksum, TTL and source.
	Received struct {
		From   netip.Addr
		Advert *wire.Advert // not kept
	}
	// SetPriority changes the effective priority (1 to 254) from now on. An
	// owner's 255 does not move.
	SetPriority struct{ Priority uint8 }
	// SetPrimary tells the address that adverts are sent from, which breaks ties
	// (section 6.4.3). Without one the router stays in Initialize: the driver
	// raises a Fault.
	SetPrimary struct{ Address netip.Addr }
	// Fault takes the router out of the election until Clear. Reason is shown.
	// A later Fault replaces the reason.
	Fault struct{ Reason string }
	// Clear ends a fault.
	Clear struct{}
	// Dampen makes a Backup leave a worse Active alone, or not any more (beyond
	// the RFC): a node that comes and goes shall not take the addresses along. An
	// Active that becomes worse is relieved nevertheless, and nothing waits when no
	// Active is heard. An owner is not damped. Wholly leaves one that has become worse
	// alone, too.
	Dampen struct{ On, Wholly bool }
	// Reconfigure changes what may change while the router runs: intervals,
	// preemption, addresses and the configured priority, which also becomes the
	// effective one. A Config that is not valid, or of another Version, VRID,
	// family or ownership (priority 255), is ignored: that is another Engine.
	Reconfigure struct{ Config Config }
	// Settled is the answer to Own (Held) or Disown (not Held): the addresses
	// are as asked, or Err says why not. An answer to an older Term is ignored.
	Settled struct {
		Term uint64
		Held bool
		Err  error
	}
	// Join makes a Backup take over at once: another member of its Group did
	// (beyond the RFC).
	Join struct{}
	// Leave makes an Active give up and say so with priority 0: another member
	// of its Group did, or it hands over (beyond the RFC).
	Leave struct{ Reason string }
	// Succeed makes a Backup take over at once: the Active Router has given up in
	// its favour, or was this node until it was restarted (beyond the RFC). In
	// Initialize it is ignored.
	Succeed struct{ Reason string }
	// Granted answers Claim: the addresses may be held, in this Term, which is above
	// all before, until Revoked. An Active that is granted another Term goes on in it.
	Granted struct{ Term uint64 }
	// Revoked ends Granted: the addresses must be given up.
	Revoked struct{ Reason string }
)

func (Start) event()       {}
func (Stop) event()        {}
func (Tick) event()        {}
func (Received) event()    {}
func (SetPriority) event() {}
func (SetPrimary) event()  {}
func (Fault) event()       {}
func (Clear) event()       {}
func (Dampen) event()      {}
func (Reconfigure) event() {}
func (Settled) event()     {}
func (Join) event()        {}
func (Leave) event()       {}
func (Succeed) event()     {}
func (Granted) event()     {}
func (Revoked) event()     {}

// Action is something that must be done.
type Action interface{ action() }

type (
	// Send sends an advert of this priority now.
	Send struct{ Priority uint8 }
	// Own adds the addresses, and announces them once they are there; Settled
	// answers. Again is that an Active goes on in another term.
	Own struct {
		Term  uint64
		Again bool
	}
	// Disown removes the addresses; Settled answers.
	Disown struct{ Term uint64 }
	// Claim asks for the right to hold the addresses; Granted may answer. It is
	// repeated each interval while it is wanted. Preempt says that a worse router is
	// heard that holds them.
	Claim struct{ Preempt bool }
	// Unclaim ends a Claim that is not wanted any more.
	Unclaim struct{}
	// Announce announces the addresses again (gratuitous ARP, unsolicited NA):
	// a rival was heard.
	Announce struct{}
	// Change is a transition, for logs, hooks and status.
	Change struct {
		From, To State
		Reason   string
	}
	// Notice is a condition worth a counter and a rate-limited log line that
	// does not end the advert's use.
	Notice struct {
		Kind NoticeKind
		From netip.Addr
	}
)

func (Send) action()     {}
func (Own) action()      {}
func (Disown) action()   {}
func (Claim) action()    {}
func (Unclaim) action()  {}
func (Announce) action() {}
func (Change) action()   {}
func (Notice) action()   {}

// NoticeKind is what a Notice is about.
type NoticeKind uint8

const (
	NoticeInterval   NoticeKind = iota // version 3: another Max Advertise Interval (section 7.1)
	NoticeAddresses                    // another address list (section 7.1)
	NoticeOwner                        // an advert reached the address owner (section 7.1, erratum 8298)
	NoticeTwoOwners                    // two routers say 255 (section 8.3.2)
	NoticeRival                        // a worse router thinks it is Active (section 6.4.3)
	NoticeIntervalV2                   // version 2: another interval; the advert was dropped (RFC 3768 section 7.1)
	Notices                            // how many there are
)

var noticeNames = [Notices]string{"interval", "addresses", "owner", "two_owners", "rival", "interval_v2"}

// String is the kind as a metric's label shows it.
func (k NoticeKind) String() string {
	if k < Notices {
		return noticeNames[k]
	}
	return "unknown"
}
