// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// TestRenderCloud is what status shows of a move that is half done, of one that
// is done, and of a node that could not take over.
func TestRenderCloud(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	router := func(name string, m status.Mover) status.Router {
		return status.Router{Name: name, State: "Active", Held: true, Since: now.Add(-time.Minute), Interval: time.Second, Movers: []status.Mover{m}}
	}
	standby := router("dns", status.Mover{Kind: "aws-eip", Objects: []status.CloudObject{}})
	standby.State, standby.Held = "Backup", false
	st := status.Status{
		Node: "lb-1", Cluster: "web", Digest: "0123456789abcdef", Version: "v1.2.3", Now: now, Started: now.Add(-time.Hour),
		Routers: []status.Router{
			router("api", status.Mover{
				Kind: "aws-route", Wanted: true, Moved: 1, Verified: now.Add(-30 * time.Second), Error: "ec2:ReplaceRoute of rtb-2: throttled",
				Objects: []status.CloudObject{{ID: "rtb-1 198.51.100.7/32", Mine: true}, {ID: "rtb-2 198.51.100.7/32", Holder: "eni-2", Dead: true}},
			}),
			router("web", status.Mover{
				Kind: "aws-secondary-ip", Wanted: true, Moved: 1, Verified: now.Add(-40 * time.Second), Unverified: "ec2: connection refused",
				Objects: []status.CloudObject{{ID: "eni-1 192.0.2.100", Mine: true}}, Reflected: "yes", Probed: "no", Peer: "lb-2",
				TakenBack: 3, TakenFrom: "eni-00000000000000003",
				Timeline: status.Timeline{Began: now, Sent: time.Millisecond, Accepted: 60 * time.Millisecond, Visible: 130 * time.Millisecond},
			}),
			standby,
		},
		Fleet: []status.Node{{Name: "lb-1", Here: true, Joined: true, Configured: true}, {
			Name: "lb-2", Joined: true, Configured: true, Resources: []status.NodeResource{{Name: "router api", State: "Backup", Priority: 1, Unready: true}},
		}},
		Findings: []status.Finding{
			{Mover: "aws-route", What: "the credentials", OK: true},
			{Mover: "aws-route", Router: "api", What: "permission to replace the route in rtb-2", Problem: "denied", Remedy: "add it to the role", Missing: "ec2:ReplaceRoute"},
		},
		Signals: []status.Signal{{Kind: "terminate", At: now.Add(2 * time.Minute)}},
	}
	golden(t, "status_cloud", renderStatus(st, false))
}

// TestRenderUnready: what several objects need alike is said once, with what to do.
func TestRenderUnready(t *testing.T) {
	var st status.Status
	for _, id := range []string{"rtb-1", "rtb-2", "rtb-3"} {
		st.Findings = append(st.Findings, status.Finding{
			Mover: "aws-route", Router: "web", What: "permission for " + id, Problem: "denied", Remedy: "allow it", Missing: "ec2:ReplaceRoute",
		})
	}
	st.Findings = append(st.Findings,
		status.Finding{Mover: "aws-route", Router: "db", What: "permission for rtb-1", Problem: "denied", Remedy: "allow it", Missing: "ec2:ReplaceRoute"},
		status.Finding{Mover: "exec", Router: "db", What: "the zone", Problem: "it is locked"})
	want := []string{
		"aws-route is not ready to take over web: permission for rtb-1: denied, and 2 more of the kind: allow it (missing: ec2:ReplaceRoute)",
		"aws-route is not ready to take over db: permission for rtb-1: denied: allow it (missing: ec2:ReplaceRoute)",
		"exec is not ready to take over db: the zone: it is locked",
	}
	if got := wrongClouds(st); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestRenderDeadPeer: that a packet of a node that is gone by now has not arrived is
// nothing wrong.
func TestRenderDeadPeer(t *testing.T) {
	for name, tc := range map[string]struct {
		peer status.Node
		said bool
	}{
		"there":  {status.Node{Name: "lb-2", Joined: true}, true},
		"silent": {status.Node{Name: "lb-2", Joined: true, Quiet: true}, false},
		"gone":   {status.Node{Name: "lb-2"}, false},
	} {
		m := status.Mover{Kind: "aws-route", Wanted: true, Probed: "no", Peer: "lb-2"}
		st := status.Status{Routers: []status.Router{{Name: "web", Movers: []status.Mover{m}}}, Fleet: []status.Node{tc.peer}}
		if said := wrongClouds(st); tc.said != (len(said) > 0) {
			t.Errorf("%s: %q", name, said)
		}
	}
}
