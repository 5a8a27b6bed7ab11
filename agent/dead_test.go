// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/agent"
)

// TestHandoverToTheDead: what a dead node said of itself is not believed for ever.
func TestHandoverToTheDead(t *testing.T) {
	inBound(t, true, func(b *bound) {
		b.lan.Isolate("lb-1")
		b.cutLink("lb-1", true)
		b.cutLink("lb-3", true)
		time.Sleep(2 * time.Second)
		b.want()
		_, err := b.linked["lb-2"].node.agent.Handover(b.t.Context(), agent.Order{Router: "web", To: "lb-1"})
		if !errors.Is(err, agent.ErrNotMoved) || !strings.Contains(err.Error(), "nobody is known to hold") {
			b.t.Errorf("to the dead node: %v", err)
		}
	})
}

// TestHandoverToTheJustDead: its voter answers no more, whatever it said of
// itself before.
func TestHandoverToTheJustDead(t *testing.T) {
	inBound(t, true, func(b *bound) {
		b.mu.Lock()
		for _, other := range []string{"lb-1", "lb-2"} {
			b.apart[[2]string{"lb-3", other}], b.apart[[2]string{other, "lb-3"}] = true, true
		}
		b.mu.Unlock()
		time.Sleep(500 * time.Millisecond)
		silent := b.during(guardedVIP, func() {
			for at, text := range map[string]string{"lb-1": "does not answer", "lb-2": "still holds"} {
				_, err := b.linked[at].node.agent.Handover(b.t.Context(), agent.Order{Router: "web", To: "lb-3"})
				if !errors.Is(err, agent.ErrNotMoved) || !strings.Contains(err.Error(), text) {
					b.t.Errorf("asked at %s: %v", at, err)
				}
			}
		})
		if silent > 0 {
			b.t.Errorf("nobody answered for %v", silent)
		}
		b.want("lb-1")
	})
}
