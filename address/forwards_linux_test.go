// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A new namespace forwards nothing; IPv4 once some interface does.
func TestForwards(t *testing.T) {
	a, _ := newPair(t)
	forwards := func(family int) (on bool) {
		t.Helper()
		a.do(func() (err error) {
			on, err = Forwards(family)
			return err
		})
		return on
	}
	const devconfForwarding = 1 // IPV4_DEVCONF_FORWARDING
	set := func(on uint32) {
		t.Helper()
		index := a.link("eth0").Attrs().Index
		a.do(func() error {
			req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
			msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
			msg.Index = int32(index)
			req.AddData(msg)
			spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
			spec.AddRtAttr(unix.AF_INET, nil).AddRtAttr(unix.IFLA_INET_CONF, nil).AddRtAttr(devconfForwarding, nl.Uint32Attr(on))
			req.AddData(spec)
			_, err := req.Execute(unix.NETLINK_ROUTE, 0)
			return err
		})
	}
	set(0)
	if forwards(4) || forwards(6) {
		t.Error("a host that forwards nothing is said to")
	}
	set(1)
	if !forwards(4) || forwards(6) {
		t.Errorf("a host that forwards IPv4 forwards IPv4 %t, IPv6 %t", forwards(4), forwards(6))
	}
}

// What is cut short says nothing.
func TestNetconf(t *testing.T) {
	whole := []byte{2, 0, 0, 0, 8, 0, netconfIndex, 0, 0xff, 0xff, 0xff, 0xff, 8, 0, netconfForwarding, 0, 1, 0, 0, 0}
	if index, on := netconf(whole); index != netconfAll || !on {
		t.Errorf("index %d, forwarding %t", index, on)
	}
	for n := range whole {
		if _, on := netconf(whole[:n]); on {
			t.Errorf("%d bytes say that it forwards", n)
		}
	}
}
