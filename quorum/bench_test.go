// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// many is as many routers as one agent is to hold at least.
const many = 250

// busy is a holder of many resources and its three voters, an hour after the
// start of the leases.
type busy struct {
	now        time.Time
	voters     [3]*Voter
	candidates []*Candidate
	sent       []Send
}

func newBusy(tb testing.TB) *busy {
	b := &busy{now: boot}
	var resources []Resource
	for i := range many {
		name := fmt.Sprintf("router %03d", i)
		resources = append(resources, Resource{name, []netip.Addr{netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})}})
	}
	for i, node := range abc.Current.Voters {
		v, err := NewVoter(VoterConfig{Node: node, Lists: abc, Resources: resources}, boot)
		if err != nil {
			tb.Fatal(err)
		}
		b.voters[i] = v
	}
	b.now = ready
	for i, r := range resources {
		c, err := NewCandidate(CandidateConfig{
			Node: "a", Start: 1 << 63, Resource: r, Lists: abc, Lease: 300 * ms, Renew: 100 * ms, Margin: 20 * ms, Seed: uint64(i), Counter: 300,
		})
		if err != nil {
			tb.Fatal(err)
		}
		c.sequence = 36000
		b.candidates = append(b.candidates, c)
		if granted := b.step(c, Acquire{}); !granted {
			tb.Fatal("not granted")
		}
	}
	return b
}

// step carries out what follows from ev, as a driver does.
func (b *busy) step(c *Candidate, ev Event) (granted bool) {
	b.sent = b.sent[:0]
	for {
		for _, a := range c.Step(b.now, ev) {
			switch a := a.(type) {
			case Send:
				b.sent = append(b.sent, a)
			case Granted:
				granted = true
			}
		}
		answered := false
		for !answered {
			if len(b.sent) == 0 {
				return granted
			}
			s := b.sent[0]
			b.sent = slices.Delete(b.sent, 0, 1)
			var answer Message
			answer, answered = b.voters[s.To[0]-'a'].Handle(b.now, "a", s.Message)
			ev = Received{s.To, answer}
		}
	}
}

// renewals are what the holder says to a voter, or that to it.
func renewals(tb testing.TB, kind Kind) []Message {
	b := newBusy(tb)
	b.now = b.now.Add(100 * ms)
	var messages []Message
	for _, c := range b.candidates {
		for _, a := range c.Step(b.now, Renew{}) {
			s, ok := a.(Send)
			if !ok || s.To != "b" {
				continue
			}
			if kind == Accepted {
				s.Message, _ = b.voters[1].Handle(b.now, "a", s.Message)
			}
			messages = append(messages, s.Message)
		}
	}
	if len(messages) != many || messages[0].Kind != kind || messages[0].Refusal != None {
		tb.Fatalf("%d messages, the first %+v", len(messages), messages[0])
	}
	return messages
}

// payload is what a packet on the peer link takes.
const payload = 1151

func TestRenewalsAreSmall(t *testing.T) {
	for kind, from := range map[Kind]string{Propose: "a", Accepted: "b"} {
		packets, err := Pack(from, 7, renewals(t, kind), payload)
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, p := range packets {
			size += len(p)
		}
		t.Logf("%v: %d packets, %.1f bytes of each for a renewal", kind, len(packets), float64(size)/many)
		if size > 35*many || len(packets) > 1+35*many/payload {
			t.Errorf("%v: %d bytes in %d packets", kind, size, len(packets))
		}
	}
}

// A renewal costs little memory, however often it comes.
func TestRenewalsCostLittle(t *testing.T) {
	messages := renewals(t, Propose)
	var packer Packer
	var parser Parser
	packets, err := packer.Pack("a", 1<<63, messages, payload)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(10, func() { packets, _ = packer.Pack("a", 1<<63, messages, payload) }); n > 0 {
		t.Errorf("packing: %v allocations", n)
	}
	n := testing.AllocsPerRun(10, func() {
		for _, p := range packets {
			if _, err := parser.Parse(p); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n > 0 {
		t.Errorf("parsing: %v allocations", n)
	}
	v := newBusy(t).voters[2]
	if n := testing.AllocsPerRun(10, func() { v.Handle(ready, "a", messages[0]) }); n > 0 {
		t.Errorf("voting: %v allocations", n)
	}
}

func BenchmarkPack(b *testing.B) {
	messages := renewals(b, Propose)
	var p Packer
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Pack("a", 1<<63, messages, payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	packets, err := Pack("a", 1<<63, renewals(b, Propose), payload)
	if err != nil {
		b.Fatal(err)
	}
	var p Parser
	b.ReportAllocs()
	for b.Loop() {
		for _, packet := range packets {
			if _, err := p.Parse(packet); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkRenewals is a renewal of many leases, with all that the holder and its
// three voters do. Ten of them come each second.
func BenchmarkRenewals(b *testing.B) {
	busy := newBusy(b)
	b.ReportAllocs()
	for b.Loop() {
		busy.now = busy.now.Add(100 * ms)
		for _, c := range busy.candidates {
			if !busy.step(c, Renew{}) {
				b.Fatal("not granted")
			}
		}
	}
}

func BenchmarkHandle(b *testing.B) {
	messages := renewals(b, Propose)
	v := newBusy(b).voters[1]
	b.ReportAllocs()
	for b.Loop() {
		for i := range messages {
			if _, ok := v.Handle(ready, "a", messages[i]); !ok {
				b.Fatal("not answered")
			}
		}
	}
}
