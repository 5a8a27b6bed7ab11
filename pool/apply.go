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
		rest := w.unowned(h.frontends, x, gone)
		if x.gone {
			v := h.v
			v.Frontends, v.Destinations = rest, nil
			removals = append(removals, v)
		} else if len(rest) > 0 {
			at[x.v.Name].result = w.removeOnce(ctx, []Virtual{{Frontends: rest}})
		}
	}
	w.remove(ctx, removals, at)
	for _, x := range wants {
		h := w.have[x.v.Name]
		switch {
		case h == nil:
		case x.result != nil:
			h.failed = h.failed || x.gone // or a look would put back what is left of it
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

// unowned are those of a service's frontends that neither it is to have, nor another
// that stays.
func (w *worker) unowned(frontends []Frontend, x want, gone map[string]bool) []Frontend {
	if !x.gone {
		frontends = without(frontends, x.v.Frontends)
	}
	for name, other := range w.have {
		if name != x.v.Name && !gone[name] {
			frontends = without(frontends, other.v.Frontends)
		}
	}
	return frontends
}

// remove removes services and notes what failed. A plane tells one error for all, so
// that each is tried by itself then.
func (w *worker) remove(ctx context.Context, services []Virtual, at map[string]*want) {
	if len(services) == 0 || w.removeOnce(ctx, services) == nil {
		return
	}
	for _, v := range services {
		at[v.Name].result = w.removeOnce(ctx, []Virtual{v})
	}
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
