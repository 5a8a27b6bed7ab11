// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// Engine is one virtual router's state machine (RFC 9568 section 6.4, RFC 3768
// section 6.4). One goroutine may use it at a time.
//
// Where it goes beyond the RFCs:
//   - Break before make: who leaves Active gives up the addresses first and
//     sends priority 0 when that is done (Settled), not before (section 6.4.3
//     sends it at once, when the addresses still answer).
//   - An Active that was stalled for so long that others may have taken over
//     steps down before it sends anything.
//   - An Active that cannot hold its addresses leaves the election for a while.
//   - PreemptDelay, Follower and Epoch, see Config; Dampen; Group.
//   - A guarded router (Config.Guarded) has somebody to ask who lets one node at a
//     time be Active. Where section 6.4.2 transitions to Active it claims, and
//     becomes Active when that is Granted. Then the addresses come first and the
//     advert follows, for nobody else can have them. While they are granted no
//     advert ends Active, whatever its priority; Revoked does. Term is that of
//     the last Granted. Priority 0 is sent when all members of its Group have given up.
//   - Version 2 answers a worse Active's advert at once, as section 6.4.3 of
//     RFC 9568 does, where RFC 3768 is silent; does not drop what reaches an
//     address owner (erratum 8298) nor another address list, where RFC 3768
//     section 7.1 does: both make two Actives that never end.
type Engine struct {
	cfg    Config
	sorted []netip.Addr // cfg.Addresses, to compare without their order

	// What the driver has told.
	started  bool
	faulted  bool
	fault    string
	primary  netip.Addr
	priority uint8 // effective
	damped   Dampen
	dragged  string // why the group is out of the election, or empty
	group    *Group // nil if alone
	member   int    // index in group

	state  State
	reason string // of the last transition, or why it stays in Initialize
	since  time.Time
	term   uint64

	// deadline is the one timer that runs: Active_Down_Timer in Backup,
	// Adver_Timer in Active, the end of the hold-off in Initialize. Zero is none.
	deadline time.Time
	interval time.Duration // Active_Adver_Interval

	// Backup.
	ripe     time.Time // PreemptDelay counts from here
	accepted time.Time // when an advert was last accepted; zero if none since
	active   peer      // whose adverts are accepted, and their best priority since ripe
	vacant   bool      // the Active said that it gives up
	worse    peer      // the Active that this router is better than
	worseAt  time.Time // when it was heard last

	// Active.
	sent    time.Time // the last advert
	answers int       // adverts sent against rivals since the Adver_Timer fired
	stalls  uint64    // see Status
	late    time.Duration

	// Guarded.
	lease       uint64    // the Term of Granted; 0: not granted
	claiming    bool      // in Backup: Claim was emitted,
	claimReason string    // for this
	heirAt      time.Time // when Succeed came, for the claim at hand; zero: it didn't
	unsaid      bool      // in Active: no advert was sent yet
	parting     bool      // priority 0 is to be sent when the group is idle

	// Giving up.
	disowning  bool   // Disown{term} has not been answered
	resign     bool   // priority 0 is to be sent once it is
	unholdable string // why it is held off, or empty
	failures   int    // hold-offs since the addresses could last be held

	peer    peer
	list    []netip.Addr // the last odd address list, and
	listOK  bool         // whether it was the same but for the order
	out     []Action
	advert  Action          // Send{priority}, boxed once
	noticed [Notices]Action // the last Notice of each kind, boxed once
}

// peer is the router that was last heard.
type peer struct {
	address  netip.Addr
	priority uint8
}

func (p peer) String() string {
	return p.address.String() + " (priority " + strconv.Itoa(int(p.priority)) + ")"
}

// Status is what an Engine shows of itself.
type Status struct {
	State    State
	Reason   string    // of the last transition, or why it stays in Initialize
	Since    time.Time // the last transition; zero before the first
	Term     uint64    // numbers the take-overs
	Priority uint8     // effective
	Primary  netip.Addr
	// Active and ActivePriority are of the last advert heard from another
	// router; priority 0 is one that gave up.
	Active         netip.Addr
	ActivePriority uint8
	Interval       time.Duration // Active_Adver_Interval
	// Ripe is when PreemptDelay ends; zero unless it runs and an Active that is
	// worse than this router is heard.
	Ripe time.Time
	// Resigning: priority 0 is to be sent once the addresses are given up.
	Resigning bool
	// Busy: the last Disown has not been answered yet.
	Busy bool
	// Claiming: a guarded Backup wants to be Active.
	Claiming bool
	// Stalls counts how often it stepped down because it had been held up for too
	// long, and Late is how late its advert was the last time.
	Stalls uint64
	Late   time.Duration
}

