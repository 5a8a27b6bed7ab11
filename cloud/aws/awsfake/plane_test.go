// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	ec2api "github.com/aws/aws-sdk-go-v2/service/ec2"
)

// shows tells whether a describe shows the address on node n, and whether the
// node's metadata do.
func shows(t *testing.T, w *World, n int) (described, reflected bool) {
	t.Helper()
	m := on(w, n)
	out, err := m.DescribeNetworkInterfaces(t.Context(), &ec2api.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{ClusterInterface(n)}})
	ok(t, err)
	for _, a := range out.NetworkInterfaces[0].PrivateIpAddresses {
		described = described || *a.PrivateIpAddress == vipA
	}
	text := metadataOf(t, m, "network/interfaces/macs/"+mac(ClusterInterface(n))+"/local-ipv4s")
	return described, slices.Contains(strings.Split(text, "\n"), vipA)
}

func metadataOf(t *testing.T, m machine, path string) string {
	t.Helper()
	text, err := m.read(t.Context(), path)
	ok(t, err)
	return text
}

// TestLags: a describe, the metadata service and the packets follow a change each
// with its own lag, and a write works on what is.
func TestLags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Cluster(2, 1)
		cfg.Lags = Lags{Describe: Exactly(2 * time.Second), Metadata: Exactly(3 * time.Second), Packets: Exactly(time.Second)}
		w := newWorld(t, cfg)
		ok(t, w.MoveAddress(addr(vipA), ClusterInterface(2)))
		time.Sleep(10 * time.Second)
		ok(t, on(w, 1).assign(t.Context(), 1, true, vipA))
		began := time.Now()
		for _, tc := range []struct {
			after                          time.Duration
			described, reflected, delivers int
		}{
			{0, 2, 2, 2},
			{time.Second - 1, 2, 2, 2},
			{time.Second, 2, 2, 1},
			{2 * time.Second, 1, 2, 1},
			{3 * time.Second, 1, 1, 1},
		} {
			time.Sleep(time.Until(began.Add(tc.after)))
			holds(t, w, vipA, ClusterInterface(1))
			for n := 1; n <= 2; n++ {
				described, reflected := shows(t, w, n)
				if described != (tc.described == n) || reflected != (tc.reflected == n) {
					t.Errorf("after %s: node %d is shown with it: %t, by its metadata: %t", tc.after, n, described, reflected)
				}
			}
			if _, instance, ok := w.Deliver(ClusterNode(3), addr(vipA)); !ok || instance != ClusterNode(tc.delivers) {
				t.Errorf("after %s: packets go to %s", tc.after, instance)
			}
		}
		for range 100 {
			ok(t, w.MoveAddress(addr(vipA), ClusterInterface(2)))
			ok(t, w.MoveAddress(addr(vipA), ClusterInterface(1)))
			time.Sleep(time.Second)
		}
		// What is older than the longest lag nobody sees any more.
		if n := len(w.history); n < 6 || n > 10 {
			t.Errorf("%d versions are kept", n)
		}
	})
}

// TestStaleReads: one describe may show less than the one before it.
func TestStaleReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Cluster(2, 1)
		cfg.Lags.Describe = Span{Max: 10 * time.Second}
		w := newWorld(t, cfg)
		w.SetLimits(Unlimited())
		ok(t, w.MoveAddress(addr(vipA), ClusterInterface(2)))
		time.Sleep(5 * time.Second)
		var changes int
		last := false
		for range 50 {
			described, _ := shows(t, w, 2)
			if described != last {
				changes++
			}
			last = described
		}
		if changes < 5 {
			t.Errorf("it changes %d times", changes)
		}
		time.Sleep(5 * time.Second)
		for range 50 {
			if described, _ := shows(t, w, 2); !described {
				t.Error("it does not show after 10 s")
			}
		}
	})
}

