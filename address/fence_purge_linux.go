// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Purge takes the fence away from every interface, and the qdiscs that are
// then without a filter.
func (f *Fence) Purge() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.purgeAll()
	return err
}

// purgeAll returns the interfaces that had the fence.
func (f *Fence) purgeAll() (names []string, err error) {
	links, err := f.links()
	if err != nil {
		return nil, fmt.Errorf("taking the fence away: %w", err)
	}
	var errs []error
	for _, l := range links {
		removed, err := f.purge(l)
		if err != nil && !errors.Is(err, unix.ENODEV) {
			errs = append(errs, fmt.Errorf("taking the fence away from %s: %w", l.Attrs().Name, err))
		}
		if removed {
			names = append(names, l.Attrs().Name)
		}
	}
	return names, errors.Join(errs...)
}

// PurgeFence takes away the fence in the network namespace of the calling
// thread, whoever opened it, and returns the interfaces that had it. It needs
// CAP_NET_ADMIN, and no eBPF.
func PurgeFence() ([]string, error) {
	f, err := looking()
	if err != nil {
		return nil, fmt.Errorf("taking the fence away: %w", err)
	}
	names, err := f.purgeAll()
	return names, errors.Join(err, f.Close())
}

// Fenced returns the interfaces in the network namespace of the calling thread that
// have the fence, whoever opened it. It needs no privilege.
func Fenced() ([]string, error) {
	f, err := looking()
	if err != nil {
		return nil, fmt.Errorf("looking for the fence: %w", err)
	}
	names, err := f.inForce()
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("looking for the fence: %w", err)
	}
	return names, nil
}

// ShutFence closes the fence in the network namespace of the calling thread for
// addresses, whoever opened it. Without a fence there is nothing to do. Where
// the fence in force can't be adopted it is replaced by one that knows these
// addresses only.
func ShutFence(addrs []netip.Addr) error {
	f, err := looking()
	if err != nil {
		return fmt.Errorf("closing the fence: %w", err)
	}
	names, err := f.inForce()
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("closing the fence: %w", err)
	}
	if len(names) == 0 {
		return nil
	}
	if f, err = OpenFence(FenceConfig{Closed: addrs}); err != nil {
		return err
	}
	return errors.Join(f.Shut(addrs), f.Cover(), f.Close())
}

// looking is a Fence that has no programs: it looks at what is in force.
func looking() (*Fence, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	return &Fence{nl: handle}, nil
}

// inForce returns the interfaces that have a fence.
func (f *Fence) inForce() (names []string, err error) {
	links, err := f.links()
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		for _, ingress := range []bool{true, false} {
			ours, _, err := f.filters(l, fenceKind{ingress: ingress})
			if err != nil {
				return nil, err
			}
			if ours != nil {
				names = append(names, l.Attrs().Name)
				break
			}
		}
	}
	return names, nil
}

func (f *Fence) purge(l netlink.Link) (bool, error) {
	removed, left := 0, 0
	for _, ingress := range []bool{true, false} {
		kind := fenceKind{ingress: ingress}
		for {
			ours, _, err := f.filters(l, kind)
			if err != nil {
				return removed > 0, err
			}
			if ours == nil {
				break
			}
			if err := f.nl.FilterDel(ours); err != nil {
				return removed > 0, fmt.Errorf("removing %s: %w", ours.Name, err)
			}
			removed++
		}
		_, others, err := f.filters(l, kind)
		if err != nil {
			return removed > 0, err
		}
		left += len(others)
	}
	if removed == 0 || left > 0 {
		return removed > 0, nil
	}
	if err := f.nl.QdiscDel(clsactOf(l)); err != nil {
		return true, fmt.Errorf("removing its clsact qdisc: %w", err)
	}
	return true, nil
}
