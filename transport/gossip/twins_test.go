// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
)

// TestRan is a start that has answered at 10 s, when it was 100 s old, and
// another that did so first at 20 s.
func TestRan(t *testing.T) {
	zero := time.Unix(1000, 0)
	at := func(seconds float64) time.Time { return zero.Add(time.Duration(seconds * float64(time.Second))) }
	age := func(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
	tests := map[string]struct {
		what   func(elder, later *ran)
		beside bool
	}{
		"nothing more":                              {func(_, _ *ran) {}, false},
		"the elder answers a later question":        {func(e, _ *ran) { e.proved(at(20.5), at(20.6), age(110.5)) }, true},
		"and one that was made before the other":    {func(e, _ *ran) { e.proved(at(19.9), at(20.6), age(110.5)) }, false},
		"the elder tells that it is older":          {func(e, _ *ran) { e.aged(at(22), age(112)) }, true},
		"that was before the other":                 {func(e, _ *ran) { e.aged(at(22), age(109.9)) }, false},
		"or maybe, by another clock":                {func(e, _ *ran) { e.aged(at(22), age(110.9)) }, false},
		"a recording that comes much later":         {func(e, _ *ran) { e.aged(at(2000), age(110.5)) }, false},
		"older than can be":                         {func(e, _ *ran) { e.aged(at(22), age(1000)); e.aged(at(2000), age(112)) }, false},
		"until it answers":                          {func(e, _ *ran) { e.aged(at(22), age(1000)); e.proved(at(23), at(23), age(113)) }, true},
		"the other answers, the elder says no word": {func(_, l *ran) { l.proved(at(30), at(30), age(10)) }, false},
	}
	for name, tt := range tests {
		var elder, later ran
		elder.proved(at(9.9), at(10), age(100))
		later.proved(at(19.8), at(20), age(0.5))
		tt.what(&elder, &later)
		if got := elder.beside(&later); got != tt.beside || later.beside(&elder) != got {
			t.Errorf("%s: %v, want %v", name, got, tt.beside)
		}
	}
	var never, once ran
	once.proved(at(1), at(2), age(1))
	if never.aged(at(3), age(2)); never.beside(&once) || !never.last.IsZero() {
		t.Error("a start that has never answered runs")
	}
}

// TestTwins wants the elder of two preferred, as long as both run.
func TestTwins(t *testing.T) {
	zero := time.Unix(1000, 0)
	var l lives
	answers := func(start uint64, seconds int, age time.Duration) (elder uint64, some bool) {
		now := zero.Add(time.Duration(seconds) * time.Second)
		l.known(start).ran.proved(now, now, age)
		return l.twins(start, now)
	}
	for i, tt := range []struct {
		start   uint64
		seconds int
		age     time.Duration
		elder   uint64
		some    bool
	}{
		{7, 1, time.Hour, 7, false},
		{3, 5, time.Second, 3, false},
		{7, 6, time.Hour, 7, true},
		{3, 6, time.Second, 7, true},
		{5, 7, 2 * time.Hour, 5, false},
		{7, 8, time.Hour, 5, true},
		{5, 9, 2 * time.Hour, 5, true}, // the eldest of three
		{3, 9, time.Second, 5, true},
		{3, 60, time.Minute, 3, false}, // the others are silent
		{4, 61, time.Hour, 4, false},
		{3, 62, time.Minute, 4, true},
	} {
		if elder, some := answers(tt.start, tt.seconds, tt.age); elder != tt.elder || some != tt.some {
			t.Errorf("%d: %d %v, want %d %v", i, elder, some, tt.elder, tt.some)
		}
	}
	now := zero.Add(62 * time.Second)
	for start, want := range map[uint64]bool{3: true, 4: false, 5: false, 7: false} {
		if l.later(start, now) != want {
			t.Errorf("%d is the later of two: want %v", start, want)
		}
	}
	p := peer{lives: l}
	if got := p.notices(now); len(got) != 1 || got[0].later != 3 || got[0].elder != 4 {
		t.Errorf("told %+v", got)
	}
	if got := p.notices(now.Add(routine - 1)); len(got) != 0 {
		t.Errorf("told again %+v", got)
	}
}

func TestNotice(t *testing.T) {
	want := notice{1, 1 << 63, time.Hour}
	if got, err := parseNotice(want.bytes()); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, b := range [][]byte{nil, want.bytes()[1:], append(want.bytes(), 0), bytes.Repeat([]byte{0xff}, 24)} {
		if _, err := parseNotice(b); err == nil {
			t.Errorf("%x is taken", b)
		}
	}
}

func FuzzParseNotice(f *testing.F) {
	f.Add(notice{1, 2, time.Hour}.bytes())
	f.Add(bytes.Repeat([]byte{0xff}, 24))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := parseNotice(b); err == nil && (n.age < 0 || !bytes.Equal(n.bytes(), b)) {
			t.Errorf("%x is %+v", b, n)
		}
	})
}

