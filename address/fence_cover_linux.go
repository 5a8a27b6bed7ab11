// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"errors"
	"fmt"
	"net"

	"github.com/cilium/ebpf"
	bpflink "github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// fenceHandle is the fence's filter among those of one priority.
	fenceHandle = 0x76696361

	// prioritiesMost are the priorities that are tried for a place in the chain,
	// the first first.
	prioritiesMost = 16
)

// errIngress says that an interface has no room for clsact.
var errIngress = errors.New("it has an ingress qdisc, which stands where clsact belongs; remove that")

// Cover puts the fence on every interface that does not have it, and puts this
// program in the place of another version's. It is for the start and for each time
// that interfaces have changed. Where it can't be done the others are covered all
// the same; the error names each.
func (f *Fence) Cover() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	links, err := f.links()
	if err != nil {
		return fmt.Errorf("covering the interfaces with the fence: %w", err)
	}
	var errs []error
	for _, l := range links {
		if err := f.cover(l); err != nil && !errors.Is(err, unix.ENODEV) {
			errs = append(errs, fmt.Errorf("covering %s with the fence: %w", l.Attrs().Name, err))
		}
	}
	return errors.Join(errs...)
}

// links are the interfaces that the fence belongs on.
func (f *Fence) links() ([]netlink.Link, error) {
	all, err := again(f.nl.LinkList)
	if err != nil {
		return nil, fmt.Errorf("listing the interfaces: %w", err)
	}
	var links []netlink.Link
	for _, l := range all {
		if l.Attrs().Flags&net.FlagLoopback == 0 {
			links = append(links, l)
		}
	}
	return links, nil
}

// again repeats a dump that was interrupted by a change.
func again[T any](dump func() ([]T, error)) (list []T, err error) {
	for range dumpAttempts {
		if list, err = dump(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return list, err
}

// cover covers one interface.
func (f *Fence) cover(l netlink.Link) error {
	if err := f.clsact(l); err != nil {
		return err
	}
	for _, ingress := range []bool{true, false} {
		kind := fenceKind{ingress: ingress, ether: l.Attrs().EncapType == "ether"}
		if err := f.attach(l, kind); err != nil {
			return err
		}
	}
	return nil
}

// clsact makes sure that the interface has a clsact qdisc.
func (f *Fence) clsact(l netlink.Link) error {
	qdiscs, err := again(func() ([]netlink.Qdisc, error) { return f.nl.QdiscList(l) })
	if err != nil {
		return fmt.Errorf("listing its qdiscs: %w", err)
	}
	for _, q := range qdiscs {
		if q.Attrs().Parent != netlink.HANDLE_CLSACT {
			continue
		}
		if q.Type() != "clsact" {
			return errIngress
		}
		return nil
	}
	err = f.nl.QdiscAdd(clsactOf(l))
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("adding a clsact qdisc: %w", err)
	}
	return nil
}

func clsactOf(l netlink.Link) netlink.Qdisc {
	return &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: l.Attrs().Index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT,
	}}
}

// filters returns the fence's own filter of one direction, if it is there, and
// those that run before it.
func (f *Fence) filters(l netlink.Link, kind fenceKind) (ours *netlink.BpfFilter, before []netlink.Filter, err error) {
	all, err := again(func() ([]netlink.Filter, error) { return f.nl.FilterList(l, kind.parent()) })
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENODEV) {
		return nil, nil, nil // without a qdisc
	}
	if err != nil {
		return nil, nil, fmt.Errorf("listing its filters: %w", err)
	}
	for _, filter := range all {
		if filter.Attrs().Handle == 0 { // the head of a priority
			continue
		}
		if b, ok := filter.(*netlink.BpfFilter); ok && isFence(b) {
			return b, before, nil
		}
		before = append(before, filter)
	}
	return nil, before, nil
}

// attach puts the program on one direction, in place of one that is there
// already, without a packet in between that passes neither.
func (f *Fence) attach(l netlink.Link, kind fenceKind) error {
	ours, _, err := f.filters(l, kind)
	if err != nil {
		return err
	}
	p := f.programs[kind]
	filter := &netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{
			LinkIndex: l.Attrs().Index, Parent: kind.parent(),
			Handle: fenceHandle, Priority: 1, Protocol: unix.ETH_P_ALL,
		},
		Fd: p.program.FD(), Name: kind.name(), DirectAction: true,
	}
	if ours != nil {
		if ours.Id == p.id {
			return nil
		}
		filter.Priority = ours.Priority
		if err := f.nl.FilterReplace(filter); err != nil {
			return fmt.Errorf("replacing %s: %w", filter.Name, err)
		}
		return nil
	}
	// A priority has filters of one kind and protocol.
	for ; ; filter.Priority++ {
		err := f.nl.FilterReplace(filter)
		if err == nil {
			return nil
		}
		if errors.Is(err, unix.ENODEV) || filter.Priority == prioritiesMost {
			return fmt.Errorf("adding %s: %w", filter.Name, err)
		}
	}
}

// Foreign names the programs that see packets before the fence does and could
// keep them from it: filters, tcx and XDP programs. It is called in the network
// namespace of the fence.
func (f *Fence) Foreign() ([]string, error) {
	links, err := f.links()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, l := range links {
		for _, ingress := range []bool{true, false} {
			_, before, err := f.filters(l, fenceKind{ingress: ingress})
			if err != nil {
				return nil, err
			}
			direction, tcx := "egress", ebpf.AttachTCXEgress
			if ingress {
				direction, tcx = "ingress", ebpf.AttachTCXIngress
			}
			where := l.Attrs().Name + " " + direction + ": "
			if xdp := l.Attrs().Xdp; ingress && xdp != nil && xdp.Attached {
				names = append(names, where+"xdp "+programName(ebpf.ProgramID(xdp.ProgId)))
			}
			for _, filter := range before {
				if a, ok := filter.(*netlink.BpfFilter); ok {
					names = append(names, where+"filter "+a.Name)
				} else {
					names = append(names, where+"filter "+filter.Type())
				}
			}
			// Before Linux 6.6 there is no tcx.
			attached, err := bpflink.QueryPrograms(bpflink.QueryOptions{Target: l.Attrs().Index, Attach: tcx})
			if err != nil {
				continue
			}
			for _, p := range attached.Programs {
				names = append(names, where+"tcx "+programName(p.ID))
			}
		}
	}
	return names, nil
}

// programName is a program's name, or its number if that is all there is.
func programName(id ebpf.ProgramID) string {
	p, err := ebpf.NewProgramFromID(id)
	if err != nil {
		return fmt.Sprintf("program %d", id)
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil || info.Name == "" {
		return fmt.Sprintf("program %d", id)
	}
	return info.Name
}
