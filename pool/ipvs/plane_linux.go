// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/pool"
)

var (
	_ pool.Plane      = (*Plane)(nil)
	_ pool.SyncDaemon = (*Plane)(nil)
)

// Config is what New needs.
type Config struct {
	Log *slog.Logger // nil logs nothing
}

// Plane is the kernel's IPVS in one network namespace. Calls wait for each other.
type Plane struct {
	log    *slog.Logger
	space  uint64     // the network namespace's number
	conns  chan *conn // the one socket, taken while it is used
	closed chan struct{}

	// Owned by who has the socket.
	owners    map[key]string   // the service that was last set at a frontend
	frontends map[string][]key // where a service was set
	sysctls   bool             // they were seen to
}

// New opens a socket in the network namespace of the calling thread. It changes
// nothing, and does not ask whether the kernel has IPVS.
func New(cfg Config) (*Plane, error) {
	p := &Plane{
		log:       cfg.Log,
		space:     networkNamespace(),
		conns:     make(chan *conn, 1),
		closed:    make(chan struct{}),
		owners:    map[key]string{},
		frontends: map[string][]key{},
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	c, err := dial()
	if err != nil {
		return nil, err
	}
	p.conns <- c
	return p, nil
}

// Close closes the socket. Services stay as they are, and so does the daemon. It
// may be called twice.
func (p *Plane) Close() error {
	select {
	case c := <-p.conns:
		close(p.closed)
		return c.close()
	case <-p.closed:
		return nil
	}
}

// do lends the socket to fn when the kernel has IPVS.
func (p *Plane) do(ctx context.Context, fn func(*conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case c := <-p.conns:
		defer func() { p.conns <- c }()
		changed, err := c.lookUp()
		if err != nil {
			return err
		}
		if changed {
			p.sysctls = false // the module is a new one, and so are they
		}
		return fn(c)
	case <-ctx.Done():
		return ctx.Err()
	case <-p.closed:
		return os.ErrClosed
	}
}

// Set makes the kernel's services what they should be (pool.Plane). Frontends
// that this Plane has set under a service's name and that it has no more are
// removed.
func (p *Plane) Set(ctx context.Context, services []pool.Virtual) error {
	return p.do(ctx, func(c *conn) error {
		p.setSysctls()
		jobs, errs := split(services)
		have, err := c.services(ctx, jobs.keys())
		if err != nil {
			return fmt.Errorf("reading IPVS's services: %w", err)
		}
		for _, j := range jobs {
			for _, k := range j.keys {
				p.owners[k] = j.service.Name
			}
		}
		missing := map[pool.Scheduler]error{}
		for _, j := range jobs {
			err := missing[j.service.Scheduler]
			if err == nil {
				err = p.setAll(ctx, c, j, have)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if _, ok := errors.AsType[*schedulerError](err); ok {
				missing[j.service.Scheduler] = err
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("service %s: %w", j.service.Name, err))
			}
		}
		return summary(errs)
	})
}

// job is a service with its frontends.
type job struct {
	service pool.Virtual
	keys    []key
}

type jobs []job

func (js jobs) keys() []key {
	var ks []key
	for _, j := range js {
		ks = append(ks, j.keys...)
	}
	return ks
}

// split finds the services' frontends. Services that can't be are errors.
func split(services []pool.Virtual) (js jobs, errs []error) {
	for _, v := range services {
		ks, err := keys(v)
		if err != nil {
			errs = append(errs, fmt.Errorf("service %s: %w", v.Name, err))
			continue
		}
		js = append(js, job{v, ks})
	}
	return js, errs
}

// setAll makes a service's frontends what they should be, and returns the first
// error of each kind.
func (p *Plane) setAll(ctx context.Context, c *conn, j job, have map[key]service) error {
	wanted := map[key]bool{}
	var errs []error
	for _, k := range j.keys {
		if err := ctx.Err(); err != nil {
			return err
		}
		wanted[k] = true
		s, exists := have[k]
		err := set(c, j.service, k, s, exists)
		if stale(err) { // it has changed since it was read
			now, rerr := c.services(ctx, []key{k})
			if rerr != nil {
				return rerr
			}
			s, exists = now[k]
			err = set(c, j.service, k, s, exists)
		}
		if missing, ok := errors.AsType[*schedulerError](err); ok {
			return missing // at all of them
		}
		errs = append(errs, err)
	}
	return summary(append(errs, p.removeFormer(c, j, wanted)))
}

// removeFormer removes what was set for the service before and it has no more.
func (p *Plane) removeFormer(c *conn, j job, wanted map[key]bool) error {
	var errs []error
	now := j.keys
	for _, k := range p.frontends[j.service.Name] {
		if wanted[k] || p.owners[k] != j.service.Name {
			continue
		}
		if err := p.remove(c, k); err != nil {
			errs = append(errs, err)
			now = append(slices.Clip(now), k)
		}
	}
	p.frontends[j.service.Name] = now
	return summary(errs)
}

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

// Remove removes services (pool.Plane), but not where another service has been
// set since. A kernel without IPVS has none of them.
func (p *Plane) Remove(ctx context.Context, services []pool.Virtual) error {
	err := p.do(ctx, func(c *conn) error {
		jobs, errs := split(services)
		for _, j := range jobs {
			for _, k := range j.keys {
				if err := ctx.Err(); err != nil {
					return err
				}
				if name, ok := p.owners[k]; ok && name != j.service.Name {
					continue
				}
				if err := p.remove(c, k); err != nil {
					errs = append(errs, fmt.Errorf("service %s: %w", j.service.Name, err))
				}
			}
		}
		return summary(errs)
	})
	if errors.Is(err, pool.ErrNoPlane) {
		return nil
	}
	return err
}

// remove removes one service of the kernel's, if it is there.
func (p *Plane) remove(c *conn, k key) error {
	outcomes, err := c.run([]command{k.command(deleteService)})
	if err == nil {
		err = outcomes[0]
	}
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("removing %v: %w", k, hint(err))
	}
	delete(p.owners, k)
	return nil
}
