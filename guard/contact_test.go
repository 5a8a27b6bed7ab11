// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"slices"
	"testing"
	"time"
)

func TestContact(t *testing.T) {
	zero := time.Unix(1000, 0)
	at := func(d time.Duration) time.Time { return zero.Add(d) }
	const lease = 300 * ms
	asks := func(from, to time.Duration) func(c *contact) {
		return func(c *contact) {
			for d := from; d <= to; d += 100 * ms {
				c.ask(at(d), lease)
			}
		}
	}
	answers := func(d time.Duration) func(c *contact) { return func(c *contact) { c.answer(at(d)) } }
	tests := map[string]struct {
		events          []func(c *contact)
		now             time.Duration
		answers, silent bool
	}{
		"nothing":                             {},
		"asked just now":                      {[]func(c *contact){asks(0, 0)}, 100 * ms, false, false},
		"asked once, long ago":                {[]func(c *contact){asks(0, 0)}, time.Second, false, false},
		"asked for a lease":                   {[]func(c *contact){asks(0, 300*ms)}, 310 * ms, false, true},
		"that was some time ago":              {[]func(c *contact){asks(0, 300*ms)}, 3200 * ms, false, true},
		"that was long ago":                   {[]func(c *contact){asks(0, 300*ms)}, 3400 * ms, false, false},
		"answers each time":                   {[]func(c *contact){asks(0, 0), answers(1 * ms), asks(100*ms, 100*ms)}, 150 * ms, true, false},
		"one answer is lost":                  {[]func(c *contact){answers(0), asks(100*ms, 300*ms)}, 399 * ms, true, false},
		"no answer for a lease":               {[]func(c *contact){answers(0), asks(100*ms, 400*ms)}, 401 * ms, false, true},
		"and then one":                        {[]func(c *contact){answers(0), asks(100*ms, 900*ms), answers(901 * ms)}, 902 * ms, true, false},
		"answered, and not asked for a while": {[]func(c *contact){asks(0, 0), answers(1 * ms)}, 2900 * ms, true, false},
		"answered, and not asked for long":    {[]func(c *contact){asks(0, 0), answers(1 * ms)}, 4 * time.Second, false, false},
		"the shortest lease counts":           {[]func(c *contact){func(c *contact) { c.ask(at(0), time.Minute) }, asks(0, 300*ms)}, 310 * ms, false, true},
		"a long lease takes long": {[]func(c *contact){
			func(c *contact) {
				c.answer(at(0))
				c.ask(at(time.Second), 9*time.Second)
				c.ask(at(4*time.Second), 9*time.Second)
			},
		}, 8 * time.Second, true, false},
	}
	for name, tt := range tests {
		var c contact
		for _, e := range tt.events {
			e(&c)
		}
		if a, s := c.answers(at(tt.now)), c.silent(at(tt.now)); a != tt.answers || s != tt.silent {
			t.Errorf("%s: answers %v, silent %v, want %v, %v", name, a, s, tt.answers, tt.silent)
		}
	}
}

// TestStatusFollows wants status to say who answers, soon after a partition and
// soon after its end, and nothing of who is not asked.
func TestStatusFollows(t *testing.T) {
	bubble(t, abc, func(t *testing.T, w *world) {
		w.start()
		a, b := w.nodes["a"], w.nodes["b"]
		want := func(n *node, when string, answers, silent []string) {
			t.Helper()
			s := n.status()
			for _, v := range s.Voters {
				if v.Answers != slices.Contains(answers, v.Name) || v.Silent != slices.Contains(silent, v.Name) {
					t.Errorf("%s, %s of %s: answers %v, silent %v", when, n.name, v.Name, v.Answers, v.Silent)
				}
			}
		}
		claim := func(n *node) { n.running().Claim("router web", "") }
		claim(a)
		w.pass(500 * ms)
		want(a, "granted", []string{"a", "b", "c"}, nil)
		claim(b) // which is refused
		w.pass(50 * ms)
		want(b, "refused", []string{"a", "b", "c"}, nil)
		b.running().GiveUp("router web")
		w.pass(4 * time.Second)
		want(b, "not asking", []string{"b"}, nil) // its own voter answers if it were asked

		w.isolate("a", true)
		w.pass(400 * ms)
		claim(a)
		w.pass(400 * ms)
		want(a, "cut off", []string{"a"}, []string{"b", "c"})
		if s := a.status(); s.Majority {
			t.Error("cut off, and has a majority")
		}
		want(b, "still not asking", []string{"b"}, nil)
		claim(b)
		w.pass(time.Second)
		want(b, "holding", []string{"b", "c"}, []string{"a"})
		w.isolate("a", false)
		w.pass(time.Second)
		want(a, "healed", []string{"a", "b", "c"}, nil)
		want(b, "healed", []string{"a", "b", "c"}, nil)
	})
}
