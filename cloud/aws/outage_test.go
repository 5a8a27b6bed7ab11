// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
)

// run runs a session until the test ends.
func run(t *testing.T, s *Session) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestStartInAnOutage: a session is made and runs while nothing answers, and knows
// all when something does.
func TestStartInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		f.Inject(awsfake.Fault{Effect: awsfake.Refuse})
		f.Inject(awsfake.Fault{Service: "imds", Effect: awsfake.Blackhole})
		p := f.secondary(t, 1, false)
		run(t, f.nodes[0])
		all := objects(t, p, prefixes("192.0.2.100/24")...)
		time.Sleep(time.Minute)
		attempt, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := p.Take(attempt, all, cloud.Taking{Steal: true}); cloud.KindOf(err) != cloud.Unavailable {
			t.Errorf("taken in an outage: %v", err)
		}
		if found := wrong(p.Examine(t.Context(), all)); len(found) == 0 {
			t.Error("ready in an outage")
		}
		f.Heal()
		time.Sleep(time.Minute)
		f.Forget()
		if err := p.Take(t.Context(), all, cloud.Taking{Steal: true}); err != nil {
			t.Fatal(err)
		}
		if r := f.Requests(); len(r) != 1 || r[0].Action != "AssignPrivateIpAddresses" {
			t.Errorf("a take-over after an outage made %+v", r)
		}
		if found := wrong(p.Examine(t.Context(), all)); len(found) != 0 {
			t.Errorf("after an outage: %+v", found)
		}
	})
}

// TestMetadataOutage: what was known is kept, credentials too, and a take-over asks
// the metadata service nothing.
func TestMetadataOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		p := f.secondary(t, 1, false)
		run(t, f.nodes[0])
		time.Sleep(time.Minute)
		f.Inject(awsfake.Fault{Service: "imds", Effect: awsfake.Blackhole})
		time.Sleep(3 * time.Hour)
		began := time.Now()
		all := objects(t, p, prefixes("192.0.2.100/24")...)
		if err := p.Take(t.Context(), all, cloud.Taking{Steal: true}); err != nil {
			t.Fatal(err)
		}
		if n := mine(t, p, all); n != 1 || time.Since(began) != 0 {
			t.Errorf("%d taken after %v", n, time.Since(began))
		}
		if _, err := p.Reflected(t.Context(), all); cloud.KindOf(err) != cloud.Unavailable {
			t.Errorf("the metadata service shows something: %v", err)
		}
	})
}

// TestCredentialsEnd: credentials that end before their time are renewed soon after
// the first refusal.
func TestCredentialsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		p := f.secondary(t, 1, false)
		run(t, f.nodes[0])
		time.Sleep(time.Minute)
		f.Expire(awsfake.ClusterNode(1), true)
		all := objects(t, p, prefixes("192.0.2.100/24")...)
		if err := p.Take(t.Context(), all, cloud.Taking{Steal: true}); cloud.KindOf(err) != cloud.Denied {
			t.Fatalf("taken with credentials that have ended: %v", err)
		}
		time.Sleep(2 * time.Second)
		if err := p.Take(t.Context(), all, cloud.Taking{Steal: true}); err != nil {
			t.Errorf("after they were renewed: %v", err)
		}
	})
}

// TestOneAssumesTheRole: requests side by side that find no credentials get them
// by one request.
func TestOneAssumesTheRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 5, shared)
		u := uses(true)
		u.RouteTables = append(u.RouteTables, awsfake.ClusterRoutes(3), awsfake.ClusterRoutes(4), awsfake.ClusterRoutes(5))
		owner, _ := u.RolePolicy()
		set(t, f, awsfake.ClusterRole, u.Policy())
		set(t, f, ownerRole, owner)
		f.SetLatency(awsfake.Exactly(50 * time.Millisecond))
		f.nodes[0] = f.session(t, 1, Config{Role: u.Role})
		p := f.route(t, 1, 5)
		if err := p.Take(t.Context(), objects(t, p, prefixes("198.51.100.7/32")...), cloud.Taking{Steal: true}); err != nil {
			t.Fatal(err)
		}
		if n := f.Count("AssumeRole"); n != 1 {
			t.Errorf("the role was assumed %d times", n)
		}
	})
}

// TestWithoutMetadata: with region, interface and credentials in hand the metadata
// service is not needed to move something.
func TestWithoutMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, func(cfg *awsfake.Config) {
			cfg.Users = append(cfg.Users, awsfake.User{Name: "admin", Key: "AKIAADMIN", Secret: "secret", Policy: without("ec2:RunInstances")})
		})
		f.Inject(awsfake.Fault{Service: "imds", Effect: awsfake.Blackhole})
		t.Setenv("AWS_ACCESS_KEY_ID", "AKIAADMIN")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
		s, at := f.session(t, 1, Config{Region: "eu-central-1"}), Interface{ID: awsfake.ClusterInterface(1)}
		p, err := NewSecondary(s, SecondaryConfig{Interface: at})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		acquire(t, p, 1, prefixes("192.0.2.100/24"))
		private := netip.MustParseAddr("192.0.2.100")
		e, err := NewEIP(s, EIPConfig{Interface: at, Allocations: map[netip.Addr]string{private: awsfake.ClusterEIP(1)}})
		if err != nil {
			t.Fatal(err)
		}
		acquire(t, e, 1, prefixes("192.0.2.100/24"))
		if _, eni, with, _ := f.Association(awsfake.ClusterEIP(1)); node(eni) != 0 || with != private || time.Since(began) != 0 {
			t.Errorf("it is at %s of %s after %v", with, eni, time.Since(began))
		}
		all := objects(t, p, prefixes("192.0.2.100/24")...)
		if found := wrong(p.Examine(t.Context(), all)); len(found) != 0 {
			t.Errorf("found %+v", found)
		}
	})
}

