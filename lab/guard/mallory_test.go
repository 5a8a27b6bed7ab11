// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/transport/gossip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// linkPort is the peer link's.
const linkPort = 7946

// mallory is a host on the LAN that means no good.
type mallory struct {
	*lab.Host
	t       *testing.T
	address netip.Addr
	cluster string
}

func newMallory(w *world) *mallory {
	w.t.Helper()
	const address = "192.0.2.66"
	return &mallory{labtest.Host(w.t, w.lab, "mallory", address+"/24"), w.t, netip.MustParseAddr(address), w.conf.Cluster}
}

// forge makes the packets by which a node of that name, with this line of a key
// file, would tell another something after its death.
func (m *mallory) forge(name, key string, to member, ch gossip.Channel, payload []byte) []gossip.Datagram {
	m.t.Helper()
	l := m.link(name, key, to)
	defer func() { labtest.OK(m.t, l.Close()) }()
	list, err := l.Seal(to.name, ch, payload)
	labtest.OK(m.t, err)
	return list
}

// link is a peer link of the name that is not run.
func (m *mallory) link(name, key string, to member) *gossip.Link {
	m.t.Helper()
	f, err := gossip.ParseKeyFile(key)
	labtest.OK(m.t, err)
	var l *gossip.Link
	labtest.OK(m.t, m.Do(func() error {
		l, err = gossip.New(gossip.Config{
			Node: name, Cluster: m.cluster, Bind: []netip.Addr{m.address}, Keys: f.Keys(), Log: slog.New(slog.DiscardHandler),
			Peers: []gossip.Peer{{Name: to.name, Addresses: []string{netip.AddrPortFrom(to.lan().Addr(), linkPort).String()}}},
		})
		return err
	}))
	return l
}

// send sends packets.
func (m *mallory) send(list []gossip.Datagram) {
	m.t.Helper()
	labtest.OK(m.t, m.Do(func() error {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: m.address.AsSlice()})
		if err != nil {
			return err
		}
		defer conn.Close()
		for _, d := range list {
			if _, err := conn.WriteToUDPAddrPort(d.Data, d.To); err != nil {
				return err
			}
		}
		return nil
	}))
}

// advertise sends a VRRP advert to all on the LAN, as who holds the address would.
func (m *mallory) advertise(a *wire.Advert) {
	m.t.Helper()
	group := netip.MustParseAddr("224.0.0.18")
	data, err := a.AppendTo(nil, m.address, group, wire.ChecksumMessage)
	labtest.OK(m.t, err)
	labtest.OK(m.t, m.Do(func() error {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, 112)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		defer syscall.Close(fd)
		if err := syscall.SetsockoptInet4Addr(fd, syscall.IPPROTO_IP, syscall.IP_MULTICAST_IF, m.address.As4()); err != nil {
			return os.NewSyscallError("IP_MULTICAST_IF", err)
		}
		if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, syscall.IP_MULTICAST_TTL, wire.TTL); err != nil {
			return os.NewSyscallError("IP_MULTICAST_TTL", err)
		}
		return os.NewSyscallError("sendto", syscall.Sendto(fd, data, 0, &syscall.SockaddrInet4{Addr: group.As4()}))
	}))
}

// wiretap records what the peer link sends to a host, at the switch's port.
type wiretap struct {
	t      *testing.T
	fd     int
	to     *lab.Host
	frames [][]byte
}

func newWiretap(w *world, to *lab.Host) *wiretap {
	w.t.Helper()
	tap := &wiretap{t: w.t, to: to}
	const all = syscall.ETH_P_ALL<<8&0xff00 | syscall.ETH_P_ALL>>8 // in network order
	labtest.OK(w.t, w.lab.Switch().Do(func() (err error) {
		if tap.fd, err = syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, all); err != nil {
			return os.NewSyscallError("socket", err)
		}
		return os.NewSyscallError("bind", syscall.Bind(tap.fd, &syscall.SockaddrLinklayer{Protocol: all, Ifindex: to.Port()}))
	}))
	w.t.Cleanup(func() { _ = syscall.Close(tap.fd) })
	return tap
}

// listen adds what has come from an address since.
func (w *wiretap) listen(from netip.Addr) {
	buf := make([]byte, 2048)
	for {
		n, _, err := syscall.Recvfrom(w.fd, buf, 0)
		if err != nil {
			return // EAGAIN
		}
		// Ethernet, IPv4 without options, UDP (RFC 791, RFC 768).
		const ip, udp, data = 14, 14 + 20, 14 + 20 + 8
		f := slices.Clone(buf[:n])
		if n < data || f[12] != syscall.ETH_P_IP>>8 || f[13] != syscall.ETH_P_IP&0xff || f[ip+9] != syscall.IPPROTO_UDP || f[ip] != 0x45 ||
			netip.AddrFrom4([4]byte(f[ip+12:])) != from || int(f[udp+2])<<8|int(f[udp+3]) != linkPort {
			continue
		}
		// The sender's kernel left the checksum to a network card. 0 is none.
		f[udp+6], f[udp+7] = 0, 0
		w.frames = append(w.frames, f)
	}
}

// play sends what was recorded to the host again.
func (w *wiretap) play() {
	w.t.Helper()
	for _, f := range w.frames {
		labtest.OK(w.t, os.NewSyscallError("sendto", syscall.Sendto(w.fd, f, 0, &syscall.SockaddrLinklayer{Ifindex: w.to.Port()})))
	}
}

// metricsAt is where agents of a world show their metrics.
const metricsAt = "127.0.0.1:9112"

// metric is the value of a series of a node's, which is named without the
// cluster; "0" if it is not there.
func (w *world) metric(node, series string) string {
	w.t.Helper()
	out, err := w.nodes[node].Run(w.t.Context(), "curl", "-sSf", "http://"+metricsAt+"/metrics")
	labtest.OK(w.t, err)
	for line := range strings.Lines(out) {
		line = strings.Replace(line, `{cluster="`+w.conf.Cluster+`",`, "{", 1)
		line = strings.Replace(line, `{cluster="`+w.conf.Cluster+`"}`, "", 1)
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return "0"
}

// count is that of a counter.
func (w *world) count(node, series string) int {
	w.t.Helper()
	n, err := strconv.Atoi(w.metric(node, series))
	labtest.OK(w.t, err)
	return n
}
