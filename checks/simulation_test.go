// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/track"
)

var seedFlag = flag.Uint64("seed", 0, "run only this simulation")

// TestSimulation lets checks pass, fail, be slow, time out, hang, be woken, come,
// go and change at random, and wants told what a model tells that knows what
// the probes will do.
func TestSimulation(t *testing.T) {
	first, last := uint64(1), uint64(300)
	if *seedFlag != 0 {
		first, last = *seedFlag, *seedFlag
	}
	for seed := first; seed <= last; seed++ {
		synctest.Test(t, func(t *testing.T) { simulate(t, seed) })
		if t.Failed() {
			t.Fatalf("replay: go test ./checks -run TestSimulation -seed %d", seed)
		}
	}
}

// life is a check from when it is put in use until it is removed or looks at
// something else. Times are from the beginning of Watch.
type life struct {
	check checks.Check
	seed  uint64
	phase float64
	// patient: put in use by a reload, so that only Fall bad results decide.
	patient bool
	first   time.Duration // when its first look is due
	end     time.Duration // when it is out of use
	wakes   []time.Duration
	rules   []rule
}

// rule is what a verdict takes from a time on.
type rule struct {
	at         time.Duration
	rise, fall int
}

// answer is what a probe does at its nth look: it takes so long, and gives up
// in time unless it hangs.
func (l *life) answer(n int) (takes time.Duration, hangs, fails bool) {
	random := rand.New(rand.NewPCG(l.seed, uint64(n)))
	fails = random.IntN(3) == 0
	between := func(a, b time.Duration) time.Duration { return a + time.Duration(random.Int64N(int64(b-a))) }
	switch random.IntN(12) {
	case 0: // up to after its time
		return between(0, 2*l.check.Timeout), false, fails
	case 1:
		return between(l.check.Timeout, 4*(l.check.Timeout+l.check.Interval)), true, fails
	default:
		return between(0, l.check.Timeout/2), false, fails
	}
}

// actor plays a life.
type actor struct {
	life  *life
	begin time.Time
	n     int
}

// Probe is called in a bubble.
func (a *actor) Probe(ctx context.Context) error {
	takes, hangs, fails := a.life.answer(a.n)
	a.n++
	if hangs {
		time.Sleep(takes) // in the bubble, whatever ctx says
	} else if err := wait(ctx, takes); err != nil {
		return err
	}
	if fails {
		return errRefused
	}
	return nil
}

func (a *actor) Wake(ctx context.Context, look func()) error {
	for _, at := range a.life.wakes {
		if err := wait(ctx, at-time.Since(a.begin)); err != nil {
			return err
		}
		look()
	}
	return errors.New("no more")
}

func (*actor) Close() error { return nil }

// result is an outcome at a time.
type result struct {
	at      time.Duration
	outcome checks.Outcome
}

// after is the first look at the interval after t.
func (l *life) after(t time.Duration) time.Duration {
	at := time.Duration(l.phase * float64(l.check.Interval))
	for at -= l.check.Interval; at <= t; at += l.check.Interval {
	}
	return at
}

// results are the outcomes of all looks that end within the life, and how many
// of them were late.
func (l *life) results() (list []result, late uint64) {
	c := l.check
	begin, woken := l.first, l.wakes
	if len(woken) > 0 {
		begin = min(begin, woken[0])
	}
	next := l.after(begin)
	for n := 0; begin < l.end; n++ {
		takes, hangs, fails := l.answer(n)
		if !hangs {
			takes = min(takes, c.Timeout)
		}
		end, limit := begin+takes, begin+c.Timeout+c.Timeout/10+20*time.Millisecond
		switch {
		case takes < c.Timeout && fails:
			list = append(list, result{end, checks.Fail})
		case takes < c.Timeout:
			list = append(list, result{end, checks.Pass})
		default:
			list = append(list, result{min(end, limit), checks.Timeout})
		}
		for over := c.Timeout + c.Timeout/10 + 20*time.Millisecond; end > limit; { // looks that it stands for
			instead := max(next, limit)
			if limit = instead + over; end > limit {
				list = append(list, result{limit, checks.Timeout})
				next = l.after(instead)
			}
		}
		if end >= next && takes >= c.Interval && end < l.end {
			late++
		}
		then := max(next, end)
		for len(woken) > 0 && woken[0] <= begin {
			woken = woken[1:]
		}
		if len(woken) > 0 {
			then = min(then, max(woken[0], end, begin+10*time.Millisecond))
		}
		if begin = then; begin >= next {
			next = l.after(begin)
		}
	}
	return slices.DeleteFunc(list, func(r result) bool { return r.at >= l.end }), late
}

// tellings are the states of a life: the last Rise or Fall results decide.
func (l *life) tellings(results []result, from time.Duration) (list []said) {
	tell := func(at time.Duration, s track.State) {
		list = append(list, said{at, track.Result{Check: l.check.Name, State: s}})
	}
	state := track.Undecided
	if l.check.InitialPass {
		state = track.Passing
	}
	tell(from, state)
	for i, r := range results {
		now := l.rules[0]
		for _, x := range l.rules {
			if x.at <= r.at {
				now = x
			}
		}
		lasting := func(n int, passes bool) bool {
			return i+1 >= n && !slices.ContainsFunc(results[i+1-n:i+1], func(r result) bool {
				return (r.outcome == checks.Pass) != passes
			})
		}
		before := state
		switch {
		case state != track.Passing && lasting(map[bool]int{true: 1, false: now.rise}[state == track.Undecided], true):
			state = track.Passing
		case state != track.Failing && lasting(map[bool]int{true: 1, false: now.fall}[state == track.Undecided && !l.patient], false):
			state = track.Failing
		}
		if state != before {
			tell(r.at, state)
		}
	}
	return list
}

