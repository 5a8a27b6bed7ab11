// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"fmt"
	"sync"
	"time"
)

// RefusedFor is how long a refusal stands where only another attempt tells whether
// it would come again: what was at fault may have been put right. An attempt may cost
// a moment without a holder, so one that is refused after that stands twice as long
// each time, up to refusedMost.
const (
	RefusedFor  = 10 * time.Minute
	refusedMost = 24 * time.Hour
)

// Trials are what came of actions that can't be tried beforehand, by their names.
// They may be used by many goroutines; the zero value knows nothing.
type Trials struct {
	mu   sync.Mutex
	last map[string]trial
}

type trial struct {
	err    error
	at     time.Time
	stands time.Duration // of a refusal
}

// Done notes that an action was done, or refused with err. An error that says
// nothing of the next attempt is not for it.
func (t *Trials) Done(action string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = make(map[string]trial)
	}
	last, now := t.last[action], time.Now()
	next := trial{err: err, at: now, stands: max(last.stands, RefusedFor)}
	switch {
	case err == nil:
		next.stands = 0
	case last.err != nil && now.Sub(last.at) >= last.stands:
		next.stands = min(2*last.stands, refusedMost)
	}
	t.last[action] = next
}

// Forget has refusals count no more: what was at fault is said to be put right.
func (t *Trials) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for action, last := range t.last {
		if last.err != nil {
			delete(t.last, action)
		}
	}
}

// Finding is what is known of an action: it was done, or refused of late, of which
// wrong makes the Finding, or neither.
func (t *Trials) Finding(what, action string, wrong func(what string, err error) Finding) Finding {
	t.mu.Lock()
	last, tried := t.last[action]
	t.mu.Unlock()
	f := Finding{What: what, OK: true, Untried: true}
	switch ago := time.Since(last.at); {
	case !tried:
	case last.err == nil:
		f.Untried = false
	case ago < last.stands:
		f = wrong(what, last.err)
	default:
		f.Problem = fmt.Sprintf("refused %s ago, and not tried since", ago.Truncate(time.Minute))
	}
	return f
}
