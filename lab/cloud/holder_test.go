// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/status"
)

// TestBlink is keepalived's issue 950. The Backup loses the adverts, is Active for
// the blink of an eye, moves the route, and steps back when it hears them again. The
// true Active was Active all the time, so that no edge tells it to move the route
// back; it does.
func TestBlink(t *testing.T) {
	t.Parallel()
	labtest.Need(t, "nft")
	w := newWorld(t, routes.unguarded())
	w.start()
	// The first take-over of a life waits, since the other one may well be alive.
	w.deafen()
	w.eventually("lb-2 has moved the routes", func() bool { return w.has(second) })
	w.hear()
	w.settles(first)
	before := len(w.writes())
	w.deafen()
	w.eventually("lb-2 is Active", func() bool { return w.state(second) == "Active" })
	w.pass(200 * time.Millisecond)
	w.hear()
	w.eventually("lb-2 has moved the routes once more", func() bool {
		return slices.ContainsFunc(w.writes()[before:], func(r awsfake.Request) bool { return r.Caller == awsfake.ClusterNode(second) })
	})
	w.settles(first)
	settled := len(w.writes())
	w.pass(2 * poll)
	if after := len(w.writes()); after != settled {
		t.Errorf("%d writes after it was over", after-settled)
	}
	if got := w.router(first).Transitions["Active"]; got != 1 {
		t.Errorf("lb-1 was Active %d times, want once: the test has shown nothing", got)
	}
	if got := w.stands(first).TakenBack; got == 0 {
		t.Error("lb-1 doesn't count what it took back")
	}
}

// deafen lets lb-2 hear no adverts; the cloud it hears.
func (w *world) deafen() {
	w.t.Helper()
	w.nft("add table ip deaf")
	w.nft("add chain ip deaf in { type filter hook input priority 0; }")
	w.nft("add rule ip deaf in ip protocol 112 drop")
}

func (w *world) hear() {
	w.t.Helper()
	w.nft("delete table ip deaf")
}

func (w *world) nft(command string) {
	w.t.Helper()
	if out, err := w.hosts[second].Run(w.t.Context(), "nft", command); err != nil {
		w.t.Fatalf("nft %s: %v\n%s", command, err, out)
	}
}

// TestHostCut cuts the holder's host off, and lets it return.
func TestHostCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, routes)
	w.start()
	before := len(w.writes())
	labtest.OK(t, w.lab.Cut(w.hosts[first]))
	w.eventually("lb-2 has moved all routes", func() bool { return w.has(second) })
	w.answered()
	if wrote := w.writes()[before:]; len(wrote) != w.tables {
		t.Errorf("%d writes for %d tables: %+v", len(wrote), w.tables, wrote)
	}
	w.eventually("lb-2 has looked at what it has", func() bool { return w.stands(second).Timeline.Visible > 0 })
	labtest.OK(t, w.lab.Heal(w.hosts[first]))
	w.settles(first)
}

// TestStolenRoute lets somebody else point a route elsewhere, and delete one.
func TestStolenRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, routes)
	w.start()
	for n, to := range []string{awsfake.ClusterInterface(arbiter), ""} {
		labtest.OK(t, w.SetRoute(awsfake.ClusterRoutes(n+1), overlay, to))
		w.eventually("lb-1 takes the route back", func() bool { return w.stands(first).TakenBack == uint64(n+1) && w.has(first) })
		if got := w.stands(first).TakenFrom; got != to {
			t.Errorf("it was taken by %q, want %q", got, to)
		}
		w.answered()
	}
	if got := w.router(first).Transitions["Active"]; got != 1 {
		t.Errorf("lb-1 became Active %d times", got)
	}
	if got := w.router(first).Restored; got != 0 {
		t.Errorf("lb-1 counts %d of them as removed from the host", got)
	}
	out, err := w.agents[first].Tell(t.Context(), "status")
	if want := "web by aws-route took back 2 objects that others had taken"; err != nil || !strings.Contains(out, want) {
		t.Errorf("status doesn't say %q, error %v:\n%s", want, err, out)
	}
}

// TestAPIDown lets the API fail for a while. The holder goes on, the standby is
// shown not ready.
func TestAPIDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, routes)
	w.start()
	wrote := len(w.writes())
	heal := w.Inject(awsfake.Fault{Service: "ec2", Effect: awsfake.Fail, Status: 503, Code: "Unavailable"})
	w.eventually("the holder knows that it can't verify", func() bool { return w.stands(first).Unverified != "" })
	w.eventually("the standby knows that it is not ready", func() bool { return !w.passes(second) })
	w.pass(2 * poll)
	var st status.Status
	text, err := w.agents[second].Tell(t.Context(), "status", "--json")
	labtest.OK(t, err)
	labtest.OK(t, json.Unmarshal([]byte(text), &st))
	if !slices.ContainsFunc(st.Findings, func(f status.Finding) bool { return !f.OK && f.Problem != "" }) {
		t.Errorf("status of lb-2 doesn't say why it is not ready: %s", text)
	}
	if p := st.Routers[0].Priority; p >= 100 {
		t.Errorf("lb-2 is not ready, and its priority is %d", p)
	}
	if !w.holds(first) || w.router(first).Transitions["Active"] != 1 {
		t.Errorf("lb-1 does not go on to hold: %+v", w.router(first))
	}
	heal()
	w.eventually("the holder can verify again", func() bool { return w.stands(first).Unverified == "" })
	w.settles(first)
	if now := len(w.writes()); now != wrote {
		t.Errorf("%d writes while the API was down and after", now-wrote)
	}
}
