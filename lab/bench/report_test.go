// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata anew")

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func TestQuantiles(t *testing.T) {
	tests := []struct {
		name        string
		values      []time.Duration
		median, p90 time.Duration
	}{
		{"none", nil, 0, 0},
		{"one", []time.Duration{ms(7)}, ms(7), ms(7)},
		{"two", []time.Duration{ms(9), ms(7)}, ms(8), ms(9)},
		{"three", []time.Duration{ms(9), ms(7), ms(8)}, ms(8), ms(9)},
		{"ten", []time.Duration{ms(10), ms(9), ms(8), ms(7), ms(6), ms(5), ms(4), ms(3), ms(2), ms(1)}, ms(11) / 2, ms(9)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := median(tt.values); got != tt.median {
				t.Errorf("median %v, want %v", got, tt.median)
			}
			if got := quantile(tt.values, 0.9); got != tt.p90 {
				t.Errorf("p90 %v, want %v", got, tt.p90)
			}
		})
	}
}

func TestReport(t *testing.T) {
	r := results{
		Versions: map[string]string{"vicar": "vicar 1", "keepalived": "Keepalived v2", "kernel": "6", "processors": "2"},
		Failovers: []failover{
			{Mode: "cut", Interval: ms(100), Side: "keepalived", Outage: ms(350)},
			{Mode: "cut", Interval: ms(100), Side: "vicar", Outage: ms(340), Dual: ms(5), Control: ms(1)},
			{Mode: "cut", Interval: ms(100), Side: "keepalived", Run: 1, Outage: ms(360), Dual: ms(9), DualOpen: true},
			{Mode: "cut", Interval: ms(100), Side: "vicar", Run: 1, Outage: ms(350), Open: true},
		},
		Loads: []load{{Interval: ms(10), Side: "vicar", Active: usage{CPU: 0.5, RSS: 2e7}, Backup: usage{CPU: 0.25, RSS: 1e7}, False: 3}},
		Moves: []addressMove{{Side: "vicar", Answered: 2001, First: ms(300), Last: ms(400)}},
		Guards: []guardMove{
			{failover: failover{Mode: "cut", Interval: ms(100), Side: sideVicar, Outage: ms(340)}},
			{failover: failover{Mode: "cut", Interval: ms(100), Side: sideGuarded, Outage: ms(346)}},
			{failover: failover{Mode: "kill the agent", Interval: ms(100), Side: sideGuarded, Outage: ms(90)}},
			{failover: failover{Mode: "stop", Interval: ms(100), Side: sideGuarded, Outage: ms(2), Control: ms(1)}, Gone: -ms(1)},
			{failover: failover{Mode: "freeze", Interval: ms(100), Side: sideKeepalived, Open: true}, Gone: ms(1500), Two: true},
			{failover: failover{Mode: "stop", Interval: ms(100), Side: sideGuarded, Run: 1, Outage: ms(4)}, Gone: ms(1)},
		},
		GuardLoads: []guardLoad{
			{load: load{Interval: ms(100), Side: sideVicar, Active: usage{CPU: 0.4, RSS: 2e7, Own: 1e7}, Backup: usage{CPU: 0.1, RSS: 2e7}}},
			{
				load:    load{Interval: ms(100), Side: sideGuarded, Active: usage{CPU: 0.5, RSS: 2e7, Own: 1e7}, Backup: usage{CPU: 0.25}, Witness: usage{CPU: 0.1, RSS: 1e7}},
				Packets: 60, HolderPackets: 40,
			},
		},
		Pools: poolResults{
			Guest:  "6",
			Planes: []poolPlane{{Plane: "nftables", Program: ms(120), Removals: []time.Duration{ms(1), ms(12), ms(2)}, Same: ms(3), Added: ms(5), Repaired: ms(1800)}},
			Starts: []poolStart{
				{Plane: "ipvs", Side: sideKeepalived, All: ms(300), Added: ms(100), Use: usage{CPU: 0.25, RSS: 1e7}},
				{Plane: "ipvs", Side: sideVicar, All: ms(200), Added: ms(50), Use: usage{CPU: 0.125, RSS: 2e7}},
			},
			Failures: []poolFailure{
				{Plane: "nftables", Side: sideVicar, Last: ms(150)},
				{Plane: "nftables", Side: sideVicar, Last: ms(190)},
				{Plane: "ipvs", Side: sideKeepalived, Last: ms(260)},
			},
			Failovers: []poolFailover{{Plane: "ipvs", Mode: "cut", Outage: ms(310), Open: true}, {Plane: "ipvs", Mode: "cut", Outage: ms(330)}},
		},
	}
	var b strings.Builder
	r.report(&b)
	const golden = "testdata/report.md"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"-runs", "3", "-modes", "cut,kill", "-intervals", "10ms", "-only", "load"})
	if err != nil || o.runs != 3 || len(o.modes) != 2 || len(o.intervals) != 1 || o.parts[0] != partLoad {
		t.Errorf("%+v, %v", o, err)
	}
	for _, args := range [][]string{{"-modes", "x"}, {"-only", "x"}, {"-intervals", "1"}, {"-intervals", "1ms"}, {"-runs", "0"}, {"x"}, {"-guard-modes", "x"}, {"-guard-probe", "0"}, {"-pool-parts", "x"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
