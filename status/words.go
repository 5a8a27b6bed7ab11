// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package status

// RefusalWords is why a lease is not granted, or was lost (Lease.Refusal), for
// people.
func RefusalWords(reason string) string {
	switch reason {
	case "promised":
		return "another node is asking for it"
	case "held":
		return "another node's lease runs"
	case "released":
		return "it was given up"
	case "too_long":
		return "the lease is longer than the voters' guard.max_lease"
	case "unknown":
		return "too many voters have other addresses for it in their files, or lack it"
	case "unheard":
		return "too few voters answer"
	case "not_ready":
		return "this node has just started, or has no list of voters yet, and the other voters alone are too few"
	case "fence":
		return "the fence can't be opened"
	case "stalled":
		return "the agent was held up and did not renew it"
	default:
		return reason
	}
}
