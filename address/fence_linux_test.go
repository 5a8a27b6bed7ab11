// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	bpflink "github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// fence opens a fence on the host and covers its interfaces.
func (h *host) fence(cfg FenceConfig) *Fence {
	h.t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(h.t.Output(), nil))
	}
	var f *Fence
	h.do(func() (err error) { f, err = OpenFence(cfg); return err })
	h.t.Cleanup(func() { must(h.t, f.Close()) })
	must(h.t, f.Cover())
	return f
}

// ready waits until the interface's addresses answer: the kernel adds them
// tentative and has work to do.
func (h *host) ready(iface string) {
	h.t.Helper()
	eventually(h.t, "addresses that answer", func() bool {
		list, err := h.nl.AddrList(h.link(iface), netlink.FAMILY_V6)
		must(h.t, err)
		return !slices.ContainsFunc(list, func(a netlink.Addr) bool { return a.Flags&unix.IFA_F_TENTATIVE != 0 && !a.IP.IsLinkLocalUnicast() })
	})
}

// fenceRig is a host with virtual addresses, and a peer that asks for them over
// two links.
type fenceRig struct {
	*host
	peer   *host
	socket int // of the peer's
	seen   map[string]*capture
}

func newFenceRig(t testing.TB) *fenceRig {
	t.Helper()
	needFence(t)
	h, peer := newPair(t)
	h.veth("eth1", peer, "eth1")
	for _, p := range []string{"192.0.2.10/24", "192.0.2.100/32", "2001:db8::10/64", "2001:db8::100/128"} {
		h.add("eth0", p)
	}
	h.ready("eth0")
	r := &fenceRig{host: h, peer: peer, seen: map[string]*capture{}}
	peer.do(func() (err error) {
		r.socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	})
	t.Cleanup(func() { _ = unix.Close(r.socket) })
	for _, iface := range []string{"eth0", "eth1"} {
		r.meet(iface)
	}
	return r
}

// meet makes the hosts known to each other on an interface, and captures there.
func (r *fenceRig) meet(iface string) {
	r.t.Helper()
	index := r.link(iface).Attrs().Index
	for _, a := range []netip.Addr{peer4, peer6} {
		if iface == "eth0" {
			must(r.t, r.nl.NeighSet(&netlink.Neigh{
				LinkIndex: index, IP: a.AsSlice(), HardwareAddr: fencePeerMAC[:], State: netlink.NUD_PERMANENT,
			}))
		}
	}
	r.seen[iface] = r.peer.capture(iface)
}

// sendFrame sends a frame of the peer's.
func (r *fenceRig) sendFrame(iface string, b []byte) {
	r.t.Helper()
	kind := binary.NativeEndian.Uint16(b[12:])
	must(r.t, unix.Sendto(r.socket, b, 0, &unix.SockaddrLinklayer{Protocol: kind, Ifindex: r.peer.link(iface).Attrs().Index}))
}

// fenceAnswers are how a host answers for an address: what to ask, and what to
// look for in a frame after its Ethernet header.
var fenceAnswers = []struct {
	name   string
	v6     bool
	kind   uint16
	ask    func(netip.Addr) []byte
	answer func(b []byte, a netip.Addr) bool
}{
	{"arp", false, etherARP, func(a netip.Addr) []byte { return arpPayload(arpRequest, peer4, a) }, func(b []byte, a netip.Addr) bool {
		return b[7] == 2 && string(b[14:18]) == string(a.AsSlice())
	}},
	{"ping", false, etherIPv4, func(a netip.Addr) []byte { return ping4(8, peer4, a) }, func(b []byte, a netip.Addr) bool {
		return b[9] == unix.IPPROTO_ICMP && b[20] == 0 && string(b[12:16]) == string(a.AsSlice())
	}},
	{"nd", true, etherIPv6, func(a netip.Addr) []byte {
		return icmp6(peer6, a, neighbourMessage(icmpNS, a))
	}, func(b []byte, a netip.Addr) bool {
		return b[6] == unix.IPPROTO_ICMPV6 && b[40] == icmpNA && string(b[48:64]) == string(a.AsSlice())
	}},
	{"ping6", true, etherIPv6, func(a netip.Addr) []byte { return icmp6(peer6, a, echo6) }, func(b []byte, a netip.Addr) bool {
		return b[6] == unix.IPPROTO_ICMPV6 && b[40] == 129 && string(b[8:24]) == string(a.AsSlice())
	}},
}

