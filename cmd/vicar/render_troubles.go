// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"

	"github.com/vicar-ha/vicar/status"
)

// troubles says what is wrong on other nodes and shows on the peer link.
func troubles(st status.Status) []string {
	if st.PeerLink == nil {
		return nil
	}
	by := make(map[string][]string)
	for _, t := range st.PeerLink.Troubles {
		from := clip(t.From, mostName)
		if i := slices.IndexFunc(st.Fleet, func(n status.Node) bool {
			return n.Configured && n.Address.IsValid() && n.Address.Addr().String() == t.From
		}); i >= 0 {
			from = st.Fleet[i].Name + " at " + from
		}
		by[t.Kind] = append(by[t.Kind], from)
	}
	var ws []string
	say := func(kind, format string) {
		if who := by[kind]; len(who) > 0 {
			slices.Sort(who)
			ws = append(ws, fmt.Sprintf(format, firstFew(who)))
		}
	}
	say("wrong_key", "refused, with another key than this node's or none: %s: bring the files in line (peer_link.keys_file) and reload")
	say("wrong_cluster", "refused, of another cluster: %s: see cluster in the files, and who has a node's address")
	say("duplicate", "two nodes are called %s: each needs a name of its own, and the one that came later ends")
	say("conflict", "told at two addresses: %s: it has moved, or two nodes have one name")
	return ws
}
