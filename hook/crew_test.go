// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

var (
	states = []vip.EventKind{vip.BecameActive, vip.BecameBackup, vip.Faulted, vip.Stopped}
	every  = append([]vip.EventKind{vip.TookOver, vip.GivesUp}, states...)
	pooled = []vip.EventKind{vip.QuorumUp, vip.QuorumDown, vip.ServerUp, vip.ServerDown}
)

// told is one run of a hook.
type told struct {
	hook    string
	Router  string        `json:"router"`
	Pool    string        `json:"pool"`
	Server  string        `json:"server"`
	Event   vip.EventKind `json:"event"`
	Term    uint64        `json:"term"`
	Skipped int           `json:"skipped"`
	began   time.Duration // since the crew was made
}

func (d told) subject() subject { return subject{d.Router, d.Pool, d.Server} }

func (d told) String() string {
	s := d.hook + ":" + string(d.Event)
	if d.Skipped > 0 {
		s += fmt.Sprintf("+%d", d.Skipped)
	}
	return s
}

// crew is the hooks of a test, in memory. A run does what act says, or takes
// a second.
type crew struct {
	t    *testing.T
	born time.Time
	act  func(ctx context.Context, d told) error
	mu   sync.Mutex
	list []told // in the order of their beginnings
	busy map[subject]bool
	most int // runs at the same time
}

// member is one hook of a crew.
type member struct {
	crew *crew
	name string
}

func (c *crew) build(h Hook) (runner, error) { return &member{c, h.name()}, nil }

func (m *member) run(ctx context.Context, msg message) error {
	c, d := m.crew, told{hook: m.name, began: time.Since(m.crew.born)}
	if err := json.Unmarshal(msg.doc, &d); err != nil {
		return err
	}
	c.mu.Lock()
	if c.busy[d.subject()] {
		c.t.Errorf("two runs for %v at the same time", d.subject())
	}
	c.busy[d.subject()] = true
	c.list = append(c.list, d)
	c.most = max(c.most, len(c.busy))
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.busy, d.subject())
	}()
	if c.act != nil {
		return c.act(ctx, d)
	}
	return takes(ctx, time.Second)
}

// takes is a run that lasts d, unless it is ended before.
func takes(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hangs is a run that lasts until it is ended.
func hangs(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// runs are the runs so far, as strings.
func (c *crew) runs() (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.list {
		all = append(all, d.String())
	}
	return all
}

// listen is a hook of a crew.
func listen(name string, on ...vip.EventKind) Hook {
	return Hook{On: on, Exec: []string{name}, Timeout: 10 * time.Second}
}

// event is something that happened to router web.
func event(kind vip.EventKind) vip.Event {
	return vip.Event{Kind: kind, Router: "web", Node: "lb-1", Cluster: "main"}
}

// in runs a story of a Notifier in a bubble, ends the Notifier, and returns
// Run's error. The bubble makes sure that nothing is left running.
func in(t *testing.T, cfg Config, act func(context.Context, told) error, story func(n *Notifier, c *crew)) (err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &crew{t: t, born: time.Now(), act: act, busy: make(map[subject]bool)}
		cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
		n, e := newNotifier(cfg, c.build)
		if e != nil {
			t.Fatal(e)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()
		synctest.Wait()
		story(n, c)
		cancel()
		err = <-ended
	})
	return err
}

// newCrew is a Notifier with its hooks, not yet running, for use in a bubble.
func newCrew(t *testing.T, act func(context.Context, told) error, hooks ...Hook) (*crew, *Notifier) {
	t.Helper()
	c := &crew{t: t, born: time.Now(), act: act, busy: make(map[subject]bool)}
	n, err := newNotifier(Config{Hooks: hooks, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}, c.build)
	if err != nil {
		t.Fatal(err)
	}
	return c, n
}

func prefixes(list ...string) (all []netip.Prefix) {
	for _, s := range list {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

// later lets time pass in a bubble, and everything settle.
func later(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// eventually waits until ok answers true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end, tick := time.NewTimer(patience), time.NewTicker(2*time.Millisecond)
	defer end.Stop()
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}
