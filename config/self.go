// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ErrSelf is the error, possibly wrapped, of a host that can't tell which node
// it is.
var ErrSelf = errors.New("can't tell which node this host is")

// Hints are what a host knows of itself.
type Hints struct {
	Node      string       // chosen by the user; settles it alone
	Hostname  string       // short or full
	Addresses []netip.Addr // of its interfaces
}

// Self finds the node that a host is: the one that Hints.Node names, else the
// one called like the host, else the one that has one of its addresses. The
// names are compared in full first, then up to the first dot.
func (c *Config) Self(h Hints) (string, error) {
	if h.Node != "" {
		if slices.ContainsFunc(c.Nodes, func(n Node) bool { return n.Name == h.Node }) {
			return h.Node, nil
		}
		return "", fmt.Errorf("%w: no node is called %s; %s", ErrSelf, shown(h.Node), didYouMean(h.Node, c.nodeNames(), "the nodes are "))
	}
	if node, ok := c.byHostname(h.Hostname); ok {
		return node, nil
	}
	var found []string
	for _, n := range c.Nodes {
		if slices.ContainsFunc(n.Addresses, func(a netip.Addr) bool { return hasAddress(h.Addresses, a) }) {
			found = append(found, n.Name)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", fmt.Errorf("%w: none is called %s or has one of its addresses; the nodes are %s; say which with --node",
			ErrSelf, shown(h.Hostname), c.describeNodes())
	default:
		return "", fmt.Errorf("%w: it has addresses of %s; say which with --node", ErrSelf, strings.Join(found, " and "))
	}
}

// byHostname compares without regard to case, as DNS does.
func (c *Config) byHostname(hostname string) (string, bool) {
	hostname = strings.TrimSuffix(hostname, ".")
	if hostname == "" {
		return "", false
	}
	for _, n := range c.Nodes {
		if strings.EqualFold(n.Name, hostname) {
			return n.Name, true
		}
	}
	var found []string
	for _, n := range c.Nodes {
		a, aFull := shortName(n.Name)
		b, bFull := shortName(hostname)
		// Two full names that differ are two hosts.
		if strings.EqualFold(a, b) && !(aFull && bFull) {
			found = append(found, n.Name)
		}
	}
	if len(found) != 1 {
		return "", false
	}
	return found[0], true
}

func shortName(name string) (short string, wasFull bool) {
	short, _, wasFull = strings.Cut(name, ".")
	return short, wasFull
}

func hasAddress(addresses []netip.Addr, a netip.Addr) bool {
	return slices.ContainsFunc(addresses, func(b netip.Addr) bool { return b.Unmap().WithZone("") == a })
}

func (c *Config) nodeNames() []string {
	names := make([]string, len(c.Nodes))
	for i, n := range c.Nodes {
		names[i] = n.Name
	}
	return names
}

func (c *Config) describeNodes() string {
	nodes := make([]string, len(c.Nodes))
	for i, n := range c.Nodes {
		addresses := make([]string, len(n.Addresses))
		for j, a := range n.Addresses {
			addresses[j] = a.String()
		}
		nodes[i] = n.Name + " (" + strings.Join(addresses, ", ") + ")"
	}
	return strings.Join(nodes, ", ")
}
