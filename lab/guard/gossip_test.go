// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/vicar"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
)

// firewall lets nothing pass but the peer link's port, ICMP for whoever asks
// for the address, and neighbour discovery. It counts protocol 112.
const firewall = `table inet firewall {
	counter vrrp {}
	chain incoming { type filter hook input priority 0; policy drop; jump rules; }
	chain outgoing { type filter hook output priority 0; policy drop; jump rules; }
	chain rules {
		meta oif lo accept
		meta iif lo accept
		meta l4proto 112 counter name vrrp drop
		meta l4proto { icmp, icmpv6 } accept
		meta pkttype multicast drop
		ip daddr 224.0.0.0/4 drop
		jump port
	}
	chain port { meta l4proto { tcp, udp } th dport 7946 accept; tcp sport 7946 accept; }
}`

// closed takes the port out of the firewall.
const closed = "flush chain inet firewall port"

// gossips are the families that adverts over the peer link are for.
var gossips = []struct {
	name  string
	nodes map[string]string
	vips  []netip.Prefix
}{
	{"IPv4", map[string]string{"a": "192.0.2.1/24", "b": "192.0.2.2/24"}, []netip.Prefix{moving}},
	{"IPv6", map[string]string{"a": "2001:db8::1/64", "b": "2001:db8::2/64"}, []netip.Prefix{moving6}},
	{"both over IPv4", map[string]string{"a": "192.0.2.1/24", "b": "192.0.2.2/24"}, []netip.Prefix{moving, moving6}},
}

// duo is two nodes, a and b, whose adverts travel over the peer link.
type duo struct {
	t      *testing.T
	lab    *lab.Lab
	dir    string
	vips   []netip.Prefix
	hosts  map[string]*lab.Host
	agents map[string]*vicar.Agent
	conf   vicar.Config
}

// eachDuo runs a test for each of gossips.
func eachDuo(t *testing.T, f func(*duo)) {
	t.Helper()
	for _, g := range gossips {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			f(newDuo(t, g.nodes, g.vips))
		})
	}
}

func newDuo(t *testing.T, nodes map[string]string, vips []netip.Prefix) *duo {
	t.Helper()
	labtest.Need(t, "nft")
	d := &duo{t: t, lab: labtest.New(t), vips: vips, hosts: make(map[string]*lab.Host), agents: make(map[string]*vicar.Agent)}
	var err error
	d.dir, err = os.MkdirTemp("", "gossip") // short, for a socket's path
	labtest.OK(t, err)
	t.Cleanup(func() { os.RemoveAll(d.dir) })
	d.conf = vicar.Config{
		Cluster: "gossip", Nodes: make(map[string]vicar.Node),
		Transport: &vicar.Transport{Kind: "gossip"},
		PeerLink:  &vicar.PeerLink{Keys: []string{newKey()}},
		Routers: map[string]vicar.Router{web: {
			VRID: 51, Interval: vicar.Duration(interval), Addresses: vips, Priority: make(map[string]int),
		}},
	}
	for name, address := range nodes {
		d.hosts[name] = labtest.Host(t, d.lab, name, address)
		d.conf.Nodes[name] = vicar.Node{Address: []netip.Addr{netip.MustParsePrefix(address).Addr()}, Priority: 100}
		nft(t, d.hosts[name], firewall)
	}
	t.Cleanup(d.end)
	return d
}

// end kills the agents, and shows what they wrote if the test has failed.
func (d *duo) end() {
	for name, a := range d.agents {
		if !a.Ended() {
			_ = a.KillFamily()
		}
		if d.t.Failed() {
			d.t.Logf("%s:\n%s", name, a.Output)
		}
	}
}

// run starts a node's agent with a priority.
func (d *duo) run(name string, priority int) {
	d.t.Helper()
	d.conf.Routers[web].Priority[name] = priority
	dir := filepath.Join(d.dir, name)
	labtest.OK(d.t, os.MkdirAll(dir, 0o700))
	var err error
	d.agents[name], err = vicar.Start(d.hosts[name], binary, dir, d.conf)
	labtest.OK(d.t, err)
}

// set changes the router for agents that are started or reloaded from now on.
func (d *duo) set(change func(*vicar.Router)) {
	r := d.conf.Routers[web]
	change(&r)
	d.conf.Routers[web] = r
}

// each is what a node's engines have counted; nil if its agent does not answer.
func (d *duo) each(name string, count func(status.Engine) uint64) []uint64 {
	st, err := d.agents[name].Status(d.t.Context())
	if err != nil {
		return nil
	}
	var out []uint64
	for _, e := range st.Routers[0].Engines {
		out = append(out, count(e))
	}
	return out
}

// reload gives a node another priority.
func (d *duo) reload(name string, priority int) {
	d.t.Helper()
	d.conf.Routers[web].Priority[name] = priority
	labtest.OK(d.t, d.agents[name].Reload(d.conf))
}

