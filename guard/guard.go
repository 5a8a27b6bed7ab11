// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package guard lets a node hold what a majority of voters lets it hold. It
// drives the leases of package quorum: the node's one Voter, and a Candidate per
// resource unless the node is a witness. It sends and takes their packets, opens
// and closes the fence, and keeps the voters' list on disk. It satisfies
// agent.Guard.
//
// One goroutine, that of Run, owns all of it. Everybody else puts items into its
// queue, which are done in their order, as turns: take what is there, read the
// clock, handle it, meet deadlines; then write the fence, tell verdicts, and
// send each peer all that is for it in as few packets as can be. The clock is
// read after the items are taken and never for an item that came later: a
// voter's lease runs from when the question was there. What the node says to its
// own voter is handled in the same turn.
//
// # Claims
//
// A resource is claimed, granted, renewed, and given up. A lease of a router
// whose adverts are at most L apart is for T = max(100 ms, 3 L), and Revoked
// comes T/10 before its end. Renewals leave with Renew alone: what hangs renews
// nothing, and its leases run out.
//
// The fence gets absolute ends. It is opened before Granted is told, closed by
// Shut, and not opened again for that claim. If it can't be opened nothing is
// granted.
//
// Where on_loss is hold and no majority answers, a resource is Unconfirmed: each
// Renew opens the fence for T, and the lease is asked for until it is granted, or
// a voter says that another holds it, which revokes it at once. A node whose
// renewals stopped has not lost its voters but itself: it never holds.
package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/logqueue"
	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
)

// logRoom is how many records wait for a slow log before more are lost.
const logRoom = 256

// ErrStopped is what a Guard answers whose Run has returned.
var ErrStopped = errors.New("the guard is stopped")

// Guard drives the leases of one node.
type Guard struct {
	cfg    Config
	roster *roster // of Run's goroutine, once it runs
	terms  map[string]quorum.Ballot
	queue  *queue
	tell   teller
	shown  shown
	done   chan struct{} // closed when Run returns
}

// New checks cfg and reads the voters' list. It starts nothing.
func New(cfg Config) (*Guard, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	r, err := newRoster(&cfg)
	if err != nil {
		return nil, err
	}
	terms, err := readTerms(cfg.StateDir, cfg.Node)
	if err != nil {
		return nil, err
	}
	g := &Guard{cfg: cfg, roster: r, terms: terms, queue: newQueue(), done: make(chan struct{})}
	g.shown.setReport(r.encode())
	return g, nil
}

// Run works until ctx ends, and then does what is queued. It may be called once.
func (g *Guard) Run(ctx context.Context) error {
	defer close(g.done)
	alarm, err := g.cfg.NewAlarm()
	if err != nil {
		return fmt.Errorf("making an alarm: %w", err)
	}
	records := logqueue.New(g.cfg.Log.Handler(), "the guard", logRoom)
	go records.Run()
	defer records.Close()
	newLoop(g, slog.New(records)).run(ctx, alarm)
	if err := alarm.Close(); err != nil {
		return fmt.Errorf("closing an alarm: %w", err)
	}
	return nil
}

// Watch calls told with each verdict, in order, until ctx ends. What was there
// before comes first. told must neither block nor call the Guard. Only one may
// watch at a time.
func (g *Guard) Watch(ctx context.Context, told func(vip.Verdict)) error {
	g.tell.watch(told)
	defer g.tell.watch(nil)
	select {
	case <-ctx.Done():
		return nil
	case <-g.done:
		return ErrStopped
	}
}

// Claim wants the resource from now on, until GiveUp or Revoked. Again is as
// once. token is that of the last holder's Granted if it handed over, or empty.
func (g *Guard) Claim(resource, token string) { g.queue.put(claimed{resource, token}) }

// Renew keeps the leases of the resources that are held. Others are left out.
func (g *Guard) Renew(resources []string) {
	g.queue.put(renewed{append([]string(nil), resources...)})
}

// Shut closes the fence. It isn't opened again before the next Claim.
func (g *Guard) Shut(resource string) { g.queue.put(shut{resource}) }

// GiveUp releases the resource: its addresses are given up, or were never taken.
// Once it has returned, no verdict on what was claimed before is told.
func (g *Guard) GiveUp(resource string) {
	g.queue.put(gaveUp{resource, g.tell.forget(resource)})
}

// Received takes a packet that came from a node by the peer link. It copies it.
func (g *Guard) Received(from string, packet []byte) { g.queue.packet(from, packet) }

