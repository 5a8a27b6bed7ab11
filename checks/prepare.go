// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// ErrPending is Prepare's error when what was prepared before is neither
// applied nor discarded.
var ErrPending = errors.New("checks: another change of the checks is in hand")

// Prepared is another set of checks for a Runner, built and not yet in use.
// Apply or Discard ends it; what follows does nothing.
type Prepared struct {
	runner *Runner
	checks []Check          // by name
	probes map[string]Probe // of the checks that are new or look at something else
	done   chan struct{}    // closed when the loop has applied it
	spent  bool             // under the Runner's mu
}

// Prepare checks a set of checks that is to replace the present one, and builds
// the probes that it needs. It reports all that is wrong and changes nothing.
//
// A check whose Kind is that of the present check of its name goes on with its
// probe, its state and its counters; if nothing else differs it doesn't notice.
func (r *Runner) Prepare(checks []Check) (*Prepared, error) {
	checks = slices.Clone(checks)
	slices.SortStableFunc(checks, func(a, b Check) int { return strings.Compare(a.Name, b.Name) })
	kinds, err := r.begin()
	if err != nil {
		return nil, err
	}
	p := &Prepared{runner: r, checks: checks, probes: make(map[string]Probe), done: make(chan struct{})}
	var errs []error
	for i, c := range checks {
		err := c.validate()
		if i > 0 && c.Name == checks[i-1].Name {
			err = append(err, errors.New("its name is another's too"))
		}
		if len(err) == 0 && !reflect.DeepEqual(kinds[c.Name], c.Kind) {
			if e := p.build(c); e != nil {
				err = append(err, e)
			}
		}
		for _, e := range err {
			errs = append(errs, fmt.Errorf("check %s: %w", c.Name, e))
		}
	}
	if len(errs) > 0 {
		p.Discard()
		return nil, errors.Join(errs...)
	}
	return p, nil
}

// begin makes sure that there is one Prepared, and tells what is looked at.
func (r *Runner) begin() (map[string]Kind, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending {
		return nil, ErrPending
	}
	r.pending = true
	kinds := make(map[string]Kind, len(r.jobs))
	for _, j := range r.jobs {
		kinds[j.Name] = j.Kind
	}
	return kinds, nil
}

func (p *Prepared) build(c Check) error {
	probe, err := p.runner.build(c.Kind)
	switch {
	case err != nil:
		return err
	case probe == nil:
		return fmt.Errorf("nothing looks at kind %s", c.Kind.Kind())
	}
	p.probes[c.Name] = probe
	return nil
}

// Apply puts the checks in use and returns when they are. It must not be called
// by what Watch tells. When Watch has ended it discards them.
func (p *Prepared) Apply() {
	r := p.runner
	r.mu.Lock()
	if p.spent {
		r.mu.Unlock()
		return
	}
	p.spent = true
	if !r.watched {
		_, gone := p.install()
		r.mu.Unlock()
		for _, j := range gone {
			if err := j.close(); err != nil {
				unclosed(r.log, j.shown.Name, err)
			}
		}
		return
	}
	r.mu.Unlock()
	select {
	case r.prepared <- p:
		<-p.done
	case <-r.ended:
		p.close()
	}
}

// Discard closes what was built.
func (p *Prepared) Discard() {
	p.runner.mu.Lock()
	spent := p.spent
	p.spent = true
	p.runner.mu.Unlock()
	if !spent {
		p.close()
	}
}

// close closes what was built, and makes room for another Prepared.
func (p *Prepared) close() {
	for name, probe := range p.probes {
		if err := safely(probe.Close); err != nil {
			unclosed(p.runner.log, name, err)
		}
	}
	p.runner.mu.Lock()
	p.runner.pending = false
	p.runner.mu.Unlock()
}

// install makes the Runner's jobs those of the checks, and tells which are new
// and which are out of use; r.mu is held.
func (p *Prepared) install() (fresh, gone []*job) {
	r := p.runner
	old := make(map[string]*job, len(r.jobs))
	for _, j := range r.jobs {
		old[j.Name] = j
	}
	r.jobs = make([]*job, len(p.checks)) // Status may be copying the old one
	for i, c := range p.checks {
		j := old[c.Name]
		if probe := p.probes[c.Name]; probe != nil {
			j = r.newJob(c, probe)
			fresh = append(fresh, j)
		} else {
			delete(old, c.Name)
			j.adopt(c)
		}
		r.jobs[i] = j
	}
	for _, j := range old {
		gone = append(gone, j)
	}
	r.pending = false
	return fresh, gone
}

// validate reports all that is wrong with a check.
func (c *Check) validate() (errs []error) {
	need := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	need(c.Name != "", "it has no name")
	need(c.Kind != nil, "it has nothing to look at")
	need(c.Interval > 0, "the interval %v is not above 0", c.Interval)
	need(c.Timeout > 0, "the timeout %v is not above 0", c.Timeout)
	need(c.Rise >= 1, "rise %d is less than 1", c.Rise)
	need(c.Fall >= 1, "fall %d is less than 1", c.Fall)
	need(c.Jitter >= 0 && c.Jitter <= 0.5, "jitter %v is not within 0 and 0.5", c.Jitter)
	return errs
}
