// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
)

const patience = 20 * time.Second

// node is a link in a test, and what it received.
type node struct {
	*Link
	name string
	log  *syncBuffer

	mu     sync.Mutex
	got    map[string]int
	state  string
	stop   context.CancelFunc
	ended  chan struct{}
	result error
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) count(s string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.buf.String(), s)
}

var loopback = netip.MustParseAddr("127.0.0.1")

func key(b byte) []byte { return bytes.Repeat([]byte{b}, keyBytes) }

// newNode makes a link that does not run yet.
func newNode(t testing.TB, name string, change func(*Config)) *node {
	t.Helper()
	n := &node{name: name, got: map[string]int{}, log: &syncBuffer{}, state: "state of " + name, ended: make(chan struct{})}
	cfg := Config{
		Node: name, Cluster: "test", Bind: []netip.Addr{loopback}, Keys: [][]byte{key(1)},
		Log: slog.New(slog.NewTextHandler(n.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		State: func() []byte {
			n.mu.Lock()
			defer n.mu.Unlock()
			return []byte(n.state)
		},
		Received: func(from string, _ Channel, payload []byte) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.got[from+": "+string(payload)]++
		},
	}
	if change != nil {
		change(&cfg)
	}
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.Link = l
	return n
}

// run runs the link until the end of the test.
func (n *node) run(t testing.TB) {
	ctx, cancel := context.WithCancel(context.Background())
	n.stop = cancel
	go func() {
		defer close(n.ended)
		n.result = n.Run(ctx)
	}()
	t.Cleanup(n.end)
}

func (n *node) end() {
	n.stop()
	<-n.ended
}

func (n *node) address() string {
	return netip.AddrPortFrom(n.cfg.Bind[0], n.Port()).String()
}

func (n *node) received(s string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.got[s]
}

func (n *node) member(name string) Member {
	for _, m := range n.Members() {
		if m.Name == name {
			return m
		}
	}
	return Member{}
}

// meet makes nodes each other's configured peers.
func meet(t testing.TB, nodes ...*node) {
	t.Helper()
	var peers []Peer
	for _, n := range nodes {
		peers = append(peers, Peer{n.name, []string{n.address()}})
	}
	for _, n := range nodes {
		labtest.OK(t, n.SetPeers(peers))
	}
}

// wantMessages sends from each to each until it is there.
func wantMessages(t testing.TB, text string, nodes ...*node) {
	t.Helper()
	for _, a := range nodes {
		for _, b := range nodes {
			if a == b {
				continue
			}
			labtest.Eventually(t, patience, a.name+" to "+b.name, func() bool {
				if err := a.Send(b.name, Agent, []byte(text)); err != nil && !errors.Is(err, ErrNotRunning) {
					t.Fatal(err)
				}
				return b.received(a.name+": "+text) > 0
			})
		}
	}
}

func wantMembers(t testing.TB, nodes ...*node) {
	t.Helper()
	for _, a := range nodes {
		for _, b := range nodes {
			if a == b {
				continue
			}
			labtest.Eventually(t, patience, a.name+" knows the state of "+b.name, func() bool {
				m := a.member(b.name)
				b.mu.Lock()
				defer b.mu.Unlock()
				return m.Configured && m.Start == b.Start() && string(m.State) == b.state
			})
		}
	}
}

func TestLink(t *testing.T) {
	a, b, c := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil), newNode(t, "lb-3", nil)
	meet(t, a, b, c)
	for _, n := range []*node{a, b, c} {
		n.run(t)
	}
	wantMessages(t, "hello", a, b, c)
	wantMembers(t, a, b, c)

	a.mu.Lock()
	a.state = strings.Repeat("x", 20000)
	a.mu.Unlock()
	a.Announce()
	wantMembers(t, a, b, c)

	long := strings.Repeat("y", MaxPayload)
	wantMessages(t, long, a, b)
	if err := a.Send("lb-2", Agent, []byte(long+"y")); !errors.Is(err, ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
	if err := a.Send("lb-9", Agent, nil); !errors.Is(err, ErrNoAddress) {
		t.Errorf("nobody: %v", err)
	}

	c.end()
	if c.result != nil {
		t.Errorf("the end: %v", c.result)
	}
	labtest.Eventually(t, patience, "lb-3 gone", func() bool { return a.member("lb-3").Name == "" })
	if err := c.Send("lb-1", Agent, nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after the end: %v", err)
	}
}

// TestRestart wants the new start known and its messages taken, and those of
// the old one played back refused.
func TestRestart(t *testing.T) {
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil)
	meet(t, a, b)
	a.run(t)
	b.run(t)
	wantMessages(t, "one", a, b)
	wantMembers(t, a, b)
	old := frame{kind: kindDirect, channel: Agent, start: b.Start(), number: 1, from: []byte("lb-2"), to: []byte("lb-1"), payload: []byte("old")}
	b.end()

	again := newNode(t, "lb-2", nil)
	meet(t, a, again)
	again.run(t)
	wantMessages(t, "two", a, again)
	wantMembers(t, a, again)
	before := a.Stats().Repeated
	(*delegate)(a.Link).NotifyMsg(old.append(nil))
	if a.received("lb-2: old") != 0 || a.Stats().Repeated != before+1 {
		t.Errorf("a recording of the former start was taken: %+v", a.Stats())
	}
}

