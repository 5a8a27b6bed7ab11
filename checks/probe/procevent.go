// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"encoding/binary"
)

// The kernel's process events (linux/cn_proc.h) come as a netlink message
// (struct nlmsghdr), in it one of the connector (struct cn_msg), in it an event
// (struct proc_event), all in the host's byte order.
const (
	netlinkHeader   = 16
	connectorHeader = 20
	eventHeader     = 16

	offEvent = netlinkHeader + connectorHeader
	offData  = offEvent + eventHeader

	// The connector's number of process events, CN_IDX_PROC and CN_VAL_PROC.
	connectorProc = 1

	procFork = 0x1
	procExec = 0x2
	procComm = 0x200
	procExit = 0x80000000
)

// procEvent is one process event.
type procEvent struct {
	kind   uint32
	pid    int    // of the process: a thread's events are no procEvents
	parent int    // of a fork
	comm   string // its new name
}

// parseProcEvent reads one datagram. It is false for what is none of the events
// above, or of a thread other than a process's first.
func parseProcEvent(b []byte) (procEvent, bool) {
	order := binary.NativeEndian
	if len(b) < offData {
		return procEvent{}, false
	}
	length := order.Uint32(b)
	if length < offData || uint64(length) > uint64(len(b)) {
		return procEvent{}, false
	}
	b = b[:length]
	if order.Uint32(b[netlinkHeader:]) != connectorProc || order.Uint32(b[netlinkHeader+4:]) != connectorProc {
		return procEvent{}, false
	}
	e := procEvent{kind: order.Uint32(b[offEvent:])}
	data := b[offData:]
	if size := e.size(); size == 0 || len(data) < size {
		return procEvent{}, false
	}
	// Each begins with the thread's and the process's number; a fork with the
	// parent's.
	if e.kind == procFork {
		e.parent = int(order.Uint32(data[4:]))
		data = data[8:]
	}
	thread := order.Uint32(data)
	e.pid = int(order.Uint32(data[4:]))
	if e.kind == procComm {
		name, _, _ := bytes.Cut(data[8:24], []byte{0})
		e.comm = string(name)
	}
	return e, thread == uint32(e.pid)
}

// size is how long the event's data are at least, 0 for one that is not read.
func (e procEvent) size() int {
	switch e.kind {
	case procExec:
		return 8
	case procFork, procExit:
		return 16
	case procComm:
		return 24
	}
	return 0
}
