// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package site

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/vicar-ha/vicar/lab"
)

// Ports of the servers: of TCP, so that forwarding may change it or not, and of UDP.
const (
	Port      = 80
	OtherPort = 8080
	GreetPort = 8081
	PortUDP   = 5300
)

// The site's addresses.
var (
	VIP     = netip.MustParsePrefix("192.0.2.100/24")
	Inside  = netip.MustParsePrefix("198.51.100.1/24") // the servers' gateway
	Sources = netip.MustParsePrefix("203.0.113.0/24")  // the client's

	clientAddr = netip.MustParsePrefix("192.0.2.50/24")
	clientBack = netip.MustParsePrefix("198.51.100.254/24") // where servers send to past the director
	everywhere = netip.MustParsePrefix("0.0.0.0/0")
)

// Config says what site it is.
type Config struct {
	Servers int
	// Direct is forwarding without a change of addresses.
	Direct bool
}

// Director is a host that balances.
type Director struct {
	*lab.Host
	Outside, Inside netip.Addr
}

// Site is the hosts.
type Site struct {
	Client    *Client
	Directors [2]*Director
	Servers   []*Server
}

// New makes the hosts in a lab and starts the servers. Hosts go with the lab, the rest
// with Close.
func New(l *lab.Lab, c Config) (*Site, error) {
	s := &Site{Client: new(Client)}
	if err := s.setUp(l, c); err != nil {
		s.Close()
		return nil, fmt.Errorf("making a site: %w", err)
	}
	return s, nil
}

func (s *Site) setUp(l *lab.Lab, c Config) error {
	for i := range s.Directors {
		outside := netip.AddrFrom4([4]byte{192, 0, 2, byte(11 + i)})
		inside := netip.AddrFrom4([4]byte{198, 51, 100, byte(2 + i)})
		h, err := l.Host("lb-"+strconv.Itoa(i+1), netip.PrefixFrom(outside, 24), netip.PrefixFrom(inside, 24))
		if err != nil {
			return err
		}
		s.Directors[i] = &Director{Host: h, Outside: outside, Inside: inside}
		if err := h.Forward(); err != nil {
			return err
		}
		if err := h.Route(Sources, clientAddr.Addr(), netip.Addr{}); err != nil {
			return err
		}
	}
	if err := s.addClient(l, c); err != nil {
		return err
	}
	for range c.Servers {
		if err := s.addServer(l, c); err != nil {
			return err
		}
	}
	return nil
}

func (s *Site) addClient(l *lab.Lab, c Config) error {
	addrs := []netip.Prefix{clientAddr}
	if c.Direct {
		addrs = append(addrs, clientBack)
	}
	h, err := l.Host("client", addrs...)
	if err != nil {
		return err
	}
	s.Client.Host = h
	return h.Local(Sources)
}

func (s *Site) addServer(l *lab.Lab, c Config) error {
	n := len(s.Servers) + 1
	addr := netip.AddrFrom4([4]byte{198, 51, 100, byte(10 + n)})
	h, err := l.Host("s"+strconv.Itoa(n), netip.PrefixFrom(addr, 24))
	if err != nil {
		return err
	}
	gateway := Inside.Addr()
	if c.Direct {
		gateway = clientBack.Addr()
		if err := h.Hide(); err != nil {
			return err
		}
		if err := h.Local(netip.PrefixFrom(VIP.Addr(), 32)); err != nil {
			return err
		}
	}
	if err := h.Route(everywhere, gateway, netip.Addr{}); err != nil {
		return err
	}
	v := &Server{Host: h, Addr: addr}
	s.Servers = append(s.Servers, v)
	return v.Start()
}

// Server is the server of a name.
func (s *Site) Server(name string) *Server {
	for _, v := range s.Servers {
		if v.Name == name {
			return v
		}
	}
	return nil
}

// Close ends the servers.
func (s *Site) Close() {
	for _, v := range s.Servers {
		v.Kill()
	}
}
