// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/track"
)

// Of random ranges, without leaves exactly the addresses and ports that only the
// first ones have.
func TestWithout(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	some := func() (list []Frontend) {
		for range 1 + random.IntN(3) {
			first, port := random.IntN(5), random.IntN(5)
			list = append(list, Frontend{
				Protocol: []Protocol{TCP, UDP}[random.IntN(2)],
				First:    netip.AddrFrom4([4]byte{192, 0, 2, byte(first)}), Last: netip.AddrFrom4([4]byte{192, 0, 2, byte(first + random.IntN(4))}),
				FirstPort: 1 + uint16(port), LastPort: 1 + uint16(port+random.IntN(4)),
			})
		}
		return list
	}
	points := func(list []Frontend) map[[3]int]bool {
		all := make(map[[3]int]bool)
		for _, f := range list {
			for a := f.First.As4()[3]; a <= f.Last.As4()[3]; a++ {
				for p := f.FirstPort; p <= f.LastPort; p++ {
					all[[3]int{int(f.Protocol), int(a), int(p)}] = true
				}
			}
		}
		return all
	}
	for range 10000 {
		a, b := some(), some()
		want := points(a)
		for p := range points(b) {
			delete(want, p)
		}
		if diff := cmp.Diff(want, points(without(a, b))); diff != "" {
			t.Fatalf("%v without %v: %s", a, b, diff)
		}
	}
	mark, any4 := Frontend{Mark: 7, Family: 4}, Frontend{Protocol: TCP, First: netip.MustParseAddr("192.0.2.1"), Last: netip.MustParseAddr("192.0.2.1")}
	port := any4
	port.FirstPort, port.LastPort = 80, 80
	for _, c := range []struct{ a, b, want []Frontend }{
		{[]Frontend{mark, any4}, []Frontend{mark}, []Frontend{any4}},
		{[]Frontend{mark}, []Frontend{{Mark: 7, Family: 6}}, []Frontend{mark}},
		{[]Frontend{any4}, []Frontend{port}, []Frontend{any4}},
		{[]Frontend{any4}, []Frontend{any4}, nil},
	} {
		if got := without(c.a, c.b); !slices.Equal(got, c.want) {
			t.Errorf("%v without %v: %v", c.a, c.b, got)
		}
	}
}

func TestQuorum(t *testing.T) {
	type step struct {
		server int
		state  track.State
		want   string
	}
	for name, c := range map[string]struct {
		weights            []int
		quorum, hysteresis int
		alpha              bool
		steps              []step
	}{
		"reached before all have a result": {[]int{1, 1, 1}, 2, 0, false, []step{{0, track.Passing, "undecided"}, {1, track.Passing, "up"}, {2, track.Failing, "up"}}},
		"all have one":                     {[]int{1, 1}, 2, 0, true, []step{{0, track.Failing, "undecided"}, {1, track.Passing, "down"}}},
		"hysteresis": {[]int{2, 1, 1, 1}, 3, 1, true, []step{
			{0, track.Passing, "undecided"},
			{1, track.Passing, "undecided"},
			{2, track.Failing, "undecided"},
			{3, track.Failing, "down"},
			{2, track.Passing, "up"},
			{2, track.Failing, "up"},
			{1, track.Failing, "up"},
			{0, track.Failing, "down"},
			{0, track.Passing, "down"},
			{1, track.Passing, "down"},
			{3, track.Passing, "up"},
		}},
		"between the thresholds at first, without alpha": {[]int{3, 1}, 3, 1, false, []step{{0, track.Passing, "undecided"}, {1, track.Failing, "up"}}},
		"nobody, whatever the hysteresis":                {[]int{1}, 1, 5, false, []step{{0, track.Failing, "down"}}},
		"no servers":                                     {nil, 1, 0, false, []step{{-1, 0, "down"}}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Service{Virtual: Virtual{Name: "web"}, Quorum: c.quorum, Hysteresis: c.hysteresis, Alpha: c.alpha}
			names := []string{"a", "b", "c", "d"}
			for i, w := range c.weights {
				cfg.Servers = append(cfg.Servers, Server{
					Name: names[i], Checks: names[i : i+1],
					Destination: Destination{Weight: w, Address: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(i))},
				})
			}
			s := newService(cfg, time.Time{})
			results := make(map[string]track.Result)
			for i, x := range c.steps {
				if x.server >= 0 {
					results[names[x.server]] = track.Result{State: x.state}
				}
				if s.judge(results, time.Time{}); quorumWord(s.quorum) != x.want {
					t.Errorf("step %d: %s, want %s (alive %d)", i+1, quorumWord(s.quorum), x.want, s.alive)
				}
			}
		})
	}
}

