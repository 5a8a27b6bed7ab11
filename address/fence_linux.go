// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/vip"
)

// FenceConfig is what OpenFence needs.
type FenceConfig struct {
	// Closed are addresses that are fenced from the first moment, closed unless
	// an adopted fence knows them.
	Closed []netip.Addr
	Log    *slog.Logger // nil logs nothing
}

// Fence makes the kernel silent about addresses once their deadline has passed,
// whatever the process does by then: eBPF programs on both directions of every
// interface but loopback compare the deadline with CLOCK_BOOTTIME, packet by
// packet. For a fenced address what comes in is dropped if it is an IP packet to
// it, a Neighbor Solicitation for it, or an ARP request for it whose sender does
// not claim it; what goes out is dropped if it is an IP packet or ARP from it, or a
// Neighbor Advertisement of it. So this host neither answers nor speaks for the
// address, while it hears another holder and may be its client. All else goes on
// to whatever filters follow.
//
// A deadline is absolute: one that is written late is past already.
//
// The programs are clsact filters, which stay when the process ends, and keep
// the table of deadlines. The next OpenFence goes on with that table; only Purge
// takes the fence away.
//
// A packet that this host forwards to or from a fenced address is dropped as
// well. An address that was removed from the host needs no fence: Forget it then.
// Frames that don't pass tc (AF_XDP, PACKET_QDISC_BYPASS) are not covered, nor
// is what the host says to itself.
//
// Its methods may be called by any goroutine.
type Fence struct {
	log      *slog.Logger
	nl       *netlink.Handle
	m        *ebpf.Map
	programs map[fenceKind]*fenceFilter

	mu    sync.Mutex
	known map[netip.Addr]bool // what is in the table; true: fenced for neighbours only
}

const (
	fenceMap     = "vicar_fence"
	fenceMost    = vip.FenceRoom
	fenceKeySize = 16 // an IPv6 address, IPv4 mapped into it

	fenceValueSize = 8 // a deadline

	// neighboursOnly marks a deadline whose address is fenced for ARP and
	// neighbour discovery only.
	neighboursOnly uint64 = 1 << 63
)

// ErrFence says that the kernel, or the rights of the process, don't allow a
// fence.
var ErrFence = errors.New("eBPF can't be used here")

// OpenFence loads the fence's programs and adopts the table of a fence that is
// in force in the network namespace of the calling thread, or makes a new one.
// Nothing is fenced until Cover. It needs Linux 5.8, CAP_NET_ADMIN and CAP_BPF,
// and CAP_SYS_ADMIN to adopt; without that the next Cover replaces
// what is there by a fence that knows cfg.Closed only.
func OpenFence(cfg FenceConfig) (_ *Fence, err error) {
	f := &Fence{log: cfg.Log, programs: map[fenceKind]*fenceFilter{}, known: map[netip.Addr]bool{}}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if f.nl, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return nil, fmt.Errorf("opening the fence: %w", err)
	}
	if err := f.table(); err != nil {
		return nil, fmt.Errorf("opening the fence: %w", err)
	}
	if err := f.load(); err != nil {
		return nil, fmt.Errorf("opening the fence: %w", err)
	}
	unknown := slices.DeleteFunc(slices.Clone(cfg.Closed), func(a netip.Addr) bool {
		_, ok := f.known[a.Unmap()]
		return ok
	})
	if err := f.Shut(unknown); err != nil {
		return nil, err
	}
	return f, nil
}

// FenceUsable tells why there can't be a fence here, if there can't. It changes
// nothing.
func FenceUsable() error {
	f := &Fence{programs: map[fenceKind]*fenceFilter{}}
	err := f.fresh()
	if err == nil {
		err = f.load()
	}
	return errors.Join(err, f.Close())
}

// Close lets go of the fence, which stays in force. For its addresses see Shut.
func (f *Fence) Close() error {
	var errs []error
	for _, p := range f.programs {
		errs = append(errs, p.program.Close())
	}
	if f.m != nil {
		errs = append(errs, f.m.Close())
	}
	if f.nl != nil {
		f.nl.Close()
	}
	return errors.Join(errs...)
}

// Set opens the fence for the addresses until the deadline, a time of
// CLOCK_BOOTTIME: the time since the machine was started, as the kernel counts it.
func (f *Fence) Set(addrs []netip.Addr, deadline time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.put(addrs, deadline)
}

// Shut closes the fence for the addresses now.
func (f *Fence) Shut(addrs []netip.Addr) error { return f.Set(addrs, 0) }

// Neighbours closes the fence for the addresses, and fences them from now on
// for ARP and neighbour discovery only, or for all (the default). It is for
// a standby that serves the address without answering for it.
func (f *Fence) Neighbours(addrs []netip.Addr, only bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range addrs {
		f.known[a.Unmap()] = only
	}
	return f.put(addrs, 0)
}

// put writes a deadline, with mu held.
func (f *Fence) put(addrs []netip.Addr, deadline time.Duration) error {
	if len(addrs) == 0 {
		return nil
	}
	keys := make([][fenceKeySize]byte, 0, len(addrs))
	values := make([]uint64, 0, len(addrs))
	for _, a := range addrs {
		value := uint64(max(deadline, 0))
		if f.known[a.Unmap()] {
			value |= neighboursOnly
		}
		keys, values = append(keys, a.As16()), append(values, value)
	}
	if n, err := f.m.BatchUpdate(keys, values, nil); err != nil {
		return fmt.Errorf("setting the fence of %d addresses, %d set: %w", len(addrs), n, err)
	}
	for _, a := range addrs {
		f.known[a.Unmap()] = f.known[a.Unmap()]
	}
	return nil
}

// Forget takes the addresses out: the host may use them, and they may be
// forwarded.
func (f *Fence) Forget(addrs []netip.Addr) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, a := range addrs {
		if err := f.m.Delete(a.As16()); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			errs = append(errs, fmt.Errorf("taking %v out of the fence: %w", a, err))
			continue
		}
		delete(f.known, a.Unmap())
	}
	return errors.Join(errs...)
}

// Addresses are those the fence knows, an adopted one's included.
func (f *Fence) Addresses() []netip.Addr {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.SortedFunc(maps.Keys(f.known), netip.Addr.Compare)
}
