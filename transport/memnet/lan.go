// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package memnet is a local network in memory, for tests: hosts that send
// adverts to each other, on a link that loses, delays and doubles packets, and
// can be cut.
//
//	lan := memnet.New(seed)
//	t.Log(lan) // so that a failure can be had again
//	a := lan.Host("a", netip.MustParseAddr("192.0.2.10"))
//	b := lan.Host("b", netip.MustParseAddr("192.0.2.11"))
//	conn := a.Open(true)
//
// What happens to the packets from one host to another follows from the seed,
// the two names, and how many packets went that way before, so it doesn't
// depend on which goroutine came first.
//
// Packets are copied, a queue that is full drops, and nothing blocks but
// Receive. In a testing/synctest bubble a blocked Receive is durably blocked,
// and delays are in the bubble's time; LAN and Conns are to be made inside.
package memnet

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// maxInFlight bounds the delayed packets. More than these are lost.
const maxInFlight = 1 << 16

// LAN is one link and the hosts on it. Its methods and those of its Hosts may
// be called by any goroutine.
type LAN struct {
	seed uint64

	mu       sync.Mutex // guards all that follows and what Hosts and Conns have; never held in a wait
	loss     float64
	double   float64
	minDelay time.Duration
	maxDelay time.Duration
	hosts    []*Host // in the order they came, which is that of delivery
	paths    map[pair]*path
	isolated map[*Host]bool
	flying   flights
	departed uint64 // numbers the flights, so that equal times keep their order
}

// pair is a direction between two hosts, and path its state.
type (
	pair struct{ from, to *Host }
	path struct {
		cut bool
		rng *rand.Rand
	}
)

// New makes a LAN that loses nothing and delivers at once.
func New(seed uint64) *LAN {
	return &LAN{seed: seed, paths: make(map[pair]*path), isolated: make(map[*Host]bool)}
}

// String tells the seed.
func (l *LAN) String() string { return fmt.Sprintf("memnet: seed %d", l.seed) }

// Seed is what New was given.
func (l *LAN) Seed() uint64 { return l.seed }

// SetLoss makes every packet be lost, for each receiver by itself, with
// probability p from now on.
func (l *LAN) SetLoss(p float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loss = p
}

// SetDuplicate makes every packet that is not lost arrive twice with
// probability p from now on.
func (l *LAN) SetDuplicate(p float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.double = p
}

// SetDelay makes every packet take between least and most from now on. If they
// differ, packets overtake each other. Without a delay packets have arrived
// when Send returns.
func (l *LAN) SetDelay(least, most time.Duration) {
	if least < 0 || most < least {
		panic(fmt.Sprintf("memnet: delay from %v to %v", least, most))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.minDelay, l.maxDelay = least, most
}

// Cut ends all traffic between two hosts. Packets under way are lost.
func (l *LAN) Cut(a, b string) {
	l.CutOneWay(a, b)
	l.CutOneWay(b, a)
}

// CutOneWay ends the traffic from one host to another, but not the other way.
func (l *LAN) CutOneWay(from, to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.path(l.host(from), l.host(to)).cut = true
}

// Isolate ends all traffic from and to a host.
func (l *LAN) Isolate(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isolated[l.host(name)] = true
}

// Heal undoes every Cut, CutOneWay and Isolate.
func (l *LAN) Heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.isolated)
	for _, p := range l.paths {
		p.cut = false
	}
}

// host finds a host. A wrong name is a mistake in the test.
func (l *LAN) host(name string) *Host {
	for _, h := range l.hosts {
		if h.name == name {
			return h
		}
	}
	panic(fmt.Sprintf("memnet: no host %q", name))
}

// path is the state of a direction. Its random numbers are its own.
func (l *LAN) path(from, to *Host) *path {
	key := pair{from, to}
	p := l.paths[key]
	if p == nil {
		p = &path{rng: rand.New(rand.NewPCG(l.seed, hash(from.name, to.name)))}
		l.paths[key] = p
	}
	return p
}

// hash is FNV-1a, which doesn't change from run to run.
func hash(from, to string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, c := range []byte(from + "\x00" + to) {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	return h
}

func (l *LAN) passes(from, to *Host) bool {
	return !l.isolated[from] && !l.isolated[to] && !l.path(from, to).cut
}

// send sends a packet to each host that it is for.
func (l *LAN) send(from *Host, p *wire.Packet) {
	for _, to := range l.hosts {
		if to == from || !to.wants(p.Dst) {
			continue
		}
		// Always as many random numbers, so that a change of one setting doesn't
		// change what the others do.
		rng := l.path(from, to).rng
		lost, twice := rng.Float64() < l.loss, rng.Float64() < l.double
		first, second := l.delay(rng.Float64()), l.delay(rng.Float64())
		if lost || !l.passes(from, to) {
			continue
		}
		l.launch(from, to, p, first)
		if twice {
			l.launch(from, to, p, second)
		}
	}
}

func (l *LAN) delay(part float64) time.Duration {
	return l.minDelay + time.Duration(part*float64(l.maxDelay-l.minDelay))
}

// launch delivers p now or later.
func (l *LAN) launch(from, to *Host, p *wire.Packet, delay time.Duration) {
	if delay == 0 {
		to.deliver(p)
		return
	}
	if len(l.flying) >= maxInFlight {
		return
	}
	l.departed++
	heap.Push(&l.flying, flight{
		due: time.Now().Add(delay), number: l.departed, from: from, to: to, packet: clone(p),
	})
	time.AfterFunc(delay, l.land)
}

// land delivers what is due. Whichever timer comes first does it for all of
// its time, in the order in which they left.
func (l *LAN) land() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for len(l.flying) > 0 && !l.flying[0].due.After(now) {
		f := heap.Pop(&l.flying).(flight)
		if l.passes(f.from, f.to) {
			f.to.deliver(&f.packet)
		}
	}
}

// clone copies what the sender may overwrite.
func clone(p *wire.Packet) wire.Packet {
	c := *p
	c.Data = append([]byte(nil), p.Data...)
	return c
}

// flight is a packet under way.
type flight struct {
	due      time.Time
	number   uint64
	from, to *Host
	packet   wire.Packet
}

// flights is a heap of them, the next to land on top.
type flights []flight

func (f flights) Len() int      { return len(f) }
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)   { *f = append(*f, x.(flight)) }

func (f flights) Less(i, j int) bool {
	if !f[i].due.Equal(f[j].due) {
		return f[i].due.Before(f[j].due)
	}
	return f[i].number < f[j].number
}

func (f *flights) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	(*f)[last] = flight{}
	*f = (*f)[:last]
	return x
}

// isGroup tells whether a is a group that Conns join.
func isGroup(a netip.Addr) bool { return a == wire.Group4 || a == wire.Group6 }