// has tells whether a node has all addresses, or none.
func (d *duo) has(name string, all bool) bool {
	for _, p := range d.vips {
		if has, err := d.hosts[name].Has(p.Addr()); err != nil || has != all {
			return false
		}
	}
	return true
}

// holds waits until a node holds and the other is Backup.
func (d *duo) holds(name, why string) {
	d.t.Helper()
	other := map[string]string{"a": "b", "b": "a"}[name]
	labtest.Eventually(d.t, patience, name+" holds, "+other+" is backup: "+why, func() bool {
		return d.alone(name) && d.agents[other].State(d.t.Context(), web) == "Backup" && d.has(other, false)
	})
}

// alone tells whether a node holds, whatever the other one does.
func (d *duo) alone(name string) bool {
	return d.agents[name].State(d.t.Context(), web) == "Active" && d.has(name, true)
}

// silent wants no packet of protocol 112, not even one that the firewall drops.
func (d *duo) silent() {
	d.t.Helper()
	for name := range d.hosts {
		if d.protocol112(name) {
			d.t.Errorf("%s has sent VRRP packets", name)
		}
	}
}

// protocol112 tells whether a node has sent packets of that protocol or got some.
func (d *duo) protocol112(name string) bool {
	d.t.Helper()
	out, err := d.hosts[name].Run(d.t.Context(), "nft", "list", "counter", "inet", "firewall", "vrrp")
	labtest.OK(d.t, err)
	return !strings.Contains(out, "packets 0 bytes 0")
}

// apart waits until both hold, each believing that it is alone.
func (d *duo) apart(why string) {
	d.t.Helper()
	labtest.Eventually(d.t, patience, "both hold: "+why, func() bool { return d.alone("a") && d.alone("b") })
}

// TestGossipTakeover moves the address by a better priority, a worse one, a
// cut, a kill and a stop.
func TestGossipTakeover(t *testing.T) {
	eachDuo(t, func(d *duo) {
		d.run("b", 100)
		labtest.Eventually(d.t, patience, "b is alone and holds", func() bool { return d.alone("b") })
		d.run("a", 150)
		d.holds("a", "it has the better priority")
		d.reload("a", 50)
		d.holds("b", "a's priority got worse")
		d.reload("a", 150)
		d.holds("a", "its priority got better")

		labtest.OK(d.t, d.lab.Cut(d.hosts["a"]))
		labtest.Eventually(d.t, patience, "b holds after the cut", func() bool { return d.alone("b") })
		labtest.OK(d.t, d.lab.Heal())
		d.holds("a", "it is back")

		labtest.OK(d.t, d.agents["a"].Signal(syscall.SIGKILL))
		labtest.Eventually(d.t, patience, "b holds after the kill", func() bool { return d.alone("b") })
		_ = d.agents["a"].Wait()
		d.run("a", 150)
		d.holds("a", "it was started again")

		zeros := func(e status.Engine) uint64 { return e.PriorityZero }
		before := d.each("b", zeros)
		labtest.OK(d.t, d.agents["a"].Stop(patience))
		if !d.has("a", false) {
			d.t.Error("a has an address after its end")
		}
		labtest.Eventually(d.t, patience, "b holds after the stop", func() bool { return d.alone("b") })
		for n, z := range d.each("b", zeros) {
			if z <= before[n] {
				d.t.Errorf("b has heard %d times before the stop and %d after it that a goes (priority 0)", before[n], z)
			}
		}
		d.silent()
	})
}

// TestGossipTieBreak lets two holders of one priority meet. What stands for a
// node's address in the election is made of its name.
func TestGossipTieBreak(t *testing.T) {
	eachDuo(t, func(d *duo) {
		labtest.OK(d.t, d.lab.Isolate(d.hosts["a"]))
		d.run("a", 100)
		d.run("b", 100)
		d.apart("the network is cut")
		labtest.OK(d.t, d.lab.Heal())
		labtest.Eventually(d.t, patience, "each family has one holder", func() bool {
			return !slices.ContainsFunc(d.vips, func(p netip.Prefix) bool {
				a, errA := d.hosts["a"].Has(p.Addr())
				b, errB := d.hosts["b"].Has(p.Addr())
				return errA != nil || errB != nil || a == b
			})
		})
		if len(d.vips) == 1 {
			family := 4
			if d.vips[0].Addr().Is6() {
				family = 6
			}
			greater := "b"
			if vip.NodeAddress("a", family).Compare(vip.NodeAddress("b", family)) > 0 {
				greater = "a"
			}
			d.holds(greater, "its address is the greater one")
		}
		d.silent()
	})
}