// answers counts the answers for an address that the peer has seen, on any
// interface: the host may answer elsewhere than it was asked.
func (r *fenceRig) answers(which int, a netip.Addr) int {
	n := 0
	for _, c := range r.seen {
		c.mu.Lock()
		for f, times := range c.seen {
			b := []byte(f)
			if len(b) < 42 || hardware(b[6:12]) != testMAC || binary.BigEndian.Uint16(b[12:]) != fenceAnswers[which].kind {
				continue
			}
			if p := append(b[14:], make([]byte, 64)...); fenceAnswers[which].answer(p, a) {
				n += times
			}
		}
		c.mu.Unlock()
	}
	return n
}

// askAgain is how long after a question that must be answered it is asked again.
const askAgain = 500 * time.Millisecond

// asks asks for the virtual addresses in every way, and tells what was answered.
// Each time the host's own address is asked for after them, and must answer.
func (r *fenceRig) asks(iface string, tags ...uint16) (answered []string) {
	r.t.Helper()
	for i, way := range fenceAnswers {
		if way.name == "nd" && iface != "eth0" {
			continue // Linux answers on the address's own interface only
		}
		vip, own := vip4, own4
		if way.v6 {
			vip, own = vip6, own6
		}
		before := r.answers(i, vip)
		for range 3 {
			r.sendFrame(iface, etherFrame(way.kind, way.ask(vip), tags...))
			control := r.answers(i, own)
			var sent time.Time
			eventually(r.t, way.name+" of the host's own address", func() bool {
				if time.Since(sent) > askAgain { // a busy machine may lose a frame
					sent = time.Now()
					r.sendFrame(iface, etherFrame(way.kind, way.ask(own), tags...))
				}
				return r.answers(i, own) > control
			})
		}
		if r.answers(i, vip) > before {
			answered = append(answered, way.name)
		}
	}
	return answered
}

var everyWay = []string{"arp", "ping", "nd", "ping6"}

// want wants the same answers on each interface, tagged or not.
func (r *fenceRig) want(state string, want []string) {
	r.t.Helper()
	for iface := range r.seen {
		want := slices.DeleteFunc(slices.Clone(want), func(way string) bool { return way == "nd" && iface != "eth0" })
		for _, tags := range [][]uint16{nil, {ether8021}} {
			if got := r.asks(iface, tags...); !slices.Equal(got, want) {
				r.t.Errorf("%s, asked on %s with tags %x: answered %v, want %v", state, iface, tags, got, want)
			}
		}
	}
}

// until waits until a time of CLOCK_BOOTTIME has passed.
func until(t testing.TB, deadline time.Duration) {
	t.Helper()
	eventually(t, "the deadline", func() bool { return bootNow(t) > deadline })
}

// The deadline passes, and nobody needs to do anything for the host to fall
// silent; a write that comes late doesn't make it speak again.
func TestFenceDeadline(t *testing.T) {
	r := newFenceRig(t)
	r.want("no fence", everyWay)
	f := r.fence(FenceConfig{})
	r.want("not fenced", everyWay)
	must(t, f.Set(fenceAddresses, bootNow(t)+time.Hour))
	r.want("open", everyWay)

	deadline := bootNow(t) + 20*time.Millisecond
	must(t, f.Set(fenceAddresses, deadline))
	until(t, deadline)
	r.want("past", nil)
	must(t, f.Set(fenceAddresses, deadline)) // of a writer that was frozen
	r.want("written late", nil)

	must(t, f.Set(fenceAddresses, bootNow(t)+time.Hour))
	r.want("open again", everyWay)
	must(t, f.Shut(fenceAddresses))
	r.want("closed", nil)
	must(t, f.Neighbours(fenceAddresses, true))
	r.want("closed for neighbours", []string{"ping", "ping6"})
	must(t, f.Neighbours(fenceAddresses, false))
	must(t, f.Forget(fenceAddresses[:1]))
	r.want("IPv4 forgotten", []string{"arp", "ping"})
}

