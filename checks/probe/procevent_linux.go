// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	// procBuffer is what the kernel may keep for us, some thousands of events.
	procBuffer = 4 << 20
	// procBatch is how many events are taken at once.
	procBatch = 512
	// proofWait is how long the kernel may take to show that events come.
	proofWait = time.Second

	listenToEvents = 1 // enum proc_cn_mcast_op
	ignoreEvents   = 2
)

// errNoEvents says that the kernel took the wish for events and sends none, or
// those of other numbers.
var errNoEvents = errors.New("none come: process events are for the initial PID and user namespace")

// procLink is a socket for process events, and what ends a wait for them. It is
// waited for with poll(2): the runtime's poller would wake the agent for each
// event, even while it lets them gather.
type procLink struct {
	fd   int
	stop int // an eventfd
	buf  []byte
}

// openProcLink asks the kernel for process events and makes sure that they come.
// That takes CAP_NET_ADMIN, and the initial PID, user and network namespace.
func openProcLink(ctx context.Context) (*procLink, error) {
	l, err := dialProcLink()
	if err != nil {
		return nil, err
	}
	err = l.ask(listenToEvents)
	if err == nil {
		err = l.prove(ctx)
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func dialProcLink() (*procLink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_CONNECTOR)
	if err != nil {
		return nil, fmt.Errorf("opening a socket: %w", err)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, procBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, procBuffer)
	}
	err = filterProcEvents(fd, os.Getpid())
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: connectorProc})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("setting up a socket: %w", err), unix.Close(fd))
	}
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making an eventfd: %w", err), unix.Close(fd))
	}
	return &procLink{fd: fd, stop: stop, buf: make([]byte, 4<<10)}, nil
}

// filterProcEvents keeps from a socket what is not about whole processes: most
// events of a busy host are about threads. The kernel's own filter, by kind, is
// there since 6.6 only.
func filterProcEvents(fd, self int) error {
	prog, err := bpf.Assemble(procFilter(self))
	if err != nil {
		return err
	}
	filter := make([]unix.SockFilter, len(prog))
	for i, in := range prog {
		filter[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
}

// procFilter passes what parseProcEvent takes.
func procFilter(self int) []bpf.Instruction {
	// The filter loads in the network's byte order, the events are in the host's.
	host := func(v uint32) uint32 {
		var b [4]byte
		binary.NativeEndian.PutUint32(b[:], v)
		return binary.BigEndian.Uint32(b[:])
	}
	// The jumps' distances are to the instructions with the same letter.
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: offEvent, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: host(procFork), SkipTrue: 4}, // a
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: host(procExec), SkipTrue: 7}, // b
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: host(procComm), SkipTrue: 6}, // b
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: host(procExit), SkipTrue: 5}, // b
		bpf.RetConstant{Val: 0},
		bpf.LoadAbsolute{Off: offData + 8, Size: 4}, // a
		bpf.TAX{},
		bpf.LoadAbsolute{Off: offData + 12, Size: 4},
		bpf.Jump{Skip: 3},                       // c
		bpf.LoadAbsolute{Off: offData, Size: 4}, // b
		bpf.TAX{},
		bpf.LoadAbsolute{Off: offData + 4, Size: 4},
		bpf.JumpIfX{Cond: bpf.JumpEqual, SkipTrue: 2}, // c, to d
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: host(uint32(self)), SkipTrue: 1}, // to d
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: 1 << 16}, // d
	}
}

// ask sends the kernel a wish.
func (l *procLink) ask(op uint32) error {
	order := binary.NativeEndian
	b := make([]byte, offEvent+4)
	order.PutUint32(b, uint32(len(b)))
	order.PutUint16(b[4:], unix.NLMSG_DONE)
	order.PutUint32(b[netlinkHeader:], connectorProc)
	order.PutUint32(b[netlinkHeader+4:], connectorProc)
	order.PutUint16(b[netlinkHeader+16:], 4)
	order.PutUint32(b[offEvent:], op)
	// The kernel has read it when this returns.
	if err := unix.Sendto(l.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("asking the kernel for them: %w", err)
	}
	return nil
}

