// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/lab"
)

// Adverts hears when a host sends packets of a kind.
type Adverts struct {
	sock *socket
	last atomic.Int64
	n    atomic.Int64

	keep  bool
	times []time.Duration
}

// advert is what a VRRP packet over IPv4 has: its protocol number.
var advert = []word{{etherType, 2, unix.ETH_P_IP}, {23, 1, 112}}

// datagram is what a UDP packet over IPv4 without options has.
func datagram(port uint16) []word {
	return []word{{etherType, 2, unix.ETH_P_IP}, {14, 1, 0x45}, {23, 1, unix.IPPROTO_UDP}, {36, 2, uint32(port)}}
}

// Adverts adds an ear for the VRRP packets that the host sends over IPv4.
func (s *Session) Adverts(l *lab.Lab, h *lab.Host) (*Adverts, error) {
	return s.ear(l, h, advert)
}

// Datagrams adds an ear for the UDP packets that the host sends over IPv4 to a
// port.
func (s *Session) Datagrams(l *lab.Lab, h *lab.Host, port uint16) (*Adverts, error) {
	return s.ear(l, h, datagram(port))
}

// ear adds an ear for packets that have all the words.
func (s *Session) ear(l *lab.Lab, h *lab.Host, words []word) (*Adverts, error) {
	a := new(Adverts)
	err := l.Switch().Do(func() (err error) {
		a.sock, err = openPort(h.Port(), match(words))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listening to %s: %w", h.Name, err)
	}
	s.probers = append(s.probers, a)
	return a, nil
}

// Last is when the last packet was sent, and how many were. It may be asked
// while the session runs.
func (a *Adverts) Last() (at time.Duration, n int) {
	return time.Duration(a.last.Load()), int(a.n.Load())
}

// Keep makes Times answer. It is called before the session runs.
func (a *Adverts) Keep() { a.keep = true }

// Times is when each packet was sent, after the session's end.
func (a *Adverts) Times() []time.Duration { return a.times }

// send implements prober.
func (a *Adverts) send(time.Duration) {}

// drain implements prober.
func (a *Adverts) drain(stamps translator) {
	for {
		p, stamp := a.sock.receive()
		if p == nil {
			return
		}
		at := stamps.at(stamp)
		a.last.Store(int64(at))
		a.n.Add(1)
		if a.keep {
			a.times = append(a.times, at)
		}
	}
}

// close implements prober.
func (a *Adverts) close() { a.sock.close() }

// openPort opens a packet socket on a host's port of the switch, in whose
// namespace the calling thread is. It hears what the host sends.
func openPort(index int, filter []bpf.Instruction) (*socket, error) {
	// Protocol 0 receives nothing before bind, when the filter is there.
	sock, err := openSocket(unix.AF_PACKET, unix.SOCK_RAW, 0, filter)
	if err != nil {
		return nil, err
	}
	for _, option := range []int{unix.PACKET_QDISC_BYPASS, unix.PACKET_IGNORE_OUTGOING} {
		if err := unix.SetsockoptInt(sock.fd, unix.SOL_PACKET, option, 1); err != nil {
			sock.close()
			return nil, fmt.Errorf("setting packet socket option %d: %w", option, err)
		}
	}
	if err := unix.Bind(sock.fd, port(index)); err != nil {
		sock.close()
		return nil, fmt.Errorf("binding a packet socket: %w", err)
	}
	return sock, nil
}

// port is the port with this index. Only ETH_P_ALL hears a frame before the
// bridge takes it.
func port(index int) *unix.SockaddrLinklayer {
	return &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: index}
}

// htons is n in network byte order.
func htons(n uint16) uint16 { return n<<8 | n>>8 }
