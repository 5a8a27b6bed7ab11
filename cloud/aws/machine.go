// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/cloud"
)

const (
	machineEvery = 5 * time.Minute  // how often it is asked who this machine is
	againAfter   = 10 * time.Second // and how soon at most for an interface that is not known
)

// machine is what the metadata service says of this one.
type machine struct {
	region, account, instance, kind string // kind is the instance's type
	interfaces                      []netif
	at                              time.Time // when it said so
}

// netif is one of the machine's network interfaces.
type netif struct {
	id, mac, vpc, subnet string
	addresses            []netip.Addr   // IPv4, the primary one first, and IPv6
	subnets              []netip.Prefix // what its subnet has
	vpcs                 []netip.Prefix // what its VPC has
}

// Interface says which of the machine's interfaces is meant.
type Interface struct {
	ID      string     // eni-...; or else
	Address netip.Addr // one of its addresses that does not move
	// The tag that it has, by which a policy permits to write to it; the key is empty
	// if it needs none.
	TagKey, TagValue string
}

// machine is who this machine is. It asks as long as that is not known.
func (s *Session) machine(ctx context.Context) (*machine, error) {
	if m := s.self.Load(); m != nil {
		return m, nil
	}
	return s.look(ctx, nil)
}

// look asks who this machine is, unless that has become another than known in the
// meantime. One asks at a time: the metadata service answers only so many.
func (s *Session) look(ctx context.Context, known *machine) (*machine, error) {
	select {
	case s.looking <- struct{}{}:
		defer func() { <-s.looking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if m := s.self.Load(); m != known {
		return m, nil
	}
	m, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	if s.clients.Load() == nil {
		s.clients.Store(s.build(m.region))
	}
	s.self.Store(m)
	return m, nil
}

// keepMachine asks who this machine is from time to time: interfaces come and go.
// What is known is kept when there is no answer.
func (s *Session) keepMachine(ctx context.Context) {
	failed := false
	for {
		_, err := s.look(ctx, s.self.Load())
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failed {
			s.log.LogAttrs(ctx, slog.LevelWarn, "aws: the metadata service doesn't say who this machine is", slog.Any("err", err))
		}
		failed = err != nil
		wait := machineEvery
		if s.self.Load() == nil {
			wait = renewSoon
		}
		if !sleep(ctx, wait) {
			return
		}
	}
}

func (s *Session) read(ctx context.Context) (*machine, error) {
	doc, err := s.meta.identity(ctx)
	if err != nil {
		return nil, err
	}
	m := &machine{region: doc.Region, account: doc.AccountID, instance: doc.InstanceID, kind: doc.InstanceType, at: time.Now()}
	if s.cfg.Region != "" {
		m.region = s.cfg.Region
	}
	macs, err := s.meta.words(ctx, "network/interfaces/macs/")
	if err != nil {
		return nil, err
	}
	for _, mac := range macs {
		n, err := s.netif(ctx, strings.TrimSuffix(mac, "/"))
		if err != nil {
			return nil, err
		}
		m.interfaces = append(m.interfaces, n)
	}
	return m, nil
}

func (s *Session) netif(ctx context.Context, mac string) (netif, error) {
	var (
		n    = netif{mac: mac}
		errs []error
		at   = "network/interfaces/macs/" + mac + "/"
		word = func(name string) string {
			words, err := s.meta.words(ctx, at+name)
			errs = append(errs, err)
			return strings.Join(words, " ")
		}
		prefixes = func(name string) (found []netip.Prefix) {
			words, err := s.meta.words(ctx, at+name)
			errs = append(errs, err)
			for _, word := range words {
				if p, err := netip.ParsePrefix(word); err == nil {
					found = append(found, p.Masked())
				}
			}
			return found
		}
	)
	n.id, n.vpc, n.subnet = word("interface-id"), word("vpc-id"), word("subnet-id")
	n.subnets = append(prefixes("subnet-ipv4-cidr-block"), prefixes("subnet-ipv6-cidr-blocks")...)
	n.vpcs = append(prefixes("vpc-ipv4-cidr-blocks"), prefixes("vpc-ipv6-cidr-blocks")...)
	addresses, err := s.meta.addresses(ctx, mac)
	n.addresses = addresses
	return n, errors.Join(append(errs, err)...)
}

// find finds one of the machine's interfaces. It asks once more for one that is
// not known: it may be new.
func (s *Session) find(ctx context.Context, which Interface) (netif, error) {
	m, err := s.machine(ctx)
	if err != nil {
		return netif{}, err
	}
	if n, ok := s.local(which); ok {
		return n, nil
	}
	if time.Since(m.at) > againAfter {
		if m, err = s.look(ctx, m); err != nil {
			return netif{}, err
		}
	}
	if n, ok := s.local(which); ok {
		return n, nil
	}
	name := which.ID
	if name == "" {
		name = "the one with address " + which.Address.String()
	}
	return netif{}, &cloud.Error{
		Kind: cloud.NotFound, Action: "imds:GetMetadata", Object: "network/interfaces",
		Err: fmt.Errorf("instance %s has no such interface: %s", m.instance, name),
	}
}

// local is one of the machine's interfaces as far as it is known. It asks nobody.
func (s *Session) local(which Interface) (netif, bool) {
	m := s.self.Load()
	if m == nil {
		return netif{}, false
	}
	i := slices.IndexFunc(m.interfaces, which.is)
	if i < 0 {
		return netif{}, false
	}
	return m.interfaces[i], true
}

func (w Interface) is(n netif) bool {
	return w.ID != "" && n.id == w.ID || w.ID == "" && slices.Contains(n.addresses, w.Address)
}

// eni is an interface's id; one that the configuration says is asked for nowhere.
func (s *Session) eni(ctx context.Context, which Interface) (string, error) {
	if which.ID != "" {
		return which.ID, nil
	}
	n, err := s.find(ctx, which)
	return n.id, err
}
