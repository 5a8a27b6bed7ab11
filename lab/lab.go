// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/vishvananda/netlink"
)

// maxHosts is how many hosts fit into the last octet of a MAC address.
const maxHosts = 200

// SwitchMAC is the bridge's own address. A frame to it goes to no host.
var SwitchMAC = net.HardwareAddr{0x02, 0, 0, 0, 0x02, 0}

// Lab is a switch and its hosts. Its methods may be called from anywhere, but
// not those that change the network from two goroutines at once.
type Lab struct {
	sw     *Host
	bridge netlink.Link

	mu     sync.Mutex
	hosts  []*Host
	extra  []netlink.Link // bridges of the other groups of a Partition
	closed bool
}

// New makes a switch without hosts: a bridge without spanning tree, multicast
// snooping and IPv6, so that nothing is on the wire but what the hosts send.
func New() (*Lab, error) {
	s, err := openSpace()
	if err != nil {
		return nil, err
	}
	l := &Lab{}
	l.sw = &Host{Name: "switch", MAC: SwitchMAC, lab: l, space: s}
	// Where /proc/sys is read-only the switch sends a few IPv6 packets of its own.
	_ = s.run(func() error { return setSysctl("net/ipv6/conf/default/disable_ipv6", "1") })
	if l.bridge, err = l.addBridge("br0"); err != nil {
		s.close()
		return nil, err
	}
	return l, nil
}

// addBridge makes a bridge in the switch.
func (l *Lab) addBridge(name string) (netlink.Link, error) {
	b := &netlink.Bridge{LinkAttrs: netlink.NewLinkAttrs(), MulticastSnooping: new(false)}
	b.Name = name
	b.HardwareAddr = SwitchMAC
	if err := l.sw.space.handle.LinkAdd(b); err != nil {
		return nil, fmt.Errorf("adding bridge %s: %w", name, err)
	}
	if err := l.sw.space.handle.LinkSetUp(b); err != nil {
		return nil, fmt.Errorf("setting bridge %s up: %w", name, err)
	}
	return b, nil
}

// Hosts are the hosts in the order of their making.
func (l *Lab) Hosts() []*Host {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*Host(nil), l.hosts...)
}

// Switch is the switch as a host: it has a port for each host, named as the
// host, and no address. Captures run there.
func (l *Lab) Switch() *Host { return l.sw }

// Close kills all that runs on the hosts, waits for its end, and gives up the
// namespaces. It may be called twice.
func (l *Lab) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	hosts := l.hosts
	l.mu.Unlock()

	var errs []error
	for _, h := range hosts {
		errs = append(errs, h.close())
	}
	errs = append(errs, l.sw.close())
	return errors.Join(errs...)
}

// Permitted tells why no lab can be made here, or nil.
func Permitted() error {
	s, err := openSpace()
	if err != nil {
		return err
	}
	s.close()
	return nil
}
