// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
)

var _ agent.Peers = (*Fleet)(nil)

// link is a peer link that keeps what it is given.
type link struct {
	mu        sync.Mutex
	sent      map[string][]byte
	announced int
	members   map[string]Member
}

var errNoAddress = errors.New("no address is known of the node")

func (l *link) Send(to string, payload []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if to == "nobody" {
		return errNoAddress
	}
	l.sent[to] = bytes.Clone(payload)
	return nil
}

func (l *link) Announce() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.announced++
}

func (l *link) Members() []Member {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Member
	for _, m := range l.members {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// set makes a member of name, with a state.
func (l *link) set(name string, start uint64, state []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.members[name] = Member{Name: name, Address: netip.MustParseAddrPort("192.0.2.11:7946"), Start: start, State: state, Since: time.Unix(900, 0)}
}

func (l *link) gone(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.members, name)
}

// world is a fleet with its link, and what it told.
type world struct {
	*Fleet
	link *link
	logs bytes.Buffer

	mu       sync.Mutex
	messages []vip.PeerMessage
	states   [][]vip.NodeState
	heard    []string
}

// run starts a fleet of lb-1, which ends with the bubble.
func run(t *testing.T, nodes ...string) *world {
	t.Helper()
	w := &world{link: &link{sent: map[string][]byte{}, members: map[string]Member{}}}
	w.Fleet = w.build(t, nodes...)
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { _ = w.Run(ctx) })
	work.Go(func() { _ = w.Watch(ctx, w.told) })
	t.Cleanup(func() { cancel(); work.Wait() })
	synctest.Wait()
	return w
}

func (w *world) build(t *testing.T, nodes ...string) *Fleet {
	t.Helper()
	f, err := New(Config{
		Node: "lb-1", Nodes: named(nodes...), Link: w.link, Log: slog.New(slog.NewTextHandler(&w.logs, nil)),
		Heard: func(node string, report []byte) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.heard = append(w.heard, node+" "+string(report))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func named(names ...string) []Node {
	var nodes []Node
	for _, n := range names {
		nodes = append(nodes, Node{Name: n, Address: netip.MustParseAddrPort("192.0.2.99:7946"), Witness: n == "arbiter"})
	}
	return nodes
}

func (w *world) told(e vip.PeerEvent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Message != nil {
		w.messages = append(w.messages, *e.Message)
	}
	if e.States != nil {
		w.states = append(w.states, e.States)
	}
}

// want compares what was told since the last call.
func (w *world) want(t *testing.T, what string, states, heard []string) {
	t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	var got []string
	for _, all := range w.states {
		line := ""
		for _, s := range all {
			line += fmt.Sprintf("%s/%s ", s.Node, s.Version)
		}
		got = append(got, strings.TrimSpace(line))
	}
	if diff := gocmp.Diff(states, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: states (-want +got):\n%s", what, diff)
	}
	if diff := gocmp.Diff(heard, w.heard, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: reports (-want +got):\n%s", what, diff)
	}
	w.states, w.heard = nil, nil
}

// of is a state of another node.
func of(t *testing.T, version, report string) []byte {
	t.Helper()
	return stateBytes(t, document{told: true, state: vip.NodeState{Version: version, Digest: version + "-digest"}, report: []byte(report)})
}

func TestStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := run(t, "lb-1", "lb-2", "arbiter")
		w.want(t, "at first", []string{""}, nil)
		step := func(what string, do func(), states, heard []string) {
			t.Helper()
			do()
			w.Changed()
			w.want(t, what, states, heard)
		}
		step("a node joins", func() { w.link.set("lb-2", 1, nil) }, nil, nil)
		step("it tells its state", func() { w.link.set("lb-2", 1, of(t, "v1", "r1")) }, []string{"lb-2/v1"}, []string{"lb-2 r1"})
		step("nothing changes", func() {}, nil, nil)
		step("it reports anew", func() { w.link.set("lb-2", 1, of(t, "v1", "r2")) }, nil, []string{"lb-2 r2"})
		step("it changes", func() { w.link.set("lb-2", 1, of(t, "v2", "r2")) }, []string{"lb-2/v2"}, nil)
		step("it starts again", func() { w.link.set("lb-2", 2, of(t, "v2", "r2")) }, nil, []string{"lb-2 r2"})
		step("a stranger joins", func() { w.link.set("mallory", 1, of(t, "v6", "r6")) }, nil, nil)
		step("this node's name", func() { w.link.set("lb-1", 9, of(t, "v7", "r7")) }, nil, nil)
		step("a witness joins", func() { w.link.set("arbiter", 1, of(t, "v2", "")) }, []string{"arbiter/v2 lb-2/v2"}, nil)
		step("a state that can't be read", func() { w.link.set("lb-2", 2, []byte{9}) }, []string{"arbiter/v2"}, nil)
		step("a state that can be", func() { w.link.set("lb-2", 2, of(t, "v2", "r3")) }, []string{"arbiter/v2 lb-2/v2"}, []string{"lb-2 r3"})
		step("a guard alone", func() { w.link.set("lb-2", 3, stateBytes(t, document{report: []byte("r4")})) },
			[]string{"arbiter/v2"}, []string{"lb-2 r4"})
		step("the witness goes", func() { w.link.gone("arbiter") }, []string{""}, nil)
		if n := strings.Count(w.logs.String(), "witness=arbiter"); n != 1 {
			t.Errorf("said %d times that the witness is gone", n)
		}
		if n := strings.Count(w.logs.String(), "can't be read"); n != 1 || w.Dropped()["malformed"] != 1 {
			t.Errorf("said %d times, dropped %v", n, w.Dropped())
		}
	})
}