// TestEvents: a subscriber is told of each change when packets follow it, in order.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Cluster(2, 1)
		cfg.Lags.Packets = Span{Min: 100 * time.Millisecond, Max: time.Second}
		w := newWorld(t, cfg)
		var got []string
		stop := w.Subscribe(func(e Event) {
			if !e.At.Equal(time.Now()) {
				t.Errorf("told at %s of %s", time.Now(), e.At)
			}
			if e.What == AddressMoved {
				// What it tells is so already.
				if eni, _, _ := w.Deliver(ClusterNode(3), e.Prefix.Addr()); eni != e.To {
					t.Errorf("%s is delivered to %q, the event says %q", e.Prefix, eni, e.To)
				}
			}
			got = append(got, fmt.Sprintf("%s %s %s>%s", e.What, e.Prefix, strings.TrimPrefix(e.From, "eni-0000000000000000"), strings.TrimPrefix(e.To, "eni-0000000000000000")))
		})
		ok(t, w.MoveAddress(addr(vipA), ClusterInterface(1)))
		time.Sleep(2 * time.Second)
		ok(t, w.MoveAddress(addr(vipA), ClusterInterface(2)))
		time.Sleep(2 * time.Second)
		ok(t, w.SetRoute(ClusterRoutes(1), prefix("198.51.100.7/32"), ClusterInterface(2)))
		time.Sleep(2 * time.Second)
		ok(t, w.Associate(ClusterEIP(1), ClusterInterface(1), addr("192.0.2.11")))
		time.Sleep(2 * time.Second)
		ok(t, w.SetState(ClusterNode(2), Stopped))
		time.Sleep(2 * time.Second)
		stop()
		ok(t, w.MoveAddress(addr(vipA), ""))
		time.Sleep(2 * time.Second)
		wanted := []string{
			"address 192.0.2.100/32 >1", "address 192.0.2.100/32 1>2", "route 198.51.100.7/32 >2", "elastic-ip 203.0.113.1/32 >1",
			"instance invalid Prefix running>stopped",
		}
		if !slices.Equal(got, wanted) {
			t.Errorf("got %q, want %q", got, wanted)
		}
	})
}

// TestDeliver: who gets a packet.
func TestDeliver(t *testing.T) {
	cfg := Cluster(2, 2)
	cfg.VPCs = append(cfg.VPCs, VPC{ID: "vpc-2", CIDRs: cfg.VPCs[0].CIDRs[:1]})
	cfg.Subnets = append(cfg.Subnets, Subnet{ID: "subnet-2", VPC: "vpc-2", CIDR: prefix("192.0.2.0/24")})
	w := newWorld(t, cfg)
	ok(t, w.SetRoute(ClusterRoutes(1), prefix("198.51.100.0/24"), ClusterInterface(1)))
	ok(t, w.SetRoute(ClusterRoutes(1), prefix("198.51.100.7/32"), ClusterInterface(2)))
	ok(t, w.SetRoute(ClusterRoutes(1), prefix("2001:db8:1::7/128"), ClusterInterface(2)))
	ok(t, w.Associate(ClusterEIP(1), ClusterInterface(1), addr("192.0.2.11")))
	for _, tc := range []struct {
		doc, from, dst string
		node           int // 0: lost
	}{
		{"the local route finds who has the address", ClusterNode(3), "192.0.2.12", 2},
		{"IPv6 too", ClusterNode(3), "2001:db8::11", 1},
		{"nobody has it", ClusterNode(3), "192.0.2.99", 0},
		{"the longest prefix", ClusterNode(3), "198.51.100.7", 2},
		{"a shorter one", ClusterNode(3), "198.51.100.8", 1},
		{"of IPv6", ClusterNode(3), "2001:db8:1::7", 2},
		{"from a subnet", ClusterSubnet, "198.51.100.7", 2},
		{"from another network", "subnet-2", "192.0.2.12", 0},
		{"from outside to an Elastic IP", Internet, "203.0.113.1", 1},
		{"from within, by the gateway", ClusterNode(2), "203.0.113.1", 1},
		{"an Elastic IP that belongs to nothing", Internet, "203.0.113.2", 0},
		{"from outside to a private address", Internet, "192.0.2.11", 0},
		{"from nowhere", "i-0", "192.0.2.11", 0},
	} {
		_, instance, got := w.Deliver(tc.from, addr(tc.dst))
		wanted := ""
		if tc.node > 0 {
			wanted = ClusterNode(tc.node)
		}
		if instance != wanted || got != (tc.node > 0) {
			t.Errorf("%s: %s reaches %q, want %q", tc.doc, tc.dst, instance, wanted)
		}
	}
}