func TestWrongKey(t *testing.T) {
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", func(c *Config) { c.Keys = [][]byte{key(2)} })
	meet(t, a, b)
	a.run(t)
	b.run(t)
	labtest.Eventually(t, patience, "refusals", func() bool {
		if err := b.Send("lb-1", Agent, []byte("psst")); err != nil && !errors.Is(err, ErrNotRunning) {
			t.Fatal(err)
		}
		return a.Stats().WrongKey > 5
	})
	if n := a.log.count("none of our keys"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, a.log.buf.String())
	}
	if len(a.Members()) != 0 || a.received("lb-2: psst") != 0 {
		t.Error("a node with another key was let in")
	}
	wantTrouble(t, a, TroubleKey, "127.0.0.1")
}

func TestWrongCluster(t *testing.T) {
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", func(c *Config) { c.Cluster = "other" })
	meet(t, a, b)
	a.run(t)
	b.run(t)
	labtest.Eventually(t, patience, "refusals", func() bool {
		if err := b.Send("lb-1", Agent, []byte("psst")); err != nil && !errors.Is(err, ErrNotRunning) {
			t.Fatal(err)
		}
		return a.Stats().WrongCluster > 5
	})
	wantTrouble(t, a, TroubleCluster, "127.0.0.1")
	if n := a.log.count("of another cluster"); n != 1 || a.received("lb-2: psst") != 0 {
		t.Errorf("said %d times, want once", n)
	}
}

// TestStranger has the key, and is not in the configuration of lb-1.
func TestStranger(t *testing.T) {
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil)
	labtest.OK(t, b.SetPeers([]Peer{{"lb-1", []string{a.address()}}}))
	a.run(t)
	b.run(t)
	labtest.Eventually(t, patience, "lb-2 seen, its messages counted", func() bool {
		if err := b.Send("lb-1", Agent, []byte("psst")); err != nil && !errors.Is(err, ErrNotRunning) {
			t.Fatal(err)
		}
		return a.member("lb-2").Name != "" && a.Stats().Unknown > 3
	})
	if m := a.member("lb-2"); m.Configured || m.State != nil || a.received("lb-2: psst") != 0 {
		t.Errorf("%+v", m)
	}
	if n := a.log.count("not configured dropped"); n != 1 {
		t.Errorf("said %d times, want once", n)
	}
}

// TestDuplicateName wants the later of two nodes with one name to stop.
func TestDuplicateName(t *testing.T) {
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil)
	meet(t, a, b)
	a.born = a.born.Add(-time.Minute)
	a.run(t)
	b.run(t)
	wantMembers(t, a, b)

	second := newNode(t, "lb-1", nil)
	labtest.OK(t, second.SetPeers([]Peer{{"lb-2", []string{b.address()}}}))
	second.run(t)
	select {
	case <-second.ended:
	case <-time.After(patience):
		t.Fatal("the second lb-1 goes on")
	}
	var d *DuplicateError
	if !errors.As(second.result, &d) || d.Start != a.Start() || d.Addr.String() != a.address() {
		t.Fatalf("the second lb-1 ended with %v", second.result)
	}
	select {
	case <-a.ended:
		t.Fatalf("the first lb-1 ended: %v", a.result)
	default:
	}
	wantMessages(t, "still here", a, b)
	wantTrouble(t, a, TroubleName, "lb-1")
}

// wantTrouble wants a trouble to be told, alone of its kind.
func wantTrouble(t *testing.T, n *node, kind, from string) {
	t.Helper()
	some := slices.DeleteFunc(n.Troubles(), func(o Trouble) bool { return o.Kind != kind })
	if len(some) != 1 || some[0].From != from {
		t.Errorf("troubles of %s: %+v, want one from %s", kind, some, from)
	}
}

