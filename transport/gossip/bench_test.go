// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// BenchmarkSend sends 1 KiB to a socket that nobody reads.
func BenchmarkSend(b *testing.B) {
	n := newNode(b, "lb-1", func(c *Config) { c.State = nil })
	sink, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	labtest.OK(b, err)
	b.Cleanup(func() { sink.Close() })
	labtest.OK(b, n.SetPeers([]Peer{{"lb-2", []string{sink.LocalAddr().String()}}}))
	for _, p := range n.peers { // never joined
		p.trying = true
	}
	n.run(b)
	payload := make([]byte, 1024)
	labtest.Eventually(b, patience, "running", func() bool { return n.Send("lb-2", Lease, payload) == nil })
	b.ReportAllocs()
	for b.Loop() {
		labtest.OK(b, n.Send("lb-2", Lease, payload))
	}
}

// BenchmarkPacket is what is done with 1 KiB after it has been read.
func BenchmarkPacket(b *testing.B) {
	from, to := newNode(b, "lb-1", nil), newNode(b, "lb-2", func(c *Config) { c.Received = func(string, Channel, []byte) {} })
	b.Cleanup(func() { from.Close(); to.Close() })
	meet(b, from, to)
	acquaint(from, to)
	room := make([]byte, 0, maxPacket)
	f := frame{kind: kindDirect, channel: Lease, start: from.start, from: []byte("lb-1"), to: []byte("lb-2"), payload: make([]byte, 1024)}
	src := netip.MustParseAddrPort("127.0.0.1:1")
	packets := make([][]byte, 0, 4096)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%cap(packets) == 0 {
			b.StopTimer()
			packets = packets[:0]
			for range cap(packets) {
				f.number++
				packets = append(packets, (*from.ciphers.Load()).pack(nil, "test", &f))
			}
			b.StartTimer()
		}
		to.packet(packets[i%len(packets)], room, src)
	}
	if to.Stats() != (Stats{}) {
		b.Errorf("dropped: %+v", to.Stats())
	}
}

// BenchmarkPaced sends 20 messages of 1 KiB each 10 ms and reports how much CPU
// time of the process one message takes, at both ends and with the kernel's
// part; and how long the first of each burst takes to the handler. One operation
// is one burst:
//
//	go test -run '^$' -bench Paced -benchtime 200x ./transport/gossip
//
// Through memberlist's methods is for comparison: see packet.go.
func BenchmarkPaced(b *testing.B) {
	payload := make([]byte, 1024)
	b.Run("link", func(b *testing.B) {
		from, to, heard := pacedPair(b)
		from.run(b)
		to.run(b)
		wantMembers(b, from, to)
		paced(b, heard, func() { labtest.OK(b, from.Send("lb-2", Lease, payload)) })
	})
	b.Run("memberlist", func(b *testing.B) {
		from, to, heard := pacedPair(b)
		send := throughMemberlist(b, from)
		throughMemberlist(b, to)
		f := frame{kind: kindDirect, channel: Lease, start: from.start, from: from.Link.name, to: to.Link.name, payload: payload}
		addr := netip.MustParseAddrPort(to.address())
		paced(b, heard, func() {
			f.number++
			send(addr, &f)
		})
	})
}

func pacedPair(b *testing.B) (from, to *node, heard chan time.Time) {
	heard = make(chan time.Time, 1024)
	from, to = newNode(b, "lb-1", nil), newNode(b, "lb-2", func(c *Config) {
		c.Received = func(string, Channel, []byte) { heard <- time.Now() }
	})
	meet(b, from, to)
	acquaint(from, to)
	return from, to, heard
}

func paced(b *testing.B, heard chan time.Time, send func()) {
	const burst = 20
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var latency time.Duration
	lost := 0
	deadline := time.NewTimer(patience)
	b.ResetTimer()
	before := cpu(b)
	for range b.N {
		<-tick.C
		began := time.Now()
		for range burst {
			send()
		}
		for i := range burst {
			select {
			case at := <-heard:
				if i == 0 {
					latency += at.Sub(began)
				}
			case <-deadline.C:
				lost++
			}
		}
	}
	used := cpu(b) - before
	if lost > 0 {
		b.Errorf("%d messages did not come", lost)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N*burst)/1000, "cpu-us/message")
	b.ReportMetric(float64(latency.Nanoseconds())/float64(b.N)/1000, "us-to-handler")
}

// BenchmarkAdverts sends 250 adverts to one node: one operation is that batch
// from Send to Receive.
func BenchmarkAdverts(b *testing.B) {
	from, to := newNode(b, "lb-1", nil), newNode(b, "lb-2", nil)
	meet(b, from, to)
	out, in := from.Open(4), to.Open(4)
	b.Cleanup(func() { out.Close(); in.Close() })
	from.run(b)
	to.run(b)
	wantMembers(b, from, to)
	list := advertsTo("lb-2", 4, 250, 12)
	batch := make([]wire.Packet, 256)
	b.ReportAllocs()
	for b.Loop() {
		_, err := out.Send(list)
		labtest.OK(b, err)
		for left := len(list); left > 0; {
			n, err := in.Receive(batch)
			labtest.OK(b, err)
			left -= n
		}
	}
}

func cpu(b *testing.B) time.Duration {
	runtime.Gosched()
	var r syscall.Rusage
	labtest.OK(b, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
