// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/cloud"
)

// Trouble is what goes wrong with a node's requests, from now on.
type Trouble struct {
	Latency time.Duration // until an answer; a write takes effect after half of it
	Jitter  time.Duration // so much longer at most
	Lag     time.Duration // what is shown is so old
	Stale   time.Duration // and so much older at most, differently each time

	Cut    bool // requests come to nothing, and nothing comes back
	Down   bool // requests are answered by a failure of the cloud's
	Denied bool
	Unseen bool // the metadata service does not answer
	// The next ones fail: requests as too many, writes of the object as a failure of
	// the cloud's.
	Throttle int
	Refuse   map[string]int // by Object.ID
	// Lose loses the answers of the next writes, which take effect. Late has all
	// writes take effect so much later, whether somebody waits for that or not.
	Lose int
	Late time.Duration
	// Odds are those of each request to fail, and of each write to lose its answer,
	// or to take effect up to MostLate later than it should with its answer lost.
	Odds     float64
	MostLate time.Duration
}

// Node is a node's Provider in a Cloud.
type Node struct {
	cloud *Cloud
	name  string

	// Behind the cloud's lock.
	rand    *rand.Rand
	trouble Trouble
	calls   map[string]uint64
	writes  int
}

// Trouble changes what goes wrong with the node's requests.
func (n *Node) Trouble(change func(t *Trouble)) {
	n.cloud.mu.Lock()
	defer n.cloud.mu.Unlock()
	change(&n.trouble)
}

// Writes counts the requests to write that the node has sent.
func (n *Node) Writes() int {
	n.cloud.mu.Lock()
	defer n.cloud.mu.Unlock()
	return n.writes
}

// Kind is "memory".
func (*Node) Kind() string { return "memory" }

// Objects are those of the addresses.
func (n *Node) Objects(addresses []netip.Prefix) ([]cloud.Object, error) {
	return n.cloud.Objects(addresses), nil
}

// Calls are the requests by action.
func (n *Node) Calls() map[string]uint64 {
	n.cloud.mu.Lock()
	defer n.cloud.mu.Unlock()
	return maps.Clone(n.calls)
}

// fate is what comes of a request.
type fate struct {
	answer time.Duration // until it
	never  bool          // no answer comes
	effect time.Duration // until it takes effect; of writes
	lost   bool          // it has no effect
	kind   cloud.Kind    // of err
	err    error
}

var (
	errDown      = errors.New("internal error")
	errDenied    = errors.New("you are not authorized to perform this operation")
	errThrottled = errors.New("request limit exceeded")
	errConflict  = errors.New("another has it")
)

// send decides what comes of a request. The lock is held.
func (n *Node) send(action string) fate {
	n.calls[action]++
	t := &n.trouble
	f := fate{answer: t.Latency + n.upTo(t.Jitter)}
	f.effect = f.answer / 2
	fail := func(kind cloud.Kind, err error) fate {
		f.lost, f.kind, f.err = true, kind, err
		return f
	}
	switch {
	case t.Cut:
		f.never, f.lost = true, true
		return f
	case t.Down:
		return fail(cloud.Unavailable, errDown)
	case t.Denied:
		return fail(cloud.Denied, errDenied)
	case t.Throttle > 0:
		t.Throttle--
		return fail(cloud.Throttled, errThrottled)
	case n.happens():
		return fail(cloud.Unavailable, errDown)
	case n.happens():
		return fail(cloud.Throttled, errThrottled)
	}
	return f
}

// sendWrite decides what comes of a request to write. The lock is held.
func (n *Node) sendWrite(action string, o cloud.Object) fate {
	n.writes++
	f := n.send(action)
	t := &n.trouble
	switch {
	case f.lost:
	case t.Refuse[o.ID] > 0:
		t.Refuse[o.ID]--
		f.lost, f.err = true, errDown
	case t.Late > 0:
		f.effect += t.Late
		f.answer += t.Late
	case t.Lose > 0:
		t.Lose--
		f.never = true
	case n.happens():
		f.never = true
	case n.happens():
		f.never = true
		f.effect += n.upTo(t.MostLate)
	}
	return f
}

