// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/keepalived"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/probe"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// patience is how long somebody may take to answer. It tells a cluster that
// works again from one that does not, and is no measure.
const patience = time.Minute

// node is a host with what runs on it, and what ran before.
type node struct {
	member
	*lab.Host
	agent   *vicar.Agent
	rival   *keepalived.Agent // instead of agent
	process *lab.Process      // of either
	lives   []*lab.Process
	conf    *vicar.Config // in force; nil: the world's
}

// world is nodes, a client, and who asks them.
type world struct {
	shape
	t      *testing.T
	rng    *rand.Rand
	dir    string
	lab    *lab.Lab
	nodes  map[string]*node
	client *lab.Host
	conf   vicar.Config

	session  *probe.Session
	holders  *probe.Holders
	holders6 *probe.Holders // nil without IPv6
	other    *probe.Holders // the first node's second interface, or nil
	asker    *probe.Asker
	stop     func()

	began    time.Duration // when it had settled
	events   []event
	silences []silence
}

// newWorld makes the hosts and the probers. Chance comes from the seed and the
// test's name.
func newWorld(t *testing.T, s shape) *world {
	t.Helper()
	labtest.Need(t, "ip", "nft")
	if s.rival {
		labtest.Need(t, keepalived.Program)
	}
	if !s.unguarded && os.Getuid() != 0 {
		t.Skip("needs root, for the fence is made of eBPF")
	}
	h := fnv.New64a()
	h.Write([]byte(t.Name()))
	w := &world{shape: s, t: t, rng: rand.New(rand.NewPCG(*seed, h.Sum64())), nodes: make(map[string]*node), conf: s.config()}
	var err error
	w.dir, err = os.MkdirTemp("", "guard") // short, for a socket's path
	labtest.OK(t, err)
	t.Cleanup(func() { os.RemoveAll(w.dir) })
	w.lab = labtest.New(t)
	w.session = probe.New(time.Millisecond)
	t.Cleanup(w.end)
	if s.peerLAN {
		addBridge(t, w.lab, peerBridge)
	}
	w.client = labtest.Host(t, w.lab, "client", clientAddress)
	w.plug()
	return w
}

// plug makes the nodes' hosts and adds the probers.
func (w *world) plug() {
	t := w.t
	t.Helper()
	names := make(map[string]string)
	var hosts []*lab.Host
	var extra *probe.Port
	for _, m := range w.members {
		addresses := []string{m.lan().String()}
		if w.ipv6 {
			addresses = append(addresses, m.lan6().String())
		}
		n := &node{member: m, Host: labtest.Host(t, w.lab, m.name, addresses...)}
		w.nodes[m.name] = n
		names[n.MAC.String()] = m.name
		hosts = append(hosts, n.Host)
		if w.peerLAN {
			addNIC(t, w.lab, n.Host, peerBridge, m.n, m.peer())
		}
		if w.twoNICs && m.name == first.name {
			at := addNIC(t, w.lab, n.Host, labBridge, m.n, netip.Prefix{})
			names[at.MAC.String()] = m.name
			extra = &at
		}
	}
	var err error
	w.holders, err = w.session.Holders(w.lab, moving.Addr(), hosts...)
	labtest.OK(t, err)
	if w.ipv6 {
		w.holders6, err = w.session.Holders(w.lab, moving6.Addr(), hosts...)
		labtest.OK(t, err)
	}
	if extra != nil {
		h := w.nodes[first.name].Host
		labtest.OK(t, w.session.HolderAt(w.lab, w.holders, moving.Addr(), h, *extra))
		w.other = new(probe.Holders)
		labtest.OK(t, w.session.HolderAt(w.lab, w.other, moving.Addr(), h, *extra))
	}
	w.asker, err = w.session.Asker(w.client, netip.MustParsePrefix(clientAddress).Addr(), moving.Addr(), names)
	labtest.OK(t, err)
}

