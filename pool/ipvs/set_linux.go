// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/pool"
)

// stale tells whether something was not there that should have been, or the other
// way round.
func stale(err error) bool {
	return errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT)
}

// set makes one service of the kernel's what it should be, which is there or not.
func set(c *conn, v pool.Virtual, k key, s service, exists bool) error {
	want := wanted(v, k.family)
	var todo []step
	have := map[netip.AddrPort]server{}
	switch {
	case !exists:
		todo = append(todo, step{want.command(newService, k), want.explain})
	case s != want:
		todo = append(todo, step{want.command(setService, k), want.explain})
	}
	if exists {
		var err error
		if have, err = c.servers(k); err != nil {
			return fmt.Errorf("reading the destinations of %v: %w", k, err)
		}
	}
	todo = append(todo, steps(k, have, destinations(v, k.family))...)
	if len(todo) == 0 {
		return nil
	}
	commands := make([]command, len(todo))
	for i, s := range todo {
		commands[i] = s.command
	}
	outcomes, err := c.run(commands)
	if err != nil {
		return fmt.Errorf("programming %v: %w", k, err)
	}
	for i, err := range outcomes {
		if err != nil && (todo[i].id != deleteServer || !stale(err)) {
			return fmt.Errorf("programming %v: %w", k, todo[i].explain(err))
		}
	}
	return tunnels(c, v, k)
}

// step is a command of a change, and what its error means.
type step struct {
	command
	explain func(error) error
}

// steps are what makes a service's destinations what they should be. Those that
// come come first, so that there is always one.
func steps(k key, have map[netip.AddrPort]server, want []pool.Destination) []step {
	var edits, out []step
	wanted := make(map[netip.AddrPort]bool, len(want))
	for _, d := range want {
		wanted[d.Address] = true
		explain := func(err error) error { return explainServer(k, d, err) }
		switch h, ok := have[d.Address]; {
		case !ok:
			out = append(out, step{serverCommand(newServer, k, d), explain})
		case h.Destination != d:
			edits = append(edits, step{serverCommand(setServer, k, d), explain})
		}
	}
	out = append(out, edits...)
	for at, h := range have {
		if !wanted[at] {
			explain := func(err error) error { return explainServer(k, h.Destination, err) }
			out = append(out, step{serverCommand(deleteServer, k, h.Destination), explain})
		}
	}
	return out
}

// tunnels checks after a change that the kernel knows the tunnels: an old one
// takes their attributes for nothing, and would send IPIP.
func tunnels(c *conn, v pool.Virtual, k key) error {
	for _, d := range destinations(v, k.family) {
		if d.Tunnel.Kind == pool.IPIP {
			continue
		}
		have, err := c.servers(k)
		if err != nil {
			return fmt.Errorf("reading the destinations of %v: %w", k, err)
		}
		if h, ok := have[d.Address]; ok && h.Tunnel.Kind != d.Tunnel.Kind {
			return fmt.Errorf("programming %v: the kernel has no tunnels of %v (GUE came with Linux 5.2, GRE with 5.3)", d.Address, d.Tunnel.Kind)
		}
	}
	return nil
}
