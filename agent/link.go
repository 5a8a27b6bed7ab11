// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// readBatch is how many packets a reader takes at a time.
const readBatch = 256

// link is an open socket and the instances that share it.
type link struct {
	spec      Link
	transport Transport
	byVRID    [256]*instance
	out       []wire.Packet // what leaves at the end of this round
	sendFails uint64
	drops     [wire.Drops]tally
	limit     limiter // of this link's errors
	lastErr   string

	used chan struct{} // the reader's batch has been used
	// unread says that the reader holds a batch that the loop has not used.
	unread atomic.Bool
}

// arrived is a batch that a reader hands to the loop.
type arrived struct {
	link  *link
	batch []wire.Packet
}

// failed tells the loop that a link's reader ended or met an error.
type failed struct {
	link *link
	err  error
	gone bool
}

// read hands batches to the loop until the transport is closed. After another
// error it waits a little, since that error may come again at once.
func (k *link) read(post func(message) bool, done <-chan struct{}) {
	batch := make([]wire.Packet, readBatch)
	for {
		n, err := k.transport.Receive(batch)
		if n > 0 {
			k.unread.Store(true)
			if !post(arrived{k, batch[:n]}) {
				return
			}
			select {
			case <-k.used:
			case <-done:
				return
			}
		}
		if err == nil {
			continue
		}
		gone := errors.Is(err, net.ErrClosed)
		if !post(failed{k, err, gone}) || gone {
			return
		}
		select {
		case <-time.After(readRetry):
		case <-done:
			return
		}
	}
}

const readRetry = 100 * time.Millisecond

// pending tells whether packets have arrived that the loop has not seen.
func (k *link) pending() bool { return k.unread.Load() || k.transport.Pending() }

// flush sends what has been queued. What doesn't leave is counted, not kept:
// the next advert is due before a repeat would help.
func (k *link) flush() error {
	if len(k.out) == 0 {
		return nil
	}
	n, err := k.transport.Send(k.out)
	k.sendFails += uint64(len(k.out) - n)
	clear(k.out)
	k.out = k.out[:0]
	return err
}
