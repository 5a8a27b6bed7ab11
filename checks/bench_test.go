// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/track"
)

// counter is a probe that costs nothing and ends the benchmark.
type counter struct {
	left *atomic.Int64
	end  context.CancelFunc
}

func (c counter) Probe(context.Context) error {
	if c.left.Add(-1) == 0 {
		c.end()
	}
	return nil
}

func (counter) Close() error { return nil }

// BenchmarkLook is what a look costs beside its probe, when all checks always
// are due.
func BenchmarkLook(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint("checks=", n), func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			left := new(atomic.Int64)
			left.Store(int64(b.N))
			list := make([]checks.Check, n)
			for i := range list {
				list[i] = sample(fmt.Sprint(i))
				list[i].Interval = time.Nanosecond
			}
			r, err := checks.New(checks.Config{
				Checks: list,
				Build:  func(checks.Kind) (checks.Probe, error) { return counter{left, cancel}, nil },
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			if err := r.Watch(ctx, func([]track.Result) {}); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkStatus is how long the status of a thousand checks holds up looks.
func BenchmarkStatus(b *testing.B) {
	_, list := many(1000)
	r, err := checks.New(checks.Config{
		Checks: list,
		Build:  func(checks.Kind) (checks.Probe, error) { return &double{}, nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if n := len(r.Status()); n != 1000 {
			b.Fatal(n)
		}
	}
}
