// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guardian

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/address"
	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// The test's binary is agent and guardian too.
const (
	roleKey  = "VICAR_TEST_ROLE"
	roleHeir = "guardian"
	roleRule = "agent"
	orderKey = "VICAR_TEST_ORDER"
)

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(roleKey) {
	case roleHeir:
		err = Main(MainConfig{RuntimeDir: os.Args[1], Log: stderrLog()})
	case roleRule:
		err = beAgent()
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func stderrLog() *slog.Logger { return slog.New(slog.NewTextHandler(os.Stderr, nil)) }

const within = 20 * time.Second

var (
	own4    = netip.MustParseAddr("192.0.2.10")
	peer4   = netip.MustParseAddr("192.0.2.20")
	vip4    = netip.MustParsePrefix("192.0.2.100/32")
	vip6    = netip.MustParsePrefix("2001:db8::100/128")
	late4   = netip.MustParsePrefix("192.0.2.101/32")
	release = []byte("a sealed release")
)

// order is what the agent of a test does.
type order struct {
	Dir   string
	Port  uint16 // of the peer's that hears datagrams
	Fence bool
	Lease time.Duration // renewed all the time; 0: a long one that is not
	Late  bool          // it takes one more address and dies before that stands in the will
}

// beAgent is an agent that holds two addresses and does what it is told on
// stdin.
func beAgent() error {
	var o order
	if err := json.Unmarshal([]byte(os.Getenv(orderKey)), &o); err != nil {
		return err
	}
	cfg := Config{Argv: []string{"/proc/self/exe", o.Dir}, RuntimeDir: o.Dir, Log: stderrLog()}
	cfg.Env = append(os.Environ(), roleKey+"="+roleHeir)
	var fence Leases
	if o.Fence {
		f, err := address.OpenFence(address.FenceConfig{})
		if err == nil {
			err = f.Cover()
		}
		if err != nil {
			return err
		}
		if cfg.Fence, err = f.File(); err != nil {
			return err
		}
		fence = address.Leases{Fence: f, Now: time.Now}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	g, err := Start(ctx, cfg)
	if err != nil {
		return err
	}
	kernel, err := address.New(address.Config{RuntimeDir: o.Dir})
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	running.Go(func() { _ = g.Run(ctx) })
	claim := vip.Claim{Router: "web", Interface: lab.Interface, Addresses: []netip.Prefix{vip4, vip6}}
	leases := g.Leases(fence)
	renew := func(d time.Duration) error {
		return leases.Set([]netip.Addr{vip4.Addr(), vip6.Addr()}, time.Now().Add(d))
	}
	if err := renew(max(o.Lease, time.Minute)); err != nil {
		return err
	}
	if o.Lease > 0 {
		running.Go(func() {
			for pause(ctx, o.Lease/10) == nil {
				_ = renew(o.Lease)
			}
		})
	}
	g.Write(o.will(claim))
	if err := kernel.Acquire(ctx, claim); err != nil {
		return err
	}
	settled(g)
	if o.Late {
		if err := leases.Set([]netip.Addr{late4.Addr()}, time.Now().Add(time.Minute)); err != nil {
			return err
		}
		claim.Router, claim.Addresses = "late", []netip.Prefix{late4}
		if err := kernel.Acquire(ctx, claim); err != nil {
			return err
		}
	}
	fmt.Println("its guardian is", g.Pid())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch lines.Text() {
		case "pid":
			settled(g)
			fmt.Println("its guardian is", g.Pid())
		case "stop":
			cancel()
			running.Wait()
			return nil
		}
	}
	select {}
}

// settled waits until the guardian has the will.
func settled(g *Guardian) {
	for {
		g.mu.Lock()
		done := g.has == g.version
		g.mu.Unlock()
		if done {
			return
		}
		_ = pause(context.Background(), time.Millisecond)
	}
}

// will is the claim's.
func (o order) will(c vip.Claim) Will {
	advert := wire.Advert{Version: wire.V3, VRID: 51, Interval: time.Second, Addresses: []netip.Addr{vip4.Addr()}}
	data, err := advert.AppendTo(nil, own4, wire.Group4, wire.ChecksumMessage)
	if err != nil {
		panic(err)
	}
	packet := wire.Packet{Src: own4, Dst: wire.Group4, Data: data}
	return Will{
		Claims:    []vip.Claim{c},
		Datagrams: []Datagram{{From: own4, To: netip.AddrPortFrom(peer4, o.Port), Data: release}},
		Farewells: []Farewell{{Interface: c.Interface, Family: 4, Multicast: true, Packets: []wire.Packet{packet}}},
	}
}

// event is something that the peer has seen.
type event struct {
	what string // release or farewell
	held bool   // the host had the addresses then
}

// rig is a host with an agent, and a peer that listens.
type rig struct {
	t     *testing.T
	host  *lab.Host
	peer  *lab.Host
	order order
	seen  chan event
	// realTime gives the agent the policy that the unit gives it.
	realTime bool
}

func newRig(t *testing.T) *rig {
	t.Helper()
	l := labtest.New(t)
	r := &rig{t: t, seen: make(chan event, 16), order: order{Dir: t.TempDir()}}
	r.host = labtest.Host(t, l, "lb-1", own4.String()+"/24", "2001:db8::10/64")
	r.peer = labtest.Host(t, l, "lb-2", peer4.String()+"/24")
	var udp net.PacketConn
	var capture *os.File
	labtest.OK(t, r.peer.Do(func() (err error) {
		if udp, err = net.ListenPacket("udp4", peer4.String()+":0"); err != nil {
			return err
		}
		network := int(binary.NativeEndian.Uint16([]byte{unix.ETH_P_IP >> 8, unix.ETH_P_IP & 0xff}))
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, network)
		capture = os.NewFile(uintptr(fd), "capture")
		return err
	}))
	r.order.Port = udp.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	var listening sync.WaitGroup
	t.Cleanup(func() {
		_, _ = udp.Close(), capture.Close()
		listening.Wait()
	})
	listening.Go(func() { r.listen(capture) })
	if !r.answers(own4) { // so that the hosts know each other
		t.Fatal("the host does not answer")
	}
	return r
}