// lan is one address that several nodes have: what is sent there goes to one.
type lan struct {
	conn *net.UDPConn
	mu   sync.Mutex
	to   netip.AddrPort
}

func newLan(t *testing.T) *lan {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback.AsSlice()})
	labtest.OK(t, err)
	s := &lan{conn: conn}
	var reader sync.WaitGroup
	reader.Go(func() {
		buf := make([]byte, maxPacket)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			to := s.to
			s.mu.Unlock()
			if to.IsValid() {
				_, _ = conn.WriteToUDPAddrPort(buf[:n], to)
			}
		}
	})
	t.Cleanup(func() {
		conn.Close()
		reader.Wait()
	})
	return s
}

func (s *lan) address() netip.AddrPort { return s.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (s *lan) leadTo(n *node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = netip.MustParseAddrPort(n.address())
}

// at makes a node that has the address, and can reach all others.
func (s *lan) at(t *testing.T, name string, others ...*node) *node {
	t.Helper()
	n := newNode(t, name, func(c *Config) { c.Advertise = s.address() })
	var peers []Peer
	for _, o := range others {
		peers = append(peers, Peer{o.name, []string{o.address()}})
	}
	labtest.OK(t, n.SetPeers(peers))
	return n
}

// TestClone starts a node with the name and the address of another, to which
// nothing that the peer sends comes any more. The clone must end, not the other.
func TestClone(t *testing.T) {
	a, line := newNode(t, "lb-1", nil), newLan(t)
	labtest.OK(t, a.SetPeers([]Peer{{"lb-2", []string{line.address().String()}}}))
	b := line.at(t, "lb-2", a)
	b.born = b.born.Add(-time.Minute)
	line.leadTo(b)
	a.run(t)
	b.run(t)
	wantMessages(t, "one", a, b)
	clone := line.at(t, "lb-2", a)
	line.leadTo(clone)
	clone.run(t)
	select {
	case <-clone.ended:
	case <-time.After(patience):
		t.Fatalf("the clone goes on:\n%s", a.log.buf.String())
	}
	var d *DuplicateError
	if !errors.As(clone.result, &d) || d.Start != b.Start() || d.By != "lb-1" || d.Age < time.Minute {
		t.Fatalf("the clone ended with %v", clone.result)
	}
	line.leadTo(b)
	wantMessages(t, "two", a, b)
	select {
	case <-b.ended:
		t.Fatalf("the node that was there before has ended: %v", b.result)
	default:
	}
	if a.log.count("two nodes have one name") == 0 || a.Stats().Duplicate == 0 {
		t.Errorf("nothing is said, or counted: %+v", a.Stats())
	}
}

// TestStoppedByNoRecording starts a node again, and sends what its former start
// had sent last, which nobody has got before.
func TestStoppedByNoRecording(t *testing.T) {
	a := newNode(t, "lb-1", nil)
	line, in := newLan(t), newTap(t, a)
	labtest.OK(t, a.SetPeers([]Peer{{"lb-2", []string{line.address().String()}}}))
	start := func() *node {
		n := line.at(t, "lb-2", a)
		labtest.OK(t, n.SetPeers([]Peer{{"lb-1", []string{in.address()}}}))
		line.leadTo(n)
		n.run(t)
		return n
	}
	a.run(t)
	b := start()
	labtest.Eventually(t, patience, "up", func() bool { return b.Send("lb-1", Agent, []byte("up")) == nil && a.received("lb-2: up") > 0 })
	in.withhold(true)
	from := in.count()
	labtest.Eventually(t, patience, "messages are withheld", func() bool {
		return b.Send("lb-1", Agent, []byte("withheld")) == nil && in.count() > from+100 && in.questions(t, a, from) >= 3
	})
	b.end()
	again := start()
	in.withhold(false)
	last := func() time.Time {
		a.Link.mu.Lock()
		defer a.Link.mu.Unlock()
		return a.peers["lb-2"].lives.known(again.Start()).ran.last
	}
	for range 4 { // with answers of the new one between
		before := last()
		in.play(t)
		labtest.Eventually(t, patience, "it answers", func() bool { return last().After(before) })
	}
	select {
	case <-again.ended:
		t.Fatalf("it has ended: %v", again.result)
	default:
	}
	if n := a.Stats().Duplicate; n != 0 {
		t.Errorf("%d signs of two nodes with one name", n)
	}
}

// questions counts the recorded ones.
func (p *tap) questions(t *testing.T, to *node, from int) int {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(p.recorded[from:]), func(d Datagram) bool {
		plain, err := (*to.ciphers.Load()).unpack(nil, d.Data, "test")
		labtest.OK(t, err)
		b, ok := message(plain)
		f, err := parseFrame(b)
		return !ok || err != nil || f.kind != kindProve
	}))
}
