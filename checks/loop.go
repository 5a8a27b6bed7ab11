// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/logqueue"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/track"
)

// firstGap is the time between the first looks of two checks, which begin at
// once otherwise.
const firstGap = 100 * time.Microsecond

// loop owns how the checks stand and when they look. Nothing in it waits.
type loop struct {
	runner  *Runner
	told    func([]track.Result)
	epoch   time.Time // when it began
	due     deadlines
	timer   *time.Timer
	armed   time.Time // what the timer is set to
	inbox   *inbox
	spare   []event
	news    []track.Result // not yet told
	log     *slog.Logger   // to records
	records *logqueue.Queue
	working []*job // whose goroutines may not have ended, some that are gone among them
}

func newLoop(r *Runner, told func([]track.Result)) *loop {
	l := &loop{
		runner: r, told: told, timer: time.NewTimer(time.Hour), inbox: newInbox(),
		records: logqueue.New(r.log.Handler(), "checks", logRoom),
	}
	l.log = slog.New(l.records)
	l.timer.Stop()
	return l
}

// run works until ctx ends. The jobs' goroutines end with ctx too.
func (l *loop) run(ctx context.Context) {
	defer l.timer.Stop()
	l.epoch = time.Now()
	for i, j := range l.runner.jobs {
		l.add(ctx, j, l.epoch.Add(time.Duration(i)*firstGap))
	}
	l.told(l.news) // even if there are no checks
	l.news = nil
	for ctx.Err() == nil {
		now := time.Now()
		l.hear() // first: what has come is not overdue
		l.look(now)
		l.tell()
		l.arm(now)
		select {
		case <-ctx.Done():
		case <-l.timer.C:
			l.armed = time.Time{}
		case <-l.inbox.bell:
		case p := <-l.runner.prepared:
			l.apply(ctx, p)
		}
	}
}

// arm sets the timer to the first deadline.
func (l *loop) arm(now time.Time) {
	at, ok := l.due.next()
	if ok && !at.Equal(l.armed) {
		l.armed = at
		l.timer.Reset(max(0, at.Sub(now)))
	}
}

// tell tells the news.
func (l *loop) tell() {
	if len(l.news) > 0 {
		l.told(l.news)
		l.news = nil
	}
}

// announce makes news of how a job stands.
func (l *loop) announce(j *job, cause string) {
	if j.verdict.State() == track.Undecided {
		cause = "no result yet"
	}
	j.told = j.verdict.State()
	r := track.Result{Check: j.Name, State: j.told, Cause: cause}
	if j.weighed && j.told == track.Passing {
		r.Weight = new(j.load)
	}
	l.news = append(l.news, r)
}

// add starts a job whose first look is due at a time.
func (l *loop) add(ctx context.Context, j *job, first time.Time) {
	ctx, j.stop = context.WithCancel(ctx)
	j.epoch, j.next = l.epoch, first
	l.due.set(j)
	l.announce(j, "")
	j.ended = make(chan struct{})
	l.working = append(slices.DeleteFunc(l.working, (*job).over), j)
	go j.work(ctx, l.inbox, l.log)
}

// hear takes what the jobs' goroutines have put into the inbox.
func (l *loop) hear() {
	l.spare = l.inbox.take(l.spare)
	for _, e := range l.spare {
		j := e.job
		switch {
		case e.woken:
			j.woken.Store(false) // before the look: what changes from now on wakes again
			if j.gone {
				continue
			}
			j.wakeAt = j.began.Add(wakeGap)
		case j.gone:
			continue
		default:
			l.ended(j, e)
		}
		l.due.set(j)
	}
}

// ended takes the result of a look. That of one that was given up is known.
func (l *loop) ended(j *job, e event) {
	if !j.overdue {
		l.judge(j, e)
	}
	late := !j.next.After(e.ended) && e.took >= j.Interval
	j.running, j.overdue = false, false
	if late {
		l.runner.show(j, func(s *status.Check) { s.Late++ })
	}
}

// judge counts a look's outcome.
func (l *loop) judge(j *job, e event) {
	state, changed := j.verdict.Add(e.outcome)
	reweighed := e.outcome == Pass && j.weigh(e.load)
	l.runner.show(j, func(s *status.Check) {
		s.Outcome, s.Cause, s.At, s.Took = e.outcome.String(), e.cause, e.ended, e.took
		if changed {
			s.Since = e.ended
		}
		switch e.outcome {
		case Pass:
			s.Passed++
		case Fail:
			s.Failed++
		case Timeout:
			s.TimedOut++
		}
	})
	if changed || reweighed && state == track.Passing {
		l.announce(j, e.cause)
	}
	l.judged(j, e, changed)
}

// look sees to the jobs that are due.
func (l *loop) look(now time.Time) {
	for {
		j, ok := l.due.first(now)
		if !ok {
			return
		}
		if j.running {
			l.giveUp(j, now)
		} else {
			l.start(j, now)
		}
		l.due.set(j)
	}
}

// start begins a look. It also is the one that the probe has asked for, and the
// first of all is the one at the interval whoever asked for it.
func (l *loop) start(j *job, now time.Time) {
	switch {
	case j.began.IsZero():
		j.next = j.inPhase(now)
	case !j.next.After(now):
		j.next = j.following(now)
	}
	j.running, j.began, j.begin, j.wakeAt = true, now, now, time.Time{}
	j.limit = now.Add(j.Timeout + overtime(j.Timeout))
	j.orders <- j.Timeout // has room: no look is running
}

// giveUp counts a look that goes on after its time as a time-out, and then each
// look that it keeps from beginning: what hangs for good must come to a verdict
// as fast as what is silent each time.
func (l *loop) giveUp(j *job, now time.Time) {
	took := now.Sub(j.began)
	l.judge(j, event{
		job: j, outcome: Timeout, ended: now, took: took,
		cause: fmt.Sprintf("no answer within %v: the look was told to end and goes on after %v",
			j.Timeout, took.Round(time.Millisecond)),
	})
	if j.overdue {
		j.next = j.following(j.begin)
	}
	j.overdue = true
	j.begin = j.next
	if j.begin.Before(now) {
		j.begin = now
	}
	j.limit = j.begin.Add(j.Timeout + overtime(j.Timeout))
}

// apply puts another set of checks in use.
func (l *loop) apply(ctx context.Context, p *Prepared) {
	defer close(p.done)
	l.runner.mu.Lock()
	fresh, gone := p.install()
	l.runner.mu.Unlock()
	for _, j := range gone {
		j.gone = true
		j.stop()
		l.due.remove(j)
	}
	for _, j := range l.runner.jobs {
		if j.slot < 0 {
			continue // fresh
		}
		l.due.set(j)
		if j.verdict.State() != j.told {
			l.announce(j, "")
		}
	}
	now := time.Now()
	for i, j := range fresh {
		l.add(ctx, j, now.Add(time.Duration(i)*firstGap))
	}
}
