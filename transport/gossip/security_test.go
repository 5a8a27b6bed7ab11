// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// tap stands between a sender and a receiver, and records what passes.
type tap struct {
	conn *net.UDPConn
	to   netip.AddrPort

	mu       sync.Mutex
	recorded []Datagram
	holds    bool // what comes is not sent on
}

func newTap(t *testing.T, to *node) *tap {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback.AsSlice()})
	labtest.OK(t, err)
	p := &tap{conn: conn, to: netip.MustParseAddrPort(to.address())}
	var reader sync.WaitGroup
	reader.Go(func() {
		buf := make([]byte, maxPacket)
		for {
			n, _, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			d := Datagram{p.to, bytes.Clone(buf[:n])}
			p.mu.Lock()
			p.recorded = append(p.recorded, d)
			holds := p.holds
			p.mu.Unlock()
			if !holds {
				_, _ = conn.WriteToUDPAddrPort(d.Data, p.to)
			}
		}
	})
	t.Cleanup(func() {
		conn.Close()
		reader.Wait()
	})
	return p
}

func (p *tap) address() string { return p.conn.LocalAddr().String() }

func (p *tap) withhold(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holds = on
}

func (p *tap) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.recorded)
}

func (p *tap) play(t *testing.T) {
	t.Helper()
	send := plainSocket(t)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.recorded {
		send(d)
	}
}

// TestRecording plays back all that a node has sent: while it runs, after it has
// started again, and after the receiver has. Nothing is taken, it is counted, and
// said once.
func TestRecording(t *testing.T) {
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil)
	meet(t, a, b)
	line := newTap(t, a)
	labtest.OK(t, b.SetPeers([]Peer{{"lb-1", []string{line.address()}}}))
	a.run(t)
	b.run(t)
	wantMessages(t, "up", b)
	labtest.Eventually(t, patience, "up", func() bool {
		return b.Send("lb-1", Agent, []byte("up")) == nil && a.received("lb-2: up") > 0
	})
	for range 5 {
		labtest.OK(t, b.Send("lb-1", Agent, []byte("recorded")))
	}
	labtest.Eventually(t, patience, "recorded", func() bool { return a.received("lb-2: recorded") == 5 })

	before := a.Stats()
	line.play(t)
	labtest.Eventually(t, patience, "counted", func() bool { return a.Stats().Repeated >= before.Repeated+5 })
	if n := a.log.count("recorded and sent again"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, a.log.buf.String())
	}

	b.end()
	b = newNode(t, "lb-2", nil)
	labtest.OK(t, a.SetPeers([]Peer{{"lb-2", []string{b.address()}}}))
	labtest.OK(t, b.SetPeers([]Peer{{"lb-1", []string{a.address()}}}))
	b.run(t)
	wantMessages(t, "again", a, b)
	before = a.Stats()
	line.play(t)
	labtest.Eventually(t, patience, "counted", func() bool { return a.Stats().Repeated >= before.Repeated+5 })

	// Now who hears the recording has never heard of lb-2.
	at := a.Port()
	a.end()
	fresh := newNode(t, "lb-1", func(c *Config) { c.Port = at })
	labtest.OK(t, fresh.SetPeers([]Peer{{"lb-2", []string{b.address()}}}))
	fresh.run(t)
	labtest.Eventually(t, patience, "running", func() bool { return fresh.Send("lb-2", Agent, nil) == nil })
	line.play(t)
	labtest.Eventually(t, patience, "counted", func() bool { return fresh.Stats().Unproven >= 5 })
	wantMessages(t, "still there", fresh, b)
	line.play(t)
	labtest.Eventually(t, patience, "said", func() bool { return fresh.log.count("messages of another start of a peer were dropped") == 1 })
	wantMessages(t, "and now", fresh, b)
	for _, n := range []*node{a, fresh} {
		if got := n.received("lb-2: recorded"); n == fresh && got != 0 || got > 5 {
			t.Errorf("recorded messages were taken: %d", got)
		}
		if n.Stats().Duplicate != 0 {
			t.Errorf("a recording is taken for a second node: %+v", n.Stats())
		}
	}
}

