// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/vicar"
	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/transport/gossip"
	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// What an attacker tries, and what a mistake of the operator's looks like, with
// real agents. Each is refused, counted where a running agent refuses it, and
// said once; the holder keeps the address.

// many is how often something is tried. It is said once.
const many = 20

// attack is what somebody tries against the first node of a world.
type attack struct {
	name   string
	kind   string // transport, or the default
	do     func(w *world, m *mallory)
	series string // counts it
	words  string // in the log, once
}

var attacks = []attack{
	{
		"a wrong key", "", func(w *world, m *mallory) {
			for range many {
				m.send(m.forge(second.name, newKey(), first, gossip.Lease, forgedLease(second.name)))
			}
		}, `vicar_peerlink_dropped_total{reason="wrong_key"}`, "it has none of our keys",
	},
	{
		"a voter that is not configured", "", func(w *world, m *mallory) {
			for range many {
				m.send(m.forge("lb-9", w.conf.PeerLink.Keys[0], first, gossip.Lease, forgedLease("lb-9")))
			}
		}, `vicar_peerlink_dropped_total{reason="unknown"}`, "message of a node that is not configured dropped",
	},
	{
		"a voter's name, and a key", "", func(w *world, m *mallory) {
			for range many {
				m.send(m.forge(second.name, w.conf.PeerLink.Keys[0], first, gossip.Lease, forgedLease(second.name)))
			}
		}, `vicar_peerlink_dropped_total{reason="unproven"}`, "sealed message dropped, of a start that is not known",
	},
	{
		"an advert of priority 255", "", func(_ *world, m *mallory) {
			for range many {
				m.advertise(forgedAdvert())
			}
		}, `vicar_notices_total{family="ipv4",kind="rival",router="web"}`, "odd advert",
	},
	{
		"an advert of priority 255 over gossip, with a key", "gossip", func(w *world, m *mallory) {
			l := m.link(second.name, w.conf.PeerLink.Keys[0], first)
			defer func() { labtest.OK(m.t, l.Close()) }()
			data, err := forgedAdvert().AppendTo(nil, second.lan().Addr(), first.lan().Addr(), wire.ChecksumMessage)
			labtest.OK(m.t, err)
			for range many {
				list, err := l.SealAdverts(4, []wire.Packet{{Dst: gossipAddress(first), Data: data}})
				labtest.OK(m.t, err)
				m.send(list)
				m.advertise(forgedAdvert()) // nobody listens
			}
		}, `vicar_peerlink_dropped_total{reason="unproven"}`, "sealed message dropped, of a start that is not known",
	},
	{
		"a recording", "", func(w *world, _ *mallory) {
			tap := newWiretap(w, w.nodes[first.name].Host)
			w.eventually("packets are recorded", func() bool {
				tap.listen(second.lan().Addr())
				return len(tap.frames) >= 2*many // some are memberlist's
			})
			tap.play()
		}, `vicar_peerlink_dropped_total{reason="repeated"}`, "message dropped that has come before",
	},
}

// forgedLease takes the lease away from who has it, if it is believed.
func forgedLease(from string) []byte {
	m := quorum.Message{
		Kind: quorum.Propose, Resource: "router web", Ballot: quorum.Ballot{Counter: 1 << 40, Node: from, Start: 7},
		Sequence: 1, Lease: term,
	}
	b, err := quorum.Packet{From: from, Start: 7, Messages: []quorum.Message{m}}.Append(nil)
	if err != nil {
		panic(err)
	}
	return b
}

// forgedAdvert is one that any other router yields to.
func forgedAdvert() *wire.Advert {
	return &wire.Advert{Version: wire.V3, VRID: 51, Priority: 255, Interval: interval, Addresses: []netip.Addr{moving.Addr()}}
}

// gossipAddress is what stands for a member where adverts travel by gossip.
func gossipAddress(m member) netip.Addr { return vip.NodeAddress(m.name, 4) }