func (n *Node) happens() bool { return n.trouble.Odds > 0 && n.rand.Float64() < n.trouble.Odds }

func (n *Node) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(n.rand.Int64N(int64(d)))
}

// wait waits for an answer.
func (f fate) wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.never {
		<-ctx.Done()
		return ctx.Err()
	}
	if f.answer <= 0 {
		return f.err
	}
	timer := time.NewTimer(f.answer)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return f.err
	}
}

func fault(ctx context.Context, action, object string, kind cloud.Kind, err error) error {
	if ctx.Err() != nil {
		kind, err = cloud.Unavailable, ctx.Err()
	}
	return &cloud.Error{Kind: kind, Action: action, Object: object, Err: err}
}

// Observe tells how the objects stand, in one request.
func (n *Node) Observe(ctx context.Context, objects []cloud.Object) ([]cloud.Ownership, error) {
	n.cloud.mu.Lock()
	f := n.send("observe")
	old := n.trouble.Lag + n.upTo(n.trouble.Stale)
	n.cloud.mu.Unlock()
	if err := f.wait(ctx); err != nil {
		return nil, fault(ctx, "observe", "", f.kind, err)
	}
	n.cloud.mu.Lock()
	defer n.cloud.mu.Unlock()
	var all []cloud.Ownership
	for _, o := range objects {
		holder := n.cloud.object(o).holder(time.Now().Add(-old))
		all = append(all, cloud.Ownership{Object: o, Mine: holder == n.name, Holder: holder})
	}
	return all, nil
}

// Reflected shows what the node has, without lag. It is asked of the machine
// itself: no trouble of requests comes between.
func (n *Node) Reflected(ctx context.Context, objects []cloud.Object) ([]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n.cloud.mu.Lock()
	unseen := n.trouble.Unseen
	n.cloud.mu.Unlock()
	if unseen {
		return nil, fault(ctx, "metadata", "", cloud.Unavailable, errDown)
	}
	var all []bool
	for _, o := range objects {
		all = append(all, n.cloud.Holder(o) == n.name)
	}
	return all, nil
}

// Take takes the objects, side by side, each in a request.
func (n *Node) Take(ctx context.Context, objects []cloud.Object, how cloud.Taking) error {
	kind := claim
	if how.Steal {
		kind = take
	}
	return n.writeAll(ctx, "take", kind, objects, how)
}

// Yield gives up what is the node's own.
func (n *Node) Yield(ctx context.Context, objects []cloud.Object, how cloud.Taking) error {
	return n.writeAll(ctx, "yield", yield, objects, how)
}

// writeAll sends all writes, and then waits for the answers.
func (n *Node) writeAll(ctx context.Context, action string, kind writeKind, objects []cloud.Object, how cloud.Taking) error {
	type sent struct {
		object cloud.Object
		fate   fate
		effect time.Time
	}
	var all []sent
	var first error
	for _, o := range objects {
		if first = cmp.Or(ctx.Err(), how.May()); first != nil {
			break
		}
		n.cloud.mu.Lock()
		f := n.sendWrite(action, o)
		s := sent{o, f, time.Now().Add(f.effect)}
		if !f.lost {
			n.cloud.add(o, n.name, kind, s.effect)
		}
		n.cloud.mu.Unlock()
		all = append(all, s)
	}
	began := time.Now()
	var done []cloud.Object
	for _, s := range all {
		s.fate.answer -= time.Since(began)
		err := s.fate.wait(ctx)
		if err == nil && kind == claim && !n.had(s.object, s.effect) {
			s.fate.kind, err = cloud.Conflict, errConflict
		}
		if err == nil {
			done = append(done, s.object)
		} else if first == nil {
			first = fault(ctx, action, s.object.ID, s.fate.kind, err)
		}
	}
	if first != nil && len(done) > 0 {
		return &cloud.Partial{Done: done, Err: first}
	}
	return first
}

// had tells whether the object was the node's then.
func (n *Node) had(o cloud.Object, then time.Time) bool {
	n.cloud.mu.Lock()
	defer n.cloud.mu.Unlock()
	return n.cloud.object(o).holder(then) == n.name
}
