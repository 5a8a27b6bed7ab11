// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guardian

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The table is memory that both processes see: how many entries there are, and
// entries, which are added and never taken out. An entry is an address and a
// time of CLOCK_BOOTTIME in nanoseconds, when its lease ends.
const (
	tableHeader = 64 // the number of entries, and room
	entrySize   = 24
	entriesMost = 16384 // as many as a fence has
	tableSize   = tableHeader + entriesMost*entrySize
)

// table is the memory. Its methods may be called by any goroutine.
type table struct{ mem []byte }

// mapTable maps the file into memory.
func mapTable(file *os.File, protection int) (table, error) {
	mem, err := unix.Mmap(int(file.Fd()), 0, tableSize, protection, unix.MAP_SHARED)
	if err != nil {
		return table{}, fmt.Errorf("mapping the table of leases: %w", err)
	}
	return table{mem}, nil
}

// word is eight bytes of the memory. Mappings begin with a page, and all words
// are at multiples of eight.
func (t table) word(at int) *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(&t.mem[at])) }

func (t table) count() *atomic.Uint64         { return t.word(0) }
func (t table) deadline(i int) *atomic.Uint64 { return t.word(tableHeader + i*entrySize + 16) }

func (t table) addr(i int) netip.Addr {
	at := tableHeader + i*entrySize
	return netip.AddrFrom16([16]byte(t.mem[at : at+16])).Unmap()
}

// ledger is the agent's side of the table.
type ledger struct {
	table table
	file  *os.File

	mu     sync.Mutex
	index  map[netip.Addr]int
	closed bool
}

// newLedger makes an empty table, and locks its file: see awaitDeath.
func newLedger() (*ledger, error) {
	fd, err := unix.MemfdCreate("vicar-leases", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("making the table of leases: %w", err)
	}
	file := os.NewFile(uintptr(fd), "leases")
	if err := file.Truncate(tableSize); err != nil {
		return nil, errors.Join(fmt.Errorf("making the table of leases: %w", err), file.Close())
	}
	t, err := mapTable(file, unix.PROT_READ|unix.PROT_WRITE)
	if err == nil {
		err = lockWhole(file, unix.F_SETLK)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &ledger{table: t, file: file, index: map[netip.Addr]int{}}, nil
}

// errFull says that the table has no room.
var errFull = fmt.Errorf("the guardian knows %d addresses and can't take more", entriesMost)

// set writes a deadline. look tells whether the guardian has to be told: one has
// come nearer, or the one before is over by now. A closed ledger takes no notice.
func (l *ledger) set(addrs []netip.Addr, deadline, now time.Duration) (look bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false, nil
	}
	for _, a := range addrs {
		a = a.Unmap()
		i, known := l.index[a]
		if !known {
			if i = len(l.index); i == entriesMost {
				err = errFull // those that it knows count all the same
				continue
			}
			b := a.As16()
			copy(l.table.mem[tableHeader+i*entrySize:], b[:])
			l.index[a] = i
		}
		before := time.Duration(l.table.deadline(i).Swap(uint64(deadline)))
		look = look || before <= now || deadline < before
		if !known {
			l.table.count().Store(uint64(len(l.index)))
		}
	}
	return look, err
}

func (l *ledger) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	return errors.Join(unix.Munmap(l.table.mem), l.file.Close())
}

// view is the guardian's side of the table.
type view struct {
	table table
	index map[netip.Addr]int
}

// learn takes in the entries that are new.
func (v *view) learn() {
	n := int(min(v.table.count().Load(), entriesMost))
	for i := len(v.index); i < n; i++ {
		v.index[v.table.addr(i)] = i
	}
}

// running are the addresses whose leases run at now.
func (v *view) running(now time.Duration) []netip.Addr {
	v.learn()
	var addrs []netip.Addr
	for a, i := range v.index {
		if time.Duration(v.table.deadline(i).Load()) > now {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// deadline is when the address's lease ends; 0 if it never had one.
func (v *view) deadline(a netip.Addr) time.Duration {
	v.learn()
	i, ok := v.index[a]
	if !ok {
		return 0
	}
	return time.Duration(v.table.deadline(i).Load())
}

func newView(t table) view { return view{table: t, index: map[netip.Addr]int{}} }

// lockWhole takes the process's lock of a file. The kernel takes it back when
// the process has closed its files, be it by dying.
func lockWhole(file *os.File, how int) error {
	for {
		err := unix.FcntlFlock(file.Fd(), how, &unix.Flock_t{Type: unix.F_WRLCK})
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("locking the table of leases: %w", err)
		}
		return nil
	}
}