// newAttacked is a world with metrics, and somebody else on its LAN.
func newAttacked(t *testing.T, kind string) (*world, *mallory) {
	t.Helper()
	labtest.Need(t, "curl")
	w := newWorld(t, witness)
	w.conf.Control.HTTP = metricsAt
	if kind != "" {
		w.conf.Transport = &vicar.Transport{Kind: kind}
	}
	m := newMallory(w)
	w.start()
	return w, m
}

// TestAttacks tries each attack against a holder with guard.
func TestAttacks(t *testing.T) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			w, m := newAttacked(t, a.kind)
			from, term, before := w.now(), w.routerOf(first.name).Term, w.count(first.name, a.series)
			a.do(w, m)
			w.note("%s was tried", a.name)
			w.eventually("all is counted", func() bool { return w.count(first.name, a.series) >= before+many })
			w.eventually("it is said", func() bool { return w.said(first.name, a.words) > 0 })
			w.unmoved(from, term)
			if n := w.said(first.name, a.words); n != 1 {
				t.Errorf("it is said %d times, want once", n)
			}
		})
	}
}

// said is how often a node's agent has written something.
func (w *world) said(name, words string) int { return w.nodes[name].agent.Output.Count(words) }

// unmoved wants the first node to have held all the time, in one term, unless its
// agent has found out that the machine did not let it run.
func (w *world) unmoved(from time.Duration, term uint64) {
	w.t.Helper()
	w.pass(long)
	w.answers(first.name)
	if w.said(first.name, "reason=stalled") > 0 {
		w.t.Log("the holder has stalled, whatever the attack did")
		w.judge()
		return
	}
	if r := w.routerOf(first.name); r.Term != term || r.Lease.Lost > 0 {
		w.t.Errorf("the term was %d and is %d, %d leases were lost", term, r.Term, r.Lease.Lost)
	}
	for _, name := range w.configured() {
		if name != first.name {
			w.neverAnswers(name, from, "the holder was attacked, and well")
		}
	}
	w.judge()
}

// TestRecordingAfterRestart plays a recording to an agent that has started since,
// and has never heard of who was recorded.
func TestRecordingAfterRestart(t *testing.T) {
	t.Parallel()
	w, _ := newAttacked(t, "")
	tap := newWiretap(w, w.nodes[first.name].Host)
	w.eventually("packets are recorded", func() bool {
		tap.listen(second.lan().Addr())
		return len(tap.frames) >= 2*many
	})
	for _, name := range []string{first.name, second.name} {
		w.kill(name)
	}
	w.run(first.name) // alone with the witness
	w.up(first.name)
	tap.play()
	const series = `vicar_peerlink_dropped_total{reason="unproven"}`
	w.eventually("all is counted", func() bool { return w.count(first.name, series) >= many })
	w.run(second.name)
	w.settles(first.name)
	tap.play() // now that the second node's present start is known
	const words = "messages of another start of a peer were dropped"
	w.eventually("it is said", func() bool { return w.said(first.name, words) > 0 })
	w.pass(long)
	if n := w.said(first.name, words); n != 1 {
		t.Errorf("it is said %d times, want once", n)
	}
	w.judge()
}

// TestNameTwice starts an agent on another machine with a node's name. It ends
// and says why; the node stays, and has counted and said it once.
func TestNameTwice(t *testing.T) {
	t.Parallel()
	w, m := newAttacked(t, "")
	w.pass(3 * time.Second) // so that it is clear which of them was there before
	from, term := w.now(), w.routerOf(first.name).Term
	conf := w.conf
	conf.Nodes = maps.Clone(conf.Nodes)
	n := conf.Nodes[second.name]
	n.Address = []netip.Addr{m.address}
	conf.Nodes[second.name] = n
	dir := filepath.Join(w.dir, m.Name)
	labtest.OK(t, os.MkdirAll(dir, 0o700))
	a, err := vicar.StartAs(m.Host, second.name, binary, dir, conf)
	labtest.OK(t, err)
	w.eventually("the second one ends", a.Ended)
	const words = "another node is called " + "lb-2: it answers at 192.0.2.11:7946"
	if err := a.Wait(); err == nil || a.Output.Count(words) == 0 {
		t.Errorf("it ended with %v:\n%s", err, a.Output)
	}
	w.eventually("the first one has counted it", func() bool {
		return w.count(second.name, `vicar_peerlink_dropped_total{reason="duplicate"}`) > 0
	})
	if n := w.said(second.name, "another node has taken this node's name"); n != 1 {
		t.Errorf("it is said %d times, want once", n)
	}
	w.unmoved(from, term)
}

