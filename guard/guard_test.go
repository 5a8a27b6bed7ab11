// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"testing"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/vip"
)

var _ agent.Guard = (*Guard)(nil)

var abc = []string{"a", "b", "c"}

func TestGuardGrants(t *testing.T) {
	bubble(t, abc, func(t *testing.T, w *world) {
		w.start()
		a, b := w.nodes["a"], w.nodes["b"]
		a.guard.Claim("router web", "")
		time.Sleep(20 * ms)
		if v := a.wants(vip.Granted, ""); v.Term == 0 || v.Token == "" {
			t.Errorf("%+v", v)
		}
		if !a.open() {
			t.Error("the fence isn't open")
		}
		b.guard.Claim("router web", "")
		time.Sleep(3 * time.Second)
		if v := b.wants(vip.Refused, "held"); v.Holder != "a" {
			t.Errorf("%+v", v)
		}
		if a.wants(vip.Granted, ""); !a.open() || len(a.verdicts) != 1 {
			t.Errorf("%d verdicts", len(a.verdicts))
		}
		a.giveUp("router web")
		if time.Sleep(2 * ms); a.open() {
			t.Error("the fence is open")
		}
		time.Sleep(400 * ms)
		b.wants(vip.Granted, "")
	})
}
