// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/cloudtest"
	"github.com/vicar-ha/vicar/vip"
)

// refusing notes when it is asked to take something, and refuses.
type refusing struct {
	*cloudtest.Node
	at   []time.Time
	left []time.Duration // until the attempt's end
	why  error
}

func (r *refusing) Take(ctx context.Context, _ []cloud.Object, _ cloud.Taking) error {
	r.at = append(r.at, time.Now())
	end, _ := ctx.Deadline()
	r.left = append(r.left, time.Until(end))
	return r.why
}

// A take-over is tried again after waits that double up to 2 s, each attempt has
// 2 s, and all of it ends with the budget.
func TestRetries(t *testing.T) {
	for _, tt := range []struct {
		kind cloud.Kind
		rand float64
		want []time.Duration // since the beginning, in ms
	}{
		{cloud.Unavailable, 1, []time.Duration{0, 100, 300, 700, 1500, 3100, 5100, 7100, 9100}},
		{cloud.Throttled, 0.5, []time.Duration{0, 50, 150, 350, 750, 1550, 2550, 3550, 4550, 5550, 6550, 7550, 8550, 9550}},
		{cloud.Conflict, 1, []time.Duration{0, 100, 300, 700, 1500, 3100, 5100, 7100, 9100}},
		{cloud.Denied, 1, []time.Duration{0}},
		{cloud.NotFound, 1, []time.Duration{0}},
		{cloud.Invalid, 1, []time.Duration{0}},
	} {
		bubble(t, func(t *testing.T, _ *cloudtest.Cloud, a, _ *cloudtest.Node) {
			r := &refusing{Node: a, why: &cloud.Error{Kind: tt.kind, Action: "take", Err: errors.New("not now")}}
			m := newMover(t, cloud.Config{Provider: r, Steal: cloud.StealAtOnce, Rand: func() float64 { return tt.rand }})
			began := time.Now()
			err := m.Acquire(t.Context(), web(1))
			if !errors.Is(err, r.why) || m.Status("web").Failures[tt.kind.String()] != uint64(len(tt.want)) {
				t.Errorf("%v: %v; the failures are %v", tt.kind, err, m.Status("web").Failures)
			}
			var got []time.Duration
			for _, at := range r.at {
				got = append(got, at.Sub(began)/time.Millisecond)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%v: tried at %d ms, want %d", tt.kind, got, tt.want)
			}
			for i, left := range r.left {
				if want := min(2*time.Second, 10*time.Second-r.at[i].Sub(began)); left != want {
					t.Errorf("%v: attempt %d had %v, want %v", tt.kind, i, left, want)
				}
			}
			want := 10 * time.Second
			if len(tt.want) == 1 {
				want = 0
			}
			if took := time.Since(began); took != want {
				t.Errorf("%v: it took %v, want %v", tt.kind, took, want)
			}
		})
	}
}

// BenchmarkAcquire is all that a Mover does for a take-over of 25 addresses but
// wait; until-sent is what comes before the first request.
func BenchmarkAcquire(b *testing.B) {
	c := cloudtest.NewCloud(1, 1)
	claim := vip.Claim{Router: "web"}
	for i := range 25 {
		claim.Addresses = append(claim.Addresses, web(1, fmt.Sprintf("198.51.100.%d/32", i)).Addresses...)
	}
	var sent time.Duration
	for b.Loop() {
		// A new one each time: the looks of one are limited.
		m, err := cloud.New(cloud.Config{Provider: c.Node("a"), Steal: cloud.StealAtOnce})
		if err != nil {
			b.Fatal(err)
		}
		claim.Term++
		if err := m.Acquire(b.Context(), claim); err != nil {
			b.Fatal(err)
		}
		sent += m.Status("web").Timeline.Sent
	}
	b.ReportMetric(float64(sent.Nanoseconds())/float64(b.N), "ns-until-sent")
}
