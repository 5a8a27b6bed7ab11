// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"log/slog"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/quorum"
)

type roll struct{ lists quorum.Lists }

func newRoll(cfg *Config) (*roll, error) {
	return &roll{quorum.Lists{Current: cfg.Voters}}, nil
}

func (r *roll) deadline() (time.Time, bool) { return time.Time{}, false }

func (l *loop) rollStarted(now time.Time) { l.adopt(now, l.roll.lists) }
func (l *loop) rollTick(time.Time)        {}

// adopt takes other lists of voters.
func (l *loop) adopt(now time.Time, lists quorum.Lists) {
	first := l.voter == nil
	if first {
		v, err := quorum.NewVoter(quorum.VoterConfig{Node: l.cfg.Node, Lists: lists, Resources: l.resources()}, now)
		if err != nil {
			l.log.Error("the voter can't be made", slog.Any("err", err))
			return
		}
		l.voter = v
	} else if err := l.voter.SetLists(lists); err != nil {
		l.log.Error("the voter doesn't take the lists", slog.Any("err", err))
		return
	}
	l.lists = lists
	l.peers = others(lists, l.cfg.Node)
	l.guard.shown.update(nil, l.peers)
	for _, u := range l.units {
		l.reconfigure(now, u)
		if first && u.phase == asking {
			l.begin(now, u, quorum.Ballot{})
		}
	}
}

// others are the voters of both lists without node, by name.
func others(lists quorum.Lists, node string) []string {
	all := slices.Concat(lists.Current.Voters, lists.Staged.Voters)
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(v string) bool { return v == node })
}

// resources are those of the file, as the voter wants them.
func (l *loop) resources() []quorum.Resource {
	all := make([]quorum.Resource, len(l.cfg.Resources))
	for i := range l.cfg.Resources {
		all[i] = l.cfg.Resources[i].quorum()
	}
	return all
}

func (r reported) handle(*loop, time.Time) {}

type reloadAsked struct {
	cfg    Config
	answer chan<- error
}

func (r reloadAsked) handle(l *loop, now time.Time) {
	l.cfg.Resources, l.cfg.Candidate, l.cfg.Voters = r.cfg.Resources, r.cfg.Candidate, r.cfg.Voters
	var err error
	if l.voter != nil {
		err = l.voter.Reconfigure(now, l.resources())
	}
	l.applyResources(now)
	r.answer <- err
}

type forgetAsked struct {
	node   string
	answer chan<- error
}

func (f forgetAsked) handle(*loop, time.Time) { f.answer <- nil }