// simulation is one seed's.
type simulation struct {
	*rig
	random *rand.Rand
	made   int              // lives
	alive  map[string]*life // by name
	lives  []*life
	froms  []time.Duration // of lives
}

func simulate(t *testing.T, seed uint64) {
	s := &simulation{random: rand.New(rand.NewPCG(seed, 0)), alive: make(map[string]*life)}
	s.rig = &rig{t: t, probes: make(map[string]checks.Probe), ended: make(chan error, 1)}
	list := s.choose(0)
	runner, err := checks.New(checks.Config{Checks: list, Build: s.build})
	if err != nil {
		t.Fatal(err)
	}
	s.runner = runner
	s.watch()
	at := time.Duration(0)
	for range 1 + s.random.IntN(6) {
		at += time.Duration(s.random.Int64N(int64(10 * time.Second)))
		s.to(at)
		s.prepare(s.choose(at)...).Apply()
		synctest.Wait()
	}
	at += 10*time.Second + 1
	s.to(at)
	for _, l := range s.alive {
		l.end = at
	}
	told, stats := s.states(), s.runner.Status()
	s.cancel()
	if err := <-s.ended; err != nil && !errors.Is(err, checks.ErrStuck) {
		t.Error(err)
	}
	time.Sleep(time.Minute) // in the bubble: the looks that hang end too
	s.judge(told, stats)
}

func (s *simulation) build(k checks.Kind) (checks.Probe, error) {
	for _, l := range s.lives {
		if l.check.Kind == k {
			return &actor{life: l, begin: s.start()}, nil
		}
	}
	return nil, errors.New("no such life")
}

// start is when Watch begins, which is at once: New takes no time in a bubble.
func (s *simulation) start() time.Time {
	if s.begin.IsZero() {
		return time.Now()
	}
	return s.begin
}

// choose makes the checks that are in use from a time on: some of those that
// are, some changed, some new.
func (s *simulation) choose(at time.Duration) (list []checks.Check) {
	kept := make(map[string]*life)
	fresh := time.Duration(0)
	for i := range 6 {
		name := fmt.Sprint("c", i)
		l := s.alive[name]
		switch draw := s.random.IntN(4); {
		case draw == 0: // not in use
		case l != nil && draw == 1:
			l.check.Rise, l.check.Fall = 1+s.random.IntN(4), 1+s.random.IntN(4)
			l.rules = append(l.rules, rule{at, l.check.Rise, l.check.Fall})
			kept[name] = l
		case l != nil && draw == 2:
			kept[name] = l
		default:
			kept[name] = s.bear(name, at, fresh)
			fresh += 100 * time.Microsecond
		}
		if l != nil && kept[name] != l {
			l.end = at
		}
	}
	s.alive = kept
	for _, l := range kept {
		list = append(list, l.check)
	}
	return list
}

// bear makes a check that looks at something new.
func (s *simulation) bear(name string, at, later time.Duration) *life {
	_, phase := math.Modf(float64(s.made) * math.Phi)
	phase = math.Floor(phase*50) / 50
	s.made++
	interval := 50*time.Millisecond + time.Duration(s.random.Int64N(int64(2*time.Second)))
	l := &life{
		check: checks.Check{
			Name: name, Kind: kind(fmt.Sprint("life ", s.made)), Interval: interval,
			Timeout: time.Millisecond + time.Duration(s.random.Int64N(int64(2*interval))),
			Rise:    1 + s.random.IntN(4), Fall: 1 + s.random.IntN(4), InitialPass: s.random.IntN(2) == 0,
		},
		seed: s.random.Uint64(), phase: phase, patient: s.runner != nil, first: at + later,
	}
	for range s.random.IntN(3) * 5 {
		l.wakes = append(l.wakes, at+1+time.Duration(s.random.Int64N(int64(20*time.Second))))
	}
	slices.Sort(l.wakes)
	l.rules = []rule{{at, l.check.Rise, l.check.Fall}}
	s.lives, s.froms = append(s.lives, l), append(s.froms, at)
	return l
}

// judge compares what was told, and counted, with the model.
func (s *simulation) judge(told []string, stats []status.Check) {
	want := make(map[string][]string)
	for i, l := range s.lives {
		results, late := l.results()
		for _, x := range l.tellings(results, s.froms[i]) {
			want[l.check.Name] = append(want[l.check.Name], fmt.Sprintf("%v %s %v", x.at, l.check.Name, x.result.State))
		}
		if s.alive[l.check.Name] == l {
			s.compare(l, results, late, stats)
		}
	}
	got := make(map[string][]string)
	for _, line := range told {
		var at, name, state string
		if _, err := fmt.Sscan(line, &at, &name, &state); err != nil {
			s.t.Fatal(err)
		}
		got[name] = append(got[name], line)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !slices.Equal(got[name], want[name]) {
			s.t.Errorf("%s told\n%q\nwant\n%q", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		s.t.Errorf("told of %d checks, want %d", len(got), len(want))
	}
}

// compare compares the counters of a check that is in use at the end.
func (s *simulation) compare(l *life, results []result, late uint64, stats []status.Check) {
	var counts [3]uint64
	for _, r := range results {
		counts[r.outcome]++
	}
	for _, x := range stats {
		if x.Name != l.check.Name {
			continue
		}
		got := [4]uint64{x.Passed, x.Failed, x.TimedOut, x.Late}
		want := [4]uint64{counts[checks.Pass], counts[checks.Fail], counts[checks.Timeout], late}
		if got != want {
			s.t.Errorf("%s passed, failed, timed out, late: %v, want %v", x.Name, got, want)
		}
		return
	}
	s.t.Errorf("%s has no status", l.check.Name)
}