// Heard takes what a node reports of its voters' list.
func (g *Guard) Heard(node string, report []byte) {
	g.queue.put(reported{node, append([]byte(nil), report...)})
}

// Report is what this node reports of its voters' list, for the others' Heard.
func (g *Guard) Report() []byte { return g.shown.report() }

// Lease is how the resource stands. After Shut it isn't held any more, but has its
// Term and Until up to GiveUp: until then nobody else gets it. It doesn't wait for
// anything.
func (g *Guard) Lease(resource string) status.Lease { return g.shown.lease(resource) }

// Answered is when the node's voter last answered this node, zero if it never
// did. It is asked with each claim and each renewal. It doesn't wait for anything.
func (g *Guard) Answered(node string) time.Time { return g.shown.answeredAt(node) }

// Releases are the packets that give up the resource's lease, one for each other
// voter, should this node die; none if it isn't held. They are valid from
// Granted until the next claim.
func (g *Guard) Releases(resource string) map[string][]byte {
	return g.shown.releases(g.cfg.Node, g.cfg.Start, resource)
}

// Reload applies another configuration: its Voters, Resources, Candidate and Table. What
// it takes to reach the world stays what it was. A resource that is held stays
// as it is until it is given up. Call it before the routers are changed. Another
// list of voters is staged; if that can't be, it is an error that says why, and
// the rest is applied. That a disk is slow, or full, is none: Status tells.
func (g *Guard) Reload(ctx context.Context, cfg Config) error {
	cfg.Node, cfg.Start, cfg.Send = g.cfg.Node, g.cfg.Start, g.cfg.Send
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	if err := ask(ctx, g, func(answer chan<- error) item { return reloadAsked{cfg, answer} }); err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	_ = g.settle(short) // who looks now sees what was staged
	return nil
}

// settling is how long a Reload waits for the disk.
const settling = time.Second

// settle waits until what was decided of the lists is in force.
func (g *Guard) settle(ctx context.Context) error {
	return ask(ctx, g, func(answer chan<- error) item { return settleAsked{answer} })
}

// Gone says that a node has left the peer link. Only such a one can be forgotten.
func (g *Guard) Gone(node string) { g.queue.put(departed{node}) }

// Forget does without a node that is gone for good while a change of the voters
// waits for it. It returns when that is in force.
func (g *Guard) Forget(ctx context.Context, node string) error {
	if err := ask(ctx, g, func(answer chan<- error) item { return forgetAsked{node, answer} }); err != nil {
		return err
	}
	if err := g.settle(ctx); err != nil {
		return fmt.Errorf("forgetting %s, which is tried again: %w", node, err)
	}
	return nil
}

// Status is the Guard at one instant between two turns. What the fence is called
// is not known here.
func (g *Guard) Status(ctx context.Context) (status.Guard, error) {
	var s status.Guard
	err := ask(ctx, g, func(answer chan<- error) item { return statusAsked{&s, answer} })
	if err != nil {
		return status.Guard{}, err
	}
	return s, nil
}

// ask queues a question and waits for the answer.
func ask(ctx context.Context, g *Guard, question func(chan<- error) item) error {
	answer := make(chan error, 1)
	g.queue.put(question(answer))
	select {
	case err := <-answer:
		return err
	case <-g.done:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("asking the guard: %w", ctx.Err())
	}
}

// teller tells verdicts to who watches.
type teller struct {
	mu      sync.Mutex
	told    func(vip.Verdict)
	waiting []vip.Verdict  // before anybody watches
	claims  map[string]int // how often a resource was given up
}

func (t *teller) watch(told func(vip.Verdict)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told = told
	if told == nil {
		return
	}
	for _, v := range t.waiting {
		told(v)
	}
	t.waiting = nil
}

// forget ends the resource's claim: its verdicts are not told from now on.
func (t *teller) forget(resource string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.claims == nil {
		t.claims = make(map[string]int)
	}
	t.claims[resource]++
	kept := t.waiting[:0]
	for _, v := range t.waiting {
		if v.Resource != resource {
			kept = append(kept, v)
		}
	}
	t.waiting = kept
	return t.claims[resource]
}

// verdict tells v, unless the claim that it is for has ended.
func (t *teller) verdict(v vip.Verdict, claim int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.claims[v.Resource] != claim:
	case t.told == nil:
		t.waiting = append(t.waiting, v)
	default:
		t.told(v)
	}
}
