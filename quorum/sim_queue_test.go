// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import "time"

// simEvent is something that happens to a node at an instant of real time.
type simEvent struct {
	at   time.Duration
	seq  uint64 // of equal instants, the order of scheduling
	kind simKind
	node int
	life int // of the node: but for messages, an event of a former life is void
	from int
	msg  Message
	fn   func()

	report *Report
}

type simKind uint8

const (
	simArrival simKind = iota // msg reaches node
	simTimer                  // the node's timer fires
	simAction                 // fn happens, whatever the node's state
	simReport                 // report reaches node
	simReload                 // fn happens, in whatever life
	simRise                   // a machine that was forgotten is there again
	simServer                 // fn happens at a table, whatever the node does
)

func (e *simEvent) before(o *simEvent) bool {
	return e.at < o.at || e.at == o.at && e.seq < o.seq
}

// simQueue is a binary heap of events by time.
type simQueue struct {
	events []simEvent
	seq    uint64
}

func (q *simQueue) push(e simEvent) {
	q.seq++
	e.seq = q.seq
	q.events = append(q.events, e)
	i := len(q.events) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !q.events[i].before(&q.events[parent]) {
			break
		}
		q.events[i], q.events[parent] = q.events[parent], q.events[i]
		i = parent
	}
}

func (q *simQueue) pop() simEvent {
	top := q.events[0]
	last := len(q.events) - 1
	q.events[0] = q.events[last]
	q.events[last] = simEvent{}
	q.events = q.events[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && q.events[child+1].before(&q.events[child]) {
			child++
		}
		if !q.events[child].before(&q.events[i]) {
			break
		}
		q.events[i], q.events[child] = q.events[child], q.events[i]
		i = child
	}
	return top
}
