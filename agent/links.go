// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"
)

// linkKey is what makes two links the same for their users; the rest of a Link
// may change under them.
type linkKey struct {
	iface  string
	family int
	source netip.Addr
}

func keyOf(k Link) linkKey { return linkKey{k.Interface, k.Family, k.Source} }

// linkRetry is how long after a failure to open a link it is tried again.
const linkRetry = time.Second

// connect makes the open links those of specs, and gives each instance its
// link or a fault. A link that changes is opened anew before the old one is
// closed, so that nothing is missed; what both hear comes twice, which VRRP
// doesn't mind.
func (l *loop) connect(now time.Time, specs map[linkKey]*Link, users map[linkKey][]*instance) {
	for key, spec := range specs {
		slices.Sort(spec.VRIDs)
		k := l.links[key]
		if k == nil || !k.spec.equal(*spec) && !k.retune(*spec) {
			var fault string
			if k, fault = l.open(now, key, *spec); k == nil {
				for _, i := range users[key] {
					i.link, i.fault = nil, fault
				}
				continue
			}
		}
		k.seat(users[key])
	}
	for key, k := range l.links {
		if specs[key] == nil {
			l.closeLink(key, k)
		}
	}
}

// retuner is a Transport that can change the VRIDs it lets through, so that
// those that stay miss nothing.
type retuner interface{ SetVRIDs(ids []uint8) error }

// retune makes the link that of spec if only the VRIDs differ, without opening
// it anew.
func (k *link) retune(spec Link) bool {
	same := spec
	same.VRIDs = k.spec.VRIDs
	t, ok := k.transport.(retuner)
	if !ok || !k.spec.equal(same) || t.SetVRIDs(spec.VRIDs) != nil {
		return false
	}
	k.spec = spec
	return true
}

// seat gives the users their VRIDs on the link. Of two with one VRID a router
// that leaves makes way, and else the second is at fault: if both took part,
// one of them would be deaf and take over everywhere.
func (k *link) seat(users []*instance) {
	k.byVRID = [256]*instance{}
	for _, leaving := range []bool{false, true} {
		for _, i := range users {
			if i.router.group.leaving != leaving {
				continue
			}
			i.link = k
			switch other := k.byVRID[i.router.cfg.VRID]; {
			case other == nil:
				k.byVRID[i.router.cfg.VRID] = i
			case !leaving:
				i.link = nil
				i.fault = fmt.Sprintf("VRID %d is router %s's on interface %s",
					i.router.cfg.VRID, other.router.cfg.Name, k.spec.Interface)
			}
		}
	}
}

// open opens a link in the place of the one that has its key, if any, and
// starts its reader.
func (l *loop) open(now time.Time, key linkKey, spec Link) (*link, string) {
	t, err := l.cfg.Open(spec)
	if err != nil {
		l.retryAt = now.Add(linkRetry)
		if k := l.links[key]; k != nil {
			l.closeLink(key, k)
		}
		return nil, "cannot open a socket: " + err.Error()
	}
	k := &link{spec: spec, transport: t, used: make(chan struct{}, 1)}
	if old := l.links[key]; old != nil {
		k.sendFails, k.drops = old.sendFails, old.drops
		k.out, old.out = old.out, nil
		l.closeLink(key, old)
	}
	l.links[key] = k
	l.tasks.Go(func() { k.read(l.post, l.done) })
	return k, ""
}

// closeLink closes a link after what was queued on it has left.
func (l *loop) closeLink(key linkKey, k *link) {
	_ = k.flush() // counted
	if err := k.transport.Close(); err != nil {
		l.log.Warn("cannot close a socket", slog.String("iface", k.spec.Interface), slog.Any("err", err))
	}
	delete(l.links, key)
}

func (l *loop) closeLinks() {
	for key, k := range l.links {
		l.closeLink(key, k)
	}
}
