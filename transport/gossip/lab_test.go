// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// nodeEnv makes the test program a node in a process of its own: its name, its
// addresses and its peers, like "lb-1 192.0.2.1,2001:db8::1 lb-2=192.0.2.2".
const nodeEnv = "GOSSIP_TEST_NODE"

// cloneEnv makes it one that was started just now; the others count as a minute
// old.
const cloneEnv = "GOSSIP_TEST_CLONE"

const labPort = 7946

func TestMain(m *testing.M) {
	if spec := os.Getenv(nodeEnv); spec != "" {
		if err := nodeProcess(strings.Fields(spec)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// nodeProcess sends to its peers all the time and says what it hears. SIGHUP
// gives it another state.
func nodeProcess(spec []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var state atomic.Value
	state.Store("state-of-" + spec[0])
	cfg := Config{
		Node: spec[0], Cluster: "lab", Port: labPort, Keys: [][]byte{key(1)},
		Log:      slog.New(slog.NewTextHandler(os.Stderr, nil)),
		State:    func() []byte { return []byte(state.Load().(string)) },
		Received: func(from string, _ Channel, payload []byte) { fmt.Printf("%s says %s\n", from, payload) },
	}
	for a := range strings.SplitSeq(spec[1], ",") {
		cfg.Bind = append(cfg.Bind, netip.MustParseAddr(a))
	}
	for _, p := range spec[2:] {
		name, addrs, _ := strings.Cut(p, "=")
		cfg.Peers = append(cfg.Peers, Peer{name, strings.Split(addrs, ",")})
	}
	l, err := New(cfg)
	if err != nil {
		return err
	}
	if os.Getenv(cloneEnv) == "" {
		l.born = l.born.Add(-time.Minute)
	}
	said := map[string]bool{}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	go func() {
		<-hup
		state.Store("news-of-" + spec[0])
		l.Announce()
	}()
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			for _, p := range cfg.Peers {
				_ = l.Send(p.Name, Agent, []byte("hello"))
			}
			for _, m := range l.Members() {
				if s := fmt.Sprintf("member %s %s\n", m.Name, m.State); !said[s] {
					said[s] = true
					fmt.Print(s)
				}
			}
		}
	}()
	return l.Run(ctx)
}

// onePort lets nothing in but the port of the link, and what IPv6 needs to find
// its neighbours.
const onePort = `add table inet t
add chain inet t in { type filter hook input priority 0; policy drop; }
add rule inet t in udp dport 7946 accept
add rule inet t in tcp dport 7946 accept
add rule inet t in tcp sport 7946 accept
add rule inet t in icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
add chain inet t out { type filter hook output priority 0; policy drop; }
add rule inet t out udp dport 7946 accept
add rule inet t out tcp dport 7946 accept
add rule inet t out tcp sport 7946 accept
add rule inet t out icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
`

// startNode starts a node in a process on a host and returns what it says.
func startNode(t *testing.T, h *lab.Host, spec string) func() string {
	t.Helper()
	return startProcess(t, h, spec).Output.String
}

func startProcess(t *testing.T, h *lab.Host, spec string) *lab.Process {
	t.Helper()
	program, err := os.Executable()
	labtest.OK(t, err)
	cmd := h.Command(program)
	cmd.Env = append(os.Environ(), nodeEnv+"="+spec)
	p, err := h.Start(cmd)
	labtest.OK(t, err)
	t.Cleanup(func() {
		if err := p.Stop(patience); err != nil || t.Failed() {
			t.Logf("%s: %v\n%.2000s", spec, err, p.Output)
		}
	})
	return p
}

// TestDeadAddress cuts the address by which memberlist reaches a node that has
// another one. What the node tells then must not wait until memberlist has given
// it up, which takes seconds.
func TestDeadAddress(t *testing.T) {
	labtest.Need(t, "nft")
	l := labtest.New(t)
	one := labtest.Host(t, l, "lb-1", "192.0.2.1/24", "2001:db8::1/64")
	two := labtest.Host(t, l, "lb-2", "192.0.2.2/24", "2001:db8::2/64")
	teller := startProcess(t, one, "lb-1 192.0.2.1,2001:db8::1 lb-2=192.0.2.2,2001:db8::2")
	heard := startNode(t, two, "lb-2 192.0.2.2,2001:db8::2 lb-1=192.0.2.1,2001:db8::1")
	labtest.Eventually(t, patience, "they have met", func() bool {
		return strings.Contains(heard(), "lb-1 says hello\n") && strings.Contains(heard(), "member lb-1 state-of-lb-1\n") &&
			strings.Contains(teller.Output.String(), "member lb-2 state-of-lb-2\n")
	})
	out, err := one.Run(t.Context(), "nft", "table ip cut { chain c { type filter hook output priority 0; ip daddr 192.0.2.2 drop; }; }")
	if err != nil {
		t.Fatalf("nft: %v: %s", err, out)
	}
	labtest.OK(t, teller.Signal(syscall.SIGHUP))
	labtest.Eventually(t, patience, "the news arrive", func() bool { return strings.Contains(heard(), "member lb-1 news-of-lb-1\n") })
	if gone, news := strings.Index(heard(), "peer gone"), strings.Index(heard(), "news-of-lb-1"); gone >= 0 && gone < news {
		t.Errorf("the news came after the other had been given up:\n%s", heard())
	}
}

// TestClonedMachine puts a machine on the LAN that has the name and the address of
// another: whom a packet reaches is up to the others' neighbour tables, which
// follow who asked last. The later one must end as soon as it is reached.
func TestClonedMachine(t *testing.T) {
	labtest.Need(t, "ip")
	l := labtest.New(t)
	one := labtest.Host(t, l, "lb-1", "192.0.2.1/24")
	two := labtest.Host(t, l, "lb-2", "192.0.2.2/24")
	clone := labtest.Host(t, l, "clone")
	const spec = "lb-2 192.0.2.2 lb-1=192.0.2.1"
	heard := startNode(t, one, "lb-1 192.0.2.1 lb-2=192.0.2.2")
	first := startProcess(t, two, spec)
	labtest.Eventually(t, patience, "they have met", func() bool {
		return strings.Contains(heard(), "lb-2 says hello\n") && strings.Contains(first.Output.String(), "lb-1 says hello\n")
	})
	program, err := os.Executable()
	labtest.OK(t, err)
	labtest.OK(t, clone.AddAddress(netip.MustParsePrefix("192.0.2.2/24")))
	for range 3 { // as systemd does
		cmd := clone.Command(program)
		cmd.Env = append(os.Environ(), nodeEnv+"="+spec, cloneEnv+"=1")
		began := time.Now()
		p, err := clone.Start(cmd)
		labtest.OK(t, err)
		asked := began
		labtest.Eventually(t, patience, "the clone ends", func() bool {
			if now := time.Now(); now.Sub(asked) > time.Second {
				asked = now
				if out, err := clone.Run(t.Context(), "ip", "neigh", "flush", "all"); err != nil {
					t.Fatalf("ip: %v: %s", err, out)
				}
			}
			return p.Ended()
		})
		if err := p.Wait(); err == nil || p.Output.Count("another node is called lb-2: lb-1 hears from both") == 0 {
			t.Errorf("it ended with %v:\n%s", err, p.Output)
		}
		t.Logf("the clone ran for %v", time.Since(began).Round(time.Millisecond))
	}
	if first.Ended() {
		t.Error("the node that was there before has ended")
	}
}

// TestAddressLater starts a node before its addresses are there.
func TestAddressLater(t *testing.T) {
	l := labtest.New(t)
	one := labtest.Host(t, l, "lb-1", "192.0.2.1/24", "2001:db8::1/64")
	two := labtest.Host(t, l, "lb-2")
	startNode(t, one, "lb-1 192.0.2.1,2001:db8::1 lb-2=192.0.2.2")
	heard := startNode(t, two, "lb-2 192.0.2.2,2001:db8::2 lb-1=192.0.2.1")
	labtest.Eventually(t, patience, "it waits", func() bool { return strings.Count(heard(), "it will be used when it comes") == 2 })
	labtest.OK(t, two.AddAddress(netip.MustParsePrefix("192.0.2.2/24")))
	labtest.Eventually(t, patience, "it hears", func() bool {
		return strings.Contains(heard(), "lb-1 says hello\n") && strings.Contains(heard(), "member lb-1 state-of-lb-1\n")
	})
}

// TestOnePort wants three processes on three hosts to talk, over IPv4 and IPv6,
// with nothing but one port open.
func TestOnePort(t *testing.T) {
	labtest.Need(t, "nft")
	l := labtest.New(t)
	specs := []string{
		"lb-1 192.0.2.1,2001:db8::1 lb-2=192.0.2.2 lb-3=2001:db8::3",
		"lb-2 192.0.2.2,2001:db8::2 lb-1=192.0.2.1,2001:db8::1 lb-3=192.0.2.3",
		"lb-3 192.0.2.3,2001:db8::3 lb-1=2001:db8::1 lb-2=192.0.2.2:7946",
	}
	var outputs []func() string
	for i, spec := range specs {
		h := labtest.Host(t, l, fmt.Sprintf("lb-%d", i+1),
			fmt.Sprintf("192.0.2.%d/24", i+1), fmt.Sprintf("2001:db8::%d/64", i+1))
		nft := h.Command("nft", "-f", "-")
		nft.Stdin = strings.NewReader(onePort)
		p, err := h.Start(nft)
		labtest.OK(t, err)
		if err := p.Wait(); err != nil {
			t.Fatalf("nft: %v: %s", err, p.Output)
		}
		outputs = append(outputs, startNode(t, h, spec))
	}
	for i, output := range outputs {
		for j := range outputs {
			if i == j {
				continue
			}
			name := fmt.Sprintf("lb-%d", j+1)
			labtest.Eventually(t, patience, fmt.Sprintf("lb-%d hears %s", i+1, name), func() bool {
				s := output()
				return strings.Contains(s, name+" says hello\n") && strings.Contains(s, "member "+name+" state-of-"+name+"\n")
			})
		}
	}
}
