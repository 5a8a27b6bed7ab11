// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"errors"
	"testing"
	"time"
)

// A question that could not be asked is asked again: a node that was dead takes
// part as soon as somebody answers it.
func TestUnheardAskedAgain(t *testing.T) {
	inBound(t, true, func(b *bound) {
		set := func(reachable bool, err error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.linked["lb-1"].reachable, b.linked["lb-1"].unasked = reachable, err
		}
		b.lan.Isolate("lb-1")
		set(false, nil)
		time.Sleep(3 * time.Second)
		b.want("lb-2")
		set(false, errors.New("no buffer space"))
		time.Sleep(3 * time.Second)
		b.lan.Heal()
		set(true, nil)
		time.Sleep(10 * time.Second)
		if got := b.router("lb-1"); got.State == "Initialize" {
			t.Errorf("lb-1 is %s: %s", got.State, got.Reason)
		}
		b.want("lb-1")
	})
}
