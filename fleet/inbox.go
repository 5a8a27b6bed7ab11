// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"slices"

	"github.com/vicar-ha/vicar/vip"
)

// maxWaiting bounds the messages that wait for the agent: one of each kind for
// each router of a large node, from several peers. An agent that works has taken
// them long before.
const maxWaiting = 4096

// inbox is what waits for the agent. Of two messages of one node that say the
// same kind of thing about the same resource the later is enough.
type inbox struct {
	states   bool // how the nodes stand has changed
	messages []vip.PeerMessage
	at       map[topic]int // in messages
}

// topic is what a message is about.
type topic struct {
	from     string
	kind     vip.MessageKind
	resource string
}

// put adds a message, and tells whether there was room.
func (b *inbox) put(m vip.PeerMessage) bool {
	about := topic{m.From, m.Kind, m.Resource}
	if i, ok := b.at[about]; ok {
		b.messages[i] = m
		return true
	}
	if len(b.messages) >= maxWaiting {
		return false
	}
	if b.at == nil {
		b.at = map[topic]int{}
	}
	b.at[about] = len(b.messages)
	b.messages = append(b.messages, m)
	return true
}

// take empties the inbox, the oldest first.
func (b *inbox) take() (messages []vip.PeerMessage, states bool) {
	messages, states = b.messages, b.states
	*b = inbox{}
	return messages, states
}

// keep drops the messages of those whom of does not name.
func (b *inbox) keep(of func(from string) bool) {
	messages, states := b.take()
	b.states = states
	for _, m := range slices.DeleteFunc(messages, func(m vip.PeerMessage) bool { return !of(m.From) }) {
		b.put(m)
	}
}
