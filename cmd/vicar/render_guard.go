// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/status"
)

// guardLines say how the guard stands when all is well.
func guardLines(st status.Status) []string {
	g := st.Guard
	if g == nil {
		return nil
	}
	votes := st.Votes()
	majority := "no"
	if votes.Majority {
		majority = "yes"
	}
	leases := fmt.Sprintf("leases: up to %v; this node's voter has granted %d that run", g.MaxLease, g.Grants)
	if unlisted(g) {
		majority, leases = "none yet", "leases: none before a list of voters is in force"
	}
	lines := []string{
		fmt.Sprintf("majority: %s, %d of %s%s", majority, len(g.Voters)-len(votes.Silent), many(uint64(len(g.Voters)), "voter"), reserved(st)),
		leases,
	}
	if len(st.Routers) > 0 { // a witness needs none
		lines = append(lines, "fence: "+clip(g.Fence, mostText))
	}
	if len(g.FenceBefore) > 0 {
		lines = append(lines, "before the fence packets pass through "+clip(strings.Join(g.FenceBefore, ", "), mostText))
	}
	return lines
}

// waitsGuard says what the guard waits for.
func waitsGuard(st status.Status) []string {
	g := st.Guard
	if g == nil {
		return nil
	}
	var ws []string
	if g.Silent.After(st.Now) {
		ws = append(ws, fmt.Sprintf("this node has just started and does not vote until %s", until(st.Now, g.Silent)))
	}
	if g.Staged {
		ws = append(ws, changeLine(st))
	}
	return ws
}

// leaseCell is what the guard says of a router.
func leaseCell(now time.Time, r status.Router) cell {
	l := r.Lease
	switch {
	case l == nil:
		return cell{text: "-"}
	case l.Unconfirmed:
		return cell{"unconfirmed", red}
	case l.Held:
		return cell{text: fmt.Sprintf("held, %s left", took(max(l.Until.Sub(now), 0).Round(time.Millisecond)))}
	case r.State == "Active":
		return cell{"none", red}
	case l.Refusal == "":
		return cell{text: "-"}
	case l.Holder != "":
		return cell{text: "refused: " + clip(l.Holder, mostName) + " holds it"}
	default:
		return cell{"refused: " + refusalShort(l.Refusal), yellow}
	}
}

// wrongLeases says what is not as it should be with the routers' leases. Many
// routers have the same trouble at once.
func wrongLeases(st status.Status) []string {
	var ws, kept, bare, reasons []string
	denied := make(map[string][]string)
	majority := st.Votes().Majority
	for _, r := range st.Routers {
		if r.Filtered != "" {
			ws = append(ws, r.Name+": "+r.Filtered)
		}
		switch l := r.Lease; {
		case l == nil || r.State == "Initialize":
		case l.Unconfirmed:
			kept = append(kept, r.Name)
		case l.Held:
		case r.State == "Active":
			bare = append(bare, r.Name)
		case l.Refusal == "" || l.Holder != "" || r.Holder != "":
		case !majority && (l.Refusal == "unheard" || l.Refusal == "not_ready"): // it has been said
		default:
			if denied[l.Refusal] == nil {
				reasons = append(reasons, l.Refusal)
			}
			denied[l.Refusal] = append(denied[l.Refusal], r.Name)
		}
	}
	for _, reason := range reasons {
		ws = append(ws, fmt.Sprintf("nobody is known to hold %s, and this node is refused the lease: %s", firstFew(denied[reason]), status.RefusalWords(reason)))
	}
	if len(kept) > 0 {
		ws = append(ws, fmt.Sprintf("no majority confirms the lease on %s, whose addresses are kept (on_loss: hold): another node may hold them too", firstFew(kept)))
	}
	if len(bare) > 0 {
		ws = append(ws, fmt.Sprintf("Active without a lease, and about to give up: %s", firstFew(bare)))
	}
	return ws
}