// TestCloned gives another machine the name and the address of a node, as a clone of
// it has. Its agent ends and says who hears from both, before its voter would speak;
// the node's own goes on.
func TestCloned(t *testing.T) {
	t.Parallel()
	w, m := newAttacked(t, "")
	w.pass(3 * time.Second) // so that it is clear which of them was there before
	from, term := w.now(), w.routerOf(first.name).Term
	address := w.conf.Nodes[second.name].Address[0]
	labtest.OK(t, m.AddAddress(netip.PrefixFrom(address, 24)))
	dir := filepath.Join(w.dir, m.Name)
	labtest.OK(t, os.MkdirAll(dir, 0o700))
	a, err := vicar.StartAs(m.Host, second.name, binary, dir, w.conf)
	labtest.OK(t, err)
	began := time.Now()
	asked := began
	w.eventually("the clone ends", func() bool {
		if now := time.Now(); now.Sub(asked) > 5*time.Second { // packets go to who has asked for an address last
			asked = now
			_, err := m.Run(t.Context(), "ip", "neigh", "flush", "all")
			labtest.OK(t, err)
		}
		return a.Ended()
	})
	t.Logf("the clone ran for %v", time.Since(began).Round(time.Millisecond))
	if err := a.Wait(); err == nil || a.Output.Count("another node is called lb-2") == 0 || a.Output.Count("hears from both") == 0 {
		t.Errorf("it ended with %v:\n%s", err, a.Output)
	}
	if w.nodes[second.name].agent.Ended() {
		t.Error("the one that was there before has ended")
	}
	if w.said(first.name, "two nodes have one name") == 0 {
		t.Error("the holder has not said it")
	}
	labtest.OK(t, m.DelAddress(netip.PrefixFrom(address, 24)))
	w.unmoved(from, term)
}

// TestOpenKeyFile wants a key file that others can read refused: by a reload,
// which changes nothing, and by a start.
func TestOpenKeyFile(t *testing.T) {
	t.Parallel()
	w, _ := newAttacked(t, "")
	from, term := w.now(), w.routerOf(first.name).Term
	keys := filepath.Join(w.dir, first.name, "keys")
	labtest.OK(t, os.Chmod(keys, 0o644))
	const words = "can be read or changed by others than the agent"
	labtest.OK(t, w.nodes[first.name].agent.Signal(syscall.SIGHUP))
	w.eventually("the reload is refused", func() bool { return w.said(first.name, words) > 0 })
	w.unmoved(from, term)
	if n := w.said(first.name, words); n != 1 {
		t.Errorf("it is said %d times, want once", n)
	}

	labtest.OK(t, w.nodes[first.name].agent.Stop(patience))
	out, err := w.nodes[first.name].agent.Again(t.Context())
	const invalid = "exit status 3" // after which systemd doesn't start it again
	if err == nil || !strings.HasSuffix(err.Error(), invalid) || !strings.Contains(out, words) || !strings.Contains(out, "chmod 0600 "+keys) {
		t.Errorf("a start: %v\n%s", err, out)
	}
}

// TestTwoVoters wants a guard with two voters refused, with the ways out.
func TestTwoVoters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, witness)
	delete(w.conf.Nodes, arbiter.name)
	w.run(first.name)
	a := w.nodes[first.name].agent
	w.eventually("it ends", a.Ended)
	const invalid = "exit status 3"
	if err := a.Wait(); err == nil || err.Error() != invalid || a.Output.Count("witness: true") != 1 || a.Output.Count("guard") == 0 {
		t.Errorf("it ended with %v:\n%s", err, a.Output)
	}
}
