// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"sync"
	"time"

	"github.com/vicar-ha/vicar/cloud"
)

// dryFor is how long EC2's answer stands whether a write would be permitted. Many
// routers have the same tables, and each request with DryRun takes from the few
// writes that EC2 allows an account in a second, which a take-over needs.
const dryFor = 30 * time.Second

// answers are EC2's to requests with DryRun, by what was asked. They may be used by
// many goroutines; the zero value has none.
type answers struct {
	mu sync.Mutex
	by map[string]*answer
}

// answer is one of them.
type answer struct {
	mu  sync.Mutex // held while EC2 is asked: the others have the same answer
	err error
	at  time.Time
}

func (a *answers) to(question string) *answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.by == nil {
		a.by = make(map[string]*answer)
	}
	if a.by[question] == nil {
		a.by[question] = new(answer)
	}
	return a.by[question]
}

// forget has everything asked anew.
func (a *answers) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.by = nil
}

// dry asks EC2 whether a request would be permitted, unless it has said so of late. It
// is made with DryRun, so EC2 never answers that it was done. on is what it depends on
// for whom it is permitted, object what it is about, for people.
func (m *means) dry(name, on, object string, request func() error) cloud.Finding {
	what := "permission " + name + " for " + object
	said := m.dried.to(name + " " + on)
	said.mu.Lock()
	defer said.mu.Unlock()
	err := said.err
	if time.Since(said.at) < dryFor {
		err = failed(err, object)
	} else {
		m.count(name)
		said.err = request()
		if err = said.err; !permits(err) {
			err = m.s.done(err, name, object)
		}
		if permits(said.err) || cloud.KindOf(err) == cloud.Denied {
			said.at = time.Now()
		}
	}
	if err == nil || permits(err) || cloud.KindOf(err) == cloud.Throttled {
		return good(what) // not known to be wrong
	}
	return trouble(what, err)
}

// permits tells whether that is EC2's answer to a request with DryRun that it would do.
func permits(err error) bool { return code(err) == "DryRunOperation" }

// dries are how many requests with DryRun are under way at a time: enough that many
// are answered in time by an EC2 that is slow, and few for an account's rate.
const dries = 4

// permitted makes them, and has what came of them in their order.
func permitted(asks []func() cloud.Finding) []cloud.Finding {
	found := make([]cloud.Finding, len(asks))
	room := make(chan struct{}, dries)
	var work sync.WaitGroup
	for i, ask := range asks {
		room <- struct{}{}
		work.Go(func() {
			found[i] = ask()
			<-room
		})
	}
	work.Wait()
	return found
}
