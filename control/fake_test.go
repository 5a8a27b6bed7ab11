// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// backend is an agent that answers what it was told to.
type backend struct {
	mu      sync.Mutex
	st      status.Status
	err     error
	reload  func(context.Context) error
	reloads int

	handover func(context.Context, Handover) (HandoverResult, error)
	drain    func(ctx context.Context, on, force bool) ([]Moved, error)
	forget   func(context.Context, string) error
	pool     func(context.Context, PoolDrain) error
}

func (b *backend) PoolDrain(ctx context.Context, d PoolDrain) error { return b.pool(ctx, d) }

func (b *backend) Handover(ctx context.Context, h Handover) (HandoverResult, error) {
	return b.handover(ctx, h)
}

func (b *backend) Drain(ctx context.Context, on, force bool) ([]Moved, error) {
	return b.drain(ctx, on, force)
}

func (b *backend) Forget(ctx context.Context, node string) error { return b.forget(ctx, node) }

func (b *backend) Status(context.Context) (status.Status, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.st, b.err
}

func (b *backend) Reload(ctx context.Context) error {
	b.mu.Lock()
	b.reloads++
	f := b.reload
	b.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(ctx)
}

// full is a status with something in every field that becomes a metric.
func full() status.Status {
	return status.Status{
		Version: "v1.2.3", Node: "lb-1", Cluster: "web", Digest: "abc",
		Now: time.Unix(1000, 0).UTC(), Started: time.Unix(900, 0).UTC(), Reloaded: time.Unix(950, 0).UTC(),
		Routers: []status.Router{{
			Name: "web", State: "Active", Reason: "startup", Since: time.Unix(910, 0).UTC(), Term: 3,
			Interface: "eth0", Interval: time.Second, Priority: 80, Base: 150,
			Tracks: []status.Track{
				{Check: "haproxy", State: "failing", Weight: -60, Part: -60},
				{Check: "uplink", State: "passing"},
				{Check: "haproxy", State: "failing", Weight: -10, Part: -10, Group: true},
				{Check: "drain", State: "undecided", Blocks: true},
			},
			Lease:  &status.Lease{Held: true, Term: 12, Until: time.Unix(1001, 0).UTC(), Since: time.Unix(910, 0).UTC(), Lost: 2},
			Pinned: true, Filtered: "nobody hears it",
			SyncGroup: "edge", DampedUntil: time.Unix(1060, 0).UTC(), Moves: 5,
			Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.100/24")}, Held: true, Restored: 2,
			Movers: []status.Mover{{
				Kind: "aws-route", Wanted: true, Moved: 1, Verified: time.Unix(999, 0).UTC(), Unverified: "EC2 does not answer",
				Objects:   []status.CloudObject{{ID: "rtb-1 198.51.100.7/32", Mine: true}, {ID: "rtb-2 198.51.100.7/32", Holder: "eni-2"}},
				TakenBack: 2, Calls: map[string]uint64{"ec2:ReplaceRoute": 3}, Failures: map[string]uint64{"throttled": 1},
				Timeline: status.Timeline{
					Began: time.Unix(910, 0).UTC(), Sent: 2 * time.Millisecond, Accepted: 60 * time.Millisecond, Visible: 120 * time.Millisecond,
					Reflected: time.Second, Probed: 130 * time.Millisecond,
				},
			}},
			Transitions: map[string]uint64{"Backup": 1, "Active": 3},
			Engines: []status.Engine{{
				Family: 4, VRID: 51, Version: 3, State: "Active", Primary: netip.MustParseAddr("192.0.2.10"),
				Sent: 7, Received: 5, PriorityZero: 1,
				Dropped:   map[string]uint64{"checksum": 4},
				Notices:   map[string]uint64{"rival": 6},
				Checksums: map[string]uint64{"rfc": 5},
			}},
		}},
		Links: []status.Link{{
			Interface: "eth0", Family: 4, Mode: "multicast", Up: true, SendFails: 8,
			Dropped: map[string]uint64{"vrid": 9},
		}},
		Checks: []status.Check{
			{Name: "drain", Kind: "file", Target: "/run/drain", State: "undecided"},
			{
				Name: "haproxy", Kind: "http", Target: "http://127.0.0.1/", State: "failing", Outcome: "timeout", Cause: "no answer",
				Since: time.Unix(990, 0).UTC(), At: time.Unix(999, 0).UTC(), Took: 500 * time.Millisecond, Row: 3, Need: 2,
				Passed: 90, Failed: 4, TimedOut: 3, Late: 2,
			},
			{
				Name: "uplink", Kind: "icmp", Target: "192.0.2.1", State: "passing", Outcome: "pass",
				Since: time.Unix(901, 0).UTC(), At: time.Unix(1000, 0).UTC(), Took: 3 * time.Millisecond, Row: 99, Need: 3, Passed: 99,
			},
		},
		Hooks: []status.Hook{
			{
				Name: "/usr/local/bin/on-change", Ran: 9, Failed: 3, TimedOut: 1, Skipped: 4, Waiting: 2, Running: true,
				Error: "exit status 1", At: time.Unix(990, 0).UTC(), Took: 20 * time.Millisecond,
			},
			{Name: "http://127.0.0.1:9000/vip"},
			// The same program for other events.
			{Name: "/usr/local/bin/on-change", Ran: 1, Took: 10 * time.Millisecond},
		},
		Findings: []status.Finding{{Mover: "aws-route", What: "the credentials", OK: true}},
		Signals:  []status.Signal{{Kind: "terminate", At: time.Unix(1100, 0).UTC()}},
		Drained:  true,
		Guard: &status.Guard{
			Fence: "on", MaxLease: 10 * time.Second, Majority: true, Silent: time.Unix(1005, 0).UTC(), Staged: true, Waits: []string{"lb-2"},
			Voters: []status.Voter{
				{Name: "arbiter", Current: true, Staged: true},
				{Name: "lb-1", Answers: true, Heard: time.Unix(1000, 0).UTC(), Current: true, Staged: true, Ready: true},
				{Name: "lb-2", Answers: true, Heard: time.Unix(1000, 0).UTC(), Current: true},
				{
					Name: "lb-3", Answers: true, Heard: time.Unix(1000, 0).UTC(), Staged: true,
					Denies: []status.Denied{{Resource: "router web", Reason: status.DeniedAddresses}},
				},
			},
			Grants: 1, Dropped: map[string]uint64{"malformed": 3}, ClockSlew: 0.5,
		},
		PeerLink: &status.PeerLink{Port: 7946, Dropped: map[string]uint64{"wrong_key": 4}},
		Fleet: []status.Node{
			{Name: "arbiter", Configured: true, Witness: true},
			{Name: "lb-1", Here: true, Joined: true, Configured: true, Drained: true, Version: "v1.2.3", Digest: "abc"},
			{
				Name: "lb-2", Address: netip.MustParseAddrPort("192.0.2.11:7946"), Joined: true, Since: time.Unix(930, 0).UTC(), Configured: true,
				Version: "v1.2.2", Digest: "def", Differs: true,
				Resources: []status.NodeResource{{Name: "router web", State: "Backup", Priority: 100, Unheard: true}},
			},
			{Name: "mallory", Joined: true},
		},
		Pools: fullPools(),
		Sync:  &status.Sync{Role: "master", Router: "web", Interface: "eth1", ID: 51, Error: "no such device"},
		Loop:  status.Loop{Late: []uint64{5, 4, 0, 1, 0, 0, 0, 0, 2}, LateSum: time.Second, Stalls: 1, Deadline: 12},
	}
}

// server is a running Server.
type server struct {
	*Server
	socket string
	stop   func() error // ends Run and returns its error; once
}

// start runs a server with an HTTP listener until the test ends.
func start(t *testing.T, b Backend) *server {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "vicar.sock")
	s, err := New(Config{Socket: socket, HTTP: "127.0.0.1:0", Backend: b})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-s.Ready():
	case err := <-done:
		done <- err
		t.Fatalf("Run: %v", err)
	}
	return &server{Server: s, socket: socket, stop: stop}
}

// get asks the HTTP listener without keeping the connection.
func (s *server) do(t *testing.T, method, path string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.HTTPAddr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{DisableKeepAlives: true}
	res, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}
