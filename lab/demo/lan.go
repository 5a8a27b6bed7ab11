// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

//go:embed lan.yaml
var lanFile []byte

// lan is the play on a LAN: three hosts, each with a web server.
type lan struct{ servers []*webServer }

func (*lan) vip() netip.Addr { return netip.MustParseAddr("192.0.2.100") }

func (p *lan) introduction() string {
	return fmt.Sprintf(`
  lb-1  192.0.2.11  priority 200  --+
  lb-2  192.0.2.12  priority 150  --+-- switch --  client 192.0.2.50
  lb-3  192.0.2.13  priority 100  --+

  Three hosts and a client, made of network namespaces. They share the address
  %s; an advert every %v says who holds it. Each host has a web server
  that its agent checks. The client asks the address for an echo each millisecond.

`, p.vip(), interval)
}

func (*lan) timing() Timing { return Timing{Advert: interval} }

func (*lan) moral() string {
	return `
  A host's death is noticed after 3 intervals and a skew of up to one more, less
  the age of its last advert. A stop is told, and so is a service that fails, so
  that only the skew remains, and for the service the time its check takes; the
  echo is still answered then.
  Next: docs/install.md, docs/configuration.md, and vicar demo --cloud.
`
}

// build implements plot.
func (p *lan) build(s *show) error {
	file, err := s.write("vicar.yaml", lanFile)
	if err != nil {
		return err
	}
	for n := range byte(3) {
		if _, err := s.host(fmt.Sprintf("lb-%d", n+1), 11+n); err != nil {
			return err
		}
	}
	client, err := s.lab.Host("client", netip.MustParsePrefix("192.0.2.50/24"))
	if err != nil {
		return err
	}
	if err := s.listen(client); err != nil {
		return err
	}
	for _, h := range s.hosts {
		server := &webServer{host: h}
		p.servers = append(p.servers, server)
		if err := server.start(); err != nil {
			return err
		}
		if err := s.agent(h, file); err != nil {
			return err
		}
	}
	return nil
}

// play implements plot.
func (p *lan) play(ctx context.Context, s *show) error {
	if err := s.served(ctx, "lb-1"); err != nil {
		return err
	}
	for _, scene := range []struct {
		title  string
		do     func() error
		holder string
	}{
		{"lb-1 is cut from the network: the switch port goes dead", func() error { return s.lab.Cut(s.hosts[0]) }, "lb-2"},
		{"lb-1 is back and takes over again, since its priority is higher", func() error { return s.lab.Heal(s.hosts[0]) }, "lb-1"},
		{"the web server on lb-1 dies: its check fails twice in a row", p.servers[0].stop, "lb-2"},
		{"the web server on lb-1 is back", p.servers[0].start, "lb-1"},
		{"lb-1 is stopped in good order (SIGTERM)", func() error { return s.agents[0].Signal(syscall.SIGTERM) }, "lb-2"},
	} {
		s.happens(scene.title, "")
		if err := scene.do(); err != nil {
			return err
		}
		if err := s.served(ctx, scene.holder); err != nil {
			return err
		}
	}
	return nil
}

// close stops the web servers.
func (p *lan) close() error {
	var errs []error
	for _, w := range p.servers {
		errs = append(errs, w.stop())
	}
	return errors.Join(errs...)
}
