// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vip"
)

// Config is what a Pool is made of.
type Config struct {
	Services []Service
	// Planes are what balances, by the services' Plane. Run does not close them. What
	// the journal has of a plane that is not here stays programmed.
	Planes map[PlaneKind]Plane
	// Daemon tells connections to other nodes, or hears theirs, as Sync says; nil: none does.
	Daemon SyncDaemon
	Sync   *Sync
	// Journal is the file that remembers what may be programmed, so that what an
	// agent left that died is removed; empty: none.
	Journal string
	// Drained are the servers that were drained before, by service. A server that the service
	// does not have comes back drained.
	Drained map[string][]string
	// Tell is told what happens. It must not block, and is nil for nobody.
	Tell          func(vip.Event)
	Cluster, Node string // of what is told
	// Period is how often what is programmed is compared with what should be; 0 is 2 s.
	Period time.Duration
	// Log is nil for none. A slow one loses lines and delays nothing.
	Log *slog.Logger
}

// period is the default Period.
const period = 2 * time.Second

// Pool decides which servers the services have, and keeps the planes equal to that.
// One goroutine (Run) owns how all stands; each plane has one more, in which its
// calls are made one after the other: a plane that takes its time delays no
// verdict of another, and of several verdicts that come meanwhile the latest
// counts. Its methods may be called from any goroutine, and before Run.
type Pool struct {
	cfg   Config
	inbox *mailbox
	board *board
	ended chan struct{} // closed when Run returns
}

// New checks the configuration. It starts nothing: Run does.
func New(cfg Config) (*Pool, error) {
	if err := check(cfg.Services, cfg.Planes, cfg.Sync, cfg.Daemon); err != nil {
		return nil, fmt.Errorf("pool: %w", err)
	}
	if cfg.Period <= 0 {
		cfg.Period = period
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Tell == nil {
		cfg.Tell = func(vip.Event) {}
	}
	p := &Pool{cfg: cfg, inbox: newMailbox(), board: newBoard(), ended: make(chan struct{})}
	p.board.setBound(cfg.Services, cfg.Sync)
	for _, s := range cfg.Services {
		p.board.setDrained(s.Name, slices.Clone(cfg.Drained[s.Name]))
		p.board.set(s.Name, track.Undecided, "no result yet")
	}
	return p, nil
}

// Put tells results of checks. It never blocks and may be called before Run, and
// with checks that no server has yet: a Reload may bring it.
func (p *Pool) Put(results []track.Result) {
	p.inbox.put(func(l *loop) { l.results(results) })
}
