// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	firstRetry     = 200 * time.Millisecond
	lastRetry      = 10 * time.Second
	resolveTimeout = 5 * time.Second
)

// peer is a configured node. Its fields are guarded by the link's mu.
type peer struct {
	hosts    []hostPort
	resolved []netip.AddrPort
	lives    lives     // its starts
	doubt    doubt     // of a start that is not the present one, or whether that still runs
	answered doubt     // the last that was answered
	routine  time.Time // when it was last asked without a doubt
	sent     uint64    // the number of the last message to it
	sealed   uint64    // and of the last sealed one
	name     string
	address  [2]netip.Addr // as vip.NodeAddress, of IPv4 and IPv6
	told     told          // in the present start
	next     told          // in one that has not been proven
	due      time.Time
	backOff  time.Duration
	trying   bool
	heard    time.Time // when it last proved that it runs
}

// told is what a node told of itself.
type told struct {
	start, version uint64
	state          []byte
}

type hostPort struct {
	host string
	port uint16
}

// SetPeers replaces the configured peers. What is known of those that stay is
// kept. This node itself may be among them.
func (l *Link) SetPeers(peers []Peer) error {
	next := make(map[string]*peer, len(peers))
	for _, p := range peers {
		if err := checkName(p.Name); err != nil {
			return fmt.Errorf("peer link: peer: %w", err)
		}
		if next[p.Name] != nil {
			return fmt.Errorf("peer link: peer %s stands there twice", p.Name)
		}
		n := &peer{name: p.Name, address: nodeAddresses(p.Name)}
		for _, a := range p.Addresses {
			h, err := parseHostPort(a, l.Port())
			if err != nil {
				return fmt.Errorf("peer link: peer %s: %w", p.Name, err)
			}
			n.hosts = append(n.hosts, h)
			if addr, err := netip.ParseAddr(h.host); err == nil {
				n.resolved = append(n.resolved, netip.AddrPortFrom(addr.Unmap(), h.port))
			}
		}
		next[p.Name] = n
	}
	delete(next, l.cfg.Node)
	nodes, err := addressed(l.cfg.Node, next)
	if err != nil {
		return fmt.Errorf("peer link: %w", err)
	}
	l.mu.Lock()
	l.nodes = nodes
	for name, n := range next {
		if old := l.peers[name]; old != nil {
			n.lives, n.sent, n.sealed = old.lives, old.sent, old.sealed
			n.doubt, n.answered, n.routine, n.told, n.next = old.doubt, old.answered, old.routine, old.told, old.next
			n.heard = old.heard
			if slices.Equal(old.hosts, n.hosts) {
				n.resolved = old.resolved
			}
		}
	}
	l.peers = next
	for name, m := range l.members {
		p := next[name]
		if m.Configured == (p != nil) {
			continue
		}
		if m.Configured = p != nil; p != nil {
			l.doubt(p, 0)
		}
		l.changed()
	}
	l.mu.Unlock()
	wake(l.retry)
	return nil
}

// addressed are the peers by their addresses for adverts.
func addressed(own string, peers map[string]*peer) (map[netip.Addr]string, error) {
	names := make(map[netip.Addr]string, 2*len(peers)+2)
	for _, a := range nodeAddresses(own) {
		names[a] = own
	}
	for name, p := range peers {
		for _, a := range p.address {
			if other, taken := names[a]; taken {
				return nil, fmt.Errorf("the names %s and %s can't be told apart where adverts travel by gossip: one of the nodes needs another name", other, name)
			}
			names[a] = name
		}
	}
	for _, a := range nodeAddresses(own) {
		delete(names, a)
	}
	return names, nil
}

