// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"slices"
	"syscall"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// long is several times what a take-over takes.
const long = 2 * time.Second

// somewhere lets up to an interval and a lease pass, so that what follows comes
// at any point between two adverts and renewals.
func (w *world) somewhere() {
	w.t.Helper()
	w.pass(time.Duration(w.rng.Int64N(int64(term + interval))))
}

// linger lets some time pass after a lease's end, in which who had it is silent.
func (w *world) linger() {
	w.t.Helper()
	w.pass(term + time.Duration(w.rng.Int64N(int64(long))))
}

// holder is the node that holds at first.
func (w *world) holder() *node { return w.nodes[first.name] }

// holderAlone cuts the holder off from all others, who take over.
func holderAlone(w *world) {
	w.somewhere()
	labtest.OK(w.t, w.lab.Isolate(w.holder().Host))
	at := w.now()
	w.note("%s is alone", first.name)
	w.another(first.name)
	w.linger()
	w.mustBeSilent(first.name, at, "it was alone")
	labtest.OK(w.t, w.lab.Heal())
	w.note("healed")
	w.settles(first.name)
}

// holderNotAlone cuts off the second node, which must not take over.
func holderNotAlone(w *world) {
	w.somewhere()
	from := w.now()
	labtest.OK(w.t, w.lab.Isolate(w.nodes[second.name].Host))
	w.note("%s is alone", second.name)
	w.pass(long)
	w.answers(first.name)
	w.neverAnswers(second.name, from, "it was alone, and not the holder")
	labtest.OK(w.t, w.lab.Heal())
	w.note("healed")
	w.settles(first.name)
}

// allAlone lets no two nodes meet: nobody may hold.
func allAlone(w *world) {
	at := w.scatter()
	w.pass(long)
	for _, name := range w.configured() {
		w.mustBeSilent(name, at, "it was alone")
	}
	labtest.OK(w.t, w.lab.Heal())
	w.note("healed")
	w.settles(first.name)
}

// allAloneHold is allAlone where the holder was told to keep what it has. On a
// machine that is too busy its agent may stall: then it gives up nevertheless.
func allAloneHold(w *world) {
	for range 5 {
		at := w.scatter()
		w.pass(long)
		held := w.holders.Last(w.holder().Host) > at+long/2
		for _, name := range w.configured() {
			if name != first.name {
				w.neverAnswers(name, at, "it was alone, and not the holder")
			}
		}
		labtest.OK(w.t, w.lab.Heal())
		w.note("healed, held: %v", held)
		w.settles(first.name)
		if held {
			return
		}
	}
	w.t.Errorf("%s has not kept what it had", first.name)
}

// scatter puts each node into a network of its own, and tells when.
func (w *world) scatter() time.Duration {
	w.t.Helper()
	w.somewhere()
	var groups [][]*lab.Host
	for _, name := range w.shuffled() {
		groups = append(groups, []*lab.Host{w.nodes[name].Host})
	}
	labtest.OK(w.t, w.lab.Partition(groups...))
	w.note("all are alone")
	return w.now()
}

// holderDeaf lets nothing reach the holder.
func holderDeaf(w *world) { w.oneWay("oifname", "deaf") }

// holderDumb lets nothing of the holder's reach the others.
func holderDumb(w *world) { w.oneWay("iifname", "dumb") }

func (w *world) oneWay(direction, what string) {
	w.somewhere()
	oneWay(w.t, w.lab, w.holder().Host, direction)
	at := w.now()
	w.note("%s is %s", first.name, what)
	w.another(first.name)
	w.linger()
	w.mustBeSilent(first.name, at, "it was "+what)
	bothWays(w.t, w.lab)
	w.note("healed")
	w.settles(first.name)
}

// freezeAgent stops the agent, whose guardian and kernel go on.
func freezeAgent(w *world) { w.freeze(w.holder(), w.someTime(), false) }

// freezeAll stops all but the kernel.
func freezeAll(w *world) { w.freeze(w.holder(), w.someTime(), true) }

// freezeLong stops all for longer than others wait.
func freezeLong(w *world) { w.freeze(w.holder(), long, true) }

// someTime is 0.1 s to -guard.freeze.
func (w *world) someTime() time.Duration {
	const least = 100 * time.Millisecond
	return least + time.Duration(w.rng.Int64N(max(1, int64(*freeze-least))))
}

