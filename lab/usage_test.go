// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package lab

import "testing"

func TestParseStat(t *testing.T) {
	text := "12 (a ) b) S 1 11 12 0 -1 4194304 100 0 0 0 7 5 0 0 20 0 1 0 100 1000 25 18446744073709551615 1"
	got, err := parseStat([]byte(text))
	if want := (stat{pid: 12, group: 11, ticks: 12, pages: 25}); got != want || err != nil {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestParseStatm(t *testing.T) {
	if there, shared := parseStatm([]byte("8000 250 90 40 0 60 0\n")); there != 250 || shared != 90 {
		t.Errorf("%d pages, %d of them shared, want 250 and 90", there, shared)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("12 (a ) b) S 1 11 12 0 -1 4194304 100 0 0 0 7 5 0 0 20 0 1 0 100 1000 25 18446744073709551615 1"))
	f.Add([]byte(")"))
	f.Add([]byte("1 () S 1 2"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = parseStat(b) })
}
