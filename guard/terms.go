// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/vicar-ha/vicar/quorum"
)

// termsFile is the file in Config.StateDir that has the voter's terms. Unlike the
// list of voters they are written after the voter has answered: that terms rise
// is worth a write, and not a late answer or none.
const termsFile = "terms.json"

// terms keeps the voter's terms on disk.
type terms struct {
	began   map[string]quorum.Ballot // what was there at the start
	kept    uint64                   // of the voter's Taken: what is there now
	writing bool
	again   time.Time // the last write failed, and when it is tried again
}

// termsState is what the file has: ballots as tokens, by resource.
type termsState struct {
	Version int               `json:"version"`
	Node    string            `json:"node"`
	Terms   map[string]string `json:"terms"`
}

// keepTerms writes the voter's terms if they have changed, as roster.write does.
func (l *loop) keepTerms(now time.Time) {
	t := &l.terms
	if l.voter == nil || l.cfg.StateDir == "" || t.writing || l.voter.Taken() == t.kept || now.Before(t.again) {
		return
	}
	t.writing = true
	taken, all := l.voter.Taken(), l.voter.Terms()
	l.tasks.Go(func() {
		l.guard.queue.put(termsWrote{taken, writeTerms(l.cfg.StateDir, l.cfg.Node, all)})
	})
}

// lastTerms writes what the last turn has changed.
func (l *loop) lastTerms() {
	if l.voter == nil || l.cfg.StateDir == "" || l.voter.Taken() == l.terms.kept {
		return
	}
	if err := writeTerms(l.cfg.StateDir, l.cfg.Node, l.voter.Terms()); err != nil {
		l.log.Error("the terms of leases can't be kept", slog.Any("err", err))
	}
}

// termsWrote says that a write has ended.
type termsWrote struct {
	taken uint64
	err   error
}

func (w termsWrote) handle(l *loop, now time.Time) {
	t := &l.terms
	t.writing = false
	if w.err != nil {
		if t.again.IsZero() {
			l.log.Error("the terms of leases can't be kept, and may begin again when the voters start", slog.Any("err", w.err))
		}
		t.again = now.Add(rewrite)
		return
	}
	t.kept, t.again = w.taken, time.Time{}
}

func encodeTerms(all map[string]quorum.Ballot, node string) ([]byte, error) {
	s := termsState{stateVersion, node, make(map[string]string, len(all))}
	for resource, b := range all {
		s.Terms[resource] = encodeToken(b)
	}
	b, err := json.MarshalIndent(s, "", "  ")
	return append(b, '\n'), err
}

func parseTerms(b []byte, node string) (map[string]quorum.Ballot, error) {
	var s termsState
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("parsing %d bytes: %w", len(b), err)
	}
	if s.Version != stateVersion || s.Node != node {
		return nil, fmt.Errorf("version %d of node %q: %w", s.Version, s.Node, errState)
	}
	all := make(map[string]quorum.Ballot, len(s.Terms))
	for resource, token := range s.Terms {
		ballot, err := parseToken(token)
		if err == nil && ballot.IsZero() {
			err = errToken
		}
		if err != nil {
			return nil, fmt.Errorf("the term of %q: %w", resource, err)
		}
		all[resource] = ballot
	}
	return all, nil
}

// readTerms reads what is kept; none if nothing is.
func readTerms(dir, node string) (map[string]quorum.Ballot, error) {
	if dir == "" {
		return nil, nil
	}
	name := filepath.Join(dir, termsFile)
	b, err := readAll(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the terms of leases: %w", err)
	}
	all, err := parseTerms(b, node)
	if err != nil {
		return nil, fmt.Errorf("%s can't be used: %w. It says how far the terms of leases have risen: "+
			"restore it, or remove it, and this node takes the other voters' word for that", name, err)
	}
	return all, nil
}

// writeTerms replaces the file, as writeState does.
func writeTerms(dir, node string, all map[string]quorum.Ballot) error {
	b, err := encodeTerms(all, node)
	if err == nil {
		err = replace(dir, termsFile, b)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Join(dir, termsFile), err)
	}
	return nil
}
