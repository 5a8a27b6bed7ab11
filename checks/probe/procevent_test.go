// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"testing"
)

// procMessage is a datagram with an event of the kind and its data.
func procMessage(kind uint32, data ...uint32) []byte {
	order := binary.NativeEndian
	b := make([]byte, offData, offData+24)
	order.PutUint32(b[netlinkHeader:], connectorProc)
	order.PutUint32(b[netlinkHeader+4:], connectorProc)
	order.PutUint32(b[offEvent:], kind)
	for _, v := range data {
		b = order.AppendUint32(b, v)
	}
	b = append(b, make([]byte, offData+24-len(b))...)
	order.PutUint32(b, uint32(len(b)))
	return b
}

// procComms is a datagram with a process's new name.
func procComms(thread, pid uint32, name string) []byte {
	b := procMessage(procComm, thread, pid)
	copy(b[offData+8:], name)
	return b
}

// procMessages are events that are read.
var procMessages = []struct {
	name string
	b    []byte
	want procEvent
}{
	{"fork", procMessage(procFork, 10, 11, 20, 20), procEvent{kind: procFork, pid: 20, parent: 11}},
	{"exec", procMessage(procExec, 20, 20), procEvent{kind: procExec, pid: 20}},
	{"comm", procComms(20, 20, "nginx"), procEvent{kind: procComm, pid: 20, comm: "nginx"}},
	{"long comm", procComms(20, 20, "0123456789abcdef"), procEvent{kind: procComm, pid: 20, comm: "0123456789abcdef"}},
	{"exit", procMessage(procExit, 20, 20, 256, 17), procEvent{kind: procExit, pid: 20}},
}

// procOthers are messages that are none.
func procOthers() map[string][]byte {
	alter := func(off int, v uint32) []byte {
		b := procMessage(procExec, 20, 20)
		binary.NativeEndian.PutUint32(b[off:], v)
		return b
	}
	whole := procMessage(procExec, 20, 20)
	return map[string][]byte{
		"nothing":           nil,
		"headers only":      whole[:offData],
		"cut":               whole[:len(whole)-1],
		"length too small":  alter(0, offData-1),
		"length of headers": alter(0, offData),
		"length too big":    alter(0, 0xffffffff),
		"other connector":   alter(netlinkHeader, 2),
		"other value":       alter(netlinkHeader+4, 2),
		"answer":            procMessage(0, 0),
		"user":              procMessage(0x4, 20, 20, 0, 0),
		"thread begins":     procMessage(procFork, 10, 10, 21, 20),
		"thread ends":       procMessage(procExit, 21, 20),
		"thread's name":     procComms(21, 20, "worker"),
	}
}

func TestParseProcEvent(t *testing.T) {
	for _, m := range procMessages {
		if got, ok := parseProcEvent(m.b); !ok || got != m.want {
			t.Errorf("%s: got %+v, %v, want %+v", m.name, got, ok, m.want)
		}
	}
	for name, b := range procOthers() {
		if got, ok := parseProcEvent(b); ok {
			t.Errorf("%s: got %+v, want none", name, got)
		}
	}
}

func FuzzParseProcEvent(f *testing.F) {
	for _, m := range procMessages {
		f.Add(m.b)
	}
	for _, b := range procOthers() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, ok := parseProcEvent(b)
		if !ok {
			return
		}
		if e.size() == 0 || e.pid < 0 || len(e.comm) > 16 || e.parent != 0 && e.kind != procFork {
			t.Errorf("got %+v", e)
		}
	})
}
