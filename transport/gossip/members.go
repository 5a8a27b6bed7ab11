// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"cmp"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/hashicorp/memberlist"
)

// maxStrangers bounds the list: who has a key but is not configured.
const maxStrangers = 64

// Member is a node that has joined.
type Member struct {
	Name       string
	Addr       netip.AddrPort
	Configured bool      // others are seen, and never counted
	Start      uint64    // the random id of its start; 0: not proven yet
	State      []byte    // what it told of itself, not to be changed; nil: nothing yet
	Since      time.Time // when it joined
	Heard      time.Time // when it last proved that it runs, by Config.Now
}

// Members are the other nodes that have joined, by name. One that died stays
// for some seconds.
func (l *Link) Members() []Member {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Member, 0, len(l.members))
	for _, m := range l.members {
		known := *m
		if p := l.peers[m.Name]; p != nil {
			known.Heard = p.heard
			if p.told.start == m.Start {
				known.State = p.told.state
			}
		}
		list = append(list, known)
	}
	slices.SortFunc(list, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// delegate is what memberlist calls. It does so with its locks held: nothing
// here calls it, or blocks.
type delegate Link

// metaVersion begins what memberlist spreads with a node's address; its start
// follows.
const metaVersion = 1

// NodeMeta tells this start.
func (d *delegate) NodeMeta(int) []byte {
	return binary.BigEndian.AppendUint64([]byte{metaVersion}, d.start)
}

// parseMeta reads the start of a node.
func parseMeta(b []byte) (start uint64, ok bool) {
	if len(b) < 9 || b[0] != metaVersion {
		return 0, false
	}
	return binary.BigEndian.Uint64(b[1:9]), true
}

// GetBroadcasts has nothing: messages go straight to whom they are for.
func (d *delegate) GetBroadcasts(_, _ int) [][]byte { return nil }

// LocalState is exchanged when nodes join, and each 30 s.
func (d *delegate) LocalState(bool) []byte {
	l := (*Link)(d)
	if l.cfg.State == nil {
		return nil
	}
	return l.stateFrame(l.state())
}

// MergeRemoteState is the other side of LocalState.
func (d *delegate) MergeRemoteState(b []byte, _ bool) {
	if len(b) > 0 {
		d.NotifyMsg(b)
	}
}

// errStrangers keeps the list of members small.
var errStrangers = errors.New("too many nodes that are not configured")

// NotifyAlive hears of each node before it becomes a member.
func (d *delegate) NotifyAlive(n *memberlist.Node) error {
	l := (*Link)(d)
	start, ok := parseMeta(n.Meta)
	if n.Name == l.cfg.Node {
		if addr := addrOf(n); ok && start != l.start && addr != l.sockets.advertised {
			l.suspect(addr)
		}
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.peers[n.Name] != nil || l.members[n.Name] != nil {
		return nil
	}
	strangers := 0
	for _, m := range l.members {
		if !m.Configured {
			strangers++
		}
	}
	if strangers >= maxStrangers || len(n.Name) > maxName {
		return errStrangers
	}
	return nil
}

// NotifyJoin adds a member.
func (d *delegate) NotifyJoin(n *memberlist.Node) {
	if n.Name == d.cfg.Node {
		return
	}
	l := (*Link)(d)
	l.mu.Lock()
	defer l.mu.Unlock()
	m := &Member{Name: n.Name, Since: time.Now(), Configured: l.peers[n.Name] != nil}
	l.members[n.Name] = m
	l.learn(m, n)
	l.changed()
	if m.Configured {
		l.say(slog.LevelInfo, "peer joined", "joined "+m.Name, slog.String("peer", m.Name), slog.String("address", m.Addr.String()))
		return
	}
	l.say(slog.LevelWarn, "node seen that is not configured: it counts for nothing", "stranger "+m.Name,
		slog.String("node", m.Name), slog.String("address", m.Addr.String()))
}

// NotifyUpdate is a member that has started again.
func (d *delegate) NotifyUpdate(n *memberlist.Node) {
	l := (*Link)(d)
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := l.members[n.Name]; m != nil {
		l.learn(m, n)
		l.changed()
	}
}

// learn takes over what memberlist says of a node. Its start has to be proven:
// what it says may be a recording. The caller holds mu.
func (l *Link) learn(m *Member, n *memberlist.Node) {
	m.Addr = addrOf(n)
	start, ok := parseMeta(n.Meta)
	p := l.peers[n.Name]
	if !ok || p == nil {
		return
	}
	if p.lives.present() == start {
		l.began(m, start)
	} else {
		l.doubt(p, start)
	}
}

// changed tells that the members, or what they say, are not as before. The
// caller holds mu.
func (l *Link) changed() {
	if l.cfg.Changed != nil {
		l.cfg.Changed()
	}
}

// began notes the present start of a member. The caller holds mu.
func (l *Link) began(m *Member, start uint64) {
	if m.Start == start {
		return
	}
	if m.Start != 0 {
		l.say(slog.LevelInfo, "peer started again", "again "+m.Name, slog.String("peer", m.Name))
	}
	m.Start = start
	l.changed()
	wake(l.kick)
}

// NotifyLeave removes a member.
func (d *delegate) NotifyLeave(n *memberlist.Node) {
	l := (*Link)(d)
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.members[n.Name]
	if m == nil {
		return
	}
	delete(l.members, n.Name)
	l.changed()
	l.say(slog.LevelWarn, "peer gone", "gone "+n.Name, slog.String("peer", n.Name))
	if p := l.peers[n.Name]; p != nil {
		p.due = time.Now().Add(firstRetry)
	}
}

// NotifyConflict is one name at two addresses: two nodes, or one that has moved
// while the others still wait for its answer.
func (d *delegate) NotifyConflict(existing, other *memberlist.Node) {
	l := (*Link)(d)
	if existing.Name == l.cfg.Node {
		return // NotifyAlive has seen to it
	}
	l.counts.duplicate.Add(1)
	l.trouble(TroubleAddresses, existing.Name)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.say(slog.LevelWarn, "a node has two addresses: it has moved, or two nodes have one name", "conflict "+existing.Name,
		slog.String("node", existing.Name),
		slog.String("address", addrOf(existing).String()), slog.String("other", addrOf(other).String()))
}

func addrOf(n *memberlist.Node) netip.AddrPort {
	a, _ := netip.AddrFromSlice(n.Addr)
	return netip.AddrPortFrom(a.Unmap(), n.Port)
}
