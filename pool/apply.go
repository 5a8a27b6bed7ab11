// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"maps"
	"slices"
	"strings"
)

func compareNames(a, b Virtual) int { return strings.Compare(a.Name, b.Name) }

// apply sets and removes, and notes what came of it in the wants. What is new is
// set before what is old is removed.
func (w *worker) apply(ctx context.Context, wants []want) {
	var sets []Virtual
	at := make(map[string]*want, len(wants))
	listed := false
	for i := range wants {
		x := &wants[i]
		at[x.v.Name] = x
		if !x.gone {
			sets = append(sets, x.v)
			listed = w.begin(x.v) || listed
		}
	}
	if listed {
		w.journal.write(w.kind, w.have)
	}
	for name, err := range w.set(ctx, sets) {
		at[name].result = err
	}
	for _, v := range sets {
		w.have[v.Name].failed = at[v.Name].result != nil
	}
	w.clear(ctx, wants, at)
}

// begin notes that a service is about to be set, and tells whether that is at
// frontends that the journal does not have yet.
func (w *worker) begin(v Virtual) bool {
	h := w.have[v.Name]
	if h == nil {
		h = &have{}
		w.have[v.Name] = h
	}
	h.v = v
	if slices.Equal(h.frontends, v.Frontends) {
		return false
	}
	h.frontends = union(h.frontends, v.Frontends)
	return true
}

// set sets services and returns what failed, by service. A plane tells one error for all: those
// of several that are as wanted have none, and the others tell their own.
func (w *worker) set(ctx context.Context, services []Virtual) map[string]error {
	if len(services) == 0 {
		return nil
	}
	err := w.setOnce(ctx, services)
	if err == nil {
		return nil
	}
	failed := make(map[string]error, len(services))
	for _, v := range services {
		failed[v.Name] = err
	}
	if len(services) == 1 {
		return failed
	}
	drifts, unknown := w.driftOnce(ctx, services)
	if unknown != nil {
		return failed
	}
	suspects := names(drifts)
	all := len(suspects) >= len(services)
	for _, v := range services {
		switch {
		case !suspects[v.Name]:
			delete(failed, v.Name)
		case all: // what keeps everything from being set is told once
		default:
			if failed[v.Name] = w.setOnce(ctx, []Virtual{v}); failed[v.Name] == nil {
				delete(failed, v.Name)
			}
		}
	}
	return failed
}

func names(drifts []Drift) map[string]bool {
	all := make(map[string]bool, len(drifts))
	for _, d := range drifts {
		all[d.Service] = true
	}
	return all
}

// clear removes services that are gone, and of those that were set the frontends
// that they had before. What another service has at a frontend is left alone.
func (w *worker) clear(ctx context.Context, wants []want, at map[string]*want) {
	gone := make(map[string]bool)
	for _, x := range wants {
		if x.gone {
			gone[x.v.Name] = true
		}
	}
	var removals []Virtual
	changed := false
	for _, x := range wants {
		h := w.have[x.v.Name]
		if h == nil || x.result != nil || !x.gone && slices.Equal(h.frontends, x.v.Frontends) {
			continue
		}
		changed = true
		rest := h.frontends
		if !x.gone {
			rest = without(rest, x.v.Frontends)
		}
		for name, other := range w.have {
			if name != x.v.Name && !gone[name] {
				rest = without(rest, other.v.Frontends)
			}
		}
		if v := h.v; len(rest) > 0 {
			v.Frontends = rest
			removals = append(removals, v)
		}
	}
	for name, err := range w.remove(ctx, removals) {
		at[name].result = err
	}
	for _, x := range wants {
		h := w.have[x.v.Name]
		switch {
		case h == nil, x.result != nil:
		case x.gone:
			delete(w.have, x.v.Name)
		default:
			h.frontends = slices.Clone(x.v.Frontends)
		}
	}
	if changed {
		w.journal.write(w.kind, w.have)
	}
}

// remove removes services and returns what failed, by service.
func (w *worker) remove(ctx context.Context, services []Virtual) map[string]error {
	if len(services) == 0 {
		return nil
	}
	err := w.removeOnce(ctx, services)
	if err == nil {
		return nil
	}
	failed := make(map[string]error)
	for _, v := range services {
		if len(services) > 1 {
			err = w.removeOnce(ctx, []Virtual{v})
		}
		if err != nil {
			failed[v.Name] = err
		}
	}
	return failed
}

// The calls, each with its limit.

func (w *worker) setOnce(ctx context.Context, services []Virtual) error {
	ctx, cancel := w.limited(ctx)
	defer cancel()
	return w.plane.Set(ctx, services)
}

func (w *worker) removeOnce(ctx context.Context, services []Virtual) error {
	ctx, cancel := w.limited(ctx)
	defer cancel()
	return w.plane.Remove(ctx, services)
}

func (w *worker) driftOnce(ctx context.Context, services []Virtual) ([]Drift, error) {
	ctx, cancel := w.limited(ctx)
	defer cancel()
	return w.plane.Drift(ctx, services)
}

func (w *worker) readOnce(ctx context.Context, services []Virtual) ([]Reading, error) {
	ctx, cancel := w.limited(ctx)
	defer cancel()
	return w.plane.Read(ctx, services)
}

// listed are the names of what may be programmed, sorted.
func (w *worker) listed() []string {
	return slices.Sorted(maps.Keys(w.have))
}
