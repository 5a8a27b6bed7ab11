// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"sync"
	"time"

	"github.com/vicar-ha/vicar/cloud"
)

const (
	// dryFor is how long EC2's answer stands whether a write would be permitted. Many
	// routers have the same tables, and each request with DryRun takes from the few
	// writes that EC2 allows an account in a second, which a take-over needs.
	dryFor = 30 * time.Second
	// seenFor is how long it stands what EC2 shows of an interface, or a table, to who
	// looks whether a take-over would succeed. The looks at many routers come together at
	// a start, and after a reload.
	seenFor = time.Second
)

// lately is what EC2 said a moment ago, by what was asked. It may be used by many
// goroutines; the zero value has nothing.
type lately[T any] struct {
	mu sync.Mutex
	by map[string]*word[T]
}

type word[T any] struct {
	mu sync.Mutex // held while EC2 is asked: the others have the same answer
	is T
	at time.Time
}

// ask has the answer of no longer ago than old, or asks. Only what is sure is kept.
func (l *lately[T]) ask(question string, old time.Duration, ask func() (answer T, sure bool)) T {
	l.mu.Lock()
	if l.by == nil {
		l.by = make(map[string]*word[T])
	}
	w := l.by[question]
	if w == nil {
		w = new(word[T])
		l.by[question] = w
	}
	l.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.at) < old {
		return w.is
	}
	answer, sure := ask()
	if w.is, w.at = answer, time.Now(); !sure {
		w.at = time.Time{}
	}
	return answer
}

// forget has everything asked anew.
func (l *lately[T]) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.by = nil
}

// dry asks EC2 whether a request would be permitted, unless it has said so of late. It
// is made with DryRun, so EC2 never answers that it was done. on is what it depends on
// whether it is permitted, object what it is about, for people.
func (m *means) dry(name, on, object string, request func() error) cloud.Finding {
	what := "permission " + name + " for " + object
	err := m.dried.ask(name+" "+on, dryFor, func() (error, bool) {
		m.count(name)
		err := request()
		if permits(err) {
			return err, true
		}
		return err, cloud.KindOf(m.s.done(err, name, object)) == cloud.Denied
	})
	err = failed(err, object)
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
