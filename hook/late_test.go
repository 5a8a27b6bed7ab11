// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"testing"

	"github.com/vicar-ha/vicar/vip"
)

// ranAlready is a runner that counts.
type ranAlready struct{ runs int }

func (r *ranAlready) run(context.Context, message) error {
	r.runs++
	return nil
}

// TestTolerant: what can't be built fails with the reason at each run, until it
// can be; a reload is strict.
func TestTolerant(t *testing.T) {
	missing, made, built := errors.New("no such file"), new(ranAlready), 0
	err := missing
	build := func(Hook) (runner, error) {
		if err != nil {
			return nil, err
		}
		built++
		return made, nil
	}
	hooks := []Hook{listen("a", vip.BecameActive)}
	if _, err := newNotifier(Config{Hooks: hooks}, build); !errors.Is(err, missing) {
		t.Errorf("New: %v, want %v", err, missing)
	}
	n, e := newNotifier(Config{Hooks: hooks, Tolerant: true}, build)
	if e != nil {
		t.Fatal(e)
	}
	if _, err := n.Prepare(hooks); !errors.Is(err, missing) {
		t.Errorf("Prepare: %v, want %v", err, missing)
	}
	r := n.sinks[0].runner
	if got := r.run(t.Context(), message{}); !errors.Is(got, missing) {
		t.Errorf("run: %v, want %v", got, missing)
	}
	err = nil
	for range 2 {
		if got := r.run(t.Context(), message{}); got != nil {
			t.Errorf("run: %v", got)
		}
	}
	if made.runs != 2 || built != 1 {
		t.Errorf("%d runs of what was built %d times, want 2 of 1", made.runs, built)
	}
}