// New makes an Engine in Initialize. The error joins everything that is wrong.
func New(cfg Config) (*Engine, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("virtual router %d: %w", cfg.VRID, err)
	}
	cfg.Addresses = slices.Clone(cfg.Addresses)
	return &Engine{
		cfg:      cfg,
		sorted:   sortedAddresses(cfg.Addresses),
		priority: cfg.Priority,
		advert:   Send{cfg.Priority},
		interval: cfg.Interval,
		reason:   notStarted,
		out:      make([]Action, 0, 8),
	}, nil
}

// Step tells what happened at now and returns what must be done, in order. The
// slice is valid until the next Step.
func (e *Engine) Step(now time.Time, ev Event) []Action {
	e.out = e.out[:0]
	if e.state == Active {
		e.checkStall(now)
	}
	switch ev := ev.(type) {
	case Tick:
		e.tick(now)
	case Received:
		e.received(now, ev)
	case Start:
		e.started = true
		e.review(now)
	case Stop:
		e.started = false
		e.endHoldOff()
		e.review(now)
	case Fault:
		e.faulted, e.fault = true, ev.Reason
		e.review(now)
	case Clear:
		e.faulted = false
		e.review(now)
	case SetPrimary:
		e.setPrimary(now, ev.Address)
	case SetPriority:
		e.setPriority(now, ev.Priority)
	case Dampen:
		e.damped = ev
	case Reconfigure:
		e.reconfigure(now, ev.Config)
	case Settled:
		e.settled(now, ev)
	case Join:
		if e.state == Backup {
			e.takeOver(now, "joins its group")
		}
	case Leave:
		e.leave(now, ev.Reason)
	case Succeed:
		e.succeed(now, ev.Reason)
	case Granted:
		e.granted(now, ev.Term)
		if e.group == nil {
			e.returnUnused()
		}
	case Revoked:
		e.revoked(now, ev.Reason)
	}
	return e.out
}

// Deadline is when the next Tick is due, if any is.
func (e *Engine) Deadline() (time.Time, bool) {
	return e.deadline, !e.deadline.IsZero()
}

// State is the state now.
func (e *Engine) State() State { return e.state }

// Busy tells whether a Disown has not been answered yet. After Stop the driver
// waits for its end, so that priority 0 is sent.
func (e *Engine) Busy() bool { return e.disowning }

// Status is what the engine shows of itself.
func (e *Engine) Status() Status {
	return Status{
		State:          e.state,
		Reason:         e.reason,
		Since:          e.since,
		Term:           e.term,
		Priority:       e.priority,
		Primary:        e.primary,
		Active:         e.peer.address,
		ActivePriority: e.peer.priority,
		Interval:       e.interval,
		Ripe:           e.ripens(),
		Resigning:      e.resign && e.disowning,
		Busy:           e.disowning,
		Claiming:       e.claiming,
		Stalls:         e.stalls,
		Late:           e.late,
	}
}

// tick fires the timer if it is due.
func (e *Engine) tick(now time.Time) {
	if e.deadline.IsZero() || now.Before(e.deadline) {
		return
	}
	switch e.state {
	case Active:
		e.adverTimer(now)
	case Backup:
		e.activeDownTimer(now)
	case Initialize:
		e.endHoldOff()
		e.review(now)
	}
}

// become is every transition. It leaves Adver_Timer running in Active,
// Active_Down_Timer by the node's own interval in Backup, and no timer in
// Initialize.
//
// Into Active the advert goes first (section 6.4.2), so that a living loser
// lets go of the addresses before they are announced; a guarded router has none.
// Out of Active the addresses go first; what is said about it afterwards is the
// caller's choice.
func (e *Engine) become(now time.Time, to State, reason string) {
	from := e.state
	e.unclaim(to)
	e.state, e.reason, e.since = to, reason, now
	e.interval, e.unsaid = e.cfg.Interval, false
	e.accepted, e.active, e.vacant, e.worse = time.Time{}, peer{}, false, peer{}
	switch to {
	case Active:
		e.term++
		e.disowning, e.resign, e.parting = false, false, false
		e.answers = 0
		if e.cfg.Guarded {
			e.term, e.sent, e.unsaid = e.lease, now, true
		} else {
			e.send(now)
		}
		e.deadline = nextAdvert(now, now, e.cfg.Interval, e.cfg.Epoch)
		e.emit(Own{Term: e.term})
	case Backup:
		e.ripe = now
		e.deadline = now.Add(e.downInterval())
	case Initialize:
		e.deadline = time.Time{}
	}
	e.emit(Change{from, to, reason})
	if from == Active {
		e.disowning, e.lease = true, 0
		e.emit(Disown{e.term})
	}
}

func (e *Engine) emit(a Action) { e.out = append(e.out, a) }

// notice emits a Notice. A peer can trigger it with every packet, so it is
// boxed only when it changes.
func (e *Engine) notice(kind NoticeKind, from netip.Addr) {
	if last, ok := e.noticed[kind].(Notice); !ok || last.From != from {
		e.noticed[kind] = Notice{kind, from}
	}
	e.emit(e.noticed[kind])
}

func (e *Engine) owner() bool { return e.cfg.Priority == wire.PriorityOwner }
