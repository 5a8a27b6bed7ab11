// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

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
	owners    map[key]string          // the service that was last set at a frontend
	frontends map[string]map[key]bool // where a service was set
	sysctls   bool                    // they were seen to
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
		frontends: map[string]map[key]bool{},
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
			p.own(j)
		}
		missing := map[pool.Scheduler]error{}
		for _, j := range jobs {
			err := missing[j.service.Scheduler]
			if err == nil {
				err = check(j.service)
			}
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

// single are services of one frontend each: what was set one after the other may come
// to more of them than one service may have.
func single(services []pool.Virtual) (out []pool.Virtual) {
	for _, v := range services {
		if len(v.Frontends) == 0 {
			out = append(out, v)
		}
		for _, f := range v.Frontends {
			v.Frontends = []pool.Frontend{f}
			out = append(out, v)
		}
	}
	return out
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
	return summary(append(errs, p.removeFormer(c, j.service.Name, wanted)))
}

// own notes where the service is set from now on.
func (p *Plane) own(j job) {
	at := p.frontends[j.service.Name]
	if at == nil {
		at = make(map[key]bool, len(j.keys))
		p.frontends[j.service.Name] = at
	}
	for _, k := range j.keys {
		p.owners[k] = j.service.Name
		at[k] = true
	}
}

// removeFormer removes what was set under the name and is not wanted any more.
func (p *Plane) removeFormer(c *conn, name string, wanted map[key]bool) error {
	var errs []error
	for k := range p.frontends[name] {
		switch {
		case wanted[k]:
		case p.owners[k] != name:
			delete(p.frontends[name], k)
		default:
			errs = append(errs, p.remove(c, k))
		}
	}
	return summary(errs)
}

// Remove removes services (pool.Plane): at the frontends that they say and where this
// Plane has set them, but not where another service has been set since. A
// kernel without IPVS has none of them.
func (p *Plane) Remove(ctx context.Context, services []pool.Virtual) error {
	err := p.do(ctx, func(c *conn) error {
		jobs, errs := split(single(services))
		for _, j := range jobs {
			err := p.removeAll(ctx, c, j)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("service %s: %w", j.service.Name, err))
			}
		}
		return summary(errs)
	})
	if errors.Is(err, pool.ErrNoPlane) {
		return nil
	}
	return err
}

// removeAll removes one service.
func (p *Plane) removeAll(ctx context.Context, c *conn, j job) error {
	var errs []error
	name := j.service.Name
	for _, k := range j.keys {
		if err := ctx.Err(); err != nil {
			return err
		}
		if owner, ok := p.owners[k]; !ok || name == "" || owner == name {
			errs = append(errs, p.remove(c, k))
		}
	}
	return summary(append(errs, p.removeFormer(c, name, nil)))
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
	delete(p.frontends[p.owners[k]], k)
	delete(p.owners, k)
	return nil
}