// TestOnlyVersion2: the metadata service is never asked without a token.
func TestOnlyVersion2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, func(cfg *awsfake.Config) { cfg.Instances[0].OptionalTokens = true })
		f.Inject(awsfake.Fault{Service: "imds", Action: "*token*", Effect: awsfake.Fail, Status: 403})
		if _, err := f.nodes[0].machine(t.Context()); err == nil {
			t.Error("the machine is known without a token")
		}
	})
}

func TestNoCredentialProcess(t *testing.T) {
	noEnvironment(t)
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte("[default]\ncredential_process = /bin/false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", path)
	if _, err := New(t.Context(), Config{Log: quiet}); err == nil {
		t.Error("a process that hands out credentials was accepted")
	}
}

// TestInstanceCredentials: the SDK's cache is not in the way. Its requests go on
// after their context has ended.
func TestInstanceCredentials(t *testing.T) {
	noEnvironment(t)
	s, err := New(t.Context(), Config{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.own.source.(*ec2rolecreds.Provider); !ok {
		t.Errorf("the instance's credentials come from a %T", s.own.source)
	}
}

func TestReflected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		f.SetLags(awsfake.Lags{Metadata: awsfake.Exactly(time.Second)})
		p := f.secondary(t, 1, true)
		all := objects(t, p, prefixes("192.0.2.100/24", "2001:db8::100/64", "192.0.2.101/24")...)
		if err := p.Take(t.Context(), all[:2], cloud.Taking{Steal: true}); err != nil {
			t.Fatal(err)
		}
		for _, want := range [][]bool{{false, false, false}, {true, true, false}} {
			if has, err := p.Reflected(t.Context(), all); err != nil || !slices.Equal(has, want) {
				t.Errorf("the metadata service shows %v, %v; want %v", has, err, want)
			}
			time.Sleep(2 * time.Second)
		}
	})
}

// TestReflectedEIP: by its own address, and by the private one that it follows; what
// is neither can't be told.
func TestReflectedEIP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		p := f.eip(t, 1, true, "192.0.2.100")
		all := objects(t, p, prefixes("192.0.2.100/24")...)
		wants := func(want bool) {
			t.Helper()
			if has, err := p.Reflected(t.Context(), all); err != nil || has[0] != want {
				t.Errorf("the metadata service shows %v, %v; want %v", has, err, want)
			}
		}
		wants(false)
		acquire(t, f.secondary(t, 1, false), 1, prefixes("192.0.2.100/24"))
		wants(false)
		acquire(t, p, 1, prefixes("192.0.2.100/24"))
		wants(true)
		if err := f.MoveAddress(all[0].Address, awsfake.ClusterInterface(2)); err != nil {
			t.Fatal(err)
		}
		wants(false)

		public := "203.0.113.1"
		alone, other := f.eip(t, 1, false, public), f.eip(t, 1, false, "198.51.100.7")
		if has, err := alone.Reflected(t.Context(), objects(t, alone, prefixes(public+"/32")...)); err == nil {
			t.Errorf("what is elsewhere is shown as %v", has)
		}
		acquire(t, alone, 1, prefixes(public+"/32"))
		if has, err := alone.Reflected(t.Context(), objects(t, alone, prefixes(public+"/32")...)); err != nil || !has[0] {
			t.Errorf("what is here is shown as %v, %v", has, err)
		}
		if has, err := other.Reflected(t.Context(), objects(t, other, prefixes("198.51.100.7/32")...)); err == nil {
			t.Errorf("what can't be told is shown as %v", has)
		}
	})
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		ctx, cancel := context.WithCancel(t.Context())
		told := make(chan []Signal, 10)
		ended := make(chan error)
		go func() { ended <- f.nodes[0].Watch(ctx, func(s []Signal) { told <- s }) }()
		next := func() []Signal {
			t.Helper()
			select {
			case s := <-told:
				return s
			case <-time.After(time.Minute):
				t.Fatal("nothing was told")
				return nil
			}
		}
		if s := next(); len(s) != 0 {
			t.Errorf("at first: %v", s)
		}
		// That one sort of signals can't be had does not hide the other.
		healed := f.Inject(awsfake.Fault{Service: "imds", Action: "*events/maintenance/scheduled", Effect: awsfake.Fail})
		at := time.Now().Add(2 * time.Minute).Truncate(time.Second).UTC()
		if err := f.Interrupt(awsfake.ClusterNode(1), "terminate", at); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if s := next(); !slices.Equal(s, []Signal{{Interruption, "terminate", at}}) || time.Since(began) > signalsEvery+time.Second {
			t.Errorf("after %v: %v", time.Since(began), s)
		}
		healed()
		f.Inject(awsfake.Fault{Service: "imds", Effect: awsfake.Refuse})
		time.Sleep(time.Minute)
		f.Heal()
		later := at.Add(24 * time.Hour)
		if err := f.Schedule(awsfake.ClusterNode(1), "system-reboot", later, later.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if s := next(); !slices.Equal(s, []Signal{{Interruption, "terminate", at}, {Maintenance, "system-reboot", later}}) {
			t.Errorf("in the end: %v", s)
		}
		cancel()
		if err := <-ended; err == nil {
			t.Error("it ended well")
		}
	})
}
