// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/pool"
)

// site is a director with a client and two servers that answer with their names.
type site struct {
	*director
	lab    *lab.Lab
	client *lab.Host
}

func newSite(t *testing.T) *site {
	t.Helper()
	guest(t)
	labtest.Need(t, "ip")
	l := labtest.New(t)
	s := &site{lab: l, director: newDirectorOn(t, labtest.Host(t, l, "director", "192.0.2.1/24", "198.51.100.1/24"))}
	s.client = labtest.Host(t, l, "client", "192.0.2.10/24")
	labtest.OK(t, s.host.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644) }))
	for n := 11; n <= 12; n++ {
		h := labtest.Host(t, l, fmt.Sprintf("server%d", n), fmt.Sprintf("198.51.100.%d/24", n))
		labtest.OK(t, h.Do(func() error {
			if err := serveUDP(t, h.Name); err != nil {
				return err
			}
			return serveTCP(t, h.Name)
		}))
		out, err := h.Run(t.Context(), "ip", "route", "add", "default", "via", "198.51.100.1")
		if err != nil {
			t.Fatal(out, err)
		}
	}
	return s
}

func serveUDP(t *testing.T, name string) error {
	conn, err := net.ListenPacket("udp4", ":80")
	if err != nil {
		return err
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, 64)
		for {
			_, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo([]byte(name), from)
		}
	}()
	return nil
}

func serveTCP(t *testing.T, name string) error {
	l, err := net.Listen("tcp4", ":80")
	if err != nil {
		return err
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				b := make([]byte, 64)
				for {
					if _, err := conn.Read(b); err != nil {
						return
					}
					_, _ = conn.Write([]byte(name))
				}
			}()
		}
	}()
	return nil
}

// dial connects the client to the service.
func (s *site) dial(network string) net.Conn {
	s.t.Helper()
	var conn net.Conn
	labtest.OK(s.t, s.client.Do(func() (err error) {
		conn, err = net.DialTimeout(network, "192.0.2.1:80", 5*time.Second)
		return err
	}))
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

// ask asks who serves the connection.
func ask(conn net.Conn) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	if _, err := conn.Write([]byte("who?")); err != nil {
		return "", err
	}
	b := make([]byte, 64)
	n, err := conn.Read(b)
	return string(b[:n]), err
}

// served fails the test if the connection is not served by the server.
func (s *site) served(conn net.Conn, by string) {
	s.t.Helper()
	if got, err := ask(conn); got != by || err != nil {
		s.t.Errorf("served by %q (%v), not by %q", got, err, by)
	}
}

// both is a service of the director's with both servers, the first being the
// heaviest.
func both(p pool.Protocol) pool.Virtual {
	return web(func(v *pool.Virtual) {
		v.Frontends = []pool.Frontend{pool.Single(p, netip.MustParseAddrPort("192.0.2.1:80"))}
		v.Scheduler = pool.FO
		v.Destinations[0].Weight = 9
	})
}

func without(v pool.Virtual, n int) pool.Virtual {
	v.Destinations = append(v.Destinations[:n:n], v.Destinations[n+1:]...)
	return v
}

func TestGuestFlow(t *testing.T) {
	s := newSite(t)
	v := both(pool.UDP)
	s.set(v)
	flow := s.dial("udp4")
	s.served(flow, "server11")
	s.set(without(v, 0))
	s.served(flow, "server12") // the first packet
	s.set(v)
	s.served(flow, "server12")
}

func TestGuestConnection(t *testing.T) {
	s := newSite(t)
	v := both(pool.TCP)
	s.set(v)
	conn := s.dial("tcp4")
	s.served(conn, "server11")
	s.set(without(v, 1))
	s.served(conn, "server11")
	v.Destinations[0].Weight = 1
	v.Destinations[1].Weight = 5
	v.Scheduler = pool.SH
	s.set(v)
	s.served(conn, "server11")
	v.Destinations[0].Weight = 0
	s.set(v)
	s.served(conn, "server11")
	rs, err := s.plane.Read(t.Context(), []pool.Virtual{v})
	labtest.OK(t, err)
	if len(rs) != 2 || rs[0].Active != 1 || rs[0].Weight != 0 || rs[1].Active != 0 || rs[1].Weight != 5 || rs[0].Service != "web" {
		t.Errorf("got %+v", rs)
	}
	s.set(without(v, 0))
	if _, err := ask(conn); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("got %v", err)
	}
	s.served(s.dial("tcp4"), "server12")
}

// TestGuestPersistence sees a client stay with its server until that has weight 0.
func TestGuestPersistence(t *testing.T) {
	s := newSite(t)
	v := both(pool.TCP)
	v.Persistence.Timeout = time.Minute
	s.set(v)
	first := s.dial("tcp4")
	s.served(first, "server11")
	v.Destinations[1].Weight = 99
	s.set(v)
	s.served(s.dial("tcp4"), "server11")
	v.Destinations[0].Weight = 0
	s.set(v)
	s.served(s.dial("tcp4"), "server12")
	s.served(first, "server11")
}

// TestGuestSync sees a connection of the master's at the backup, which has no
// service.
func TestGuestSync(t *testing.T) {
	s := newSite(t)
	backup := newDirectorOn(t, labtest.Host(t, s.lab, "backup", "192.0.2.2/24", "198.51.100.2/24"))
	settings := pool.Sync{Interface: "eth0", ID: 51}
	labtest.OK(t, backup.plane.Sync(t.Context(), pool.SyncBackup, settings))
	labtest.OK(t, s.plane.Sync(t.Context(), pool.SyncMaster, settings))
	s.set(both(pool.TCP))
	conn := s.dial("tcp4")
	labtest.Eventually(t, 20*time.Second, "the connection to be at the backup", func() bool {
		s.served(conn, "server11") // packets, after some of which it is told
		return strings.Contains(backup.run("ipvsadm", "-Lcn"), conn.LocalAddr().String())
	})
}
