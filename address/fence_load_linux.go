// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// fenceKind is which of the fence's programs.
type fenceKind struct {
	ingress, ether bool
}

func (k fenceKind) parent() uint32 {
	if k.ingress {
		return netlink.HANDLE_MIN_INGRESS
	}
	return netlink.HANDLE_MIN_EGRESS
}

func (k fenceKind) name() string {
	if k.ingress {
		return fenceMap + "_in"
	}
	return fenceMap + "_out"
}

// fenceFilter is a loaded program.
type fenceFilter struct {
	program *ebpf.Program
	id      int
	tag     string
}

// load loads the programs for the table.
func (f *Fence) load() error {
	for _, ingress := range []bool{true, false} {
		for _, ether := range []bool{true, false} {
			kind := fenceKind{ingress, ether}
			p := fenceProgram{ingress: ingress, ether: ether, m: f.m}
			program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
				Name: kind.name(), Type: ebpf.SchedCLS, Instructions: p.assemble(), License: "Apache-2.0",
			})
			if err != nil {
				return fmt.Errorf("%w: loading %s: %w", ErrFence, kind.name(), err)
			}
			f.programs[kind] = &fenceFilter{program: program}
			info, err := program.Info()
			if err != nil {
				return fmt.Errorf("%w: asking for %s: %w", ErrFence, kind.name(), err)
			}
			id, _ := info.ID()
			f.programs[kind].id, f.programs[kind].tag = int(id), info.Tag
		}
	}
	return nil
}

// fresh makes an empty table. Its elements are allocated in advance, so that a
// renewal needs no memory. An element is replaced, never changed, so no
// packet sees half a deadline.
func (f *Fence) fresh() (err error) {
	// Before Linux 5.11 a table counts against RLIMIT_MEMLOCK.
	if err := rlimit.RemoveMemlock(); err != nil {
		return fmt.Errorf("%w: %w", ErrFence, err)
	}
	f.m, err = ebpf.NewMap(&ebpf.MapSpec{
		Name: fenceMap, Type: ebpf.Hash, KeySize: fenceKeySize, ValueSize: fenceValueSize, MaxEntries: fenceMost,
	})
	if err != nil {
		return fmt.Errorf("%w: making the table: %w", ErrFence, err)
	}
	return nil
}

// table adopts the table of the fence that is in force, or makes one. Interfaces
// may have different ones, if a process that could not adopt was stopped in the
// middle of a Cover: then the first goes on, with what only others know closed.
func (f *Fence) table() error {
	links, err := f.links()
	if err != nil {
		return err
	}
	seen := map[ebpf.MapID]bool{}
	var others [][fenceKeySize]byte
	for _, l := range links {
		for _, ingress := range []bool{true, false} {
			ours, _, err := f.filters(l, fenceKind{ingress: ingress})
			if err != nil {
				return err
			}
			if ours == nil {
				continue
			}
			m, id, err := fenceMapOf(ours.Id)
			if err != nil {
				f.log.Warn("the fence in force can't be adopted and will be replaced",
					slog.String("interface", l.Attrs().Name), slog.Any("err", err))
				continue
			}
			if seen[id] {
				_ = m.Close()
				continue
			}
			seen[id] = true
			keys, err := f.adopt(m)
			if err != nil {
				return err
			}
			others = append(others, keys...)
		}
	}
	if f.m == nil {
		return f.fresh()
	}
	for _, key := range others {
		err := f.m.Update(key, uint64(0), ebpf.UpdateNoExist)
		if err != nil && !errors.Is(err, ebpf.ErrKeyExist) {
			return fmt.Errorf("closing the fence of %v: %w", netip.AddrFrom16(key), err)
		}
		if a := netip.AddrFrom16(key).Unmap(); err == nil {
			f.known[a] = false
		}
	}
	return nil
}

// adopt takes the first table for its own, and returns the keys of any other.
func (f *Fence) adopt(m *ebpf.Map) (others [][fenceKeySize]byte, err error) {
	first := f.m == nil
	if first {
		f.m = m
	} else {
		defer m.Close()
	}
	var key [fenceKeySize]byte
	var value uint64
	all := m.Iterate()
	for all.Next(&key, &value) {
		if first {
			f.known[netip.AddrFrom16(key).Unmap()] = value&neighboursOnly != 0
		} else {
			others = append(others, key)
		}
	}
	if err := all.Err(); err != nil {
		return nil, fmt.Errorf("reading the table of the fence in force: %w", err)
	}
	return others, nil
}

// errNotFence says that a program's table is not one that this version can use.
var errNotFence = errors.New("its table is of another kind")

// fenceMapOf returns the table of a program in the kernel.
func fenceMapOf(id int) (*ebpf.Map, ebpf.MapID, error) {
	program, err := ebpf.NewProgramFromID(ebpf.ProgramID(id))
	if err != nil {
		return nil, 0, fmt.Errorf("program %d: %w", id, err)
	}
	defer program.Close()
	info, err := program.Info()
	if err != nil {
		return nil, 0, fmt.Errorf("program %d: %w", id, err)
	}
	ids, _ := info.MapIDs()
	for _, id := range ids {
		m, err := ebpf.NewMapFromID(id)
		if err != nil {
			return nil, 0, fmt.Errorf("table %d: %w", id, err)
		}
		about, err := m.Info()
		if err == nil && about.Name == fenceMap && m.Type() == ebpf.Hash &&
			m.KeySize() == fenceKeySize && m.ValueSize() == fenceValueSize && m.MaxEntries() == fenceMost {
			return m, id, nil
		}
		_ = m.Close()
	}
	return nil, 0, fmt.Errorf("program %d: %w", id, errNotFence)
}

// isFence tells whether a filter is the fence's.
func isFence(b *netlink.BpfFilter) bool {
	return b.Handle == fenceHandle && b.Protocol == unix.ETH_P_ALL &&
		(b.Name == fenceKind{ingress: true}.name() || b.Name == fenceKind{}.name())
}
