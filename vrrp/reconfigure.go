// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// reconfigurable tells whether the router can go on as the same virtual router
// with cfg.
func (e *Engine) reconfigurable(cfg Config) bool {
	return cfg.validate() == nil && cfg.Version == e.cfg.Version && cfg.VRID == e.cfg.VRID &&
		cfg.Addresses[0].Is4() == e.cfg.Addresses[0].Is4() &&
		(cfg.Priority == wire.PriorityOwner) == e.owner() && cfg.Guarded == e.cfg.Guarded
}

// reconfigure takes over a new configuration in the state the router is in.
// Others learn an Active's new interval from its next advert, so that leaves at
// once; they go on waiting by the old one until they have it.
func (e *Engine) reconfigure(now time.Time, cfg Config) {
	if !e.reconfigurable(cfg) {
		return
	}
	priority, interval := cfg.Priority, cfg.Interval != e.cfg.Interval
	cfg.Priority, cfg.Follower = e.cfg.Priority, e.cfg.Follower
	cfg.Addresses = slices.Clone(cfg.Addresses)
	e.cfg = cfg
	e.sorted = sortedAddresses(cfg.Addresses)
	e.list = e.list[:0]
	e.setPriority(now, priority)
	e.cfg.Priority = priority
	if !interval {
		return
	}
	switch {
	case e.state == Active:
		e.interval = cfg.Interval
		e.send(now)
		e.deadline = nextAdvert(now, now, cfg.Interval, cfg.Epoch)
	case e.state == Backup && e.accepted.IsZero() && !e.vacant:
		e.interval = cfg.Interval
		e.deadline = now.Add(e.downInterval())
	}
}