// TestOneHolder: whatever machines ask for side by side, an address has one holder,
// and an Elastic IP that belongs to it is with it.
func TestOneHolder(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			cfg := Cluster(3, 1)
			cfg.Seed = seed
			cfg.Latency = Span{Max: 100 * time.Millisecond}
			w := newWorld(t, cfg)
			w.SetLimits(Unlimited())
			w.Inject(Fault{Probability: 0.1, Writes: true, Service: "ec2", Effect: ApplyLate, Delay: 5 * time.Second})
			w.Inject(Fault{Probability: 0.1, Writes: true, Service: "ec2", Effect: LoseResponse})
			ok(t, w.MoveAddress(addr(vipA), ClusterInterface(1)))
			ok(t, w.Associate(ClusterEIP(1), ClusterInterface(1), addr(vipA)))
			done := make(chan bool, 3)
			for n := 1; n <= 3; n++ {
				rng := rand.New(rand.NewPCG(seed, uint64(n)))
				go func() {
					m := on(w, n)
					for range 20 {
						// Whether it succeeds is not the question.
						_ = m.assign(patient(t), n, rng.IntN(4) > 0, vipA, "192.0.2.101")
						time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
					}
					done <- true
				}()
			}
			for range 3 {
				<-done
			}
			time.Sleep(10 * time.Second)
			eni, _ := w.Holder(addr(vipA))
			if _, with, private, _ := w.Association(ClusterEIP(1)); with != eni || private != addr(vipA) {
				t.Errorf("seed %d: the address is at %s, its Elastic IP at %s", seed, eni, with)
			}
		})
	}
}

// TestDetached: a route to an interface that is attached to nothing is a black hole.
func TestDetached(t *testing.T) {
	w := newWorld(t, Cluster(2, 1))
	ok(t, w.SetRoute(ClusterRoutes(1), prefix("198.51.100.7/32"), ClusterInterface(1)))
	for _, instance := range []string{"", ClusterNode(2)} {
		ok(t, w.Attach(ClusterInterface(1), instance, 1))
		if _, got, _ := w.Deliver(ClusterNode(3), addr("198.51.100.7")); got != instance {
			t.Errorf("attached to %q, packets reach %q", instance, got)
		}
	}
}

// TestEventsInOrder: packets follow changes in their order, however long each takes.
func TestEventsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Cluster(2, 1)
		cfg.Lags = Lags{Packets: Span{Max: time.Second}, Metadata: Span{Max: time.Second}}
		w := newWorld(t, cfg)
		var mu sync.Mutex
		last, told := "", 0
		w.Subscribe(func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.From != last {
				t.Errorf("event %d is from %q, the one before was to %q", told, e.From, last)
			}
			last = e.To
			told++
		})
		for n := range 300 {
			if n < 40 {
				ok(t, w.MoveAddress(addr(vipA), ClusterInterface(n%2+1)))
			}
			time.Sleep(10*time.Millisecond + 1)
			synctest.Wait()
			eni, _, _ := w.Deliver(ClusterNode(3), addr(vipA))
			mu.Lock()
			if eni != last {
				t.Errorf("packets reach %q, the last event was to %q", eni, last)
			}
			mu.Unlock()
		}
		mu.Lock()
		defer mu.Unlock()
		if told != 40 || last != ClusterInterface(2) {
			t.Errorf("told %d times, lastly of %s", told, last)
		}
	})
}
