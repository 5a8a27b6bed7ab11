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
		w.pass(20 * ms)
		if v := a.wants(vip.Granted, ""); v.Term == 0 || v.Token == "" {
			t.Errorf("%+v", v)
		}
		if !a.open() {
			t.Error("the fence isn't open")
		}
		b.guard.Claim("router web", "")
		w.pass(3 * time.Second)
		if v := b.wants(vip.Refused, "held"); v.Holder != "a" {
			t.Errorf("%+v", v)
		}
		if a.wants(vip.Granted, ""); !a.open() || len(a.verdicts) != 1 {
			t.Errorf("%d verdicts", len(a.verdicts))
		}
		a.giveUp("router web")
		if w.pass(2 * ms); a.open() {
			t.Error("the fence is open")
		}
		w.pass(400 * ms)
		b.wants(vip.Granted, "")
	})
}

// The Release is lost, and what the holder gave is enough.
func TestGuardHandover(t *testing.T) {
	bubble(t, abc, func(t *testing.T, w *world) {
		w.start()
		a, b := w.nodes["a"], w.nodes["b"]
		a.guard.Claim("router web", "")
		w.pass(500 * ms)
		token := a.wants(vip.Granted, "").Token
		w.isolate("a", true)
		a.giveUp("router web")
		w.pass(5 * ms)
		w.isolate("a", false)
		b.guard.Claim("router web", token)
		w.pass(10 * ms)
		b.wants(vip.Granted, "")
	})
}

func TestGuardBadToken(t *testing.T) {
	bubble(t, abc, func(_ *testing.T, w *world) {
		w.start()
		w.nodes["a"].guard.Claim("router web", "what is this")
		w.pass(10 * ms)
		w.nodes["a"].wants(vip.Granted, "")
	})
}

func TestGuardWithoutMajority(t *testing.T) {
	bubble(t, abc, func(t *testing.T, w *world) {
		w.start()
		a, b := w.nodes["a"], w.nodes["b"]
		a.guard.Claim("router web", "")
		w.pass(500 * ms)
		w.isolate("a", true)
		b.guard.Claim("router web", "")
		w.pass(290 * ms)
		v := a.wants(vip.Revoked, "unheard")
		if left := v.Until.Sub(a.now()); left > 30*ms || a.open() && left <= 0 {
			t.Errorf("%v were left", left)
		}
		w.pass(100 * ms)
		b.wants(vip.Granted, "")
		w.isolate("a", false)
		a.guard.Claim("router web", "")
		w.pass(100 * ms)
		if v := a.wants(vip.Refused, "held"); v.Holder != "b" {
			t.Errorf("%+v", v)
		}
	})
}

// Nobody renews: the lease runs out, whatever on_loss says.
func TestGuardHangs(t *testing.T) {
	for _, hold := range []bool{false, true} {
		bubble(t, abc, func(t *testing.T, w *world) {
			a := w.nodes["a"]
			a.cfg.Resources[0].Hold = hold
			w.start()
			a.guard.Claim("router web", "")
			w.pass(500 * ms)
			a.hang()
			w.pass(400 * ms)
			a.wants(vip.Revoked, reasonStalled)
			if a.open() {
				t.Error("the fence is open")
			}
			// What it gives up late harms nobody, and it may claim again.
			a.guard.GiveUp("router web")
			a.guard.Claim("router web", "")
			w.pass(100 * ms)
			a.wants(vip.Granted, "")
		})
	}
}

func TestGuardClaimsAgainAfterShut(t *testing.T) {
	bubble(t, abc, func(t *testing.T, w *world) {
		w.start()
		a := w.nodes["a"]
		a.guard.Claim("router web", "")
		w.pass(50 * ms)
		first := a.wants(vip.Granted, "")
		a.guard.Shut("router web")
		a.guard.Renew([]string{"router web"})
		if w.pass(50 * ms); a.open() {
			t.Error("the fence was opened after Shut")
		}
		if l := a.guard.Lease("router web"); l.Held || l.Term != first.Term || !l.Until.Equal(first.Until) {
			t.Errorf("after Shut the lease is %+v, want term %d until %v", l, first.Term, first.Until)
		}
		a.guard.GiveUp("router web")
		w.pass(time.Millisecond)
		if l := a.guard.Lease("router web"); l.Term != 0 || !l.Until.IsZero() {
			t.Errorf("after GiveUp the lease is %+v", l)
		}
		a.guard.Claim("router web", "")
		w.pass(50 * ms)
		if v := a.wants(vip.Granted, ""); v.Term <= first.Term || !a.open() {
			t.Errorf("term %d after %d", v.Term, first.Term)
		}
	})
}