// What the configuration counts changes while the members stay.
func TestSetNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := run(t, "lb-1", "lb-2")
		w.link.set("lb-2", 1, of(t, "v1", "r1"))
		w.link.set("lb-3", 1, of(t, "v1", "r1"))
		w.Changed()
		w.want(t, "before", []string{"", "lb-2/v1"}, []string{"lb-2 r1"})
		w.SetNodes(named("lb-1", "lb-3"))
		w.want(t, "after", []string{"lb-3/v1"}, []string{"lb-3 r1"})
	})
}

// A change that nobody tells of is seen, too.
func TestLooksByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := run(t, "lb-1", "lb-2")
		w.want(t, "at first", []string{""}, nil)
		w.link.set("lb-2", 1, of(t, "v1", ""))
		time.Sleep(look)
		w.want(t, "later", []string{"lb-2/v1"}, nil)
	})
}

func TestMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := run(t, "lb-1", "lb-2")
		for _, m := range messages() {
			lie := m
			lie.From = "arbiter"
			if err := w.Send("lb-2", lie); err != nil {
				t.Fatal(err)
			}
			payload := w.link.sent["lb-2"]
			w.Received("lb-2", payload)
			clear(payload)
			synctest.Wait()
			m.From = "lb-2"
			if diff := gocmp.Diff([]vip.PeerMessage{m}, w.messages); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
			w.messages = nil
		}
		good := messageBytes(t, messages()["ask"])
		w.Received("mallory", good)
		w.Received("lb-1", good)
		w.Received("lb-2", []byte{9})
		synctest.Wait()
		if len(w.messages) > 0 {
			t.Errorf("told %+v", w.messages)
		}
		if diff := gocmp.Diff(map[string]uint64{"unknown": 2, "malformed": 1}, w.Dropped()); diff != "" {
			t.Errorf("dropped (-want +got):\n%s", diff)
		}
		if err := w.Send("nobody", messages()["ask"]); !errors.Is(err, errNoAddress) {
			t.Errorf("error is %v", err)
		}
		if err := w.Send("lb-2", vip.PeerMessage{}); !errors.Is(err, errKind) {
			t.Errorf("error is %v", err)
		}
	})
}

// Messages wait for the agent: the later of two that say the same kind of thing,
// in the order of the first, and no more than so many.
func TestInbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{link: &link{members: map[string]Member{}}}
		w.Fleet = w.build(t, "lb-1", "lb-2", "lb-3")
		ask := func(from, resource string, priority uint8) vip.PeerMessage {
			m := vip.PeerMessage{From: from, Kind: vip.AskHandover, Resource: resource, Priority: priority}
			w.Received(from, messageBytes(t, m))
			return m
		}
		ask("lb-2", "router web", 100)
		second := ask("lb-3", "router web", 101)
		ask("lb-3", "router mail", 1)
		w.SetNodes(named("lb-1", "lb-2", "lb-3"))
		first := ask("lb-2", "router web", 200)
		third := ask("lb-3", "router mail", 2)
		want := []vip.PeerMessage{first, second, third}
		for i := range maxWaiting {
			m := ask("lb-2", fmt.Sprintf("router r%d", i), 1)
			if len(want) < maxWaiting {
				want = append(want, m)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() { _ = w.Watch(ctx, w.told) })
		synctest.Wait()
		if diff := gocmp.Diff(want, w.messages); diff != "" {
			t.Errorf("messages (-want +got):\n%s", diff)
		}
		if len(w.states) > 0 || w.Dropped()["overflow"] != 3 {
			t.Errorf("states %v before Run, dropped %v", w.states, w.Dropped())
		}
		w.messages = nil
		cancel()
		work.Wait()
		ask("lb-2", "router web", 7)
		w.SetNodes(named("lb-1", "lb-3"))
		last := ask("lb-3", "router web", 8)
		ctx, cancel = context.WithCancel(t.Context())
		defer cancel()
		work.Go(func() { _ = w.Watch(ctx, w.told) })
		synctest.Wait()
		cancel()
		work.Wait()
		if diff := gocmp.Diff([]vip.PeerMessage{last}, w.messages); diff != "" {
			t.Errorf("messages of a node that is gone (-want +got):\n%s", diff)
		}
	})
}

