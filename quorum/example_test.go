// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/quorum"
)

// Three nodes, and one that wants a lease. A real driver has a clock, packets that
// get lost, and a fence; here messages arrive at once.
func Example() {
	lists := quorum.Lists{Current: quorum.List{Voters: []string{"lb-1", "lb-2", "lb-3"}, MaxLease: time.Second}}
	web := quorum.Resource{Name: "router web", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.100")}}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

	voters := make(map[string]*quorum.Voter)
	for _, name := range lists.Current.Voters {
		v, err := quorum.NewVoter(quorum.VoterConfig{Node: name, Lists: lists, Resources: []quorum.Resource{web}}, now)
		if err != nil {
			fmt.Println(err)
			return
		}
		voters[name] = v
	}
	lb1, err := quorum.NewCandidate(quorum.CandidateConfig{
		Node: "lb-1", Start: 7, Resource: web, Lists: lists, Lease: 300 * time.Millisecond, Renew: 100 * time.Millisecond, Margin: 30 * time.Millisecond,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	now = now.Add(lists.Current.MaxLease) // voters that have just started are silent
	events := []quorum.Event{quorum.Acquire{}}
	for len(events) > 0 {
		event := events[0]
		events = events[1:]
		for _, action := range lb1.Step(now, event) {
			switch a := action.(type) {
			case quorum.Send:
				if answer, ok := voters[a.To].Handle(now, "lb-1", a.Message); ok {
					events = append(events, quorum.Received{From: a.To, Message: answer})
				}
			case quorum.Granted:
				fmt.Printf("term %d, for %v\n", a.Term, a.Until.Sub(now))
			}
		}
	}
	// Output:
	// term 1, for 270ms
}