// wrongVoters says which voters don't answer, and what is lost with them.
func wrongVoters(st status.Status) []string {
	g := st.Guard
	if g == nil {
		return nil
	}
	votes := st.Votes()
	if unlisted(g) { // it waits for them, which is said there
		return nil
	}
	var missing, drifted, ws []string
	for _, v := range g.Voters {
		if v.Problem != "" {
			ws = append(ws, fmt.Sprintf("the %s can't be asked: %s", v.Name, clip(v.Problem, mostText)))
		}
		switch {
		case !slices.Contains(votes.Silent, v.Name):
		case v.Name == st.Node:
		case v.Drift:
			drifted = append(drifted, v.Name)
		default:
			missing = append(missing, voterName(st, v.Name))
		}
	}
	if len(drifted) > 0 {
		ws = append(ws, fmt.Sprintf("%s by another list of voters, so that nothing counts between it and this node: bring the files in line (see vicar voters)",
			doOrDoes(drifted, "votes", "vote")))
	}
	loss := lossOf(votes)
	switch {
	case len(missing) > 0 && !votes.Majority:
		ws = append(ws, fmt.Sprintf("no majority: %s: %s", doOrDoes(missing, "doesn't answer", "don't answer"), loss))
	case len(missing) > 0:
		ws = append(ws, fmt.Sprintf("%s: %s", doOrDoes(missing, "doesn't answer", "don't answer"), loss))
	case !votes.Majority && len(votes.Silent) > 0:
		ws = append(ws, "no majority: "+loss)
	}
	return ws
}

// lossOf says what is lost while some voters don't answer.
func lossOf(votes status.Votes) string {
	switch {
	case !votes.Majority:
		return "no address can be taken over, and what is held is given up, but for on_loss: hold"
	case votes.Spare == 0:
		return "one more failure and nobody holds"
	default:
		return fmt.Sprintf("%s may fail before nobody holds", many(uint64(votes.Spare), "more voter"))
	}
}

// voterName is a voter as a sentence names it.
func voterName(st status.Status, name string) string {
	if _, ok := quorum.IsTable(name); ok {
		return "the " + name
	}
	for _, n := range st.Fleet {
		switch {
		case n.Name != name:
		case n.Witness && n.Joined && !n.Quiet:
			return "the witness " + name + " (which is on the peer link)"
		case n.Witness:
			return "the witness " + name
		case n.Joined && !n.Quiet:
			return name + " (which is on the peer link)"
		}
	}
	return name
}

// doOrDoes is "a does", or "a and b do".
func doOrDoes(names []string, does, do string) string {
	if len(names) == 1 {
		return names[0] + " " + does
	}
	return listed(names) + " " + do
}

// listed is "a", "a and b", or "a, b and c".
func listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// wrongGuard says what is not as it should be with the guard of this node.
func wrongGuard(st status.Status) []string {
	g := st.Guard
	if g == nil {
		return nil
	}
	var ws []string
	say := func(format string, args ...any) { ws = append(ws, fmt.Sprintf(format, args...)) }
	if g.Fence != status.FenceOn && g.Fence != status.FenceOff && len(st.Routers) > 0 {
		say("the fence is not in force: %s: if the agent is frozen, this node goes on answering for addresses that another has taken over", clip(g.Fence, mostText))
	}
	if g.Problem != "" {
		say("the voters are not what the file says: %s", clip(g.Problem, mostText))
	}
	if slew := max(g.ClockSlew, -g.ClockSlew); slew > mostSlew {
		say("the clock is being slewed by %.1f %%, and more than %d %% endangers leases: see what sets it (chronyc tracking)", g.ClockSlew, mostSlew)
	}
	return ws
}

// mostSlew is the per cent by which a clock may be off; leases allow for 10 %
// between two, of which slewing may take some.
const mostSlew = 4

// countsCluster says what the guard and the peer link dropped.
func countsCluster(st status.Status) []string {
	var cs []string
	if g := st.Guard; g != nil {
		odd := maps.Clone(g.Dropped)
		delete(odd, "silent") // each start has some
		if n := sum(odd); n > 0 {
			cs = append(cs, fmt.Sprintf("the guard dropped %s: %s", many(n, "lease message"), list(odd, unanswered)))
		}
	}
	if l := st.PeerLink; l != nil {
		if n := sum(l.Dropped); n > 0 {
			cs = append(cs, fmt.Sprintf("the peer link dropped %s: %s", many(n, "packet"), list(l.Dropped, unlinked)))
		}
	}
	for _, r := range st.Routers {
		if r.Lease != nil && r.Lease.Lost > 0 {
			cs = append(cs, fmt.Sprintf("%s lost its lease %s", r.Name, many(r.Lease.Lost, "time")))
		}
	}
	return cs
}
