// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/pool"
)

// What the kernel makes of lengths (ip_vs_sync.c).
const (
	mostSyncLen  = 65535 - 28 // IPv4's and UDP's headers
	leastHearing = 1024       // a backup takes messages of any master
	ipv6More     = 20         // that IPv6's header is longer
)

// Sync makes the daemon run in the role, or none (pool.SyncDaemon). One that runs
// in it with these settings goes on; on a change of the role the new one begins
// before the old one ends.
func (p *Plane) Sync(ctx context.Context, role pool.SyncRole, s pool.Sync) error {
	err := p.do(ctx, func(c *conn) error {
		have, err := c.daemons()
		if err != nil {
			return fmt.Errorf("reading IPVS's sync daemon: %w", err)
		}
		want := daemon{state: state(role), sync: s}
		var todo, end []command
		running := false
		for _, d := range have {
			switch {
			case d.state != want.state:
				end = append(end, d.command(deleteDaemon))
			case want.met(d):
				running = true
			default:
				todo = append(todo, d.command(deleteDaemon))
			}
		}
		if role != pool.SyncNone && !running {
			todo = append(todo, want.command(newDaemon))
		}
		for _, cmd := range append(todo, end...) {
			outcomes, err := c.run([]command{cmd})
			if err == nil {
				err = outcomes[0]
			}
			if err != nil && (cmd.id != deleteDaemon || !errors.Is(err, unix.ESRCH)) {
				return fmt.Errorf("IPVS's sync daemon on %s: %w", s.Interface, explainDaemon(err))
			}
		}
		return nil
	})
	if role == pool.SyncNone && errors.Is(err, pool.ErrNoPlane) {
		return nil // nothing runs
	}
	return err
}

func explainDaemon(err error) error {
	switch {
	case errors.Is(err, unix.ENODEV):
		return fmt.Errorf("%w (there is no such interface)", err)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("%w (the interface needs an address)", err)
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%w (IPVS does not synchronise while a service has destinations of the other family)", err)
	}
	return hint(err)
}

// daemon is the kernel's daemon in one state.
type daemon struct {
	state uint32
	sync  pool.Sync // without a router
}

func state(r pool.SyncRole) uint32 {
	switch r {
	case pool.SyncMaster:
		return stateMaster
	case pool.SyncBackup:
		return stateBackup
	default:
		return 0
	}
}

// met tells whether a daemon that runs is as this one should.
func (d daemon) met(runs daemon) bool {
	want, have := d.sync, runs.sync
	most := uint16(mostSyncLen)
	if have.Group.Is6() {
		most -= ipv6More
	}
	want.MaxLen = min(want.MaxLen, most)
	if d.state == stateBackup && want.MaxLen != 0 {
		want.MaxLen = max(want.MaxLen, leastHearing)
	}
	return want.Interface == have.Interface && want.ID == have.ID &&
		(want.MaxLen == 0 || want.MaxLen == have.MaxLen) &&
		(!want.Group.IsValid() || want.Group == have.Group) &&
		(want.Port == 0 || want.Port == have.Port) &&
		(want.TTL == 0 || want.TTL == have.TTL)
}

// command is newDaemon or deleteDaemon.
func (d daemon) command(id uint8) command {
	return command{id, appendNested(nil, attrDaemon, func(b []byte) []byte {
		b = append32(b, daemonState, d.state)
		if id == deleteDaemon {
			return b
		}
		b = appendString(b, daemonInterface, d.sync.Interface)
		b = append32(b, daemonID, uint32(d.sync.ID))
		if d.sync.MaxLen != 0 {
			b = append16(b, daemonMaxLen, d.sync.MaxLen)
		}
		switch g := d.sync.Group; {
		case g.Is4():
			b = appendBytes(b, daemonGroup, g.AsSlice()...)
		case g.Is6():
			b = appendBytes(b, daemonGroup6, g.AsSlice()...)
		}
		if d.sync.Port != 0 {
			b = append16(b, daemonPort, d.sync.Port)
		}
		if d.sync.TTL != 0 {
			b = appendBytes(b, daemonTTL, d.sync.TTL)
		}
		return b
	})}
}

// daemons reads what runs.
func (c *conn) daemons() ([]daemon, error) {
	var out []daemon
	err := c.ask(c.family, flagDump, command{id: getDaemon}, func(as attributes) {
		if d := parseDaemon(as); d.state != 0 {
			out = append(out, d)
		}
	})
	return out, err
}

// parseDaemon reads an answer to getDaemon.
func parseDaemon(as attributes) daemon {
	var d daemon
	for kind, v := range as.nested(attrDaemon).all {
		switch kind {
		case daemonState:
			d.state = v.u32()
		case daemonInterface:
			d.sync.Interface = v.text()
		case daemonID:
			d.sync.ID = uint8(v.u32())
		case daemonMaxLen:
			d.sync.MaxLen = v.u16()
		case daemonGroup:
			d.sync.Group = v.addr(family4)
		case daemonGroup6:
			d.sync.Group = v.addr(family6)
		case daemonPort:
			d.sync.Port = v.u16()
		case daemonTTL:
			d.sync.TTL = v.u8()
		}
	}
	return d
}

// Timeouts are how long IPVS keeps connections on which nothing moves. 0 leaves
// one as it is.
type Timeouts struct {
	TCP, TCPFin, UDP time.Duration // whole seconds
}

// SetTimeouts sets the namespace's timeouts. They stay.
func (p *Plane) SetTimeouts(ctx context.Context, t Timeouts) error {
	return p.do(ctx, func(c *conn) error {
		outcomes, err := c.run([]command{t.command()})
		if err == nil {
			err = outcomes[0]
		}
		if err != nil {
			return fmt.Errorf("setting IPVS's timeouts: %w", hint(err))
		}
		return nil
	})
}

func (t Timeouts) command() command {
	var b []byte
	for kind, d := range map[uint16]time.Duration{attrTimeoutTCP: t.TCP, attrTimeoutTCPFin: t.TCPFin, attrTimeoutUDP: t.UDP} {
		b = append32(b, kind, uint32(d/time.Second))
	}
	return command{setConfig, b}
}

// Timeouts are those that the namespace has.
func (p *Plane) Timeouts(ctx context.Context) (t Timeouts, err error) {
	err = p.do(ctx, func(c *conn) error {
		return c.ask(c.family, flagAck, command{id: getConfig}, func(as attributes) {
			for kind, v := range as.all {
				switch d := time.Duration(v.u32()) * time.Second; kind {
				case attrTimeoutTCP:
					t.TCP = d
				case attrTimeoutTCPFin:
					t.TCPFin = d
				case attrTimeoutUDP:
					t.UDP = d
				}
			}
		})
	})
	if err != nil {
		return t, fmt.Errorf("reading IPVS's timeouts: %w", err)
	}
	return t, nil
}