// An agent that comes after another changes nothing until it knows better.
func TestAdopt(t *testing.T) {
	at := func(n uint16) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), n) }
	server := func(name string, n uint16) Server {
		return Server{Name: name, Checks: []string{name}, Destination: Destination{Address: at(n), Weight: 1}}
	}
	sorry := server("sorry", 9)
	for name, c := range map[string]struct {
		alpha bool
		found []Reading
		want  map[uint16]int
	}{
		"nothing":            {false, nil, map[uint16]int{1: 1, 2: 1}},
		"nothing, alpha":     {true, nil, map[uint16]int{9: 1}},
		"strangers":          {false, []Reading{{Address: at(7), Weight: 1}}, map[uint16]int{1: 1, 2: 1}},
		"one was out":        {false, []Reading{{Address: at(1), Weight: 5}}, map[uint16]int{1: 5}},
		"alpha, one was in":  {true, []Reading{{Address: at(2), Weight: 3}}, map[uint16]int{2: 3}},
		"inhibited":          {false, []Reading{{Address: at(1), Weight: 0}, {Address: at(2), Weight: 2}}, map[uint16]int{1: 0, 2: 2}},
		"sorry server alone": {false, []Reading{{Address: at(9), Weight: 1}}, map[uint16]int{9: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(Service{Servers: []Server{server("a", 1), server("b", 2)}, Sorry: &sorry, Quorum: 1, Alpha: c.alpha}, time.Time{})
			s.judge(nil, time.Time{})
			s.adopt(c.found, time.Time{})
			got := make(map[uint16]int)
			v, _ := s.virtual(time.Time{})
			for _, d := range v.Destinations {
				got[d.Address.Port()] = d.Weight
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzJournal wants a journal that is taken to be one that can be written and taken again.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"version":1,"services":[]}`))
	f.Add([]byte(`{"version":1,"services":[{"plane":"ipvs","name":"web","frontends":[{"Protocol":6,"First":"192.0.2.1","Last":"192.0.2.9","FirstPort":80,"LastPort":81}]}]}`))
	f.Add([]byte(`{"version":1,"services":[{"plane":"ipvs","name":"web","frontends":[{"Mark":7,"Family":6}]}]}`))
	f.Add([]byte(`{"version":2,"services":null}`))
	f.Add([]byte(`{"version":1,"services":[{"plane":"ipvs","name":"web","frontends":[{"Protocol":6,"First":"192.0.2.9","Last":"192.0.2.1"}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := parseJournal(b)
		if err != nil {
			return
		}
		for _, e := range entries {
			for _, x := range e.Frontends {
				if left := without([]Frontend{x}, e.Frontends); len(left) > 0 {
					t.Errorf("%v without %v is %v", x, e.Frontends, left)
				}
			}
		}
		again, err := json.Marshal(document{journalVersion, entries})
		if err != nil {
			t.Fatal(err)
		}
		if list, err := parseJournal(again); err != nil || len(list) != len(entries) {
			t.Errorf("%s: %v", again, err)
		}
	})
}

// A journal that can't be written is told of once, and is in nobody's way.
func TestJournalCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	lines := &counter{}
	j := openJournal(filepath.Join(dir, "pools.json"), slog.New(lines))
	service := map[string]*have{"web": {frontends: []Frontend{{Mark: 1, Family: 4}}}}
	j.write(IPVS, service)
	j.write(IPVS, service)
	if lines.n != 1 {
		t.Errorf("%d lines", lines.n)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	j.write(IPVS, service)
	if got := openJournal(j.path, slog.New(lines)).on(IPVS); len(got["web"]) != 1 || lines.n != 1 {
		t.Errorf("%v, %d lines", got, lines.n)
	}
}

// counter counts lines.
type counter struct {
	slog.Handler
	n int
}

func (*counter) Enabled(context.Context, slog.Level) bool { return true }

func (c *counter) Handle(context.Context, slog.Record) error {
	c.n++
	return nil
}
