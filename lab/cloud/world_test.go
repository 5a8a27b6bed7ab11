// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/probe"
	"github.com/vicar-ha/vicar/lab/vicar"
	"github.com/vicar-ha/vicar/lab/vpc"
	"github.com/vicar-ha/vicar/status"
)

// patience is how long somebody may take to answer. It tells a cluster that works
// from one that does not, and is no measure.
const patience = time.Minute

const (
	web      = "web"
	interval = 100 * time.Millisecond
	// poll is a reconcile: how often a holder looks whether it holds.
	poll = time.Second
)

// The addresses that move: one outside the VPC, one of the subnet.
var (
	overlay   = netip.MustParsePrefix("198.51.100.7/32")
	secondary = netip.MustParsePrefix("192.0.2.100/24")
)

// The nodes, by their numbers in the region.
const (
	first, second = 1, 2
	arbiter       = 3
)

var names = map[int]string{first: "lb-1", second: "lb-2", arbiter: "arbiter"}

// shape is what a world is made of.
type shape struct {
	tables    int // route tables
	addresses []netip.Prefix
	move      []any
	guard     string // "witness", "table" or none
	interval  time.Duration
	// outside is what the client asks for in place of the first address; none if it is
	// not valid. from is the client's subnet, the nodes' if it is empty.
	outside netip.Addr
	from    string
	// change may be nil.
	change func(*awsfake.Config)
}

// routes is an overlay address in three tables, and an arbiter.
var routes = shape{tables: 3, addresses: []netip.Prefix{overlay}, move: []any{"aws-route", "kernel"}, guard: "witness", interval: interval}

// unguarded elects and nothing else.
func (s shape) unguarded() shape {
	s.guard = ""
	return s
}

// world is two nodes, perhaps an arbiter, and a client, in a region.
type world struct {
	shape
	*vpc.VPC
	t       *testing.T
	dir     string
	lab     *lab.Lab
	conf    vicar.Config
	hosts   map[int]*lab.Host
	agents  map[int]*vicar.Agent
	session *probe.Session
	client  *probe.Client
}

// newWorld makes the hosts and starts nothing.
func newWorld(t *testing.T, s shape) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "cloud") // short, for a socket's path
	labtest.OK(t, err)
	t.Cleanup(func() { labtest.OK(t, os.RemoveAll(dir)) }) // once the lab has ended those that write there
	w := &world{shape: s, t: t, dir: dir, lab: labtest.New(t), hosts: make(map[int]*lab.Host), agents: make(map[int]*vicar.Agent)}
	region := awsfake.Cluster(3, max(s.tables, 1))
	if s.change != nil {
		s.change(&region)
	}
	follow := []netip.Addr{s.addresses[0].Addr()}
	if s.outside.IsValid() {
		follow = append(follow, s.outside)
	}
	w.VPC, err = vpc.New(w.lab, vpc.Config{Region: region, Follow: follow, From: s.from})
	labtest.OK(t, err)
	t.Cleanup(func() { labtest.OK(t, w.Close()) })
	w.conf = w.config()
	for n := first; n <= arbiter; n++ {
		if _, ok := w.conf.Nodes[names[n]]; !ok {
			continue
		}
		w.hosts[n] = labtest.Host(t, w.lab, names[n], netip.PrefixFrom(address(n), 24).String())
		labtest.OK(t, w.Join(w.hosts[n]))
	}
	w.session = probe.New(time.Millisecond)
	w.client, err = w.session.Client(w.Client, follow[len(follow)-1])
	labtest.OK(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.session.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		labtest.OK(t, <-done)
	})
	return w
}

// address is a node's.
func address(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + n)}) }

