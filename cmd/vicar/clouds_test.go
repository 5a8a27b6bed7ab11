// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
)

const cloudFile = `cluster: web
nodes:
  lb-1: {address: 192.0.2.10, priority: 150}
  lb-2: {address: 192.0.2.11, priority: 100}
  arbiter: {address: 192.0.2.30, witness: true}
transport: {kind: unicast}
peer_link: {keys_file: /etc/vicar/keys}
guard: {kind: quorum}
routers:
  web: {vrid: 51, interface: eth0, addresses: [203.0.113.7/32], move: [aws-route, kernel]}
aws: {region: eu-central-1, route_tables: [rtb-0123456789abcdef0]}
`

func cloudConfig(t *testing.T, replace ...string) *config.Config {
	t.Helper()
	return parsed(t, strings.NewReplacer(replace...).Replace(cloudFile))
}

// TestSameCloud: what was not set up at the start can't be had by a reload.
func TestSameCloud(t *testing.T) {
	for name, tt := range map[string]struct {
		replace []string
		same    bool
	}{
		"nothing":          {nil, true},
		"a priority":       {[]string{"150", "200"}, true}, // and with it the default of the weight
		"readiness":        {[]string{"aws: {", "aws: {readiness: {interval: 2m, weight: -99}, "}, true},
		"a program more":   {[]string{"[aws-route, ", "[aws-route, {exec: [/bin/move]}, "}, true},
		"poll":             {[]string{"aws: {", "aws: {poll: 1m, "}, false},
		"routes along":     {[]string{"aws: {", `aws: {routes: {203.0.113.7: [{to: "::/0", tables: [rtb-0123456789abcdef1]}]}, `}, false},
		"an account":       {[]string{"aws: {", `aws: {account: "123456789012", endpoints: {ssm: "https://ssm.example"}, `}, true}, // a command's alone
		"another means":    {[]string{"[aws-route, ", "[aws-secondary-ip, "}, false},
		"one means more":   {[]string{"aws: {", "  db: {vrid: 52, interface: eth0, addresses: [192.0.2.100/24], move: [aws-secondary-ip, kernel]}\naws: {"}, false},
		"by the host only": {[]string{"[aws-route, kernel]", "[kernel]"}, false},
	} {
		if got := sameCloud(cloudConfig(t), cloudConfig(t, tt.replace...)); got != tt.same {
			t.Errorf("%s: same is %t", name, got)
		}
	}
}

// TestCloudsOfNodes: a witness has none, and a means that was not set up is an
// error of its router's.
func TestCloudsOfNodes(t *testing.T) {
	w := cloudWorld{now: time.Now, log: slog.New(slog.DiscardHandler)}
	if u, err := newClouds(t.Context(), cloudConfig(t), "arbiter", w); u != nil || err != nil {
		t.Errorf("a witness: %v, %v", u, err)
	}
	if found, err := diagnose(t.Context(), cloudConfig(t), "arbiter"); len(found) > 0 || err != nil {
		t.Errorf("a witness: %v, %v", found, err)
	}
	u, err := newClouds(t.Context(), cloudConfig(t), "lb-1", w)
	if err != nil {
		t.Fatal(err)
	}
	other := cloudConfig(t, "[aws-route, ", "[aws-secondary-ip, ").Routers[0]
	movers := u.movers(other, unmoved{})
	if err := movers[0].Acquire(context.Background(), vip.Claim{Router: other.Name, Addresses: other.Addresses}); err == nil {
		t.Error("it was acquired by what is not there")
	}
	if n := len(nodeChecks(cloudConfig(t), "arbiter")); n > 0 {
		t.Errorf("a witness has %d checks", n)
	}
	var names []string
	for _, c := range nodeChecks(cloudConfig(t), "lb-2") {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, " "); got != readinessCheck("web")+" "+config.CheckSignals {
		t.Errorf("checks %s", got)
	}
}

