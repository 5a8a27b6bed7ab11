// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/track"
)

// told is a plane that tells of each Set.
type toldPlane struct {
	*memory
	sets chan int
}

func (p toldPlane) Set(ctx context.Context, services []pool.Virtual) error {
	err := p.memory.Set(ctx, services)
	p.sets <- len(services)
	return err
}

// BenchmarkVerdict is the time from a result to the plane's Set, with 500 services of 4 servers.
func BenchmarkVerdict(b *testing.B) {
	const services = 500
	plane := toldPlane{newMemory(), make(chan int, services)}
	var list []pool.Service
	for i := range services {
		name := fmt.Sprintf("s%03d", i)
		s := virtual(name, 100)
		s.Frontends[0] = pool.Single(pool.TCP, netip.AddrPortFrom(netip.MustParseAddr("192.0.2.100"), uint16(1+i)))
		for n := 11; n < 15; n++ {
			s.Servers = append(s.Servers, backend(name, n, 1))
		}
		list = append(list, s)
	}
	p, err := pool.New(pool.Config{Services: list, Planes: map[pool.PlaneKind]pool.Plane{pool.IPVS: plane}, Period: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	for n := 0; n < services; {
		n += <-plane.sets
	}
	i := 0
	for b.Loop() {
		p.Put([]track.Result{{Check: check(fmt.Sprintf("s%03d", i/2%services), 11), State: track.State(2 - i%2)}})
		<-plane.sets
		i++
	}
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
}
