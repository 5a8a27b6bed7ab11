// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"net/netip"
	"testing"
)

func newWorld(t *testing.T, cfg Config) *World {
	t.Helper()
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Close()
		if err := w.Check(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func TestDeliver(t *testing.T) {
	w := newWorld(t, Cluster(2, 2))
	if _, instance, ok := w.Deliver(ClusterNode(3), netip.MustParseAddr("192.0.2.11")); !ok || instance != ClusterNode(1) {
		t.Errorf("got %q, %t", instance, ok)
	}
}
