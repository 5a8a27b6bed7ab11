// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// far is a Mover of a plane elsewhere, whose calls of Release are answered when
// their context ends.
type far struct {
	*host
	mu    sync.Mutex
	asked []time.Time // Release
	ended []error     // of the contexts
}

func (*far) Remote() {}

func (f *far) Release(ctx context.Context, _ vip.Claim) error {
	f.mu.Lock()
	f.asked = append(f.asked, time.Now())
	f.mu.Unlock()
	<-ctx.Done()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = append(f.ended, ctx.Err())
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil
	}
	return ctx.Err()
}

// apart runs a story of an owner with movers here and elsewhere, the file's order
// not being that of who is here first.
func apart(t *testing.T, story func(t *testing.T, o *owner, here *host, elsewhere []*far, want intent, last *settled)) {
	t.Helper()
	owned(t, func(t *testing.T, o *owner, h *host, want intent, last *settled) {
		elsewhere := []*far{{host: newHost()}, {host: newHost()}, {host: newHost()}}
		want.movers = []Mover{elsewhere[0], h, elsewhere[1], elsewhere[2]}
		o.put(want)
		synctest.Wait()
		if !last.held || last.err != nil {
			t.Fatalf("answered %+v", *last)
		}
		story(t, o, h, elsewhere, want, last)
	})
}

// TestReleaseIsBounded: whoever does not answer, wherever in the order, the host
// itself gives up at once, and all is over within the limit.
func TestReleaseIsBounded(t *testing.T) {
	apart(t, func(t *testing.T, o *owner, h *host, elsewhere []*far, want intent, last *settled) {
		want.hold = false
		began := time.Now()
		o.put(want)
		synctest.Wait()
		if len(h.on["eth0"]) != 0 {
			t.Error("the host waits for the cloud")
		}
		for i, f := range elsewhere {
			if !slices.Equal(f.asked, []time.Time{began}) {
				t.Errorf("mover %d was asked at %v, want once at %v", i, f.asked, began)
			}
		}
		later(releaseLimit)
		for i, f := range elsewhere {
			if len(f.ended) != 1 || !errors.Is(f.ended[0], context.DeadlineExceeded) {
				t.Errorf("mover %d was ended by %v", i, f.ended)
			}
		}
		if last.held || last.err != nil {
			t.Errorf("answered %+v after %v", *last, releaseLimit)
		}
		if len(o.held.Addresses) != 0 {
			t.Errorf("%v is not given up", o.held)
		}
	})
}

// TestReleaseIsSuperseded: who is to hold again doesn't wait for a cloud either.
func TestReleaseIsSuperseded(t *testing.T) {
	apart(t, func(t *testing.T, o *owner, h *host, elsewhere []*far, want intent, last *settled) {
		want.hold = false
		o.put(want)
		synctest.Wait()
		want.hold, want.claim.Term = true, 2
		o.put(want)
		synctest.Wait()
		if !last.held || last.err != nil || last.term != 2 || len(h.on["eth0"]) != 1 {
			t.Errorf("answered %+v, on %v", *last, h.on)
		}
		for i, f := range elsewhere {
			if len(f.ended) != 1 || !errors.Is(f.ended[0], context.Canceled) || f.acquired != 2 {
				t.Errorf("mover %d: ended by %v, acquired %d times", i, f.ended, f.acquired)
			}
		}
	})
}

// TestReleaseOfAPart: what is taken from the configuration is bounded, too.
func TestReleaseOfAPart(t *testing.T) {
	apart(t, func(t *testing.T, o *owner, h *host, elsewhere []*far, want intent, last *settled) {
		want.claim.Addresses = prefixes("192.0.2.101/24")
		o.put(want)
		later(releaseLimit)
		if !last.held || last.err != nil || len(h.on["eth0"]) != 1 || len(o.held.Addresses) != 1 {
			t.Errorf("answered %+v, on %v", *last, h.on)
		}
	})
}
