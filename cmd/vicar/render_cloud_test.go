// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
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
				Timeline: status.Timeline{Began: now, Sent: time.Millisecond, Accepted: 60 * time.Millisecond, Visible: 130 * time.Millisecond},
			}),
		},
		Findings: []status.Finding{
			{Mover: "aws-route", What: "the credentials", OK: true},
			{Mover: "aws-route", Router: "api", What: "permission to replace the route in rtb-2", Problem: "denied", Remedy: "add it to the role", Missing: "ec2:ReplaceRoute"},
		},
		Signals: []status.Signal{{Kind: "terminate", At: now.Add(2 * time.Minute)}},
	}
	golden(t, "status_cloud", renderStatus(st, false))
}
