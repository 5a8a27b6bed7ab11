// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package clock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/clock"
)

func newAlarm(t *testing.T) (*clock.Clock, *clock.Alarm) {
	t.Helper()
	c, err := clock.New()
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.NewAlarm()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, a
}

// TestAlarm: it never rings before its time, and a time that has passed is now.
func TestAlarm(t *testing.T) {
	c, a := newAlarm(t)
	for _, in := range []time.Duration{0, time.Microsecond, 3 * time.Millisecond, -time.Hour} {
		at := c.Now().Add(in)
		a.Set(at)
		<-a.C()
		if now := c.Now(); now.Before(at) {
			t.Errorf("rang %v before its time", at.Sub(now))
		}
	}
}

// TestAlarmReplaced: the last Set counts.
func TestAlarmReplaced(t *testing.T) {
	c, a := newAlarm(t)
	a.Set(c.Now().Add(time.Hour))
	a.Set(c.Now())
	<-a.C()
}

// TestTimer: what TestAlarm and TestAlarmReplaced want, of a clock that is made up.
func TestTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ahead = 1000 * time.Hour
		now := func() time.Time { return time.Now().Add(ahead) }
		a := clock.NewTimer(now)
		for _, in := range []time.Duration{0, time.Microsecond, time.Hour, -time.Hour} {
			began := now()
			a.Set(began.Add(2 * time.Hour))
			a.Set(began.Add(in))
			<-a.C()
			if took := now().Sub(began); took != max(in, 0) {
				t.Errorf("rang after %v, want %v", took, in)
			}
		}
		a.Set(now().Add(time.Hour))
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Hour)
		select {
		case <-a.C():
			t.Error("rang after its end")
		default:
		}
	})
}

// TestNow: the clock goes on and begins with the present.
func TestNow(t *testing.T) {
	c, _ := newAlarm(t)
	first := c.Now()
	if second := c.Now(); second.Before(first) {
		t.Errorf("%v came after %v", second, first)
	}
	if apart := time.Since(first); apart > time.Minute || apart < -time.Minute {
		t.Errorf("the clock is %v from the wall clock", apart)
	}
}

// BenchmarkAlarm reports how late the alarm is, in microseconds.
func BenchmarkAlarm(b *testing.B) {
	c, err := clock.New()
	if err != nil {
		b.Fatal(err)
	}
	a, err := c.NewAlarm()
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	var late time.Duration
	for b.Loop() {
		at := c.Now().Add(2300 * time.Microsecond)
		a.Set(at)
		<-a.C()
		late += c.Now().Sub(at)
	}
	b.ReportMetric(float64(late.Microseconds())/float64(b.N), "us-late/op")
}
