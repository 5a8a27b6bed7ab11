// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/track"
)

var _ agent.Checker = (*checks.Runner)(nil)

// outcomes answers by letters: P, F, and after the last that one again.
func outcomes(letters string) func(context.Context, int) error {
	return func(_ context.Context, n int) error {
		if letters[min(n, len(letters)-1)] == 'P' {
			return nil
		}
		return errRefused
	}
}

func TestNewReportsAll(t *testing.T) {
	good := sample("good")
	bad := func(change func(*checks.Check)) checks.Check {
		c := sample("bad")
		change(&c)
		return c
	}
	closed := &double{}
	for _, tt := range []struct {
		name  string
		check checks.Check
		want  string
	}{
		{"no name", bad(func(c *checks.Check) { c.Name = "" }), "check : it has no name"},
		{"no kind", bad(func(c *checks.Check) { c.Kind = nil }), "check bad: it has nothing to look at"},
		{"interval", bad(func(c *checks.Check) { c.Interval = 0 }), "check bad: the interval 0s is not above 0"},
		{"timeout", bad(func(c *checks.Check) { c.Timeout = -1 }), "check bad: the timeout -1ns is not above 0"},
		{"rise", bad(func(c *checks.Check) { c.Rise = 0 }), "check bad: rise 0 is less than 1"},
		{"fall", bad(func(c *checks.Check) { c.Fall = -2 }), "check bad: fall -2 is less than 1"},
		{"jitter", bad(func(c *checks.Check) { c.Jitter = 0.6 }), "check bad: jitter 0.6 is not within 0 and 0.5"},
		{"jitter NaN", bad(func(c *checks.Check) { c.Jitter = math.NaN() }), "check bad: jitter NaN is not within 0 and 0.5"},
		{"name taken", bad(func(c *checks.Check) { c.Name = "good" }), "check good: its name is another's too"},
		{"no probe", sample("odd"), "check odd: no such file"},
		{"nothing built", sample("nil"), "check nil: nothing looks at kind file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			closed.closed = 0
			_, err := checks.New(checks.Config{
				Checks: []checks.Check{good, tt.check, sample("zz")},
				Build: func(k checks.Kind) (checks.Probe, error) {
					switch k.Target() {
					case "good":
						return closed, nil
					case "nil":
						return nil, nil
					default:
						return nil, errors.New("no such file")
					}
				},
			})
			want := tt.want + "\ncheck zz: no such file"
			if err == nil || err.Error() != want {
				t.Errorf("New says\n%v\nwant\n%s", err, want)
			}
			if closed.closed != 1 {
				t.Errorf("what was built was closed %d times, want once", closed.closed)
			}
		})
	}
	if _, err := checks.New(checks.Config{}); err == nil {
		t.Error("New does without Build")
	}
}

// TestToldInTime: what is told when, to the nanosecond.
func TestToldInTime(t *testing.T) {
	for _, tt := range []struct {
		name       string
		rise, fall int
		initial    bool
		letters    string
		want       []string
	}{
		{"passes", 2, 3, false, "P", []string{"0s a undecided", "0s a passing"}},
		{"fails", 2, 3, false, "F", []string{"0s a undecided", "0s a failing"}},
		{"falls at the third", 1, 3, false, "PFFF", []string{"0s a undecided", "0s a passing", "3s a failing"}},
		{"rises at the second", 2, 1, false, "FPP", []string{"0s a undecided", "0s a failing", "2s a passing"}},
		{"down and up", 2, 2, false, "PFPFFPFPP", []string{
			"0s a undecided", "0s a passing", "4s a failing", "8s a passing",
		}},
		{"initial pass", 1, 3, true, "F", []string{"0s a passing", "2s a failing"}},
		{"initial pass and well", 1, 1, true, "P", []string{"0s a passing"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := sample("a")
				c.Rise, c.Fall, c.InitialPass = tt.rise, tt.fall, tt.initial
				r, _ := start(t, c, outcomes(tt.letters))
				r.to(20 * time.Second)
				r.wantTold(tt.want...)
				r.stop()
			})
		})
	}
}

// TestNoChecks: told is called even then.
func TestNoChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		go func() {
			r.ended <- r.runner.Watch(ctx, func(results []track.Result) { calls += 1 + len(results) })
		}()
		synctest.Wait()
		cancel()
		if err := <-r.ended; err != nil || calls != 1 {
			t.Errorf("Watch: %v after %d calls, want one without results", err, calls)
		}
	})
}

func TestWatchOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := start(t, sample("a"), nil)
		if err := r.runner.Watch(t.Context(), r.tell); !errors.Is(err, checks.ErrWatched) {
			t.Errorf("the second Watch says %v", err)
		}
		r.stop()
	})
}

// TestWatchEnded closes the probes though there is no time to look.
func TestWatchEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &double{}
		r := newRig(t, map[string]checks.Probe{"a": d}, sample("a"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := r.runner.Watch(ctx, r.tell); err != nil {
			t.Error(err)
		}
		d.check(t, "a")
		if n := len(d.looks); n > 0 {
			t.Errorf("%d looks after the end", n)
		}
	})
}

// TestTimeout: the deadline decides, whatever the error is called.
func TestTimeout(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(ctx context.Context, n int) error
		cause  string
	}{
		{"the context's error", func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		}, "no answer within 500ms"},
		{"the context's error and what was done", func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return fmt.Errorf("reading the banner: %w", ctx.Err())
		}, "no answer within 500ms: reading the banner: context deadline exceeded"},
		{"another error", func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return errors.New("reading the banner: i/o timeout")
		}, "no answer within 500ms: reading the banner: i/o timeout"},
		{"a deadline of its own", func(ctx context.Context, _ int) error {
			at, _ := ctx.Deadline()
			time.Sleep(time.Until(at)) // as a socket's does, in the bubble
			return errors.New("i/o timeout")
		}, "no answer within 500ms: i/o timeout"},
		{"a good answer, too late", func(context.Context, int) error {
			time.Sleep(501 * time.Millisecond)
			return nil
		}, "no answer within 500ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, _ := start(t, sample("a"), tt.answer)
				r.to(700 * time.Millisecond)
				s := r.status("a")
				if s.Outcome != "timeout" || s.State != "failing" || s.Cause != tt.cause || s.TimedOut != 1 || s.Failed != 0 {
					t.Errorf("status %+v, want a timeout because of %q", s, tt.cause)
				}
				if got := r.told[len(r.told)-1].result.Cause; got != tt.cause {
					t.Errorf("told %q, want %q", got, tt.cause)
				}
				r.stop()
			})
		})
	}
}

// TestJustInTime: slow is not late.
func TestJustInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := start(t, sample("a"), func(ctx context.Context, _ int) error {
			return wait(ctx, 499*time.Millisecond)
		})
		r.to(10*time.Second - time.Millisecond)
		if s := r.status("a"); s.Passed != 10 || s.TimedOut+s.Failed+s.Late != 0 || s.Took != 499*time.Millisecond {
			t.Errorf("status %+v, want 10 passes of 499 ms", s)
		}
		r.stop()
	})
}

// TestStatus: every field, as a check goes down and up.
func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := sample("a")
		c.Rise, c.Fall = 3, 2
		d := &double{answer: func(ctx context.Context, n int) error {
			time.Sleep(time.Millisecond) // in the bubble
			switch n {
			case 2:
				<-ctx.Done()
				return ctx.Err()
			case 3:
				return errRefused
			default:
				return nil
			}
		}}
		other := sample("b")
		r := newRig(t, map[string]checks.Probe{"a": d, "b": &double{}}, other, c)
		made := time.Now()
		want := status.Check{Name: "a", Kind: "file", Target: "a", State: "undecided", Need: 1, Since: made}
		compare := func(when string) {
			t.Helper()
			if got := r.status("a"); got != want {
				t.Errorf("%s:\n%+v\nwant\n%+v", when, got, want)
			}
		}
		compare("before Watch")
		r.watch()
		r.to(2 * time.Millisecond)
		want.State, want.Outcome, want.Row, want.Need, want.Passed = "passing", "pass", 1, 2, 1
		want.At, want.Took = r.begin.Add(time.Millisecond), time.Millisecond
		want.Since = want.At
		compare("the first look")
		r.to(2600 * time.Millisecond)
		want.Outcome, want.Cause, want.Row = "timeout", "no answer within 500ms", 1
		want.Passed, want.TimedOut = 2, 1
		want.At, want.Took = r.begin.Add(2500*time.Millisecond), 500*time.Millisecond
		compare("a time-out")
		r.to(3100 * time.Millisecond)
		want.State, want.Outcome, want.Cause, want.Row, want.Need = "failing", "fail", errRefused.Error(), 2, 3
		want.Failed = 1
		want.At, want.Took = r.begin.Add(3001*time.Millisecond), time.Millisecond
		want.Since = want.At
		compare("failing")
		r.to(4100 * time.Millisecond)
		want.Outcome, want.Cause, want.Row, want.Passed = "pass", "", 1, 3
		want.At = r.begin.Add(4001 * time.Millisecond)
		compare("one pass")
		r.stop()
		compare("after Watch")
		if names := r.runner.Status(); names[0].Name != "a" || names[1].Name != "b" {
			t.Errorf("status is not sorted: %v", names)
		}
	})
}