// A host that gave the addresses up hears the next holder's announcement and is
// its client.
func TestFenceClient(t *testing.T) {
	r := newFenceRig(t)
	f := r.fence(FenceConfig{Closed: fenceAddresses})
	r.want("closed from the start", nil)
	r.del("eth0", "192.0.2.100/32")
	r.del("eth0", "2001:db8::100/128")
	r.peer.add("eth0", "192.0.2.100/24")
	r.peer.add("eth0", "2001:db8::100/64")
	index := r.link("eth0").Attrs().Index
	for _, a := range fenceAddresses {
		must(t, r.nl.NeighSet(&netlink.Neigh{
			LinkIndex: index, IP: a.AsSlice(), HardwareAddr: []byte{2, 0, 0, 0, 0, 9}, State: netlink.NUD_STALE,
		}))
	}
	heard := func(mac hardware) bool {
		list, err := r.nl.NeighList(index, netlink.FAMILY_ALL)
		must(t, err)
		n := 0
		for _, e := range list {
			if a, _ := netip.AddrFromSlice(e.IP); slices.Contains(fenceAddresses, a.Unmap()) && hardware(e.HardwareAddr) == mac {
				n++
			}
		}
		return n == len(fenceAddresses)
	}
	r.sendFrame("eth0", etherFrame(etherARP, arpPayload(arpRequest, vip4, vip4)))
	r.sendFrame("eth0", etherFrame(etherIPv6, icmp6(vip6, netip.MustParseAddr("ff02::1"), neighbourMessage(icmpNA, vip6))))
	eventually(t, "the announcement is heard", func() bool { return heard(fencePeerMAC) })
	mac := hardware(r.peer.link("eth0").Attrs().HardwareAddr)
	for _, a := range fenceAddresses {
		must(t, r.nl.NeighDel(&netlink.Neigh{LinkIndex: index, IP: a.AsSlice()}))
	}
	for _, a := range fenceAddresses {
		r.host.do(func() error { return exchange(a) })
	}
	if !heard(mac) {
		t.Error("the neighbours are not resolved")
	}
	must(t, f.Forget(fenceAddresses))
}

// exchange connects to a closed port: that it is refused is an answer.
func exchange(a netip.Addr) error {
	family, to := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: 9, Addr: a.As16()})
	if a.Is4() {
		family, to = unix.AF_INET, &unix.SockaddrInet4{Port: 9, Addr: a.As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, to); err != unix.ECONNREFUSED {
		return fmt.Errorf("connecting to %v: %w", a, err)
	}
	return nil
}