// TestTwoAddresses wants the copies of a message taken for what they are, and one
// more for a recording.
func TestTwoAddresses(t *testing.T) {
	both := func(c *Config) { c.Bind = []netip.Addr{loopback, netip.IPv6Loopback()} }
	a, b := newNode(t, "lb-1", both), newNode(t, "lb-2", both)
	at := func(n *node) []string {
		return []string{n.address(), netip.AddrPortFrom(netip.IPv6Loopback(), n.Port()).String()}
	}
	line := newTap(t, a)
	labtest.OK(t, a.SetPeers([]Peer{{"lb-2", at(b)}}))
	labtest.OK(t, b.SetPeers([]Peer{{"lb-1", append(at(a)[1:], line.address())}}))
	a.run(t)
	b.run(t)
	wantMessages(t, "up", a, b)
	for range 100 {
		labtest.OK(t, b.Send("lb-1", Agent, []byte("twice")))
	}
	sealed, err := b.Seal("lb-1", Agent, []byte("sealed"))
	labtest.OK(t, err)
	send := plainSocket(t)
	for _, d := range sealed {
		send(d)
	}
	labtest.Eventually(t, patience, "all are there", func() bool {
		return a.received("lb-2: twice") == 100 && a.received("lb-2: sealed") == 1
	})
	if n := a.Stats().Repeated + b.Stats().Repeated; n != 0 || a.log.count("dropped") != 0 {
		t.Errorf("%d copies are taken for recordings", n)
	}
	line.play(t)
	labtest.Eventually(t, patience, "recordings are counted", func() bool { return a.Stats().Repeated >= 50 })
}

// TestRotate changes the key in three steps on all nodes while messages flow.
func TestRotate(t *testing.T) {
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil)
	meet(t, a, b)
	a.run(t)
	b.run(t)
	wantMessages(t, "before", a, b)
	wantMembers(t, a, b)
	sent := 0
	// exchange sends one message each way and wants them there: none is repeated.
	exchange := func() {
		t.Helper()
		for range 20 {
			text := fmt.Sprintf("message %d", sent)
			sent++
			labtest.OK(t, a.Send("lb-2", Agent, []byte(text)))
			labtest.OK(t, b.Send("lb-1", Agent, []byte(text)))
			labtest.Eventually(t, patience, text, func() bool {
				return b.received("lb-1: "+text) == 1 && a.received("lb-2: "+text) == 1
			})
		}
	}
	for _, keys := range [][][]byte{{key(1), key(2)}, {key(2), key(1)}, {key(2)}} {
		for _, n := range []*node{a, b} {
			labtest.OK(t, n.Rotate(keys))
			exchange()
		}
	}
	if n := a.Stats().WrongKey + b.Stats().WrongKey; n != 0 {
		t.Errorf("%d messages refused", n)
	}
	late := newNode(t, "lb-3", nil) // still with the old key
	meet(t, a, b, late)
	late.run(t)
	labtest.Eventually(t, patience, "the old key refused", func() bool { return a.Stats().WrongKey > 0 })
}

// TestRing wants exactly the given keys after any rotation.
func TestRing(t *testing.T) {
	n := newNode(t, "lb-1", nil)
	t.Cleanup(func() { n.Close() })
	for _, want := range []string{"1", "12", "123", "13", "31", "3", "4321", "41", "14", "2"} {
		var keys [][]byte
		for _, c := range want {
			keys = append(keys, key(byte(c-'0')))
		}
		labtest.OK(t, n.Rotate(keys))
		got := n.ring.GetKeys()
		if len(got) != len(keys) || !bytes.Equal(got[0], keys[0]) {
			t.Errorf("%s: ring of %d, first %d", want, len(got), got[0][0])
		}
		for _, k := range keys {
			if !bytes.Contains(bytes.Join(got, nil), k) {
				t.Errorf("%s: key %d is gone", want, k[0])
			}
		}
	}
	if err := n.Rotate(nil); !errors.Is(err, ErrNoKeys) {
		t.Errorf("no keys: %v", err)
	}
	if k, ok := parseKey(GenerateKey()); !ok || base64.StdEncoding.EncodeToString(k) == GenerateKey() {
		t.Error("GenerateKey")
	}
}

// TestReach wants a message through before any membership: the peer's
// configuration does not join back.
func TestReach(t *testing.T) {
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil)
	meet(t, a, b)
	for _, p := range a.peers { // never tried
		p.trying = true
	}
	for _, p := range b.peers {
		p.trying = true
	}
	a.run(t)
	b.run(t)
	wantMessages(t, "direct", a, b)
	if len(a.Members()) != 0 {
		t.Error("joined: this shows nothing")
	}
}

// TestNothingOutlives wants all goroutines gone soon after Run.
func TestNothingOutlives(t *testing.T) {
	before := runtime.NumGoroutine()
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil)
	meet(t, a, b)
	a.run(t)
	b.run(t)
	wantMembers(t, a, b)
	a.end()
	b.end()
	labtest.Eventually(t, patience, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}
