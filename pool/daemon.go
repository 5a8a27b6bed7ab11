// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// syncLimit is how long the daemon may take: an Acquire waits for it.
const syncLimit = time.Second

// daemon keeps the daemon of connections in its role: at once when that
// changes, after a failure soon, and else with each period again.
type daemon struct {
	daemon SyncDaemon
	period time.Duration
	tell   func(func(*loop))
	bell   chan struct{}
	ended  chan struct{}

	mu   sync.Mutex
	role SyncRole
	set  Sync
	seq  uint64 // numbers what is wanted; 0: nothing is yet
}

func newDaemon(d SyncDaemon, period time.Duration, tell func(func(*loop))) *daemon {
	return &daemon{daemon: d, period: period, tell: tell, bell: make(chan struct{}, 1), ended: make(chan struct{})}
}

// aim says what the role is to be from now on.
func (d *daemon) aim(role SyncRole, set Sync) uint64 {
	d.mu.Lock()
	d.role, d.set = role, set
	d.seq++
	seq := d.seq
	d.mu.Unlock()
	ring(d.bell)
	return seq
}

// run works until ctx ends.
func (d *daemon) run(ctx context.Context) {
	defer close(d.ended)
	timer := time.NewTimer(d.period)
	defer timer.Stop()
	tries := 0
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-d.bell:
			tries = 0
		case <-timer.C:
		}
		d.mu.Lock()
		role, set, seq := d.role, d.set, d.seq
		d.mu.Unlock()
		if seq == 0 {
			continue
		}
		call, cancel := context.WithTimeout(ctx, syncLimit)
		err := d.daemon.Sync(call, role, set)
		cancel()
		d.tell(func(l *loop) { l.synced(seq, role, err) })
		wait := d.period
		if err != nil {
			wait = min(firstRetry<<min(tries, 10), lastRetry)
			tries++
		}
		timer.Reset(wait)
	}
}

// syncing is how the synchronisation of connections stands.
type syncing struct {
	now    *Sync // nil: none
	master bool
	sent   uint64
	came   uint64
	role   SyncRole // that it has
	err    error
	logged string
}

// setSync takes other settings.
func (l *loop) setSync(s *Sync) {
	old := l.sync.now
	l.sync.now = s
	switch {
	case l.daemon == nil, s == nil && old == nil:
	case s == nil:
		l.sync.sent = l.daemon.aim(SyncNone, *old)
	case old == nil || *old != *s:
		l.sync.sent = 0
		l.setMaster(l.roles[s.Router])
	}
}

// setMaster makes the daemon tell, or hear.
func (l *loop) setMaster(on bool) uint64 {
	if l.sync.now == nil {
		return 0 // a reload has taken it away while an Acquire waited
	}
	role := SyncBackup
	if on {
		role = SyncMaster
	}
	if l.sync.sent == 0 || l.sync.master != on || l.sync.err != nil || l.sync.came < l.sync.sent {
		l.sync.sent = l.daemon.aim(role, *l.sync.now)
	}
	l.sync.master = on
	return l.sync.sent
}

// synced takes what came of the daemon's role.
func (l *loop) synced(seq uint64, role SyncRole, err error) {
	if seq != l.sync.sent {
		return
	}
	l.sync.came, l.sync.err = seq, err
	l.logSync(role, err)
	for w := range l.waiting {
		l.proceed(w)
	}
}

// logSync logs a role that is another than the last, or an error that is.
func (l *loop) logSync(role SyncRole, err error) {
	s := &l.sync
	failed := s.logged != ""
	if err != nil {
		if s.logged != err.Error() {
			l.log.Error("the synchronisation of connections is not as wanted; it is tried again", slog.String("role", role.String()), slog.Any("err", err))
		}
		s.logged = err.Error()
		return
	}
	was := s.role
	s.role, s.logged = role, ""
	switch {
	case role == was && !failed:
	case role != SyncNone:
		l.log.Info("connections are synchronised", slog.String("role", role.String()))
	case was != SyncNone:
		l.log.Info("connections are synchronised no more")
	}
}

// String is the role in status and logs.
func (r SyncRole) String() string {
	switch r {
	case SyncMaster:
		return "master"
	case SyncBackup:
		return "backup"
	default:
		return "none"
	}
}
