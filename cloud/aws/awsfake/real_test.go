// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"
)

// served is the SDK of node 1 over sockets.
func served(t *testing.T, w *World) machine {
	t.Helper()
	region, metadata := httptest.NewServer(w), httptest.NewServer(w.IMDS(ClusterNode(1)))
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		w.Close() // lets go what waits
		client.CloseIdleConnections()
		region.Close()
		metadata.Close()
	})
	return over(client, region.URL, metadata.URL)
}

// TestServed is the whole over sockets: what is signed there is what is checked
// here, and connections end as faults want it.
func TestServed(t *testing.T) {
	w := newWorld(t, Cluster(2, 1))
	m, ctx := served(t, w), t.Context()
	ok(t, m.assign(ctx, 1, false, vipA))
	holds(t, w, vipA, ClusterInterface(1))
	ok(t, m.put(ctx, "web", "1", "attribute_not_exists(#v)"))
	ok(t, m.whoami(ctx))
	if text := metadataOf(t, m, "instance-id"); text != ClusterNode(1) {
		t.Errorf("the metadata are %s's", text)
	}

	remove := w.Inject(Fault{Action: "Describe*", Effect: Refuse})
	if err := m.describe(ctx); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("refused: %v", err)
	}
	remove()
	ok(t, m.describe(ctx))

	// The answers of these never come; the write is done, once in time and once late.
	for _, f := range []Fault{{Effect: LoseResponse}, {Effect: ApplyLate, Delay: 100 * time.Millisecond}} {
		ok(t, w.MoveAddress(addr(vipA), ClusterInterface(2)))
		f.Action, f.Times = "Assign*", 1
		w.Inject(f)
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		if err := m.assign(short, 1, true, vipA); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		cancel()
		for deadline := time.Now().Add(5 * time.Second); ; {
			if eni, _ := w.Holder(addr(vipA)); eni == ClusterInterface(1) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("effect %d: the write was not done", f.Effect)
			}
		}
	}
}