// prove makes an event, by giving this process the name that it has, and waits
// until it comes. The kernel says nothing when it refuses, and in a PID
// namespace events may come that others asked for, with numbers that mean
// nothing there.
func (l *procLink) prove(ctx context.Context) error {
	const comm = "/proc/self/comm"
	name, err := os.ReadFile(comm)
	if err == nil {
		name = bytes.TrimSuffix(name, []byte("\n"))
		err = os.WriteFile(comm, name, 0)
	}
	if err != nil {
		return fmt.Errorf("making one: %w", err)
	}
	defer l.endWith(ctx)()
	want := procEvent{kind: procComm, pid: os.Getpid(), comm: string(name)}
	for until := time.Now().Add(proofWait); ctx.Err() == nil && time.Now().Before(until); {
		events, _, err := l.receive(until)
		if err != nil {
			return err
		}
		if slices.Contains(events, want) {
			return nil
		}
	}
	return errNoEvents
}

// receive waits for events until the time, or until it is interrupted. lost says
// that there were more, which did not fit into the kernel's buffer.
func (l *procLink) receive(until time.Time) (events []procEvent, lost bool, err error) {
	if err := l.wait(until); err != nil {
		return nil, false, fmt.Errorf("waiting for process events: %w", err)
	}
	for range procBatch {
		size, err := l.read()
		switch {
		case errors.Is(err, unix.EAGAIN):
			return events, lost, nil
		case errors.Is(err, unix.ENOBUFS):
			lost = true
		case err != nil:
			return events, lost, fmt.Errorf("receiving process events: %w", err)
		}
		if e, ok := parseProcEvent(l.buf[:size]); ok {
			events = append(events, e)
		}
	}
	return events, lost, nil
}

// wait waits until there is something to read, or something else ends it.
func (l *procLink) wait(until time.Time) error {
	ms := int(max(0, time.Until(until)+time.Millisecond-1) / time.Millisecond)
	fds := []unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLIN}, {Fd: int32(l.stop), Events: unix.POLLIN}}
	_, err := unix.Poll(fds, ms)
	if errors.Is(err, unix.EINTR) {
		return nil // the caller's loop comes again
	}
	if err == nil && fds[1].Revents != 0 {
		var count [8]byte
		_, err = unix.Read(l.stop, count[:])
	}
	return err
}

// endWith makes waits end when ctx has ended. It must be undone before close.
func (l *procLink) endWith(ctx context.Context) (undo func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_, _ = unix.Write(l.stop, binary.NativeEndian.AppendUint64(nil, 1))
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// read reads one datagram. One that is not the kernel's has length 0.
func (l *procLink) read() (int, error) {
	n, from, err := unix.Recvfrom(l.fd, l.buf, unix.MSG_DONTWAIT)
	for err == unix.EINTR {
		n, from, err = unix.Recvfrom(l.fd, l.buf, unix.MSG_DONTWAIT)
	}
	if err != nil {
		return 0, err
	}
	if sa, ok := from.(*unix.SockaddrNetlink); !ok || sa.Pid != 0 {
		return 0, nil
	}
	return n, nil
}

// drain throws away what has come. What is wrong with the socket receive tells.
func (l *procLink) drain() {
	for range procBuffer / netlinkHeader {
		if _, err := l.read(); err != nil && !errors.Is(err, unix.ENOBUFS) {
			return
		}
	}
}

// close ends the events. Before Linux 6.6 the kernel makes them until somebody
// says that nobody listens.
func (l *procLink) close() {
	_ = l.ask(ignoreEvents)
	_ = unix.Close(l.fd)
	_ = unix.Close(l.stop)
}
