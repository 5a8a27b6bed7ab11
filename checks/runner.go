// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/track"
)

// ErrWatched is Watch's error when it is called again.
var ErrWatched = errors.New("checks: Watch may be called once")

// Config is what a Runner is made of.
type Config struct {
	Checks []Check
	// Build makes what looks at a kind. It neither looks nor starts anything.
	Build func(Kind) (Probe, error)
	// Log is nil for none. A slow one loses lines and delays no look.
	Log *slog.Logger
}

// Runner looks at what the checks say, each at its Interval, and keeps how they
// stand. One goroutine owns all of that; each check has one more, in which its
// looks run one after the other.
//
// The looks of all checks are spread over their intervals: a thousand checks of
// one second are twenty looks in 20 ms.
type Runner struct {
	build func(Kind) (Probe, error)
	log   *slog.Logger

	prepared chan *Prepared // to the loop
	ended    chan struct{}  // closed when no loop takes from prepared any more

	mu      sync.Mutex
	jobs    []*job // by name; changed by the loop, or by Apply when there is none yet
	made    int    // jobs, ever
	pending bool   // a Prepared is neither applied nor discarded
	watched bool
}

// New checks the checks and builds their probes. It reports all that is wrong
// and looks at nothing: Watch does. Watch also closes the probes, even if its
// context has ended before.
func New(cfg Config) (*Runner, error) {
	if cfg.Build == nil {
		return nil, errors.New("checks: Build is needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	r := &Runner{
		build: cfg.Build, log: cfg.Log,
		prepared: make(chan *Prepared), ended: make(chan struct{}),
	}
	p, err := r.Prepare(cfg.Checks)
	if err != nil {
		return nil, err
	}
	p.Apply()
	return r, nil
}

// Watch looks until ctx ends. It calls told with how all checks stand at first,
// Undecided ones too, and then with those whose state has changed or that are
// new. told must not block and may keep the slice.
//
// It returns nil when all goroutines have ended and all probes are closed. It
// does not wait for good: a probe that 2 s later has not heeded the end of its
// context is left with its goroutine, which closes it should it ever return, and
// the error names the check (ErrStuck); a log that takes nothing is left after
// 1 s with what it has not got. Watch may be called once.
func (r *Runner) Watch(ctx context.Context, told func([]track.Result)) error {
	r.mu.Lock()
	again := r.watched
	r.watched = true
	r.mu.Unlock()
	if again {
		return ErrWatched
	}
	l := newLoop(r, told)
	go l.records.Run()
	defer l.records.Close()
	l.run(ctx)
	close(r.ended)
	return l.rest()
}

// Status is how all checks stand, by name. It may be called at any time, from
// any goroutine.
func (r *Runner) Status() []status.Check {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]status.Check, len(r.jobs))
	for i, j := range r.jobs {
		list[i] = j.shown
	}
	return list
}

// show changes what Status tells of a job.
func (r *Runner) show(j *job, change func(*status.Check)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&j.shown)
	j.shown.State, j.shown.Row, j.shown.Need = j.verdict.State().String(), j.verdict.Row(), j.verdict.Need()
}

// newJob makes a job of a check; r.mu is held.
func (r *Runner) newJob(c Check, p Probe) *job {
	j := &job{
		Check: c, probe: p,
		verdict: NewVerdict(c.Rise, c.Fall, c.InitialPass),
		phase:   phase(r.made), orders: make(chan time.Duration, 1), slot: -1,
	}
	// What a reload adds must not move an address by one bad look.
	j.verdict.Patient = r.watched
	r.made++
	j.shown = status.Check{
		Name: c.Name, Kind: c.Kind.Kind(), Target: c.Kind.Target(),
		State: j.verdict.State().String(), Need: j.verdict.Need(), Since: time.Now(),
	}
	return j
}
