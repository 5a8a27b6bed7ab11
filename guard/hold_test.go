// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/vip"
)

// holding is a world whose a holds the resource, with on_loss: hold.
func holding(t *testing.T, f func(t *testing.T, w *world, a *node)) {
	t.Helper()
	bubble(t, abc, func(t *testing.T, w *world) {
		a := w.nodes["a"]
		a.cfg.Resources[0].Hold = true
		w.start()
		a.guard.Claim("router web", "")
		w.pass(500 * ms)
		a.wants(vip.Granted, "")
		f(t, w, a)
	})
}

func TestHoldKeeps(t *testing.T) {
	holding(t, func(t *testing.T, w *world, a *node) {
		first := a.last()
		w.isolate("a", true)
		for range 100 { // never a gap
			if w.pass(50 * ms); !a.open() {
				t.Fatal("the fence is closed")
			}
		}
		a.wants(vip.Unconfirmed, "unheard")
		if l := a.guard.Lease("router web"); !l.Unconfirmed || l.Held || l.Lost != 1 {
			t.Errorf("%+v", l)
		}
		w.isolate("a", false)
		w.pass(2 * time.Second)
		if v := a.wants(vip.Granted, ""); v.Term <= first.Term || v.Token == first.Token {
			t.Errorf("%+v after %+v", v, first)
		}
		if l := a.guard.Lease("router web"); l.Unconfirmed || !l.Held || l.Refusal != "" {
			t.Errorf("%+v", l)
		}
	})
}

// Another has taken it over meanwhile, as it may: the first that says so ends it.
func TestHoldEndsWhenHeld(t *testing.T) {
	holding(t, func(t *testing.T, w *world, a *node) {
		w.allow = true
		w.isolate("a", true)
		w.pass(time.Second)
		w.nodes["b"].guard.Claim("router web", "")
		w.pass(500 * ms)
		w.nodes["b"].wants(vip.Granted, "")
		a.wants(vip.Unconfirmed, "unheard")
		w.isolate("a", false)
		w.pass(time.Second)
		if v := a.wants(vip.Revoked, "held"); v.Holder != "b" {
			t.Errorf("%+v", v)
		}
		if a.open() || !w.nodes["b"].open() {
			t.Error("the fences are not b's")
		}
	})
}

// A loop that hangs while it holds doesn't keep the fence open.
func TestHoldEndsWhenStalled(t *testing.T) {
	holding(t, func(t *testing.T, w *world, a *node) {
		w.isolate("a", true)
		w.pass(time.Second)
		a.wants(vip.Unconfirmed, "unheard")
		a.hang()
		if w.pass(301 * ms); a.open() {
			t.Error("the fence is open")
		}
		a.wants(vip.Revoked, reasonStalled)
	})
}

func TestFenceFails(t *testing.T) {
	bubble(t, abc, func(t *testing.T, w *world) {
		w.start()
		a, b := w.nodes["a"], w.nodes["b"]
		a.refuse(errors.New("no"))
		a.guard.Claim("router web", "")
		w.pass(10 * ms)
		a.wants(vip.Refused, reasonFence)
		b.guard.Claim("router web", "") // a doesn't sit on the lease
		w.pass(50 * ms)
		b.wants(vip.Granted, "")
		b.giveUp("router web")
		a.refuse(nil)
		w.pass(time.Second)
		a.wants(vip.Granted, "")
		a.refuse(errors.New("no"))
		w.pass(400 * ms)
		a.wants(vip.Revoked, reasonFence)
		if a.open() {
			t.Error("the fence is open")
		}
	})
}

// The machine was stopped and resumed, and its clock with it: what others say
// is all that tells it that time has passed.
func TestLaterHolderClosesTheFence(t *testing.T) {
	for _, by := range []string{"proposal", "answer", "prepare", "former"} {
		bubble(t, abc, func(t *testing.T, w *world) {
			w.start()
			a := w.nodes["a"]
			a.guard.Claim("router web", "")
			w.pass(50 * ms)
			a.guard.GiveUp("router web")
			a.guard.Claim("router web", "") // its term is above 1
			w.pass(50 * ms)
			v := a.wants(vip.Granted, "")
			w.isolate("a", true)
			r := web()
			own, _ := parseToken(v.Token)
			m := quorum.Message{
				Kind: quorum.Propose, Resource: r.Name, Digest: r.quorum().Digest(), Lease: r.Lease(false),
				Ballot: quorum.Ballot{Counter: v.Term + 1, Node: "b", Start: 7},
			}
			switch by {
			case "answer":
				m.Holder, m.Ballot = m.Ballot, own
				m.Kind, m.Refusal, m.Lease = quorum.Accepted, quorum.Held, 0
			case "prepare": // anybody may ask
				m.Kind, m.Lease = quorum.Prepare, 0
			case "former": // late
				m.Ballot.Counter = v.Term - 1
			}
			p, err := quorum.Packet{From: "b", Start: 7, Messages: []quorum.Message{m}}.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			a.guard.Received("b", p)
			w.pass(ms)
			if by == "prepare" || by == "former" {
				a.wants(vip.Granted, "")
				return
			}
			if v := a.wants(vip.Revoked, "held"); v.Holder != "b" || a.open() {
				t.Errorf("%+v, open: %v", v, a.open())
			}
		})
	}
}