// config is the shape's configuration.
func (w *world) config() vicar.Config {
	r := vicar.Router{VRID: 51, Interval: vicar.Duration(w.interval), Addresses: w.addresses, Move: w.move}
	a := &vicar.AWS{
		Region: "eu-central-1", Endpoints: map[string]string{"ec2": vpc.API, "dynamodb": vpc.API, "sts": vpc.API, "imds": vpc.IMDS},
		Poll: vicar.Duration(poll), Readiness: &vicar.Readiness{Interval: vicar.Duration(2 * time.Second)},
	}
	for n := 1; n <= w.tables; n++ {
		a.RouteTables = append(a.RouteTables, awsfake.ClusterRoutes(n))
	}
	c := vicar.Config{
		Cluster: "cloud", Transport: &vicar.Transport{Kind: "unicast"}, AWS: a, Routers: map[string]vicar.Router{web: r},
		Nodes: map[string]vicar.Node{
			names[first]: {Address: []netip.Addr{address(first)}, Priority: 150}, names[second]: {Address: []netip.Addr{address(second)}, Priority: 100},
		},
	}
	if w.guard == "" {
		return c
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it does not fail
	c.PeerLink = &vicar.PeerLink{Keys: []string{base64.StdEncoding.EncodeToString(key)}}
	c.Guard = &vicar.Guard{Kind: "quorum"}
	if w.guard == "table" {
		c.Guard.Table = awsfake.ClusterTable
		return c
	}
	c.Guard.MaxLease = vicar.Duration(time.Second) // so that a voter is soon back
	c.Nodes[names[arbiter]] = vicar.Node{Address: []netip.Addr{address(arbiter)}, Witness: true}
	return c
}

// start runs the agents, and waits until all is well.
func (w *world) start() {
	w.t.Helper()
	for n := range w.hosts {
		w.run(n)
	}
	w.settles(first)
}

func (w *world) run(n int) {
	w.t.Helper()
	dir := filepath.Join(w.dir, names[n])
	labtest.OK(w.t, os.MkdirAll(dir, 0o700))
	a, err := vicar.Start(w.hosts[n], binary, dir, w.conf)
	labtest.OK(w.t, err)
	w.agents[n] = a
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("what %s wrote:\n%s", names[n], a.Output)
		}
	})
}

// settles waits until a node holds all, the others are ready, and the client is
// answered.
func (w *world) settles(n int) {
	w.t.Helper()
	from := w.session.Now()
	w.eventually("all is well, and "+names[n]+" holds", func() bool {
		for other, a := range w.agents {
			if !a.Ended() && !(a.Ready(w.t.Context()) && (other == n || other == arbiter || w.passes(other))) {
				return false
			}
		}
		return w.holds(n) && w.client.Last() > from
	})
}

// holds tells whether a node alone is Active, and the region and it itself say
// that it has all.
func (w *world) holds(n int) bool {
	m := w.stands(n)
	return w.state(n) == "Active" && w.state(first+second-n) != "Active" && w.has(n) && m.Wanted && m.Moved == len(m.Objects)
}

// has tells whether all routes of the region lead to a node.
func (w *world) has(n int) bool {
	for table := 1; table <= w.tables; table++ {
		if to, _ := w.Target(awsfake.ClusterRoutes(table), overlay); to != awsfake.ClusterInterface(n) {
			return false
		}
	}
	return true
}

func (w *world) state(n int) string {
	if a := w.agents[n]; a != nil && !a.Ended() {
		return a.State(w.t.Context(), web)
	}
	return ""
}

// status is what a node shows of itself, nothing if it does not answer.
func (w *world) status(n int) status.Status {
	st, err := w.agents[n].Status(w.t.Context())
	if err != nil {
		return status.Status{}
	}
	return st
}

func (w *world) router(n int) status.Router {
	for _, r := range w.status(n).Routers {
		if r.Name == web {
			return r
		}
	}
	return status.Router{}
}

// stands is how the first of a node's movers stands.
func (w *world) stands(n int) status.Mover {
	if all := w.router(n).Movers; len(all) > 0 {
		return all[0]
	}
	return status.Mover{}
}

// passes tells whether a node could take over.
func (w *world) passes(n int) bool {
	for _, c := range w.status(n).Checks {
		if strings.HasPrefix(c.Name, "cloud/") {
			return c.State == "passing"
		}
	}
	return false
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	labtest.Eventually(w.t, patience, what, ok)
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	end := w.session.Now() + d
	w.eventually("time passes", func() bool { return w.session.Now() >= end })
}

// answered waits until the client is answered.
func (w *world) answered() {
	w.t.Helper()
	from := w.session.Now() + 200*time.Millisecond
	w.eventually("the client is answered", func() bool { return w.client.Last() > from })
}

// writes are the requests that changed something, so far.
func (w *world) writes() (all []awsfake.Request) {
	for _, r := range w.Requests() {
		if r.Write && !r.DryRun && r.Code == "" && r.Service != "imds" {
			all = append(all, r)
		}
	}
	return all
}
