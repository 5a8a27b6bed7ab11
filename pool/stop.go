// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// The stop: so long it takes at most, and that long what is in hand may go on.
const (
	stopLimit  = 5 * time.Second
	callsLimit = 2 * time.Second
)

// kept tells whether a service stays as it is at the stop: one that is to be programmed
// then.
func (l *loop) kept(u *unit) bool { return l.stopping && u.keep }

// stop removes what does not stay, and ends all goroutines.
func (l *loop) stop(calls context.Context, cancel context.CancelFunc) error {
	end := time.NewTimer(stopLimit)
	defer end.Stop()
	hurry := time.AfterFunc(callsLimit, func() {
		for _, w := range l.workers {
			w.interrupt()
		}
	})
	defer hurry.Stop()
	l.omega()
	l.stopping = true
	clear(l.adopting) // nothing is set any more
	for w := range l.waiting {
		l.answer(w, ErrEnded)
	}
	now := time.Now()
	for _, u := range l.units {
		u.keep = u.service != nil && u.cfg.Keep && u.wanted
		u.wanted = false
		u.hurry(now)
		l.touched[u] = true
	}
	if l.daemon != nil && l.sync.now != nil {
		l.sync.sent = l.daemon.aim(SyncNone, *l.sync.now)
	}
	for late := false; !late; {
		l.turn()
		if l.stopped() {
			break
		}
		select {
		case <-l.timer.C:
		case <-l.inbox.bell:
		case <-end.C:
			late = true
		}
	}
	err := l.left()
	cancel()
	return errors.Join(err, l.rest(calls))
}

// omega tells of what goes with this agent.
func (l *loop) omega() {
	for _, name := range slices.Sorted(maps.Keys(l.services)) {
		u := l.services[name]
		if !u.cfg.Omega {
			continue
		}
		const why = "the agent stops"
		for _, x := range u.servers {
			if x.decided && x.up {
				u.service.news = append(u.service.news, news{kind: vip.ServerDown, server: x.Name, state: "down", from: "up", text: why})
			}
		}
		if from := quorumWord(u.quorum); from == "up" {
			u.service.news = append(u.service.news, news{kind: vip.QuorumDown, state: "down", from: from, text: why})
		}
		l.news(u)
	}
}

// stopped tells whether all is as it is to be left.
func (l *loop) stopped() bool {
	for _, u := range l.units {
		switch {
		case l.kept(u):
			if u.set < u.seq {
				return false // a change is in hand
			}
		case u.there:
			return false
		}
	}
	return l.daemon == nil || l.sync.now == nil || l.sync.came >= l.sync.sent
}

// left is the error of what could not be left as it should be.
func (l *loop) left() error {
	var errs []error
	for _, at := range slices.SortedFunc(maps.Keys(l.units), func(a, b place) int { return strings.Compare(a.name, b.name) }) {
		u := l.units[at]
		if l.kept(u) || !u.there {
			continue
		}
		err := u.err
		if err == nil {
			err = errors.New("the kernel has not answered in time")
		}
		errs = append(errs, fmt.Errorf("service %s stays programmed (%s): %w", u.name, u.plane, err))
	}
	if l.sync.now != nil && l.sync.err != nil {
		errs = append(errs, fmt.Errorf("ending the synchronisation of connections: %w", l.sync.err))
	}
	return errors.Join(errs...)
}

// rest waits for the goroutines, but not for a plane that does not heed the end of
// its context.
func (l *loop) rest(calls context.Context) error {
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	ends := map[string]<-chan struct{}{}
	for kind, w := range l.workers {
		ends[string(kind)] = w.ended
	}
	if l.daemon != nil {
		ends["the synchronisation of connections"] = l.daemon.ended
	}
	var stuck []string
	for name, ended := range ends {
		select {
		case <-ended:
		case <-timer.C:
			stuck = append(stuck, name)
			timer.Reset(0)
		}
	}
	if len(stuck) == 0 {
		return nil
	}
	slices.Sort(stuck)
	l.log.Error("a call to the kernel was told to end and goes on", slog.Any("of", stuck), slog.Any("err", context.Cause(calls)))
	return fmt.Errorf("%s: a call was told to end and goes on", strings.Join(stuck, ", "))
}
