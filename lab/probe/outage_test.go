// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ms is n milliseconds.
func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func TestOutages(t *testing.T) {
	tests := []struct {
		name     string
		answers  string // one probe a millisecond: . answered, x lost, s slow
		from, to int
		want     []Outage
	}{
		{"none", "....", 0, 9, nil},
		{"one", "..xxx..", 0, 9, []Outage{{Start: ms(1), End: ms(5), Lost: 3}}},
		{"two", ".x.xx.", 0, 9, []Outage{{Start: 0, End: ms(2), Lost: 1}, {Start: ms(2), End: ms(5), Lost: 2}}},
		{"slow is lost", "..s..", 0, 9, []Outage{{Start: ms(1), End: ms(3), Lost: 1}}},
		{"open", "..xx", 0, 9, []Outage{{Start: ms(1), End: ms(3), Lost: 2, Open: true}}},
		{"from the beginning", "xx..", 0, 9, []Outage{{Start: 0, End: ms(2), Lost: 2}}},
		{"window", "x..x..x", 2, 5, []Outage{{Start: ms(2), End: ms(4), Lost: 1}}},
		{"nothing", "", 0, 9, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := newTrack(0)
			for n, r := range tt.answers {
				tr.send(ms(n))
				switch r {
				case '.':
					tr.answer(uint32(n), ms(n)+1)
				case 's':
					tr.answer(uint32(n), ms(n)+patience+1)
				}
			}
			if diff := cmp.Diff(tt.want, tr.outages(ms(tt.from), ms(tt.to), 0)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGap(t *testing.T) {
	tr := newTrack(0)
	for n, r := range "..x.      ..xx" { // a blank is not asked
		if r != ' ' {
			tr.send(ms(n))
		}
		if r == '.' {
			tr.answer(uint32(tr.sent()-1), ms(n)+1)
		}
	}
	tests := []struct {
		from, to int
		want     Outage
	}{
		{0, 3, Outage{Start: ms(1), End: ms(3), Lost: 1}},
		{0, 11, Outage{Start: ms(3), End: ms(10)}},
		{10, 20, Outage{Start: ms(11), End: ms(20), Lost: 2, Open: true}},
		{20, 30, Outage{}},
	}
	for _, tt := range tests {
		if got := tr.gap(ms(tt.from), ms(tt.to)); got != tt.want {
			t.Errorf("from %d to %d: %+v, want %+v", tt.from, tt.to, got, tt.want)
		}
	}
}

func TestAnswerOnce(t *testing.T) {
	tr := newTrack(0)
	tr.send(0)
	if tr.answer(1, ms(1)) {
		t.Error("a probe that was not sent is answered")
	}
	if !tr.answer(0, ms(1)) || tr.answer(0, ms(2)) {
		t.Error("want the first answer to count and no other")
	}
}

func TestIntervals(t *testing.T) {
	var sends []time.Duration
	for n := range 30 {
		sends = append(sends, ms(n))
	}
	half := ms(1) / 2
	tests := []struct {
		name    string
		sends   []time.Duration
		answers []time.Duration
		want    []Interval
	}{
		{"none", sends, nil, nil},
		{"all", sends[:4], []time.Duration{half, ms(1) + half, ms(2) + half, ms(3) + half}, []Interval{{half, ms(3) + half}}},
		{"some lost", sends, []time.Duration{half, ms(4) + half}, []Interval{{half, ms(4) + half}}},
		{"many lost", sends, []time.Duration{half, ms(5) + half}, []Interval{{half, half}, {ms(5) + half, ms(5) + half}}},
		{"not asked", []time.Duration{0, ms(900)}, []time.Duration{half, ms(900) + half}, []Interval{{half, ms(900) + half}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, intervals(tt.sends, tt.answers, tolerance)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOverlap(t *testing.T) {
	tests := []struct {
		name     string
		from, to int
		lists    [][]Interval
		want     time.Duration
	}{
		{"apart", 0, 99, [][]Interval{{{0, ms(5)}}, {{ms(6), ms(9)}}}, 0},
		{"touching", 0, 99, [][]Interval{{{0, ms(5)}}, {{ms(5), ms(9)}}}, 0},
		{"both", 0, 99, [][]Interval{{{0, ms(5)}}, {{ms(3), ms(9)}}}, ms(2)},
		{"window", 4, 99, [][]Interval{{{0, ms(5)}}, {{ms(3), ms(9)}}}, ms(1)},
		{"twice", 0, 99, [][]Interval{{{0, ms(5)}, {ms(7), ms(9)}}, {{ms(3), ms(8)}}}, ms(3)},
		{"three count once", 0, 99, [][]Interval{{{0, ms(5)}}, {{0, ms(5)}}, {{0, ms(5)}}}, ms(5)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := overlap(ms(tt.from), ms(tt.to), tt.lists...); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
