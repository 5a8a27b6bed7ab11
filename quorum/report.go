// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"errors"
	"fmt"
	"slices"
)

// Saved is what a node keeps on disk of the lists of voters. The zero value is
// that of a node that has no such file.
type Saved struct {
	// Generation is how many changes have been completed; 0: Current is none, and
	// the first list that ever was is to come.
	Generation uint64 `json:"generation"`
	Current    List   `json:"current,omitzero"`
	Staged     List   `json:"staged,omitzero"`
	// Sealed: the node has promised not to vote under Current alone any more, and
	// can't take Staged back.
	Sealed    bool     `json:"sealed,omitempty"`
	Forgotten []string `json:"forgotten,omitempty"` // whom the change from Current to Staged doesn't wait for
}

// Report is what a node tells all others of its lists of voters. Reports may be
// lost, late and out of order.
type Report struct {
	Saved
	// Ready: what the node voted for under Current alone has run out.
	Ready bool `json:"ready,omitempty"`
}

// Fresh tells whether the node knows no list that was ever in force.
func (s *Saved) Fresh() bool { return s.Generation == 0 }

// most is how many voters a list may have. It bounds what a peer may tell.
const most = 1000

// Validate tells what can't be.
func (s *Saved) Validate() error {
	var errs []error
	if s.Generation > 1<<63 {
		errs = append(errs, fmt.Errorf("generation %d", s.Generation))
	}
	if s.Fresh() != s.Current.IsZero() {
		errs = append(errs, fmt.Errorf("generation %d has %d voters", s.Generation, len(s.Current.Voters)))
	}
	for _, l := range []List{s.Current, s.Staged} {
		switch {
		case len(l.Voters) > most:
			errs = append(errs, fmt.Errorf("a list of %d voters", len(l.Voters)))
		case !l.IsZero():
			errs = append(errs, l.validate())
		case l.MaxLease != 0:
			errs = append(errs, errors.New("a longest lease without voters"))
		}
	}
	if s.Staged.IsZero() && (s.Sealed || len(s.Forgotten) > 0) {
		errs = append(errs, errors.New("a change to no list"))
	}
	if !s.Staged.IsZero() && s.Staged.same(s.Current) {
		errs = append(errs, errors.New("a change that changes nothing"))
	}
	if len(s.Forgotten) > 2*most {
		errs = append(errs, fmt.Errorf("%d nodes are forgotten", len(s.Forgotten)))
	}
	for _, node := range s.Forgotten {
		errs = append(errs, checkNode(node))
	}
	return errors.Join(errs...)
}

// Validate tells what can't be.
func (r *Report) Validate() error {
	if r.Ready && !r.Sealed {
		return errors.Join(r.Saved.Validate(), errors.New("ready, and not sealed"))
	}
	return r.Saved.Validate()
}

// lists are both lists.
func (s *Saved) lists() Lists { return Lists{Current: s.Current, Staged: s.Staged} }

// sameChange tells whether both are about to make the same change.
func (s *Saved) sameChange(o *Saved) bool {
	return s.Generation == o.Generation && !s.Staged.IsZero() && s.Staged.same(o.Staged) && s.Current.same(o.Current)
}

func (s *Saved) same(o *Saved) bool {
	return s.Generation == o.Generation && s.Sealed == o.Sealed && s.Current.same(o.Current) && s.Staged.same(o.Staged) &&
		slices.Equal(s.Forgotten, o.Forgotten)
}

func (s *Saved) clone() Saved {
	c := *s
	lists := s.lists().clone()
	c.Current, c.Staged, c.Forgotten = lists.Current, lists.Staged, slices.Clone(s.Forgotten)
	return c
}
