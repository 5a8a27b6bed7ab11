// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	frameBatch = 256                   // frames per system call
	pace       = 20 * time.Millisecond // between bursts when there is a rate
	crowded    = time.Millisecond      // before another try when a queue is full
	patience   = 50                    // such tries without a frame leaving
)

// packetSocket sends frames of our own making. It receives nothing.
type packetSocket struct {
	file *os.File
	raw  syscall.RawConn

	mu   sync.Mutex
	busy map[int]time.Time // by interface: until when its rate is used up
}

// openPackets opens it in the network namespace of the calling thread.
func openPackets() (*packetSocket, error) {
	// Protocol 0: no frame is queued here.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		if errors.Is(err, unix.EPERM) {
			return nil, fmt.Errorf("opening a packet socket: %w (needs CAP_NET_RAW)", err)
		}
		return nil, fmt.Errorf("opening a packet socket: %w", err)
	}
	file := os.NewFile(uintptr(fd), "packet")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening a packet socket: %w", err), file.Close())
	}
	return &packetSocket{file: file, raw: raw, busy: map[int]time.Time{}}, nil
}

func (s *packetSocket) close() error { return s.file.Close() }

// frame is an Ethernet frame.
type frame struct {
	kind uint16 // EtherType
	data []byte
}

// frames announces each address: two ARPs, or an NA.
func frames(mac hardware, prefixes []netip.Prefix) []frame {
	fs := make([]frame, 0, 2*len(prefixes))
	buf := make([]byte, 0, 86*len(prefixes))
	cut := func(kind uint16, start int) {
		fs = append(fs, frame{kind, buf[start:len(buf):len(buf)]})
	}
	for _, p := range prefixes {
		start := len(buf)
		if !p.Addr().Is4() {
			buf = appendNA(buf, mac, p.Addr())
			cut(etherIPv6, start)
			continue
		}
		buf = appendARP(buf, arpRequest, mac, p.Addr())
		cut(etherARP, start)
		start = len(buf)
		buf = appendARP(buf, arpReply, mac, p.Addr())
		cut(etherARP, start)
	}
	return fs
}

// send announces the addresses on the interface once. What is sent with a rate
// above 0 is no more than that many frames per second on the interface. An
// interface without neighbours to tell is left alone.
func (s *packetSocket) send(ctx context.Context, l link, prefixes []netip.Prefix, rate int) error {
	if !l.announces() {
		return nil
	}
	burst := frameBatch
	if rate > 0 {
		burst = min(burst, max(1, int(int64(rate)*int64(pace)/int64(time.Second))))
	}
	tries := 0
	for fs := frames(l.mac, prefixes); len(fs) > 0; {
		batch := fs[:min(burst, len(fs))]
		if err := pause(ctx, s.reserve(l.index, len(batch), rate)); err != nil {
			return err
		}
		n, err := s.sendBatch(l.index, batch)
		fs = fs[n:]
		switch {
		case err == nil:
			tries = 0
		case errors.Is(err, unix.ENOBUFS) && tries < patience:
			tries++
			if err := pause(ctx, crowded); err != nil {
				return err
			}
		default:
			return fmt.Errorf("announcing on %s: %w", l.name, err)
		}
	}
	return nil
}

// reserve takes the next turn for n frames on an interface and returns how long
// it is until then.
func (s *packetSocket) reserve(index, n, rate int) time.Duration {
	if rate <= 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	turn := s.busy[index]
	if turn.Before(now) {
		turn = now
	}
	s.busy[index] = turn.Add(time.Duration(n) * time.Second / time.Duration(rate))
	return turn.Sub(now)
}

// pause waits, or returns ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// mmsghdr is struct mmsghdr of sendmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// sendBatch sends up to frameBatch frames with one system call, and returns how
// many left. It waits while the socket's buffer is full.
func (s *packetSocket) sendBatch(index int, fs []frame) (int, error) {
	to := map[uint16]*unix.RawSockaddrLinklayer{}
	for _, kind := range []uint16{etherARP, etherIPv6} {
		network := binary.NativeEndian.Uint16([]byte{byte(kind >> 8), byte(kind)})
		to[kind] = &unix.RawSockaddrLinklayer{Family: unix.AF_PACKET, Protocol: network, Ifindex: int32(index)}
	}
	iovs := make([]unix.Iovec, len(fs))
	hdrs := make([]mmsghdr, len(fs))
	for i, f := range fs {
		iovs[i].Base = &f.data[0]
		iovs[i].SetLen(len(f.data))
		hdrs[i].hdr.Name = (*byte)(unsafe.Pointer(to[f.kind]))
		hdrs[i].hdr.Namelen = unix.SizeofSockaddrLinklayer
		hdrs[i].hdr.Iov = &iovs[i]
		hdrs[i].hdr.SetIovlen(1)
	}
	var n uintptr
	var errno syscall.Errno
	err := s.raw.Write(func(fd uintptr) bool {
		n, _, errno = unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&hdrs[0])), uintptr(len(hdrs)), 0, 0, 0)
		return errno != unix.EAGAIN && errno != unix.EINTR
	})
	runtime.KeepAlive(hdrs)
	switch {
	case err != nil:
		return 0, err
	case errno != 0:
		return 0, errno
	}
	return int(n), nil
}