// start runs all agents and the probers, and waits until the first node
// answers.
func (w *world) start() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.session.Run(ctx) }()
	stopped := false
	w.stop = func() {
		cancel()
		if !stopped {
			stopped = true
			labtest.OK(w.t, <-done)
		}
	}
	for _, name := range w.configured() {
		w.run(name)
	}
	w.settles(first.name)
	w.began = w.now()
}

// configured are the names of the nodes that the configuration has and whose
// agents run, witnesses of an unguarded world not among them.
func (w *world) configured() []string {
	var out []string
	for _, m := range w.members {
		if _, ok := w.conf.Nodes[m.name]; ok {
			out = append(out, m.name)
		}
	}
	return out
}

// shuffled are the configured nodes by chance.
func (w *world) shuffled() []string {
	out := w.configured()
	w.rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// run starts a node's agent, as the successor of the one before.
func (w *world) run(name string) {
	w.t.Helper()
	n := w.nodes[name]
	dir := filepath.Join(w.dir, name)
	labtest.OK(w.t, os.MkdirAll(dir, 0o700))
	var err error
	if w.rival {
		// It refuses to start beside the files of one that was killed.
		dir = filepath.Join(dir, strconv.Itoa(len(n.lives)))
		labtest.OK(w.t, os.MkdirAll(dir, 0o700))
		n.rival, err = keepalived.Start(n.Host, dir, keepalived.Config{Instances: []keepalived.Instance{w.instance(n.member)}})
		labtest.OK(w.t, err)
		n.process = n.rival.Process
	} else {
		n.agent, err = vicar.Start(n.Host, binary, dir, w.configOf(n))
		labtest.OK(w.t, err)
		n.process = n.agent.Process
	}
	n.lives = append(n.lives, n.process)
	w.note("%s: started (pid %d)", name, n.process.Pid())
}

// configOf is what the node's agent is told.
func (w *world) configOf(n *node) vicar.Config {
	if n.conf != nil {
		return *n.conf
	}
	return w.conf
}

// now is the session's time.
func (w *world) now() time.Duration { return w.session.Now() }

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	end := w.now() + d
	labtest.Eventually(w.t, d+patience, "time passes", func() bool { return w.now() >= end })
}

// answers waits until the node answers.
func (w *world) answers(name string) {
	w.t.Helper()
	from := w.now()
	w.eventually(name+" answers", func() bool {
		return w.holders.Last(w.nodes[name].Host) > from
	})
	w.note("%s answers", name)
}

// another waits until any node but one answers.
func (w *world) another(name string) {
	w.t.Helper()
	from := w.now()
	w.eventually("another than "+name+" answers", func() bool {
		return slices.ContainsFunc(w.members, func(m member) bool {
			return m.name != name && w.holders.Last(w.nodes[m.name].Host) > from
		})
	})
	w.note("another than %s answers", name)
}

// settles waits until all configured nodes take part, and the named one alone
// is Active and answers, the client too.
func (w *world) settles(name string) {
	w.t.Helper()
	from := w.now()
	w.eventually("all is well and "+name+" answers", func() bool {
		if w.holders.Last(w.nodes[name].Host) <= from || w.asker.Last() <= from {
			return false
		}
		for _, other := range w.configured() {
			if active, ready := w.stands(w.nodes[other]); !ready || active != (other == name) {
				return false
			}
		}
		return true
	})
	w.note("all is well, %s holds", name)
}

// stands tells how a node says it stands.
func (w *world) stands(n *node) (active, ready bool) {
	if w.rival {
		state := n.rival.State(w.instance(n.member))
		return state == "MASTER", state != "" && state != "FAULT"
	}
	return n.agent.State(w.t.Context(), web) == "Active", n.agent.Ready(w.t.Context())
}

// eventually waits, and tells what there was to see if it was in vain.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	defer func() {
		if w.t.Failed() {
			w.note("IN VAIN: %s", what)
		}
	}()
	labtest.Eventually(w.t, patience, what, ok)
}

// note remembers what happened.
func (w *world) note(format string, args ...any) {
	w.events = append(w.events, event{w.now(), fmt.Sprintf(format, args...)})
}