// What this node tells is told when it has changed, and is what others read.
func TestAnnounce(t *testing.T) {
	l := &link{members: map[string]Member{}}
	f := (&world{link: l}).build(t, "lb-1")
	s := documents()["full"].state
	s.Node = "lb-1"
	resources := slices.Clone(s.Resources)
	want := func(announced int, d document) {
		t.Helper()
		got, err := parseDocument(f.State())
		d.state.Node = ""
		if err != nil || got.told != d.told || !bytes.Equal(got.report, d.report) || !sameState(got.state, d.state) {
			t.Errorf("told %+v (%v), want %+v", got, err, d)
		}
		if l.announced != announced {
			t.Errorf("announced %d times, want %d", l.announced, announced)
		}
	}
	want(0, document{})
	f.SetReport([]byte("r"))
	want(1, document{report: []byte("r")})
	f.Announce(s)
	want(2, document{told: true, state: s, report: []byte("r")})
	f.Announce(s)
	f.SetReport([]byte("r"))
	want(2, document{told: true, state: s, report: []byte("r")})
	s.Resources[0].Priority++ // the agent's own
	want(2, document{told: true, state: vip.NodeState{Version: s.Version, Digest: s.Digest, Drained: true, Resources: resources}, report: []byte("r")})
	f.Announce(s)
	want(3, document{told: true, state: s, report: []byte("r")})
}

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := run(t, "lb-1", "lb-2", "arbiter")
		full := documents()["full"].state
		w.Announce(full)
		w.link.set("lb-2", 1, stateBytes(t, document{told: true, state: full}))
		w.link.set("mallory", 1, of(t, "v6", ""))
		w.link.set("zoe", 1, nil)
		w.Changed()
		synctest.Wait()
		resources := []status.NodeResource{
			{Name: "router mail", State: "Backup", Priority: 100, Unheard: true},
			{Name: "router web", State: "Active", Priority: 254, Term: 1 << 40, Pinned: true},
			{Name: "sync group edge", State: "Initialize"},
			{Name: "something new", Priority: 1},
		}
		configured, joined, since := netip.MustParseAddrPort("192.0.2.99:7946"), netip.MustParseAddrPort("192.0.2.11:7946"), time.Unix(900, 0)
		want := []status.Node{
			{Name: "arbiter", Address: configured, Configured: true, Witness: true},
			{
				Name: "lb-1", Here: true, Address: configured, Joined: true, Configured: true, Drained: true,
				Version: "v1.2.3", Digest: "other", Resources: resources,
			},
			{
				Name: "lb-2", Address: joined, Joined: true, Since: since, Configured: true, Drained: true,
				Version: "v1.2.3", Digest: "f31d87181f067dbb", Differs: true, Resources: resources,
			},
			{Name: "mallory", Address: joined, Joined: true, Since: since, Version: "v6", Digest: "v6-digest", Differs: true},
			{Name: "zoe", Address: joined, Joined: true, Since: since},
		}
		if diff := gocmp.Diff(want, w.Status("other"), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
			t.Errorf("status (-want +got):\n%s", diff)
		}
		for _, n := range w.Status("f31d87181f067dbb") {
			if n.Name != "mallory" && n.Differs {
				t.Errorf("%s differs", n.Name)
			}
		}
	})
}

func TestNewChecks(t *testing.T) {
	for name, cfg := range map[string]Config{"no name": {Link: &link{}}, "no link": {Node: "lb-1"}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