// listen notes what the peer hears: one socket for all, for the order.
func (r *rig) listen(capture *os.File) {
	buf := make([]byte, 2048)
	for {
		n, err := capture.Read(buf)
		if err != nil {
			return
		}
		const header, udpHeader = 20, 8
		b := buf[:n]
		if len(b) < header+udpHeader || netip.AddrFrom4([4]byte(b[12:16])) != own4 {
			continue
		}
		switch payload := b[header:]; b[9] {
		case unix.IPPROTO_UDP:
			if bytes.HasSuffix(payload, release) {
				r.seen <- event{"release", r.holds()}
			}
		case wire.Protocol:
			var a wire.Advert
			if _, err := a.Parse(payload, own4, wire.Group4); err == nil && a.Priority == 0 {
				r.seen <- event{"farewell", r.holds()}
			}
		}
	}
}

// holds tells whether the host has any of the addresses.
func (r *rig) holds() bool {
	for _, p := range []netip.Prefix{vip4, vip6, late4} {
		if has, err := r.host.Has(p.Addr()); has || err != nil {
			return true
		}
	}
	return false
}

// agent is a process of the test's.
type agent struct {
	*lab.Process
	r     *rig
	stdin io.WriteCloser
}

// start starts an agent that holds the addresses.
func (r *rig) start() *agent {
	r.t.Helper()
	text, err := json.Marshal(r.order)
	labtest.OK(r.t, err)
	self, err := os.Executable()
	labtest.OK(r.t, err)
	cmd := r.host.Command(self)
	if r.realTime {
		cmd = r.host.Command("chrt", "-r", "1", self)
	}
	cmd.Env = append(os.Environ(), roleKey+"="+roleRule, orderKey+"="+string(text), "GORACE=atexit_sleep_ms=0")
	stdin, err := cmd.StdinPipe()
	labtest.OK(r.t, err)
	p, err := r.host.Start(cmd)
	labtest.OK(r.t, err)
	a := &agent{p, r, stdin}
	r.t.Cleanup(func() {
		if r.t.Failed() {
			r.t.Logf("the agent and its guardians said:\n%s", p.Output)
		}
	})
	a.eventually("an agent that holds its addresses", func() bool { return p.Output.Count("its guardian is ") > 0 })
	return a
}

// guardian is the number of the guardian's process now.
func (a *agent) guardian() int {
	a.r.t.Helper()
	said := a.Output.Count("its guardian is ")
	a.say("pid")
	a.eventually("the guardian's number", func() bool { return a.Output.Count("its guardian is ") > said })
	text := a.Output.String()
	line, _, _ := strings.Cut(text[strings.LastIndex(text, "its guardian is ")+len("its guardian is "):], "\n")
	pid, err := strconv.Atoi(line)
	labtest.OK(a.r.t, err)
	return pid
}

func (a *agent) eventually(what string, ok func() bool) {
	a.r.t.Helper()
	labtest.Eventually(a.r.t, within, what, ok)
}

// next is what the peer sees next.
func (r *rig) next() event {
	r.t.Helper()
	select {
	case e := <-r.seen:
		return e
	case <-time.After(within):
		r.t.Fatal("the peer hears nothing")
		return event{}
	}
}

// say writes a line to the agent.
func (a *agent) say(line string) {
	a.r.t.Helper()
	if _, err := io.WriteString(a.stdin, line+"\n"); err != nil {
		a.r.t.Fatal(err)
	}
}

// lives tells whether there is a process of that number, and it is no zombie.
func lives(pid int) bool { return state(pid) != 0 && state(pid) != 'Z' && state(pid) != 'X' }

// state is a process's, by /proc/PID/stat; 0: there is none.
func state(pid int) byte {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	i := bytes.LastIndexByte(b, ')')
	if err != nil || i < 0 || len(b) < i+3 {
		return 0
	}
	return b[i+2]
}

// answers tells whether the host answers the peer's question for an address.
func (r *rig) answers(a netip.Addr) bool {
	r.t.Helper()
	var kernel *address.Kernel
	labtest.OK(r.t, r.peer.Do(func() (err error) {
		kernel, err = address.New(address.Config{})
		return err
	}))
	defer kernel.Close()
	ok, err := kernel.Reachable(r.t.Context(), lab.Interface, []netip.Addr{a})
	labtest.OK(r.t, err)
	return ok
}