// freeze stops a holder, or its agent alone, for some time. It holds again in the
// end.
func (w *world) freeze(n *node, d time.Duration, all bool) {
	w.t.Helper()
	w.somewhere()
	pids, signal := []int{n.process.Pid()}, n.process.Signal
	if all {
		children, err := n.process.Children()
		labtest.OK(w.t, err)
		pids, signal = append(pids, children...), n.process.SignalFamily
	}
	labtest.OK(w.t, signal(syscall.SIGSTOP))
	w.eventually("it stops", func() bool {
		return !slices.ContainsFunc(pids, func(pid int) bool { return !lab.Stopped(pid) })
	})
	at := w.now()
	w.note("%s is frozen for %v", n.Name, d)
	w.pass(d)
	if d >= long {
		w.another(n.Name) // by now, or when the machine lets it
	}
	w.mustBeSilent(n.Name, at, "it was frozen")
	labtest.OK(w.t, signal(syscall.SIGCONT))
	w.note("%s goes on", n.Name)
	w.settles(n.Name)
}

// killAgent kills the agent, whose guardian gives up for it and ends.
func killAgent(w *world) {
	w.somewhere()
	children, err := w.holder().process.Children()
	labtest.OK(w.t, err)
	if len(children) == 0 {
		w.t.Fatal("the agent has no guardian")
	}
	labtest.OK(w.t, w.holder().process.Signal(syscall.SIGKILL))
	at := w.now()
	w.note("%s is killed, its children are %v", first.name, children)
	w.another(first.name)
	w.gone(children)
	w.eventually("the dead agent's host has no address left", func() bool {
		has, err := w.holder().Has(moving.Addr())
		return err == nil && !has
	})
	w.mustBeSilent(first.name, at, "its agent was dead")
	_ = w.holder().process.Wait() // it ends when the machine lets it, and the next one is not to meet it
	w.run(first.name)
	w.settles(first.name)
}

// killAll kills agent and guardian, so that nobody removes the address.
func killAll(w *world) {
	w.somewhere()
	labtest.OK(w.t, w.holder().process.KillFamily())
	at := w.now()
	w.note("%s is killed with its guardian", first.name)
	w.another(first.name)
	w.linger()
	w.mustBeSilent(first.name, at, "its agent and guardian were dead")
	_ = w.holder().process.Wait()
	w.run(first.name)
	w.settles(first.name)
}

// lanDead lets nothing pass on the holder's LAN, which it can't see, while it
// still renews its lease over the other one.
func lanDead(w *world) {
	w.somewhere()
	labtest.OK(w.t, w.lab.Isolate(w.holder().Host))
	w.note("%s's LAN is dead", first.name)
	w.answers(second.name)
	since := w.now()
	w.pass(long)
	w.neverAnswers(first.name, since, "it had handed over, and its LAN was dead")
	labtest.OK(w.t, w.lab.Heal())
	w.note("healed")
	w.settles(first.name)
}

// secondInterface kills or freezes a holder that answers at two interfaces.
func secondInterface(w *world) {
	w.eventually("the holder answers at its second interface", func() bool { return w.other.Last(w.holder().Host) > 0 })
	if w.rng.IntN(2) == 0 {
		killAll(w)
	} else {
		freezeLong(w)
	}
}

// voterLost loses the last node, which changes nothing, and the address still
// moves on demand.
func voterLost(w *world) {
	last := w.members[len(w.members)-1].name
	w.somewhere()
	w.kill(last)
	w.stays()
	w.tell(first.name, "handover", web, "--to", second.name)
	w.answers(second.name)
	w.tell(first.name, "handover", web, "--auto")
	w.answers(first.name)
	w.run(last)
	w.settles(first.name)
}

// stays waits until the holder alone has answered for long. That it is at once is
// no promise: on a machine that is too busy an agent misses its lease.
func (w *world) stays() {
	w.t.Helper()
	from := w.now()
	w.eventually(first.name+" alone answers for long", func() bool {
		for name, n := range w.nodes {
			if last := w.holders.Last(n.Host); name != first.name && last > from {
				from = last
			}
		}
		return w.now() > from+long && w.holders.Last(w.holder().Host) > from+long
	})
	w.note("%s alone has answered since %v", first.name, from)
}

// kill kills what runs on a node.
func (w *world) kill(name string) {
	w.t.Helper()
	p := w.nodes[name].process
	labtest.OK(w.t, p.KillFamily())
	_ = p.Wait()
	w.note("%s is killed", name)
}

// tell runs a command of vicar on a node.
func (w *world) tell(name string, args ...string) {
	w.t.Helper()
	out, err := w.nodes[name].agent.Tell(w.t.Context(), args...)
	w.note("%s is told %q: %q (%v)", name, args, out, err)
	labtest.OK(w.t, err)
}
