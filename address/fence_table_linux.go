// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// File is the fence's table of deadlines, for another process to open (see
// OpenFenceTable). It is the caller's to close.
func (f *Fence) File() (*os.File, error) {
	fd, err := unix.FcntlInt(uintptr(f.m.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicating the fence's table: %w", err)
	}
	return os.NewFile(uintptr(fd), fenceMap), nil
}

// FenceTable is the table of a fence that belongs to another process: it can
// close the fence, and no more.
type FenceTable struct{ m *ebpf.Map }

// OpenFenceTable opens the table that another process's Fence.File has made. The
// file stays the caller's.
func OpenFenceTable(file *os.File) (*FenceTable, error) {
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the fence's table: %w", err)
	}
	m, err := ebpf.NewMapFromFD(fd) // closes fd if it fails
	if err != nil {
		return nil, fmt.Errorf("opening the fence's table: %w", err)
	}
	if m.Type() != ebpf.Hash || m.KeySize() != fenceKeySize || m.ValueSize() != fenceValueSize {
		return nil, errors.Join(fmt.Errorf("opening the fence's table: %w", errNotFence), m.Close())
	}
	return &FenceTable{m}, nil
}

// Shut closes the fence for those of the addresses that it knows.
func (t *FenceTable) Shut(addrs []netip.Addr) error {
	var errs []error
	for _, a := range addrs {
		var value uint64
		err := t.m.Lookup(a.As16(), &value)
		if err == nil {
			err = t.m.Update(a.As16(), value&neighboursOnly, ebpf.UpdateExist)
		}
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			errs = append(errs, fmt.Errorf("closing the fence of %v: %w", a, err))
		}
	}
	return errors.Join(errs...)
}

// Close lets go of the table.
func (t *FenceTable) Close() error { return t.m.Close() }
