// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/track"
)

var errRefused = errors.New("connecting to 192.0.2.1:80: connection refused")

// double is a Probe that answers as it is told to and remembers its looks.
type double struct {
	answer func(ctx context.Context, n int) error // n counts from 0

	mu     sync.Mutex
	looks  []look
	inHand int
	twice  bool // two at once
	closed int
	after  bool // a look after Close
}

// look is one of a double's.
type look struct {
	begin, end time.Time
	err        error
}

func (d *double) Probe(ctx context.Context) error {
	d.mu.Lock()
	n := len(d.looks)
	d.looks = append(d.looks, look{begin: time.Now()})
	d.inHand++
	d.twice = d.twice || d.inHand > 1
	d.after = d.after || d.closed > 0
	d.mu.Unlock()
	var err error
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.looks[n].end, d.looks[n].err = time.Now(), err
		d.inHand--
	}()
	if d.answer != nil {
		err = d.answer(ctx, n)
	}
	return err
}

func (d *double) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed++
	return nil
}

func (d *double) closes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

// begins is when the looks began, from a time.
func (d *double) begins(from time.Time) []time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]time.Duration, len(d.looks))
	for i, l := range d.looks {
		list[i] = l.begin.Sub(from)
	}
	return list
}

// check wants the Probe contract kept from the Runner's side.
func (d *double) check(t *testing.T, name string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.twice || d.after || d.closed != 1 || d.inHand != 0 {
		t.Errorf("%s: two looks at once %v, a look after Close %v, %d times closed (want 1), %d looks still in hand",
			name, d.twice, d.after, d.closed, d.inHand)
	}
}

// wait passes the time, or ends with ctx.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// kind is a Kind that newRig's Build makes a double of, by its name.
func kind(name string) checks.Kind { return checks.File{Path: name} }

// sample is a check every second.
func sample(name string) checks.Check {
	return checks.Check{
		Name: name, Kind: kind(name), Interval: time.Second, Timeout: 500 * time.Millisecond, Rise: 1, Fall: 1,
	}
}

// said is what was told at a time from the beginning.
type said struct {
	at     time.Duration
	result track.Result
}

// rig is a Runner with doubles that is watched in a bubble.
type rig struct {
	t      *testing.T
	runner *checks.Runner
	probes map[string]checks.Probe
	begin  time.Time
	cancel context.CancelFunc
	ended  chan error

	mu   sync.Mutex
	told []said
	log  strings.Builder
}

// Write makes the rig a log.
func (r *rig) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(b)
}

// newRig makes a Runner; it is not watched yet.
func newRig(t *testing.T, probes map[string]checks.Probe, list ...checks.Check) *rig {
	t.Helper()
	r := &rig{t: t, probes: probes, ended: make(chan error, 1)}
	runner, err := checks.New(checks.Config{
		Checks: list,
		Build:  r.build,
		Log:    slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.runner = runner
	return r
}

func (r *rig) build(k checks.Kind) (checks.Probe, error) {
	if p, ok := r.probes[k.Target()]; ok {
		return p, nil
	}
	return nil, fmt.Errorf("no probe for %s", k.Target())
}

// watch starts watching.
func (r *rig) watch() *rig {
	ctx, cancel := context.WithCancel(r.t.Context())
	r.begin, r.cancel = time.Now(), cancel
	go func() { r.ended <- r.runner.Watch(ctx, r.tell) }()
	synctest.Wait()
	return r
}

// start watches one check whose double answers.
func start(t *testing.T, c checks.Check, answer func(ctx context.Context, n int) error) (*rig, *double) {
	t.Helper()
	d := &double{answer: answer}
	return newRig(t, map[string]checks.Probe{c.Name: d}, c).watch(), d
}

func (r *rig) tell(results []track.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range results {
		r.told = append(r.told, said{time.Since(r.begin), x})
	}
}

// to lets the time come, in a bubble.
func (r *rig) to(at time.Duration) {
	time.Sleep(at - time.Since(r.begin))
	synctest.Wait()
}

// stop ends Watch and wants it to return at once, with all doubles at rest.
func (r *rig) stop() {
	r.t.Helper()
	before := time.Now()
	r.cancel()
	if err := <-r.ended; err != nil {
		r.t.Errorf("Watch: %v", err)
	}
	if took := time.Since(before); took > 0 {
		r.t.Errorf("Watch took %v to return", took)
	}
	for name, p := range r.probes {
		if d, ok := p.(*double); ok {
			d.check(r.t, name)
		}
	}
}

// states is what was told, as "1.5s a failing".
func (r *rig) states() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]string, len(r.told))
	for i, s := range r.told {
		list[i] = fmt.Sprintf("%v %s %v", s.at, s.result.Check, s.result.State)
	}
	return list
}

// wantTold wants exactly these tellings.
func (r *rig) wantTold(want ...string) {
	r.t.Helper()
	if got := r.states(); !slices.Equal(got, want) {
		r.t.Errorf("told\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// lines are those of the log that contain text.
func (r *rig) lines(text string) (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range strings.Lines(r.log.String()) {
		if strings.Contains(line, text) {
			list = append(list, line)
		}
	}
	return list
}

// status is one check's.
func (r *rig) status(name string) status.Check {
	r.t.Helper()
	for _, s := range r.runner.Status() {
		if s.Name == name {
			return s
		}
	}
	r.t.Fatalf("check %s has no status", name)
	return status.Check{}
}
