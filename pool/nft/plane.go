// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/pool"
)

// Plane is nftables as what balances. Its calls come one at a time.
type Plane struct {
	conn  *nftables.Conn
	raw   *raw
	known *knowledge // nil: nothing
}

// knowledge is what is known of the table, at one generation of the kernel's rules.
type knowledge struct {
	generation uint32
	list       *listing
	frame      *part    // the sets of frontends with their elements
	wrong      []string // of the frame
	services   map[string]*had
}

// had is a service that was read, or written, at this generation.
type had struct {
	*program
	wrong []string // sets and chains that are there but another kind of thing
	// is what it is known to be equal to; nil: it was not looked for.
	is *pool.Virtual
}

// New is nftables in the calling thread's network namespace. The error is
// pool.ErrNoPlane if the kernel does not have it.
func New() (*Plane, error) {
	r, err := openRaw()
	if err != nil {
		return nil, understood(err)
	}
	if _, err := r.generation(); err != nil {
		r.Close()
		if errors.Is(err, unix.EINVAL) { // nobody is there to ask
			err = errors.Join(err, unix.EPROTONOSUPPORT)
		}
		return nil, understood(err)
	}
	c, err := dial()
	if err != nil {
		r.Close()
		return nil, err
	}
	return &Plane{conn: c, raw: r}, nil
}

// Close closes the sockets.
func (p *Plane) Close() error {
	p.raw.Close()
	if err := p.conn.CloseLasting(); err != nil {
		return fmt.Errorf("closing nf_tables: %w", err)
	}
	return nil
}

// attempts is how often something is tried if others change the rules meanwhile.
const attempts = 4

// know makes what is known of the table true, and reads the services.
func (p *Plane) know(services []pool.Virtual) error {
	var last error
	for range attempts {
		before, err := p.raw.generation()
		if err != nil {
			return err
		}
		if p.known == nil || p.known.generation != before {
			p.known = nil
			p.known, last = p.look(before)
			if last != nil {
				continue
			}
		}
		if last = p.lookAt(services); last != nil {
			p.known = nil
			continue
		}
		after, err := p.raw.generation()
		if err != nil {
			return err
		}
		if after == before {
			return nil
		}
		p.known, last = nil, errors.New("others change the rules all the time")
	}
	return fmt.Errorf("reading the table %s: %w", tableName, last)
}

// look reads the frame.
func (p *Plane) look(generation uint32) (*knowledge, error) {
	l, err := list(p.conn)
	if err != nil {
		return nil, err
	}
	got, wrong, err := l.read(p.conn, frame())
	if err != nil {
		return nil, err
	}
	return &knowledge{generation: generation, list: l, frame: got, wrong: wrong, services: map[string]*had{}}, nil
}

// lookAt reads services that are not known.
func (p *Plane) lookAt(services []pool.Virtual) error {
	for _, v := range services {
		if p.known.services[v.Name] != nil {
			continue
		}
		got, wrong, err := p.known.list.read(p.conn, p.known.list.everything(v))
		if err != nil {
			return err
		}
		p.known.services[v.Name] = &had{program: &program{part: *got}, wrong: wrong}
	}
	return nil
}

// Set makes the services what they are to be.
func (p *Plane) Set(ctx context.Context, services []pool.Virtual) error {
	err := p.change(ctx, services, false)
	if err != nil && len(services) > 1 && ctx.Err() == nil && !errors.Is(err, os.ErrPermission) {
		// One that can't be had is not to be in the others' way.
		var errs []error
		for _, v := range services {
			if err := p.change(ctx, []pool.Virtual{v}, false); err != nil {
				errs = append(errs, fmt.Errorf("service %s: %w", v.Name, err))
			}
		}
		err = errors.Join(errs...)
	}
	return err
}

// Remove removes the services.
func (p *Plane) Remove(ctx context.Context, services []pool.Virtual) error {
	return p.change(ctx, services, true)
}

// change writes the services, or removes them, in one transaction.
func (p *Plane) change(ctx context.Context, services []pool.Virtual, remove bool) error {
	p.raw.hold() // without it a flush of all rules costs the established connections
	var last error
	for range attempts {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("programming nftables: %w", err)
		}
		if err := p.know(services); err != nil {
			return understood(err)
		}
		c := p.plan(services, remove)
		if c.empty() {
			return nil
		}
		k := p.known
		if last = c.commit(p.conn); last != nil {
			p.known = nil // it was made for another state, or the kernel can't
			continue
		}
		after, err := p.raw.generation()
		if err == nil && after == k.generation+1 {
			k.generation = after
			c.into(k)
		} else {
			p.known = nil // others were there as well
		}
		return errors.Join(p.rescue(ctx, c), p.sweep(ctx, k, c))
	}
	return understood(fmt.Errorf("programming nftables: %w", last))
}

// cloned is a copy that shares nothing that changes.
func cloned(v pool.Virtual) pool.Virtual {
	v.Frontends, v.Destinations = slices.Clone(v.Frontends), slices.Clone(v.Destinations)
	return v
}

// Read is what the table has of the services, with their connections.
func (p *Plane) Read(ctx context.Context, services []pool.Virtual) ([]pool.Reading, error) {
	if err := p.know(services); err != nil {
		return nil, understood(err)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("reading nftables: %w", err)
	}
	var out []pool.Reading
	for _, v := range services {
		got := p.known.services[v.Name]
		for _, f := range families() {
			s := got.sets[f.identifier("servers", v.Name)]
			if s == nil {
				continue
			}
			for _, e := range slices.SortedFunc(maps.Keys(s.elements), compareElements) {
				if a, ok := server(e.key); ok {
					out = append(out, pool.Reading{Service: v.Name, Address: a, Weight: int(weighs(e))})
				}
			}
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, p.count(services, out)
}