// The process dies; its fence stays, and closes in time. The next one goes on
// with it.
func TestFenceOutlivesProcess(t *testing.T) {
	const role = "VICAR_TEST_FENCE"
	if os.Getenv(role) != "" {
		f, err := OpenFence(FenceConfig{})
		must(t, err)
		must(t, f.Cover())
		deadline := bootNow(t) + 50*time.Millisecond
		must(t, f.Set(fenceAddresses, deadline))
		fmt.Printf("deadline %d\n", deadline)
		select {}
	}
	r := newFenceRig(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestFenceOutlivesProcess$")
	cmd.Env = append(os.Environ(), role+"=1")
	out, err := cmd.StdoutPipe()
	must(t, err)
	r.host.do(cmd.Start) // in the host's namespace
	var deadline time.Duration
	for lines := bufio.NewScanner(out); deadline == 0 && lines.Scan(); {
		_, _ = fmt.Sscanf(lines.Text(), "deadline %d", &deadline)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	if deadline == 0 {
		t.Fatal("the other process failed")
	}
	until(t, deadline)
	r.want("the process is dead", nil)

	f := r.fence(FenceConfig{Closed: []netip.Addr{vip4, own4}})
	if got, want := f.Addresses(), []netip.Addr{own4, vip4, vip6}; !slices.Equal(got, want) {
		t.Errorf("adopted %v, want %v", got, want)
	}
	must(t, f.Forget([]netip.Addr{own4}))
	r.want("adopted", nil)
	must(t, f.Set(fenceAddresses, bootNow(t)+time.Hour))
	r.want("opened by the next process", everyWay)
}

// A second fence has the same table, whether it covers or not.
func TestFenceAdopts(t *testing.T) {
	r := newFenceRig(t)
	first := r.fence(FenceConfig{})
	must(t, first.Neighbours(fenceAddresses[:1], true))
	must(t, first.Set(fenceAddresses, bootNow(t)+time.Hour))
	var second *Fence
	r.host.do(func() (err error) { second, err = OpenFence(FenceConfig{Closed: fenceAddresses}); return err })
	t.Cleanup(func() { must(t, second.Close()) })
	r.want("what is open stays open", everyWay)
	must(t, second.Shut(fenceAddresses))
	r.want("closed by the second", []string{"ping"})
	must(t, second.Cover())
	r.want("covered by the second", []string{"ping"})
	a, err := first.m.Info()
	must(t, err)
	b, err := second.m.Info()
	must(t, err)
	aID, _ := a.ID()
	if bID, _ := b.ID(); aID != bID {
		t.Errorf("tables %d and %d", aID, bID)
	}
	for _, iface := range []string{"eth0", "eth1"} {
		for _, kind := range []fenceKind{{true, true}, {false, true}} {
			ours, before, err := second.filters(r.link(iface), kind)
			must(t, err)
			if ours == nil || ours.Id != second.programs[kind].id || ours.Tag != first.programs[kind].tag || len(before) > 0 {
				t.Errorf("%s %+v: filter %+v after %v", iface, kind, ours, before)
			}
		}
	}
}

func TestFenceNewInterface(t *testing.T) {
	r := newFenceRig(t)
	f := r.fence(FenceConfig{Closed: fenceAddresses})
	must(t, r.nl.LinkDel(r.link("eth1")))
	must(t, f.Cover())
	r.veth("eth1", r.peer, "eth1")
	r.veth("eth2", r.peer, "eth2")
	r.meet("eth1")
	r.meet("eth2")
	must(t, f.Cover())
	r.want("covered again", nil)
	must(t, r.nl.QdiscDel(clsactOf(r.link("eth0"))))
	must(t, f.Cover())
	r.want("covered after its qdisc was removed", nil)
}

// tc lists the host's qdiscs and filters.
func (h *host) tc() string {
	h.t.Helper()
	var b strings.Builder
	links, err := h.nl.LinkList()
	must(h.t, err)
	for _, l := range links {
		qdiscs, err := h.nl.QdiscList(l)
		must(h.t, err)
		for _, q := range qdiscs {
			fmt.Fprintln(&b, l.Attrs().Name, q.Type(), q.Attrs().Parent)
		}
		for _, kind := range []fenceKind{{ingress: true}, {}} {
			filters, err := h.nl.FilterList(l, kind.parent())
			must(h.t, err)
			for _, f := range filters {
				fmt.Fprintln(&b, l.Attrs().Name, f.Type(), f.Attrs())
			}
		}
	}
	return b.String()
}

// Other filters stay what and where they are; the fence runs first where it
// can, says so where it can't, and leaves nothing behind.
func TestFenceAmongOthers(t *testing.T) {
	r := newFenceRig(t)
	must(t, r.nl.QdiscAdd(clsactOf(r.link("eth0"))))
	other := &netlink.U32{FilterAttrs: netlink.FilterAttrs{
		LinkIndex: r.link("eth0").Attrs().Index, Parent: netlink.HANDLE_MIN_INGRESS, Priority: 2, Protocol: unix.ETH_P_ALL,
	}, ClassId: 1}
	must(t, r.nl.FilterAdd(other))
	before := r.tc()
	f := r.fence(FenceConfig{Closed: fenceAddresses})
	r.want("before another filter", nil)
	foreign := func() (names []string) {
		r.host.do(func() (err error) { names, err = f.Foreign(); return err })
		return names
	}
	if names := foreign(); len(names) > 0 {
		t.Errorf("before the fence: %v", names)
	}
	must(t, f.Set(fenceAddresses, bootNow(t)+time.Hour))
	r.want("open", everyWay)
	must(t, f.Purge())
	must(t, f.Purge())
	if after := r.tc(); after != before {
		t.Errorf("left behind:\n%sfirst was:\n%s", after, before)
	}

	must(t, r.nl.FilterDel(&netlink.GenericFilter{FilterAttrs: other.FilterAttrs, FilterType: "u32"}))
	other.Priority = 1
	must(t, r.nl.FilterAdd(other))
	must(t, f.Cover())
	if names := foreign(); len(names) == 0 || !strings.HasPrefix(names[0], "eth0 ingress: filter u32") {
		t.Errorf("before the fence: %v", names)
	}
	fenced := func(want ...string) {
		r.host.do(func() error {
			names, err := Fenced()
			if !slices.Equal(names, want) {
				t.Errorf("fenced %v, want %v", names, want)
			}
			return err
		})
	}
	fenced("eth0", "eth1")
	r.host.do(func() error {
		names, err := PurgeFence()
		if want := []string{"eth0", "eth1"}; !slices.Equal(names, want) {
			t.Errorf("purged %v, want %v", names, want)
		}
		return err
	})
	fenced()
	if after := r.tc(); strings.Contains(after, "bpf") || strings.Contains(after, "eth1 clsact") {
		t.Errorf("left behind:\n%s", after)
	}
	r.want("purged", everyWay)
}

// Programs that come later and run first are named, and harmless as long as
// they let packets go on.
func TestFenceForeign(t *testing.T) {
	r := newFenceRig(t)
	f := r.fence(FenceConfig{Closed: fenceAddresses})
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "others", Type: ebpf.SchedCLS, License: "MIT",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, actUnspec), asm.Return()},
	})
	must(t, err)
	t.Cleanup(func() { _ = program.Close() })
	index := r.link("eth0").Attrs().Index
	must(t, r.nl.FilterAdd(&netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{
			LinkIndex: index, Parent: netlink.HANDLE_MIN_EGRESS, Handle: 1, Priority: 1, Protocol: unix.ETH_P_ALL,
		},
		Fd: program.FD(), Name: "theirs", DirectAction: true,
	}))
	xdp, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "theirs_xdp", Type: ebpf.XDP, License: "MIT",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 2), asm.Return()}, // XDP_PASS
	})
	must(t, err)
	t.Cleanup(func() { _ = xdp.Close() })
	eth0 := r.link("eth0")
	r.host.do(func() error { return netlink.LinkSetXdpFd(eth0, xdp.FD()) })
	want := []string{"eth0 egress: filter theirs"}
	r.host.do(func() error {
		l, err := bpflink.AttachTCX(bpflink.TCXOptions{Interface: index, Program: program, Attach: ebpf.AttachTCXIngress})
		if errors.Is(err, ebpf.ErrNotSupported) {
			return nil
		}
		if err == nil {
			want = append([]string{"eth0 ingress: tcx others"}, want...)
			t.Cleanup(func() { _ = l.Close() })
		}
		return err
	})
	want = append([]string{"eth0 ingress: xdp theirs_xdp"}, want...)
	var names []string
	r.host.do(func() (err error) { names, err = f.Foreign(); return err })
	if !slices.Equal(names, want) {
		t.Errorf("before the fence: %q, want %q", names, want)
	}
	r.want("with others", nil)
}

// Where clsact has no room, the error says where and why, and the others are
// covered.
func TestFenceIngressQdisc(t *testing.T) {
	r := newFenceRig(t)
	must(t, r.nl.QdiscAdd(&netlink.Ingress{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: r.link("eth0").Attrs().Index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_INGRESS,
	}}))
	var f *Fence
	r.host.do(func() (err error) { f, err = OpenFence(FenceConfig{Closed: fenceAddresses}); return err })
	t.Cleanup(func() { must(t, f.Close()) })
	err := f.Cover()
	if err == nil || !strings.Contains(err.Error(), "eth0") || strings.Contains(err.Error(), "eth1") {
		t.Errorf("got %v", err)
	}
	if ours, _, err := f.filters(r.link("eth1"), fenceKind{ingress: true}); ours == nil {
		t.Errorf("eth1 is not covered: %v", err)
	}
}