// TestProgramsAskNoAWS: a section aws that is for programs alone starts nothing of
// AWS's: at 169.254.169.254 is another cloud's metadata service, where there is one.
func TestProgramsAskNoAWS(t *testing.T) {
	c := cloudConfig(t, "[aws-route, ", "[{exec: [/bin/move]}, ", "aws: {region: eu-central-1, route_tables: [rtb-0123456789abcdef0]}", "aws: {poll: 15s}")
	u, err := newClouds(t.Context(), c, "lb-1", cloudWorld{now: time.Now, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if u == nil || u.session != nil || u.watch.Poll != 15*time.Second {
		t.Errorf("set up %+v", u)
	}
	for _, k := range nodeChecks(c, "lb-1") {
		if k.Name == config.CheckSignals {
			t.Error("the metadata service is asked for signals")
		}
	}
	for _, k := range cloudTracks(c, c.Routers[0]) {
		if k.Check == config.CheckSignals {
			t.Error("a check that there is not is tracked")
		}
	}
}

// TestReadinessTime: a look takes as long as what it asks may take, however often it
// is made.
func TestReadinessTime(t *testing.T) {
	for _, tt := range []struct {
		move string
		want time.Duration
	}{
		{"[aws-route, ", examineAWS},
		{"[{exec: [/bin/move]}, ", 6 * time.Second},
		{"[{exec: [/bin/move], timeout: 30s}, {exec: [/bin/other], timeout: 100ms}, aws-route, ", 32*time.Second + 100*time.Millisecond + examineAWS},
	} {
		for _, interval := range []string{"1s", "24h"} {
			c := cloudConfig(t, "[aws-route, ", tt.move, "aws: {", "aws: {readiness: {interval: "+interval+"}, ")
			if got := nodeChecks(c, "lb-2")[0]; got.Timeout != tt.want {
				t.Errorf("%s each %v may take %v, want %v", tt.move, got.Interval, got.Timeout, tt.want)
			}
		}
	}
}

// TestProgramReleases: a program is asked to give up if its own item says so,
// whatever is said of AWS, and after a reload, too.
func TestProgramReleases(t *testing.T) {
	for _, aws := range []string{"false", "true"} {
		file := filepath.Join(t.TempDir(), "yields")
		program := `[{exec: [/bin/sh, -c, 'read -r r; case $r in *yield*) echo . >>` + file + `;; esac; echo {\"done\":[\"203.0.113.7\"]}'], release: RELEASE}, `
		u, err := newClouds(t.Context(), cloudConfig(t, "aws: {", "aws: {release: "+aws+", "), "lb-1", cloudWorld{now: time.Now, log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		yields := ""
		for _, release := range []string{"false", "true", "false", "true"} {
			v := cloudConfig(t, "[aws-route, ", strings.Replace(program, "RELEASE", release, 1)).Routers[0]
			if err := u.movers(v, unmoved{})[0].Release(t.Context(), vip.Claim{Router: v.Name, Addresses: v.Addresses}); err != nil {
				t.Fatal(err)
			}
			if release == "true" {
				yields += ".\n"
			}
			if got, err := os.ReadFile(file); string(got) != yields || yields != "" && err != nil {
				t.Errorf("release: %s, and of AWS %s: it has been asked %q, want %q, %v", release, aws, got, yields, err)
			}
		}
	}
}

// TestDoctorOfProgram: what a program misses is shown without a section aws.
func TestDoctorOfProgram(t *testing.T) {
	c := cloudConfig(t, "aws: {region: eu-central-1, route_tables: [rtb-0123456789abcdef0]}", "", "[aws-route, ", "[{exec: [/bin/move]}, ")
	text := renderDoctor(c, []status.Finding{{Router: "web", Mover: "exec", What: "a key", Problem: "none", Missing: "dns:Write"}}, paint(false))
	if !strings.Contains(text, "dns:Write is missing") {
		t.Errorf("doctor says\n%s", text)
	}
}

// TestFindingsOfRemoved: what was found for a router that a reload has removed is shown
// no more.
func TestFindingsOfRemoved(t *testing.T) {
	c := cloudConfig(t)
	u, err := newClouds(t.Context(), c, "lb-2", cloudWorld{now: time.Now, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, router := range []string{"db", "web"} {
		u.note(router, []status.Finding{{Router: router, What: "a table", Problem: "gone"}})
	}
	var st status.Status
	u.status(c, &st)
	if len(st.Findings) != 1 || st.Findings[0].Router != "web" {
		t.Errorf("found %+v", st.Findings)
	}
}

// TestRefusalsOfMany: refusals that go on are looked at while they do, and make the other
// routers be looked at now and then.
func TestRefusalsOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cloudConfig(t, "  web:", "  db: {vrid: 52, interface: eth0, addresses: [203.0.113.8/32], move: [{exec: [/bin/move]}, kernel]}\n  web:", "[aws-route, ", "[{exec: [/bin/move]}, ")
		u, err := newClouds(t.Context(), c, "lb-1", cloudWorld{now: time.Now, log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		looks := make(map[string]*atomic.Int32)
		ctx, stop := context.WithCancel(t.Context())
		for _, r := range c.Routers {
			n := new(atomic.Int32)
			looks[r.Name] = n
			go func() { _ = u.probe(readiness{r, "eth0"}).(checks.Waker).Wake(ctx, func() { n.Add(1) }) }()
		}
		synctest.Wait()
		for range 110 {
			u.refused(vip.Claim{Router: "web/ipv6"})
			time.Sleep(500 * time.Millisecond)
		}
		if web, db := looks["web"].Load(), looks["db"].Load(); web < 50 || web > 60 || db != 3 {
			t.Errorf("%d looks at the router that was refused, and %d at the other", web, db)
		}
		stop()
		synctest.Wait()
	})
}

// TestRefusalIsLookedAt: a take-over that was refused is looked at soon, and it is
// again when whoever reloads may have put that right.
func TestRefusalIsLookedAt(t *testing.T) {
	program := `[{exec: [/bin/sh, -c, 'read -r r; case $r in *observe*) echo {\"objects\":[{\"address\":\"203.0.113.7\",\"mine\":false}]};; *examine*) echo {\"findings\":[]};; *) echo {\"error\":{\"kind\":\"denied\",\"message\":\"no\"}}; esac']}, `
	c := cloudConfig(t, "[aws-route, ", program)
	u, err := newClouds(t.Context(), c, "lb-1", cloudWorld{now: time.Now, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r := c.Routers[0]
	probe, ok := u.probe(readiness{r, "eth0"}).(checks.Waker)
	if !ok {
		t.Fatal("it is told nothing")
	}
	looks := make(chan struct{}, 100)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- probe.Wake(ctx, func() { looks <- struct{}{} }) }()
	<-looks // at first
	look := func(want string) {
		t.Helper()
		found, held, err := u.examine(t.Context(), r, "eth0")
		if err != nil || held {
			t.Fatal(held, err)
		}
		take := found[len(found)-1]
		if got := fmt.Sprintf("ok %t, untried %t", take.OK, take.Untried); got != want {
			t.Errorf("%s: %s, want %s", take.What, got, want)
		}
	}
	look("ok true, untried true")
	claim := vip.Claim{Router: r.Name, Interface: "eth0", Addresses: r.Addresses}
	mover := u.movers(r, unmoved{})[0]
	if err := mover.Acquire(t.Context(), claim); cloud.KindOf(err) != cloud.Denied {
		t.Fatal(err)
	}
	if err := mover.Release(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	<-looks
	<-looks // two failures are believed
	look("ok false, untried false")
	u.forget()
	<-looks
	look("ok true, untried true")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
