// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package site_test

import (
	"context"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/site"
)

// balance makes a site whose first director sends all that is for the service to
// its first server, by nftables.
func balance(t *testing.T) *site.Site {
	t.Helper()
	labtest.Need(t, "nft")
	s, err := site.New(labtest.New(t), site.Config{Servers: 2})
	labtest.OK(t, err)
	t.Cleanup(s.Close)
	lb := s.Directors[0]
	labtest.OK(t, lb.AddAddress(site.VIP))
	labtest.OK(t, lb.AddAddress(site.Inside))
	out, err := lb.Run(t.Context(), "nft", "add table ip t; add chain ip t c { type nat hook prerouting priority dstnat; }; "+
		"add rule ip t c ip daddr 192.0.2.100 tcp dport 80 dnat to 198.51.100.11:8080; "+
		"add rule ip t c ip daddr 192.0.2.100 tcp dport 81 dnat to 198.51.100.11:8081; "+
		"add rule ip t c ip daddr 192.0.2.100 udp dport 53 dnat to 198.51.100.11:5300")
	if err != nil {
		t.Skipf("needs nftables: %v: %s", err, out)
	}
	return s
}

var web = netip.AddrPortFrom(site.VIP.Addr(), 80)

func TestConnect(t *testing.T) {
	s := balance(t)
	for _, l := range []site.Load{{Target: web}, {Target: netip.AddrPortFrom(web.Addr(), 81), Greeted: true}, {Target: netip.AddrPortFrom(web.Addr(), 53), UDP: true}} {
		l.Connections, l.Sources, l.Parallel = 600, 254, 8
		got, err := s.Client.Connect(t.Context(), l)
		labtest.OK(t, err)
		if got.Servers["s1"] != 600 || got.Failed != 0 || len(got.Sources) != 254 {
			t.Errorf("%s: %v from %d addresses, %d failed: %v", l.Target, got.Servers, len(got.Sources), got.Failed, got.Errors)
		}
	}
	if n := s.Server("s1").Accepted(); n != 1200 {
		t.Errorf("the server has accepted %d", n)
	}
	got, err := s.Client.Connect(t.Context(), site.Load{Target: netip.AddrPortFrom(web.Addr(), 82), Connections: 10})
	labtest.OK(t, err)
	if got.Failed != 10 || got.Errors["connection refused"] != 10 {
		t.Errorf("where nobody listens: %v, %d failed: %v", got.Servers, got.Failed, got.Errors)
	}
}

// TestKill: a killed server's connections break and new ones are refused, until it is
// started again.
func TestKill(t *testing.T) {
	s := balance(t)
	held, err := s.Client.Hold(t.Context(), web, 20)
	labtest.OK(t, err)
	defer held.Close()
	if got := held.Servers(); got["s1"] != 20 {
		t.Fatalf("held: %v", got)
	}
	held.Finish("nobody")
	labtest.Eventually(t, 5*time.Second, "they are kept busy", func() bool { return held.Beats("s1") > 40 })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	type result struct {
		all []site.Attempt
		err error
	}
	done := make(chan result, 1)
	go func() {
		all, err := s.Client.Attempts(ctx, web, time.Millisecond)
		done <- result{all, err}
	}()
	server := s.Server("s1")
	labtest.Eventually(t, 5*time.Second, "attempts are served", func() bool { return server.Accepted() > 50 })
	if n := len(held.Breaks()); n > 0 {
		t.Errorf("%d connections broke before the death", n)
	}
	died := server.Kill()
	labtest.Eventually(t, 5*time.Second, "all are broken", func() bool { return len(held.Breaks()) == 20 && len(held.Servers()) == 0 })
	labtest.OK(t, server.Start())
	before := server.Accepted()
	labtest.Eventually(t, 5*time.Second, "attempts are served again", func() bool { return server.Accepted() > before+50 })
	cancel()
	r := <-done
	labtest.OK(t, r.err)
	refused := 0
	for _, a := range r.all {
		if a.Err != nil {
			refused++
			if a.End.Before(died) {
				t.Errorf("an attempt failed before the death: %v", a.Err)
			}
		}
	}
	if refused == 0 {
		t.Error("no attempt has failed")
	}
}

func TestHealth(t *testing.T) {
	labtest.Need(t, "curl")
	s := balance(t)
	page := func(path string) string {
		out, err := s.Client.Run(t.Context(), "curl", "-s", "-w", " %{http_code}", "http://"+site.VIP.Addr().String()+path)
		labtest.OK(t, err)
		return out
	}
	if got := page("/healthz"); got != "s1 200" {
		t.Errorf("/healthz answers %q", got)
	}
	s.Server("s1").Health(http.StatusServiceUnavailable, "7")
	if got := page("/healthz"); got != "7 503" {
		t.Errorf("/healthz answers %q", got)
	}
	if got := page("/"); got != "s1 200" {
		t.Errorf("/ answers %q", got)
	}
}
