// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Interface is the name of a host's interface.
const Interface = "eth0"

// hostName keeps host names usable as names of switch ports.
var hostName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,14}$`)

// hostSysctls are what a host is made with: addresses usable at once, and no
// packets that nobody asked for.
var hostSysctls = map[string]string{
	"net/ipv6/conf/all/accept_dad":               "0",
	"net/ipv6/conf/default/accept_dad":           "0",
	"net/ipv6/conf/default/accept_ra":            "0",
	"net/ipv6/conf/default/router_solicitations": "0",
}

// Host is a network namespace with an interface eth0 on the lab's switch.
type Host struct {
	Name string
	MAC  net.HardwareAddr

	lab   *Lab
	space *space
	port  netlink.Link // the switch's end

	mu    sync.Mutex
	procs []*Process
	gone  bool
}

// Host adds a host with the addresses on its eth0. Its MAC address and its
// link-local address follow from how many hosts there were before.
func (l *Lab) Host(name string, addrs ...netip.Prefix) (*Host, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errClosed
	}
	if !hostName.MatchString(name) {
		return nil, fmt.Errorf("host name %q: want up to 15 of a-z, 0-9 and -", name)
	}
	if len(l.hosts) == maxHosts {
		return nil, fmt.Errorf("a lab has at most %d hosts", maxHosts)
	}
	s, err := openSpace()
	if err != nil {
		return nil, err
	}
	n := byte(len(l.hosts) + 1)
	h := &Host{Name: name, MAC: net.HardwareAddr{0x02, 0, 0, 0, 0, n}, lab: l, space: s}
	if err := h.setUp(n, addrs); err != nil {
		s.close()
		return nil, fmt.Errorf("making host %s: %w", name, err)
	}
	l.hosts = append(l.hosts, h)
	return h, nil
}

// setUp plugs the host into the switch and gives it its addresses.
func (h *Host) setUp(n byte, addrs []netip.Prefix) error {
	// Where /proc/sys is read-only duplicate address detection delays IPv6.
	_ = h.space.run(func() error {
		for name, value := range hostSysctls {
			if err := setSysctl(name, value); err != nil {
				return err
			}
		}
		return nil
	})
	if err := h.plug(n); err != nil {
		return err
	}
	for _, name := range []string{"lo", Interface} {
		link, err := h.space.handle.LinkByName(name)
		if err != nil {
			return fmt.Errorf("finding %s: %w", name, err)
		}
		if err := h.space.handle.LinkSetUp(link); err != nil {
			return fmt.Errorf("setting %s up: %w", name, err)
		}
	}
	if err := h.lab.forward(h); err != nil {
		return err
	}
	for _, a := range addrs {
		if err := h.AddAddress(a); err != nil {
			return err
		}
	}
	return nil
}

// plug makes the cable between the host and the switch.
func (h *Host) plug(n byte) error {
	sw := h.lab.sw.space.handle
	v := netlink.NewVeth(netlink.NewLinkAttrs())
	v.Name = h.Name
	v.HardwareAddr = net.HardwareAddr{0x02, 0, 0, 0, 0x01, n}
	v.MasterIndex = h.lab.bridge.Attrs().Index
	v.PeerName = Interface
	v.PeerHardwareAddr = h.MAC
	v.PeerNamespace = netlink.NsFd(h.space.ns.Fd())
	if err := sw.LinkAdd(v); err != nil {
		return fmt.Errorf("adding a veth pair: %w", err)
	}
	port, err := sw.LinkByName(h.Name)
	if err != nil {
		return fmt.Errorf("finding the switch's port: %w", err)
	}
	h.port = port
	if err := sw.LinkSetUp(port); err != nil {
		return fmt.Errorf("setting the switch's port up: %w", err)
	}
	return nil
}

// AddAddress adds an address to eth0, usable at once.
func (h *Host) AddAddress(p netip.Prefix) error {
	a, link, err := h.address(p)
	if err != nil {
		return err
	}
	if err := h.space.handle.AddrAdd(link, a); err != nil {
		return fmt.Errorf("adding %s on %s: %w", p, h.Name, err)
	}
	return nil
}

// DelAddress removes an address from eth0.
func (h *Host) DelAddress(p netip.Prefix) error {
	a, link, err := h.address(p)
	if err != nil {
		return err
	}
	if err := h.space.handle.AddrDel(link, a); err != nil {
		return fmt.Errorf("removing %s on %s: %w", p, h.Name, err)
	}
	return nil
}

// address is p in netlink's terms, and the interface.
func (h *Host) address(p netip.Prefix) (*netlink.Addr, netlink.Link, error) {
	link, err := h.space.handle.LinkByName(Interface)
	if err != nil {
		return nil, nil, fmt.Errorf("finding %s: %w", Interface, err)
	}
	a := &netlink.Addr{IPNet: &net.IPNet{
		IP:   p.Addr().AsSlice(),
		Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
	}}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a, link, nil
}

// listings is how often a list of addresses is tried.
const listings = 10

// Addresses are what eth0 has now, link-local ones included. While they change
// all the time the list may lack some.
func (h *Host) Addresses() ([]netip.Prefix, error) {
	link, err := h.space.handle.LinkByName(Interface)
	if err != nil {
		return nil, fmt.Errorf("finding %s: %w", Interface, err)
	}
	var list []netlink.Addr
	for range listings {
		// A list that changes while it is read is read again.
		if list, err = h.space.handle.AddrList(link, netlink.FAMILY_ALL); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("listing addresses on %s: %w", h.Name, err)
	}
	out := make([]netip.Prefix, 0, len(list))
	for _, a := range list {
		ip, _ := netip.AddrFromSlice(a.IP)
		bits, _ := a.Mask.Size()
		out = append(out, netip.PrefixFrom(ip.Unmap(), bits))
	}
	return out, nil
}

// Has tells whether eth0 has the address.
func (h *Host) Has(a netip.Addr) (bool, error) {
	list, err := h.Addresses()
	for _, p := range list {
		if p.Addr() == a {
			return true, nil
		}
	}
	return false, err
}

// Do runs f on a thread in the host's namespace and waits for it. Sockets that
// f opens belong to the host and may be used from anywhere afterwards;
// goroutines that f starts are not in the namespace.
func (h *Host) Do(f func() error) error { return h.space.visit(f) }

// Port is the index of the host's port in the switch's namespace.
func (h *Host) Port() int { return h.port.Attrs().Index }

// close ends all processes on the host, then its thread.
func (h *Host) close() error {
	h.mu.Lock()
	procs := h.procs
	h.procs, h.gone = nil, true
	h.mu.Unlock()
	errs := []error{h.space.evict()}
	for _, p := range procs {
		errs = append(errs, p.Kill())
	}
	h.space.close()
	return errors.Join(errs...)
}

// setSysctl sets a sysctl of the calling thread's namespace.
func setSysctl(name, value string) error {
	if err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0o644); err != nil {
		return fmt.Errorf("setting a sysctl: %w", err)
	}
	return nil
}
