// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// BenchmarkPaced sends 250 adverts each 10 ms over a veth pair and reports how
// much of a core the sender and the receiver need, the kernel's part included.
// The sender has a thread of its own, so that the two can be told apart; the
// receiver's share has the runtime's in it. One operation is one batch:
//
//	go test -run '^$' -bench Paced -benchtime 500x ./transport
func BenchmarkPaced(b *testing.B) {
	for _, bb := range []struct{ from, to, dst netip.Addr }{
		{a4, b4, wire.Group4},
		{a4, b4, b4},
		{al, bl, wire.Group6},
	} {
		b.Run(fmt.Sprint(bb.dst), func(b *testing.B) {
			l := newLAN(b)
			batch, vrids := adverts(bb.dst)
			from, to := l.a.openOnly(b, bb.from, bb.dst.IsMulticast()), l.b.openOnly(b, bb.to, bb.dst.IsMulticast(), vrids...)
			b.ResetTimer()
			before := cpu(b, unix.RUSAGE_SELF)
			var receiver sync.WaitGroup
			calls := 0
			receiver.Go(func() { calls = receiveAll(b, to, b.N*len(batch)) })
			sending := pacedSend(b, from, batch)
			receiver.Wait()
			all := cpu(b, unix.RUSAGE_SELF) - before
			packets := float64(b.N * len(batch))
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(packets/float64(calls), "packets/call")
			b.ReportMetric(100*sending.Seconds()/b.Elapsed().Seconds(), "%core-send")
			b.ReportMetric(100*(all-sending).Seconds()/b.Elapsed().Seconds(), "%core-receive")
			b.ReportMetric(1000*1000*sending.Seconds()/packets, "cpu-ms/1000-sent")
			b.ReportMetric(1000*1000*(all-sending).Seconds()/packets, "cpu-ms/1000-received")
		})
	}
}

// BenchmarkSend and BenchmarkReceive are for the allocations and the cost
// without waiting: one operation is one batch of 250.
func BenchmarkSend(b *testing.B) {
	l := newLAN(b)
	batch, _ := adverts(wire.Group4)
	from, _ := l.a.openOnly(b, a4, true), l.b.openOnly(b, b4, true)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := from.Send(batch); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReceive(b *testing.B) {
	for _, bb := range []struct{ from, to, dst netip.Addr }{{a4, b4, wire.Group4}, {al, bl, wire.Group6}} {
		b.Run(fmt.Sprint(bb.dst), func(b *testing.B) {
			l := newLAN(b)
			batch, vrids := adverts(bb.dst)
			from, to := l.a.openOnly(b, bb.from, true), l.b.openOnly(b, bb.to, true, vrids...)
			in := make([]wire.Packet, len(batch))
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				if _, err := from.Send(batch); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				for left := len(batch); left > 0; {
					n, err := to.Receive(in)
					if err != nil {
						b.Fatal(err)
					}
					left -= n
				}
			}
		})
	}
}

func BenchmarkPending(b *testing.B) {
	c := newLAN(b).b.openOnly(b, b4, true)
	b.ReportAllocs()
	for b.Loop() {
		c.Pending()
	}
}

func adverts(dst netip.Addr) ([]wire.Packet, []uint8) {
	batch, vrids := make([]wire.Packet, 250), make([]uint8, 250)
	for i := range batch {
		vrids[i] = uint8(i + 1)
		batch[i] = wire.Packet{Dst: dst, Data: message(vrids[i], 192, 0, 2, 100)}
	}
	return batch, vrids
}

// pacedSend sends b.N batches and returns the CPU time of its thread.
func pacedSend(b *testing.B, c *Conn, batch []wire.Packet) time.Duration {
	done := make(chan time.Duration)
	go func() {
		runtime.LockOSThread()
		before := cpu(b, unix.RUSAGE_THREAD)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for range b.N {
			<-tick.C
			if _, err := c.Send(batch); err != nil {
				b.Error(err)
			}
		}
		done <- cpu(b, unix.RUSAGE_THREAD) - before
	}()
	return <-done
}

// receiveAll receives n packets and returns in how many calls.
func receiveAll(b *testing.B, c *Conn, n int) (calls int) {
	in := make([]wire.Packet, 256)
	for n > 0 {
		got, err := c.Receive(in)
		if err != nil {
			b.Error(err)
			return calls
		}
		n -= got
		calls++
	}
	return calls
}

func cpu(b *testing.B, who int) time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(who, &r); err != nil {
		b.Error(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
