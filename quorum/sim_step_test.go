// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

// step is one step of a candidate, and what its driver does of it.
func (n *simNode) step(c *simCandidate, ev Event) {
	now := n.local()
	var out []simOutput
	switch ev.(type) {
	case Acquire:
		c.wants = true
	case GiveUp:
		out = append(out, n.closing(c)) // before the Release leaves
		c.held, c.wants = false, false
	default:
	}
	if n.voter != nil {
		c.Above(n.voter.Term(c.resource.Name))
	}
	for _, p := range n.proxies {
		c.Above(p.Term(c.resource.Name))
	}
	actions := append(n.w.actions[:0], c.Step(now, ev)...)
	n.w.actions = actions
	n.term = max(n.term, c.Ballot().Counter)
	for _, a := range actions {
		switch a := a.(type) {
		case Send:
			out = append(out, simSend(a, c))
		case Granted:
			n.renew(c)
			if !c.held {
				n.w.grants++
				n.w.begins(c.resource.Name, a.Term)
				n.w.note("%d holds %s, term %d, until %v", n.id, c.resource.Name, a.Term, n.clock.until(a.Until))
			}
			c.held = true
			until := n.w.mutant.until(n, c, a.Until)
			out = append(out, simOutput{fence: c.resource.numbers, until: until, left: until.Sub(now)})
		case Lost:
			n.w.note("%d loses %s, term %d", n.id, c.resource.Name, a.Term)
			out = append(out, n.lost(c)...)
		case Refused:
		}
	}
	if n.has(c) {
		n.schedule(c)
	}
	n.perform(out)
}

func simSend(s Send, c *simCandidate) simOutput {
	if _, ok := IsTable(s.To); ok {
		return simOutput{table: s.To, msg: s.Message}
	}
	return simOutput{to: int(s.To[0] - 'a'), msg: s.Message, cand: c}
}

func (n *simNode) closing(c *simCandidate) simOutput {
	return simOutput{fence: c.resource.numbers}
}

// lost is a driver's answer to Lost: mostly it gives up in time, sometimes it
// doesn't get so far, and the fence alone keeps the promise.
func (n *simNode) lost(c *simCandidate) []simOutput {
	c.held, c.wants = false, false
	n.want(c)
	if n.w.chaos && n.w.rng.IntN(4) == 0 {
		return nil
	}
	out := []simOutput{n.closing(c)}
	for _, a := range c.Step(n.local(), GiveUp{}) {
		if s, ok := a.(Send); ok {
			out = append(out, simSend(s, c))
		}
	}
	return out
}

func (n *simNode) takePending() []simOutput {
	out := n.pending
	n.pending = nil
	return out
}

// perform does what a step computed. Between any two parts the process may
// freeze; it then does the rest late.
func (n *simNode) perform(out []simOutput) {
	if n.w.now < n.frozenUntil {
		n.pending = append(n.pending, out...)
		return
	}
	for i, o := range out {
		if n.w.chaos && n.w.rng.IntN(200) == 0 {
			n.freeze()
			n.pending = append(n.pending, out[i:]...)
			// It goes on when it can, even if nothing else happens to it.
			n.w.after(n.frozenUntil-n.w.now, n, func() {})
			return
		}
		n.output(o)
	}
}

func (n *simNode) output(o simOutput) {
	switch {
	case o.call != nil:
		n.call(o.table, o.call)
		return
	case o.table != "":
		n.askTable(o.table, o.msg)
		return
	case o.fence == nil:
		n.send(o)
		return
	}
	until := o.until
	if n.w.mutant.relative && !until.IsZero() {
		until = n.local().Add(o.left)
	}
	for _, a := range o.fence {
		n.fence[a] = until
	}
}

func (n *simNode) send(o simOutput) {
	w := n.w
	w.fates = w.net.fates(n.id, o.to, w.fates)
	for _, d := range w.fates {
		w.queue.push(simEvent{at: w.now + d, kind: simArrival, node: o.to, from: n.id, msg: o.msg})
	}
	if o.msg.Kind == Propose && o.cand != nil {
		w.mutant.sent(n, o.cand, o.msg.Sequence)
	}
}
