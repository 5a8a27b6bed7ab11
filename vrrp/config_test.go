// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

func TestNewRefuses(t *testing.T) {
	six := netip.MustParseAddr("2001:db8::1")
	for name, tt := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"version":           {func(c *Config) { c.Version = 4 }, "version 4"},
		"vrid":              {func(c *Config) { c.VRID = 0 }, "vrid 0"},
		"priority":          {func(c *Config) { c.Priority = 0 }, "priority 0"},
		"interval 0":        {func(c *Config) { c.Interval = 0 }, "interval 0s"},
		"interval too long": {func(c *Config) { c.Interval = 41 * time.Second }, "interval 41s"},
		"interval odd":      {func(c *Config) { c.Interval = 15 * time.Millisecond }, "interval 15ms"},
		"negative delay":    {func(c *Config) { c.PreemptDelay = -1 }, "negative"},
		"delay for nothing": {func(c *Config) { c.Preempt, c.PreemptDelay = false, 1 }, "without preempt"},
		"no address":        {func(c *Config) { c.Addresses = nil }, "0 addresses"},
		"256 addresses":     {func(c *Config) { c.Addresses = make([]netip.Addr, 256) }, "256 addresses"},
		"zero address":      {func(c *Config) { c.Addresses = []netip.Addr{{}} }, "invalid IP"},
		"multicast":         {func(c *Config) { c.Addresses = []netip.Addr{wire.Group4} }, "224.0.0.18"},
		"zone":              {func(c *Config) { c.Addresses = []netip.Addr{six.WithZone("eth0")} }, "%eth0"},
		"two families":      {func(c *Config) { c.Addresses = append(c.Addresses, six) }, "not of the family"},
		"version 2 on IPv6": {func(c *Config) { c.Version, c.Addresses = wire.V2, []netip.Addr{six} }, "IPv4 only"},
		"twice":             {func(c *Config) { c.Addresses = append(c.Addresses, vip) }, "listed twice"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := standard()
			tt.change(&cfg)
			if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New: %v, want something about %q", err, tt.want)
			}
		})
	}
}

func TestNewNamesAllErrors(t *testing.T) {
	_, err := New(Config{})
	if err == nil {
		t.Fatal("took an empty configuration")
	}
	for _, want := range []string{"version 0", "vrid 0", "priority 0", "0 addresses"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
}

func TestNewCopiesTheAddresses(t *testing.T) {
	cfg := standard()
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Addresses[0] = above
	if e.cfg.Addresses[0] != vip {
		t.Error("the caller's slice is in use")
	}
}
