// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/track"
)

// job is a check at work.
type job struct {
	Check // changed under the Runner's mu
	probe Probe
	phase float64            // where in the interval it looks, 0 to 1
	stop  context.CancelFunc // ends its goroutine
	ended chan struct{}      // closed when it has

	orders chan time.Duration // to its goroutine: look, no longer than that
	woken  atomic.Bool        // the probe wants a look that the loop has not seen yet

	shown status.Check // under the Runner's mu

	// Of the loop alone.
	epoch    time.Time // when Watch began
	verdict  Verdict
	told     track.State // last
	load     track.Load  // what the last look that passed has found
	weighed  bool        // it has found something
	panicked bool        // and that is in the log
	gone     bool
	running  bool
	began    time.Time // the running look, or the last
	next     time.Time // the next look at the interval
	wakeAt   time.Time // the next look that the probe asked for, or zero
	// The running look is given up at limit. After that it stands for the looks
	// that it keeps from beginning: the one of begin would be over at limit.
	begin, limit time.Time
	overdue      bool

	due  time.Time // in the heap
	slot int       // in the heap, -1: not there
}

// slots is in how many steps jobs are spread over an interval. With a thousand
// checks twenty look at once: to wake up costs more than to look. (1,000 TCP
// checks at 1 s took 14.5 % of a core with 200 steps, 14.8 % with 100 and 11.6 %
// with 50, and adverts beside them were no later.)
const slots = 50

// phase spreads jobs over their intervals, however many there are and will be:
// multiples of the golden ratio are never far from even.
func phase(n int) float64 {
	_, f := math.Modf(float64(n) * math.Phi)
	return math.Floor(f*slots) / slots
}

// following is when the job looks after t if nothing wakes it.
func (j *job) following(t time.Time) time.Time {
	if j.Jitter == 0 {
		return j.inPhase(t)
	}
	part := 1 + j.Jitter*(2*rand.Float64()-1)
	return t.Add(max(1, time.Duration(part*float64(j.Interval))))
}

// inPhase is the first time after t that has the job's phase.
func (j *job) inPhase(t time.Time) time.Time {
	since := (t.Sub(j.epoch) - time.Duration(j.phase*float64(j.Interval))) % j.Interval
	if since < 0 {
		since += j.Interval
	}
	return t.Add(j.Interval - since)
}

// overtime is how much longer than its timeout a look may last before the loop
// gives it up by itself: a probe needs a moment to clean up.
func overtime(timeout time.Duration) time.Duration {
	return 20*time.Millisecond + timeout/10
}

// wakeGap is the shortest time from one look to one that the probe asks for, so
// that something that changes all the time does not keep the agent busy.
const wakeGap = 10 * time.Millisecond

// dueAt is when the loop has something to do for the job.
func (j *job) dueAt() time.Time {
	switch {
	case j.running:
		return j.limit
	case !j.wakeAt.IsZero() && j.wakeAt.Before(j.next):
		return j.wakeAt
	default:
		return j.next
	}
}

// weigh takes what a look has found its server to carry, and tells whether that
// is something else than before.
func (j *job) weigh(found *track.Load) (changed bool) {
	before, had := j.load, j.weighed
	j.load, j.weighed = track.Load{}, found != nil
	if found != nil {
		j.load = *found
	}
	return had != j.weighed || before != j.load
}

// adopt takes over a check that looks at the same; the Runner's mu is held.
func (j *job) adopt(c Check) {
	again := (c.Interval != j.Interval || c.Jitter != j.Jitter) && !j.began.IsZero()
	j.Check = c
	if again {
		j.next = j.inPhase(time.Now())
	}
	j.verdict.Rise, j.verdict.Fall = c.Rise, c.Fall
	if c.InitialPass && j.verdict.State() == track.Undecided {
		j.verdict = NewVerdict(c.Rise, c.Fall, true)
	}
	j.shown.State, j.shown.Need = j.verdict.State().String(), j.verdict.Need()
}

// work looks when it is ordered to, and lets the probe wake it, until ctx ends.
// Then it closes the probe.
func (j *job) work(ctx context.Context, in *inbox, log *slog.Logger) {
	defer close(j.ended)
	defer func() {
		if err := j.close(); err != nil {
			unclosed(log, j.shown.Name, err)
		}
	}()
	var waking sync.WaitGroup
	defer waking.Wait()
	if w, ok := j.probe.(Waker); ok {
		waking.Go(func() { j.wake(ctx, w, in, log) })
	}
	for {
		select {
		case <-ctx.Done():
			return
		case timeout := <-j.orders:
			e := j.look(ctx, timeout)
			if ctx.Err() != nil {
				return // what came of it may be our own doing
			}
			in.put(e)
		}
	}
}

// wake lets the probe ask for looks.
func (j *job) wake(ctx context.Context, w Waker, in *inbox, log *slog.Logger) {
	err := safely(func() error {
		return w.Wake(ctx, func() {
			if !j.woken.Swap(true) {
				in.put(event{job: j, woken: true})
			}
		})
	})
	if err != nil && ctx.Err() == nil {
		log.Info("changes can't be watched, the check looks at its interval only",
			slog.String("check", j.shown.Name), slog.Any("err", err))
	}
}

func (j *job) close() error { return safely(j.probe.Close) }

func unclosed(log *slog.Logger, check string, err error) {
	log.Warn("a check's probe could not be closed", slog.String("check", check), slog.Any("err", err))
}

// look looks once.
func (j *job) look(ctx context.Context, timeout time.Duration) event {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	e := event{job: j}
	err := safely(func() error {
		err := j.probe.Probe(ctx)
		if w, ok := j.probe.(Weigher); ok && err == nil {
			e.load = w.Weight()
		}
		return err
	})
	e.ended = time.Now()
	e.took = e.ended.Sub(began)
	panicked, ok := errors.AsType[*panicError](err)
	switch {
	case ok:
		e.outcome, e.cause, e.stack = Fail, err.Error(), panicked.stack
	case e.took >= timeout: // the clock, since a socket's deadline may come before the context's
		e.outcome, e.cause = Timeout, late(timeout, err)
	case err != nil:
		e.outcome, e.cause = Fail, err.Error()
	}
	return e
}

// late is the cause of a time-out, which a good answer that comes late is too.
func late(timeout time.Duration, err error) string {
	if err == nil || errors.Is(err, context.DeadlineExceeded) && errors.Unwrap(err) == nil {
		return fmt.Sprintf("no answer within %v", timeout)
	}
	return fmt.Sprintf("no answer within %v: %v", timeout, err)
}

// panicError is what a probe panicked with.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("the probe panicked: %v", e.value) }

// safely turns a panic into an error.
func safely(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		}
	}()
	return f()
}