// TestGossipNoPreempt wants a better node to wait until the holder goes.
func TestGossipNoPreempt(t *testing.T) {
	eachDuo(t, func(d *duo) {
		d.set(func(r *vicar.Router) { r.Preempt = false })
		d.run("b", 100)
		labtest.Eventually(d.t, patience, "b is alone and holds", func() bool { return d.alone("b") })
		d.run("a", 150)
		const enough = 10 // adverts after which a would have taken over
		labtest.Eventually(d.t, patience, "a hears b", func() bool {
			heard := d.each("a", func(e status.Engine) uint64 { return e.Received })
			return len(heard) > 0 && slices.Min(heard) >= enough
		})
		if n, err := d.agents["a"].Entered(d.t.Context(), "Active"); err != nil || n > 0 {
			d.t.Errorf("a has taken over %d times (%v)", n, err)
		}
		d.holds("b", "a doesn't preempt")
		labtest.OK(d.t, d.agents["b"].Stop(patience))
		labtest.Eventually(d.t, patience, "a holds after b's stop", func() bool { return d.alone("a") })
		d.run("b", 200)
		d.holds("a", "b doesn't preempt")
		d.silent()
	})
}

// TestGossipPort closes the one port, and opens it.
func TestGossipPort(t *testing.T) {
	eachDuo(t, func(d *duo) {
		for _, h := range d.hosts {
			nft(d.t, h, closed)
		}
		d.run("a", 150)
		d.run("b", 100)
		d.apart("the port is closed")
		for _, h := range d.hosts {
			nft(d.t, h, firewall)
		}
		d.holds("a", "the port is open")
		d.silent()
	})
}

// TestGossipFirewall wants the firewall of these tests to let no advert pass
// that is sent otherwise.
func TestGossipFirewall(t *testing.T) {
	for _, kind := range []string{"multicast", "unicast"} {
		for _, g := range gossips[:2] { // for unicast each family needs the nodes' addresses
			t.Run(kind+" "+g.name, func(t *testing.T) {
				t.Parallel()
				d := newDuo(t, g.nodes, g.vips)
				d.conf.Transport.Kind = kind
				d.run("a", 150)
				d.run("b", 100)
				d.apart("the firewall drops " + kind)
				for name := range d.hosts {
					if !d.protocol112(name) {
						t.Errorf("%s has sent no VRRP packets", name)
					}
				}
			})
		}
	}
}

// weighed are checks that move the address: what is missing makes a check fail.
var weighed = []struct {
	name   string
	a, b   int // configured priorities
	weight vicar.Weight
	steps  []weighedStep
}{
	{"negative", 150, 100, -60, []weighedStep{{"", "a", 150}, {"a", "b", 90}, {"", "a", 150}}},
	{"positive", 100, 90, 20, []weighedStep{{"", "a", 120}, {"a", "b", 100}, {"", "a", 120}}},
	{"too small", 150, 100, -20, []weighedStep{{"", "a", 150}, {"a", "a", 130}, {"", "a", 150}}},
	{"fault", 150, 100, 0, []weighedStep{{"", "a", 150}, {"a", "b", 0}, {"", "a", 150}}},
}

// weighedStep is what comes of some nodes' failing checks.
type weighedStep struct {
	failing string
	holder  string
	a       int // its effective priority; 0: out of the election
}

// TestGossipWeights moves the address by failing checks.
func TestGossipWeights(t *testing.T) {
	for _, tt := range weighed {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDuo(t, gossips[0].nodes, gossips[0].vips)
			for name, priority := range map[string]int{"a": tt.a, "b": tt.b} {
				d.conf.Checks = map[string]vicar.Check{"ready": {"file": d.flag(name), "rise": 1, "fall": 1}}
				r := d.conf.Routers[web]
				r.Track = []vicar.Track{{Check: "ready", Weight: tt.weight}}
				d.conf.Routers[web] = r
				labtest.OK(t, os.WriteFile(d.flag(name), nil, 0o600))
				d.run(name, priority)
			}
			for n, s := range tt.steps {
				d.check(s)
				if n == 0 {
					d.holds(s.holder, "all is well")
				}
				labtest.Eventually(t, patience, "a has its priority, and "+s.holder+" holds", func() bool {
					st, err := d.agents["a"].Status(t.Context())
					if err != nil || s.a > 0 && st.Routers[0].Priority != s.a || (st.Routers[0].State == "Initialize") != (s.a == 0) {
						return false
					}
					return d.alone(s.holder)
				})
			}
			d.silent()
		})
	}
}

// flag is the file that a node's check looks for.
func (d *duo) flag(name string) string { return filepath.Join(d.dir, "ready-"+name) }

// check makes the checks as the step has them.
func (d *duo) check(s weighedStep) {
	d.t.Helper()
	if s.failing == "" {
		labtest.OK(d.t, os.WriteFile(d.flag("a"), nil, 0o600))
		return
	}
	labtest.OK(d.t, os.Remove(d.flag(s.failing)))
}
