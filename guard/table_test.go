// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
)

var errTable = errors.New("the table is not there")

// store is a table in memory.
type store struct {
	mu     sync.Mutex
	slow   time.Duration // of each call
	down   bool
	lost   float64 // of questions, and of answers
	every  int     // so many are lost, one after the other
	seen   int
	rng    *rand.Rand
	items  map[string]stored
	reads  int
	writes int // that happened
}

type stored struct {
	record  []byte
	version uint64
}

func newStore() *store {
	return &store{items: map[string]stored{}, rng: rand.New(rand.NewPCG(1, 2)), slow: ms}
}

// weather is how the store answers from now on.
func (s *store) weather(slow time.Duration, down bool, lost float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow, s.down, s.lost = slow, down, lost
}

func (s *store) counts() (reads, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads, s.writes
}

// wait is half the time that a call takes. A call may get further than its caller waits.
func (s *store) wait(ctx context.Context) error {
	s.mu.Lock()
	s.seen++
	slow, lost := s.slow/2, s.rng.Float64() < s.lost || s.every > 0 && s.seen%s.every == 0
	s.mu.Unlock()
	if lost {
		slow = time.Minute
	}
	select {
	case <-time.After(slow):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *store) Read(ctx context.Context, table, key string) ([]byte, uint64, error) {
	if err := s.wait(ctx); err != nil {
		return nil, 0, err
	}
	s.mu.Lock()
	s.reads++
	i, down := s.items[table+" "+key], s.down
	s.mu.Unlock()
	if down {
		return nil, 0, errTable
	}
	return i.record, i.version, s.wait(ctx)
}

func (s *store) Write(ctx context.Context, table, key string, record []byte, was, version uint64) (bool, error) {
	if err := s.wait(ctx); err != nil {
		return false, err
	}
	s.mu.Lock()
	down, fits := s.down, s.items[table+" "+key].version == was
	if !down && fits {
		s.items[table+" "+key] = stored{append([]byte(nil), record...), version}
		s.writes++
	}
	s.mu.Unlock()
	if down {
		return false, errTable
	}
	return fits, s.wait(ctx)
}

// pair is two nodes and a table.
func pair(t *testing.T, f func(t *testing.T, w *world, a, b *node, s *store)) {
	t.Helper()
	bubble(t, []string{"a", "b"}, func(t *testing.T, w *world) {
		s := newStore()
		for _, n := range w.nodes {
			n.cfg.Table, n.cfg.Voters = s, quorum.List{Voters: []string{"a", "b", "table t"}, MaxLease: 4 * time.Second}
		}
		w.start()
		w.pass(6 * time.Second) // the record is made, and new
		f(t, w, w.nodes["a"], w.nodes["b"], s)
	})
}

func (n *node) table() status.Voter {
	n.w.t.Helper()
	for _, v := range n.status().Voters {
		if v.Name == "table t" {
			return v
		}
	}
	n.w.t.Fatalf("%s shows no table", n.name)
	return status.Voter{}
}

// The peer dies: its lease runs out, and the table votes in its place.
func TestTableTakesOver(t *testing.T) {
	pair(t, func(t *testing.T, w *world, a, b *node, s *store) {
		a.guard.Claim("router web", "")
		w.pass(100 * ms)
		granted := a.wants(vip.Granted, "")
		w.pass(time.Minute)
		if _, writes := s.counts(); writes != 1 {
			t.Errorf("%d writes while both nodes answered", writes)
		}
		if v := b.table(); !v.Answers || v.Problem != "" || !v.Current {
			t.Errorf("%+v", v)
		}
		a.stop()
		b.guard.Claim("router web", "")
		w.pass(3400 * ms)
		if v := b.wants(vip.Granted, ""); v.Term <= granted.Term {
			t.Errorf("term %d follows %d", v.Term, granted.Term)
		}
		w.pass(time.Minute)
		b.wants(vip.Granted, "")
		if _, writes := s.counts(); writes < 55 || writes > 70 {
			t.Errorf("%d writes in a minute", writes)
		}
	})
}

// The holder goes on when its peer dies. When that is back the table is left
// alone.
func TestTableKeepsHolder(t *testing.T) {
	pair(t, func(t *testing.T, w *world, a, b *node, s *store) {
		a.guard.Claim("router web", "")
		w.pass(time.Second)
		b.stop()
		w.pass(time.Minute)
		b.start()
		w.pass(5 * time.Second)
		_, before := s.counts()
		if before < 55 {
			t.Errorf("%d writes", before)
		}
		w.pass(time.Minute)
		if _, after := s.counts(); after != before {
			t.Errorf("%d writes after the peer was back", after-before)
		}
		if a.wants(vip.Granted, ""); len(a.verdicts) != 1 || !a.open() {
			t.Errorf("%d verdicts", len(a.verdicts))
		}
		// What the table voted for then is given up there, too.
		a.giveUp("router web")
		w.pass(100 * ms)
		if _, after := s.counts(); after != before+1 {
			t.Errorf("%d writes when it was given up", after-before)
		}
		b.guard.Claim("router web", "")
		w.pass(100 * ms)
		b.wants(vip.Granted, "")
	})
}

// An outage of the table alone changes nothing.
func TestTableDown(t *testing.T) {
	pair(t, func(t *testing.T, w *world, a, b *node, s *store) {
		a.guard.Claim("router web", "")
		w.pass(time.Second)
		s.weather(ms, true, 0)
		reads, _ := s.counts()
		w.pass(time.Hour)
		if a.wants(vip.Granted, ""); len(a.verdicts) != 1 || !a.open() {
			t.Errorf("%d verdicts", len(a.verdicts))
		}
		for _, n := range []*node{a, b} {
			if v := n.table(); v.Answers || v.Problem != errTable.Error() {
				t.Errorf("%s: %+v", n.name, v)
			}
		}
		if now, _ := s.counts(); now-reads > 800 {
			t.Errorf("it was asked %d times in an hour", now-reads)
		}
		// The peer as well: nobody holds.
		b.stop()
		w.pass(3 * time.Second)
		a.wants(vip.Revoked, "unheard")
		if a.open() {
			t.Error("the fence is open")
		}
		s.weather(ms, false, 0)
		a.guard.Claim("router web", "")
		w.pass(2 * time.Second)
		a.wants(vip.Granted, "")
		if v := a.table(); !v.Answers || v.Problem != "" {
			t.Errorf("%+v", v)
		}
	})
}

// A call takes half a second, or hangs now and then.
func TestTableSlow(t *testing.T) {
	for _, weather := range []struct {
		slow  time.Duration
		every int
	}{{400 * ms, 0}, {20 * ms, 7}} {
		pair(t, func(t *testing.T, w *world, a, b *node, s *store) {
			s.weather(weather.slow, false, 0)
			s.every = weather.every
			a.guard.Claim("router web", "")
			w.pass(time.Second)
			b.stop()
			w.pass(10 * time.Second)
			if a.wants(vip.Granted, ""); len(a.verdicts) != 1 {
				t.Errorf("%v: %d verdicts", weather, len(a.verdicts))
			}
			b.start()
			w.pass(5 * time.Second)
			a.stop()
			b.guard.Claim("router web", "")
			w.pass(8 * time.Second)
			b.wants(vip.Granted, "")
		})
	}
}

// The nodes don't hear each other, and the table decides: the holder stays. When it
// gives up and ends at once, the other needs not wait for its lease.
func TestTablePartition(t *testing.T) {
	pair(t, func(t *testing.T, w *world, a, b *node, _ *store) {
		a.guard.Claim("router web", "")
		w.pass(time.Second)
		w.isolate("a", true)
		b.guard.Claim("router web", "")
		w.pass(time.Minute)
		if a.wants(vip.Granted, ""); len(a.verdicts) != 1 {
			t.Errorf("%d verdicts", len(a.verdicts))
		}
		if v := b.wants(vip.Refused, "held"); v.Holder != "a" {
			t.Errorf("%+v", v)
		}
		b.giveUp("router web")
		a.giveUp("router web")
		a.stop()
		w.pass(100 * ms)
		b.guard.Claim("router web", "")
		w.pass(500 * ms)
		b.wants(vip.Granted, "")
	})
}

// A table takes a node's place while a lease runs.
func TestTableStaged(t *testing.T) {
	bubble(t, abc, func(t *testing.T, w *world) {
		s := newStore()
		for _, n := range w.nodes {
			n.cfg.Table, n.cfg.Voters.MaxLease = s, 4*time.Second
		}
		w.start()
		w.pass(4 * time.Second)
		a, b, c := w.nodes["a"], w.nodes["b"], w.nodes["c"]
		a.guard.Claim("router web", "")
		w.pass(100 * ms)
		for _, n := range []*node{a, b, c} {
			if err := n.reload("a", "b", "table t"); err != nil {
				t.Fatal(err)
			}
		}
		w.pass(20 * time.Second)
		if got := b.current(); got != "abtable t" {
			t.Fatalf("%s are in force", got)
		}
		c.stop()
		b.stop()
		w.pass(10 * time.Second)
		if a.wants(vip.Granted, ""); len(a.verdicts) != 1 {
			t.Errorf("%d verdicts", len(a.verdicts))
		}
	})
}

// A node dies, is forgotten, and is there again, alone with the table: it finds no
// majority with it.
func TestTableForgotten(t *testing.T) {
	bubble(t, abc, func(t *testing.T, w *world) {
		s := newStore()
		a, b, c := w.nodes["a"], w.nodes["b"], w.nodes["c"]
		for _, n := range w.nodes {
			n.cfg.Table, n.cfg.StateDir = s, t.TempDir()
			n.cfg.Voters = quorum.List{Voters: []string{"a", "b", "table t"}, MaxLease: 4 * time.Second}
		}
		a.start()
		b.start()
		w.pass(20 * time.Second)
		a.guard.Claim("router web", "")
		w.pass(time.Second)
		a.wants(vip.Granted, "")
		a.stop()
		if err := b.reload("b", "c", "table t"); err != nil {
			t.Fatal(err)
		}
		c.cfg.Voters = b.cfg.Voters
		c.start()
		b.guard.Gone("a")
		if err := b.guard.Forget(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		b.guard.Claim("router web", "")
		w.pass(30 * time.Second)
		if got := b.current(); got != "bctable t" {
			t.Fatalf("%s are in force: %+v", got, b.status())
		}
		b.wants(vip.Granted, "")
		w.isolate("a", true)
		a.start()
		w.pass(10 * time.Second)
		a.guard.Claim("router web", "")
		w.pass(30 * time.Second)
		a.wants(vip.Refused, "unheard")
		if v := a.table(); v.Answers || v.Problem == "" {
			t.Errorf("%+v", v)
		}
	})
}

// As TestChaos, with a table that is slow, down, and loses answers.
func TestChaosTable(t *testing.T) {
	eachSeed(t, chaosTable)
}

func chaosTable(t *testing.T, seed uint64) {
	w := newWorld(t, "a", "b")
	w.quiet = true
	defer w.stop()
	rng := rand.New(rand.NewPCG(seed, 3))
	w.rng = rand.New(rand.NewPCG(seed, 1))
	s := newStore()
	for _, n := range w.nodes {
		n.cfg.Table, n.cfg.Voters = s, quorum.List{Voters: []string{"a", "b", "table t"}, MaxLease: 4 * time.Second}
	}
	w.nodes["a"].rate, w.nodes["b"].rate = 1+(rng.Float64()-0.5)*0.09, 1+(rng.Float64()-0.5)*0.09
	w.start()
	for range 200 {
		n := w.nodes[[]string{"a", "b"}[rng.IntN(2)]]
		switch what := rng.IntN(16); {
		case n.running() == nil:
			n.start()
		case what < 5:
			n.guard.Claim("router web", "")
		case what < 7:
			n.giveUp("router web")
		case what < 8:
			n.hang()
		case what < 10:
			n.recover()
		case what < 11:
			n.stop()
		case what < 13:
			w.isolate("a", rng.IntN(2) == 0)
		default:
			s.weather(time.Duration(1+rng.IntN(400))*ms, rng.IntN(4) == 0, rng.Float64()*0.3)
		}
		w.pass(time.Duration(rng.IntN(3000)) * ms)
	}
	s.weather(ms, false, 0)
	w.isolate("a", false)
	for _, n := range w.nodes {
		if n.running() == nil {
			n.start()
		}
		n.recover()
	}
	w.pass(10 * time.Second)
	for _, n := range w.nodes {
		n.guard.Claim("router web", "")
	}
	w.pass(10 * time.Second)
	if a, b := w.nodes["a"].open(), w.nodes["b"].open(); a == b {
		t.Errorf("open at the end: %v, %v", a, b)
	}
	if _, writes := s.counts(); w.opened < 10 || writes < 10 {
		t.Errorf("a fence was opened %d times, and the table written %d times: little has happened", w.opened, writes)
	}
}
