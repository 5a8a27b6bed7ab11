// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Port states of the kernel's bridge (linux/if_bridge.h).
const (
	portDisabled   = 0
	portForwarding = 3
)

// Cut takes the host off the network as its death or a pulled cable would: the
// switch's port goes down, and the host sees its carrier go.
func (l *Lab) Cut(h *Host) error {
	if err := l.sw.space.handle.LinkSetDown(h.port); err != nil {
		return fmt.Errorf("cutting %s: %w", h.Name, err)
	}
	return nil
}

// Isolate lets nothing pass between the host and the others while its link
// stays up, which the host can't see.
func (l *Lab) Isolate(h *Host) error { return l.portState(h, portDisabled) }

// Mute lets nothing of what the host sends reach the others, which it still
// hears.
func (l *Lab) Mute(h *Host) error {
	link, err := h.space.handle.LinkByName(Interface)
	if err != nil {
		return fmt.Errorf("muting %s: %w", h.Name, err)
	}
	return swallow(h.space, link)
}

// Deafen lets nothing of what the others send reach the host, which they still
// hear.
func (l *Lab) Deafen(h *Host) error { return swallow(l.sw.space, h.port) }

// Partition divides the network: hosts of different groups don't reach each
// other, and their links stay up. Hosts that are in no group form one.
func (l *Lab) Partition(groups ...[]*Host) error {
	for n, group := range groups {
		bridge, err := l.partition(n)
		if err != nil {
			return err
		}
		for _, h := range group {
			if err := l.sw.space.handle.LinkSetMaster(h.port, bridge); err != nil {
				return fmt.Errorf("moving %s to %s: %w", h.Name, bridge.Attrs().Name, err)
			}
		}
	}
	return nil
}

// partition is the bridge of the nth group.
func (l *Lab) partition(n int) (netlink.Link, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.extra) <= n {
		b, err := l.addBridge(fmt.Sprintf("br%d", len(l.extra)+1))
		if err != nil {
			return nil, err
		}
		l.extra = append(l.extra, b)
	}
	return l.extra[n], nil
}

// Heal ends every fault of the hosts, or of all hosts if none is named.
func (l *Lab) Heal(hosts ...*Host) error {
	if len(hosts) == 0 {
		hosts = l.Hosts()
	}
	var errs []error
	for _, h := range hosts {
		if err := l.heal(h); err != nil {
			errs = append(errs, fmt.Errorf("healing %s: %w", h.Name, err))
		}
	}
	return errors.Join(errs...)
}

// heal ends the faults that the host has.
func (l *Lab) heal(h *Host) error {
	sw := l.sw.space.handle
	port, err := sw.LinkByIndex(h.Port())
	if err != nil {
		return fmt.Errorf("finding the switch's port: %w", err)
	}
	if port.Attrs().MasterIndex != l.bridge.Attrs().Index {
		if err := sw.LinkSetMaster(port, l.bridge); err != nil {
			return fmt.Errorf("moving its port back: %w", err)
		}
	}
	if port.Attrs().Flags&unix.IFF_UP == 0 {
		if err := sw.LinkSetUp(port); err != nil {
			return fmt.Errorf("setting its port up: %w", err)
		}
	}
	if err := l.forward(h); err != nil {
		return err
	}
	link, err := h.space.handle.LinkByName(Interface)
	if err != nil {
		return fmt.Errorf("finding %s: %w", Interface, err)
	}
	return errors.Join(pass(l.sw.space, port), pass(h.space, link))
}

// settle is how long the kernel may take to notice that a link is up.
const settle = 5 * time.Second

// forward makes the switch forward to and from the host. It returns once
// frames pass: the kernel refuses until it has seen the carrier, about which a
// worker tells it in its own time.
func (l *Lab) forward(h *Host) error {
	limit := time.NewTimer(settle)
	defer limit.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		err := l.portState(h, portForwarding)
		if !errors.Is(err, unix.ENETDOWN) {
			return err
		}
		select {
		case <-tick.C:
		case <-limit.C:
			return err
		}
	}
}

// portState sets the state of the host's port on the bridge, which a bridge
// without spanning tree leaves to us.
func (l *Lab) portState(h *Host, state uint8) error {
	err := l.sw.space.run(func() error {
		req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
		msg := nl.NewIfInfomsg(unix.AF_BRIDGE)
		msg.Index = int32(h.Port())
		req.AddData(msg)
		info := nl.NewRtAttr(unix.IFLA_PROTINFO|unix.NLA_F_NESTED, nil)
		info.AddRtAttr(nl.IFLA_BRPORT_STATE, []byte{state})
		req.AddData(info)
		_, err := req.Execute(unix.NETLINK_ROUTE, 0)
		return err
	})
	if err != nil {
		return fmt.Errorf("setting the port state of %s: %w", h.Name, err)
	}
	return nil
}

// blackhole is a queueing discipline that takes every packet and sends none.
const blackhole = "blackhole"

// swallow makes link send nothing, silently.
func swallow(s *space, link netlink.Link) error {
	if err := s.handle.QdiscReplace(sink(link)); err != nil {
		return fmt.Errorf("blackholing %s: %w", link.Attrs().Name, err)
	}
	return nil
}

// pass ends swallow.
func pass(s *space, link netlink.Link) error {
	list, err := s.handle.QdiscList(link)
	if err != nil {
		return fmt.Errorf("listing queueing disciplines: %w", err)
	}
	if !slices.ContainsFunc(list, func(q netlink.Qdisc) bool { return q.Type() == blackhole }) {
		return nil
	}
	if err := s.handle.QdiscDel(sink(link)); err != nil {
		return fmt.Errorf("removing a queueing discipline: %w", err)
	}
	return nil
}

// sink is the blackhole as the link's root.
func sink(link netlink.Link) netlink.Qdisc {
	return &netlink.GenericQdisc{
		QdiscAttrs: netlink.QdiscAttrs{
			LinkIndex: link.Attrs().Index,
			Handle:    netlink.MakeHandle(1, 0),
			Parent:    netlink.HANDLE_ROOT,
		},
		QdiscType: blackhole,
	}
}
