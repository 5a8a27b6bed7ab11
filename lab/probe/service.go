// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/lab"
)

// Service asks an HTTP server for a page, each time on a connection of its own.
type Service struct {
	target unix.Sockaddr
	spare  []int // sockets of the host that have not been used
	open   []request
	track  track
	buffer [64]byte
}

// request is a connection whose answer has not come.
type request struct {
	fd    int
	n     uint32 // of the probe
	asked bool   // connected, and the request is sent
}

// Service adds a probe of an IPv4 target from the host. It has sockets for
// probes that go on for that long, since new ones can't be made in the host's
// namespace while the session runs.
func (s *Session) Service(h *lab.Host, target netip.AddrPort, lasts time.Duration) (*Service, error) {
	v := &Service{
		target: &unix.SockaddrInet4{Port: int(target.Port()), Addr: target.Addr().As4()}, track: newTrack(s.room()),
	}
	err := h.Do(func() error {
		for range int(lasts / s.interval) {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return fmt.Errorf("opening a socket: %w", err)
			}
			v.spare = append(v.spare, fd)
		}
		return nil
	})
	if err != nil {
		v.close()
		return nil, fmt.Errorf("probing %s from %s: %w", target, h.Name, err)
	}
	s.probers = append(s.probers, v)
	return v, nil
}

// send implements prober.
func (v *Service) send(now time.Duration) {
	if len(v.spare) == 0 {
		return
	}
	fd := v.spare[0]
	v.spare = v.spare[1:]
	n := uint32(v.track.sent())
	v.track.send(now)
	if err := unix.Connect(fd, v.target); err != nil && err != unix.EINPROGRESS {
		_ = unix.Close(fd)
		return
	}
	v.open = append(v.open, request{fd: fd, n: n})
}

// drain implements prober.
func (v *Service) drain(stamps translator) {
	polls := make([]unix.PollFd, len(v.open))
	for i, r := range v.open {
		polls[i] = unix.PollFd{Fd: int32(r.fd), Events: unix.POLLOUT}
		if r.asked {
			polls[i].Events = unix.POLLIN
		}
	}
	if len(polls) == 0 {
		return
	}
	_, _ = unix.Poll(polls, 0)
	kept := v.open[:0]
	for i, r := range v.open {
		late := stamps.now-v.track.sends[r.n] > patience
		if late || polls[i].Revents != 0 && v.advance(&r, stamps) {
			_ = unix.Close(r.fd)
			continue
		}
		kept = append(kept, r)
	}
	v.open = kept
}

// advance goes on with a request that can, and tells whether it has ended.
func (v *Service) advance(r *request, stamps translator) bool {
	if !r.asked {
		r.asked = true
		_, err := unix.Write(r.fd, []byte("GET / HTTP/1.0\r\n\r\n"))
		return err != nil
	}
	n, err := unix.Read(r.fd, v.buffer[:])
	if err == nil && bytes.HasPrefix(v.buffer[:max(n, 0)], []byte("HTTP/1.")) {
		v.track.answer(r.n, stamps.now)
	}
	return true
}

// close implements prober.
func (v *Service) close() {
	for _, fd := range v.spare {
		_ = unix.Close(fd)
	}
	for _, r := range v.open {
		_ = unix.Close(r.fd)
	}
	v.spare, v.open = nil, nil
}

// Answered is how many probes were answered.
func (v *Service) Answered() int {
	n := 0
	for _, t := range v.track.trips {
		if t != none {
			n++
		}
	}
	return n
}

// Worst is the longest time without service within [from, to].
func (v *Service) Worst(from, to time.Duration) Outage {
	var worst Outage
	for _, o := range v.track.outages(from, to, 0) {
		if o.Duration() > worst.Duration() {
			worst = o
		}
	}
	return worst
}