func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := start(t, sample("a"), func(context.Context, int) error { panic("index out of range") })
		r.to(5500 * time.Millisecond)
		if s := r.status("a"); s.Outcome != "fail" || s.Cause != "the probe panicked: index out of range" || s.Failed != 6 {
			t.Errorf("status %+v, want a failure because of the panic", s)
		}
		if lines := r.lines("level=ERROR"); len(lines) != 1 || !strings.Contains(lines[0], "runner_test.go") {
			t.Errorf("want one line with the stack, got %q", lines)
		}
		r.stop()
	})
}

// TestLog: one line per change of state, at its level, and the rest at Debug.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := sample("a")
		c.Fall = 2
		r, _ := start(t, c, outcomes("PPFFFP"))
		r.to(10 * time.Second)
		r.stop()
		var got []string
		for _, line := range r.lines("") {
			_, line, _ = strings.Cut(line, " ") // the time
			got = append(got, strings.TrimSpace(line))
		}
		const of = " check=a kind=file target=a"
		const cause = ` cause="connecting to 192.0.2.1:80: connection refused"`
		want := []string{
			`level=INFO msg="check passes"` + of,
			`level=DEBUG msg="look did not pass"` + of + " outcome=fail row=1" + cause,
			`level=WARN msg="check fails"` + of + " outcome=fail" + cause,
			`level=DEBUG msg="look did not pass"` + of + " outcome=fail row=3" + cause,
			`level=INFO msg="check passes"` + of,
		}
		if !slices.Equal(got, want) {
			t.Errorf("the log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// stuck is a log that takes nothing until it is free.
type stuck struct {
	slog.Handler
	free chan struct{}
}

func (s stuck) WithAttrs(a []slog.Attr) slog.Handler { return stuck{s.Handler.WithAttrs(a), s.free} }

func (s stuck) Handle(ctx context.Context, r slog.Record) error {
	<-s.free
	return s.Handler.Handle(ctx, r)
}

// TestSlowLog: a log that is stuck loses lines, says so, and holds up no look.
func TestSlowLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, ended: make(chan error, 1), probes: map[string]checks.Probe{
			"a": &double{answer: func(_ context.Context, n int) error { return outcomes("PF")(nil, n%2) }},
		}}
		log := stuck{slog.NewTextHandler(r, nil), make(chan struct{})}
		var err error
		r.runner, err = checks.New(checks.Config{
			Checks: []checks.Check{sample("a")}, Build: r.build, Log: slog.New(log),
		})
		if err != nil {
			t.Fatal(err)
		}
		r.watch()
		r.to(2*time.Hour - time.Millisecond)
		if s := r.status("a"); s.Passed != 3600 || s.Failed != 3600 {
			t.Errorf("status %+v, want 3600 passes and failures", s)
		}
		close(log.free)
		r.to(2*time.Hour + time.Second)
		r.stop()
		lost := r.lines("records lost\" about=checks")
		written := len(r.lines("msg=\"check "))
		if len(lost) != 1 || !strings.Contains(lost[0], fmt.Sprintf("count=%d\n", 7202-written)) {
			t.Errorf("%d of 7202 lines written and %q", written, lost)
		}
	})
}

// TestStopIsNoFailure: what ends because Watch ends says nothing of the check.
func TestStopIsNoFailure(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			r, _ := start(t, sample("a"), func(ctx context.Context, n int) error {
				if n == 0 {
					return nil
				}
				return wait(ctx, time.Minute)
			})
			r.to(1200 * time.Millisecond)
			r.stop()
			r.wantTold("0s a undecided", "0s a passing")
			if s := r.status("a"); s.Failed+s.TimedOut != 0 {
				t.Errorf("status %+v after the stop", s)
			}
		})
	}
}