// TestForgedName is a member that sends in the names of others. It can't take
// this node's or that of one which is not configured. With the key, it can say to
// be another member; what it can't do is to prove a start, since the question
// goes to that member's address.
func TestForgedName(t *testing.T) {
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil)
	meet(t, a, b)
	adverts := openAdverts(t, a, 4)
	a.run(t)
	b.run(t)
	wantMessages(t, "up", a, b)
	send := plainSocket(t)
	forge := func(f frame) {
		f.channel, f.to, f.number = Advert, []byte("lb-1"), max(f.number, 1<<20)
		f.payload = appendAdvert(beginAdverts(nil, 4), []byte{0x31, 1, 255, 1, 0, 1, 0, 0})
		send(Datagram{netip.MustParseAddrPort(a.address()), (*b.ciphers.Load()).pack(nil, "test", &f)})
	}
	for _, tt := range []struct {
		name  string
		frame frame
		count func(Stats) uint64
	}{
		{"this node", frame{kind: kindDirect, start: 7, from: []byte("lb-1")}, func(s Stats) uint64 { return s.Unknown }},
		{"not configured", frame{kind: kindDirect, start: 7, from: []byte("lb-9")}, func(s Stats) uint64 { return s.Unknown }},
		{"another member, a start of its own", frame{kind: kindDirect, start: 7, from: []byte("lb-2")}, func(s Stats) uint64 { return s.Unproven }},
		{"another member, sealed", frame{kind: kindSealed, start: 7, from: []byte("lb-2")}, func(s Stats) uint64 { return s.Unproven }},
		{"an answer to no question", frame{kind: kindProof, start: 7, from: []byte("lb-2")}, func(s Stats) uint64 { return s.Malformed }},
	} {
		before := tt.count(a.Stats())
		forge(tt.frame)
		labtest.Eventually(t, patience, tt.name, func() bool { return tt.count(a.Stats()) > before })
	}
	wantMessages(t, "still", a, b)
	if got := adverts.got(); len(got) != 0 {
		t.Errorf("forged adverts were taken: %v", got)
	}
	// Who knows the start, which stands in each message that a member gets, is
	// believed: members trust each other.
	forge(frame{kind: kindDirect, start: b.Start(), from: []byte("lb-2")})
	labtest.Eventually(t, patience, "believed", func() bool { return len(adverts.got()) == 1 })
	if p := adverts.got()[0]; p.Src != vip.NodeAddress("lb-2", 4) || p.TTL != wire.TTL {
		t.Errorf("%+v", p)
	}
}

// TestTwoRun wants two nodes with one name that both answer to be noticed by
// a third.
func TestTwoRun(t *testing.T) {
	a, b, c := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil), newNode(t, "lb-2", nil)
	for _, p := range []*node{b, c} {
		labtest.OK(t, p.SetPeers([]Peer{{"lb-1", []string{a.address()}}}))
	}
	labtest.OK(t, a.SetPeers([]Peer{{"lb-2", []string{b.address(), c.address()}}}))
	a.run(t)
	b.run(t)
	c.run(t)
	noticed := func() bool { return a.Stats().Duplicate > 0 }
	labtest.Eventually(t, patience, "two nodes with one name", func() bool {
		for _, n := range []*node{b, c} {
			if err := n.Send("lb-1", Agent, []byte("me")); err != nil && !errors.Is(err, ErrNotRunning) {
				t.Fatal(err)
			}
		}
		return noticed()
	})
}

// TestUnknownChannel wants a message on a channel of a later version dropped and
// counted.
func TestUnknownChannel(t *testing.T) {
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil)
	meet(t, a, b)
	a.run(t)
	b.run(t)
	wantMessages(t, "up", a, b)
	labtest.OK(t, b.Send("lb-1", Channel(200), []byte("from the future")))
	labtest.Eventually(t, patience, "counted", func() bool { return a.Stats().Unhandled == 1 })
	labtest.OK(t, b.Send("lb-1", Advert, []byte("no adverts")))
	labtest.Eventually(t, patience, "counted", func() bool { return a.Stats().Malformed == 1 })
	if a.received("lb-2: from the future") != 0 {
		t.Error("handed on")
	}
}

// TestGarbage wants what has no key to end before memberlist, counted, and said
// once per address.
func TestGarbage(t *testing.T) {
	a := newNode(t, "lb-1", nil)
	a.run(t)
	send := plainSocket(t)
	const count = 200
	to := netip.MustParseAddrPort(a.address())
	for i := range count {
		send(Datagram{to, bytes.Repeat([]byte{byte(i)}, i+1)})
		send(Datagram{to, append([]byte{packetLabel, 4, 't', 'e', 's', 't', packetVersion}, make([]byte, i)...)})
		if i%50 == 49 {
			labtest.Eventually(t, patience, "counted", func() bool {
				s := a.Stats()
				return s.WrongCluster == uint64(i+1) && s.WrongKey == uint64(i+1)
			})
		}
	}
	if n := a.log.count("peer refused"); n != 2 {
		t.Errorf("said %d times, want once each:\n%s", n, a.log.buf.String())
	}
	select {
	case <-a.ended:
		t.Error(a.result)
	case <-time.After(0):
	}
}

// TestPortLookedAt wants a monitor that looks whether the port is open to be
// taken for no peer.
func TestPortLookedAt(t *testing.T) {
	a := newNode(t, "lb-1", nil)
	a.run(t)
	labtest.Eventually(t, patience, "seen", func() bool {
		conn, err := net.Dial("tcp4", a.address())
		labtest.OK(t, err)
		labtest.OK(t, conn.Close())
		return a.log.count("discarding stream with unacceptable label") > 0
	})
	if n := a.log.count("peer refused"); n != 0 || a.Stats() != (Stats{}) {
		t.Errorf("said %d times, counted %+v:\n%s", n, a.Stats(), a.log.buf.String())
	}
}
