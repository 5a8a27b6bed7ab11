// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"slices"
	"time"
)

// Effect is what a Fault does.
type Effect uint8

// The effects. A write that has come in is done, at its time, whether or not the
// client still waits: what it cancels has left already.
const (
	// Slow does what is asked, and answers when Delay is over.
	Slow Effect = iota
	// Fail does nothing, and answers with Code and Status when Delay is over.
	Fail
	// Refuse closes the connection at once.
	Refuse
	// Blackhole never answers, and does nothing.
	Blackhole
	// LoseResponse does what is asked, and never answers.
	LoseResponse
	// ApplyLate does what is asked when Delay is over, and answers then.
	ApplyLate
)

// Fault is something that goes wrong with some requests. Empty fields match all.
type Fault struct {
	Service string // "ec2", "sts", "dynamodb", "ssm", "secretsmanager" or "imds"
	Action  string // "ReplaceRoute"; a path of the metadata service; may have a *
	Caller  string // an instance, or a user
	Object  string // some parameter's value: a route table, an address
	Writes  bool   // only what changes something

	Skip        int     // the first ones are spared
	Times       int     // how often; always if 0
	Probability float64 // of each of them; certain if 0

	Effect Effect
	Delay  time.Duration
	Code   string // of Fail; "InternalError" if empty
	Status int    // of Fail; 500 if 0
}

type fault struct {
	Fault
	seen, done int
}

// Inject adds a fault, until the function that it returns is called. Of several that
// match, the first one added is what happens.
func (w *World) Inject(f Fault) (remove func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	added := &fault{Fault: f}
	w.faults = append(w.faults, added)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.faults = slices.DeleteFunc(w.faults, func(g *fault) bool { return g == added })
	}
}

// Heal removes all faults.
func (w *World) Heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = nil
}

// strike is what befalls a request: its fault, and how long its answer takes beside
// that.
func (w *World) strike(r Request) (Fault, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	latency := w.draw(w.latency)
	for _, f := range w.faults {
		if !f.matches(r) {
			continue
		}
		f.seen++
		if f.seen <= f.Skip || f.Times > 0 && f.done >= f.Times || f.Probability > 0 && w.rng.Float64() >= f.Probability {
			continue
		}
		f.done++
		return f.Fault, latency
	}
	return Fault{}, latency
}

func (f *Fault) matches(r Request) bool {
	is := func(want, got string) bool { return want == "" || glob(want, got) }
	return is(f.Service, r.Service) && is(f.Action, r.Action) && is(f.Caller, r.Caller) && (!f.Writes || r.Write) &&
		(f.Object == "" || slices.Contains(r.Objects(), f.Object))
}
