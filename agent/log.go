// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import "time"

// logRoom is how many records wait for a slow log before more are lost.
const logRoom = 1024

// limiter lets a line through once in limitPeriod and tells the next one how
// many were held back, since a peer decides how often it is asked.
type limiter struct {
	last time.Time
	more uint64
}

const limitPeriod = 10 * time.Second

// tally counts one kind of thing and limits how often it is logged.
type tally struct {
	count uint64
	limit limiter
}

func (t *tally) add(now time.Time, write func(more uint64)) {
	t.count++
	t.limit.log(now, write)
}

func (m *limiter) log(now time.Time, write func(more uint64)) {
	if !m.last.IsZero() && now.Sub(m.last) < limitPeriod {
		m.more++
		return
	}
	write(m.more)
	m.last, m.more = now, 0
}