func parseHostPort(s string, port uint16) (hostPort, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return hostPort{a.String(), port}, nil
	}
	host, digits, err := net.SplitHostPort(s)
	if err != nil {
		host = s
	} else {
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || n == 0 {
			return hostPort{}, fmt.Errorf("address %q has no port from 1 to 65535", s)
		}
		port = uint16(n)
	}
	if host == "" || len(host) > 253 {
		return hostPort{}, fmt.Errorf("address %q names no host", s)
	}
	return hostPort{host, port}, nil
}

// known are the addresses of all peers.
func (l *Link) known() []netip.AddrPort {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []netip.AddrPort
	for _, p := range l.peers {
		all = append(all, p.resolved...)
	}
	return all
}

// wake wakes who waits for c, once.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// join tries the peers that are not members until ctx ends, each on its own.
func (l *Link) join(ctx context.Context, list *memberlist.Memberlist) {
	var wg sync.WaitGroup
	defer wg.Wait()
	tick := time.NewTicker(firstRetry)
	defer tick.Stop()
	for {
		for name, p := range l.dueAt(time.Now()) {
			wg.Go(func() { l.try(ctx, list, name, p) })
		}
		select {
		case <-ctx.Done():
			return
		case <-l.retry:
		case <-tick.C:
		}
	}
}

// dueAt marks and returns the peers to try now.
func (l *Link) dueAt(now time.Time) map[string]*peer {
	l.mu.Lock()
	defer l.mu.Unlock()
	due := map[string]*peer{}
	for name, p := range l.peers {
		if l.members[name] != nil {
			p.backOff, p.due = 0, time.Time{}
			continue
		}
		if p.trying || now.Before(p.due) || len(p.hosts) == 0 {
			continue
		}
		p.trying = true
		due[name] = p
	}
	return due
}

// try resolves a peer's names and joins it.
func (l *Link) try(ctx context.Context, list *memberlist.Memberlist, name string, p *peer) {
	addrs, err := resolve(ctx, l.lookup, p.hosts)
	l.mu.Lock()
	if len(addrs) > 0 {
		p.resolved = addrs
	}
	l.mu.Unlock()
	for _, a := range addrs {
		if ctx.Err() != nil {
			break
		}
		if _, joinErr := list.Join([]string{a.String()}); joinErr != nil {
			// memberlist's list of errors has one here.
			if one := errors.Unwrap(joinErr); one != nil {
				joinErr = one
			}
			err = errors.Join(err, joinErr)
			continue
		}
		err = nil
		break
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p.trying = false
	p.backOff = min(max(2*p.backOff, firstRetry), lastRetry)
	p.due = time.Now().Add(p.backOff/2 + rand.N(p.backOff/2))
	if err != nil && ctx.Err() == nil {
		l.say(slog.LevelWarn, "peer not reached", "reach "+name, slog.String("peer", name), slog.Any("err", err))
	}
}

// lookup is net.Resolver's LookupNetIP.
type lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// resolve finds the addresses of hosts now.
func resolve(ctx context.Context, look lookup, hosts []hostPort) (addrs []netip.AddrPort, err error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	for _, h := range hosts {
		if a, err := netip.ParseAddr(h.host); err == nil {
			addrs = append(addrs, netip.AddrPortFrom(a.Unmap(), h.port))
			continue
		}
		found, lookErr := look(ctx, "ip", h.host)
		if lookErr != nil {
			err = errors.Join(err, fmt.Errorf("resolving %s: %w", h.host, lookErr))
			continue
		}
		for _, a := range found {
			addrs = append(addrs, netip.AddrPortFrom(a.Unmap(), h.port))
		}
	}
	return addrs, err
}

// say writes a line at a bounded rate. The caller holds mu.
func (l *Link) say(level slog.Level, text, class string, attrs ...slog.Attr) {
	more, ok := l.limit.pass(time.Now(), class)
	if !ok {
		return
	}
	if more > 0 {
		attrs = append(attrs, slog.Uint64("more", more))
	}
	l.cfg.Log.LogAttrs(context.Background(), level, text, attrs...) //nolint:sloglint // callers pass constants
}
