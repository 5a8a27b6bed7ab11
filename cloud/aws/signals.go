// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// signalsEvery is what AWS recommends for interruption notices, which come two
// minutes ahead.
const signalsEvery = 5 * time.Second

// SignalKind is what sort of thing is going to happen to this machine.
type SignalKind string

// The kinds of signals.
const (
	Interruption SignalKind = "interruption" // of a spot instance
	Maintenance  SignalKind = "maintenance"  // a scheduled event: a reboot, a stop, a retirement
)

// Signal is something that is going to happen to this machine.
type Signal struct {
	Kind   SignalKind
	Action string    // as AWS names it: terminate, stop, hibernate, system-reboot, instance-retirement
	At     time.Time // the earliest; hibernation begins at once
}

func (s Signal) String() string {
	return fmt.Sprintf("%s (%s) at %s", s.Kind, s.Action, s.At.UTC().Format(time.RFC3339))
}

// standing are the signals of both sorts as they were last told.
type standing struct{ interruption, maintenance []Signal }

// Watch asks the metadata service for signals until ctx ends, and tells of all
// that stand when that has changed, the first time too. Of the sort that could not be
// asked for, or not be read, they are as they were: an odd event of maintenance must
// not hide the end of a spot instance. told must not block.
func (s *Session) Watch(ctx context.Context, told func([]Signal)) error {
	var (
		stand  standing
		last   []Signal
		asked  bool
		failed bool
	)
	for {
		err := s.signals(ctx, &stand)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !failed {
			s.log.LogAttrs(ctx, slog.LevelWarn, "aws: the metadata service doesn't say whether this machine is going to end", slog.Any("err", err))
		}
		failed = err != nil
		now := slices.Concat(stand.interruption, stand.maintenance)
		if err == nil && !asked || !slices.Equal(now, last) {
			last, asked = now, true
			told(slices.Clone(now))
		}
		if !sleep(ctx, signalsEvery) {
			return ctx.Err()
		}
	}
}

// signals asks for both sorts.
func (s *Session) signals(ctx context.Context, stand *standing) error {
	ask := func(item string, parse func([]byte) ([]Signal, error), is *[]Signal) error {
		text, err := s.meta.item(ctx, item)
		if err != nil {
			return err
		}
		found, err := parse(text)
		if err == nil {
			*is = found
		}
		return err
	}
	return errors.Join(
		ask("spot/instance-action", parseAction, &stand.interruption),
		ask("events/maintenance/scheduled", parseEvents, &stand.maintenance),
	)
}

// parseAction reads spot/instance-action, which is not there most of the time.
func parseAction(text []byte) ([]Signal, error) {
	if len(text) == 0 {
		return nil, nil
	}
	var a struct {
		Action string    `json:"action"`
		Time   time.Time `json:"time"`
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, fmt.Errorf("reading spot/instance-action: %w", err)
	}
	return []Signal{{Kind: Interruption, Action: a.Action, At: a.Time.UTC()}}, nil
}

// parseEvents reads events/maintenance/scheduled, which is an empty list most of
// the time. Events that are over, or were called off, stay in it for a while.
func parseEvents(text []byte) ([]Signal, error) {
	if len(text) == 0 {
		return nil, nil
	}
	var events []struct{ Code, NotBefore, State, Description string }
	if err := json.Unmarshal(text, &events); err != nil {
		return nil, fmt.Errorf("reading events/maintenance/scheduled: %w", err)
	}
	var all []Signal
	for _, e := range events {
		if e.State != "active" && e.State != "" || strings.HasPrefix(e.Description, "[Completed]") || strings.HasPrefix(e.Description, "[Canceled]") {
			continue
		}
		at, err := time.Parse("2 Jan 2006 15:04:05 MST", e.NotBefore)
		if err != nil {
			return nil, fmt.Errorf("reading events/maintenance/scheduled: %w", err)
		}
		all = append(all, Signal{Kind: Maintenance, Action: e.Code, At: at.UTC()})
	}
	return all, nil
}
