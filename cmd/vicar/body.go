// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/address"
	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/guard"
	"github.com/vicar-ha/vicar/guardian"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
)

// body is what of an agent reaches the kernel and outlives it: the fence and the
// guardian, with what belongs to the network. A witness has none of it.
type body struct {
	host
	fence    *fence
	fenceWas string // on, or why there is no fence
	guardian *guardian.Guardian
	executor *executor
	table    *os.File
}

// bodyWorld is what a body is built with.
type bodyWorld struct {
	argv []string // starts the guardian
	dir  string   // the runtime directory
	now  func() time.Time
	log  *slog.Logger
}

// newBody puts up the fence and starts the guardian, before anything is held.
func newBody(ctx context.Context, c *config.Config, h host, w bodyWorld) (_ *body, err error) {
	b := &body{host: h, fenceWas: "off"}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if c.Guard.Kind == config.GuardQuorum {
		if b.fence, b.fenceWas, err = openFence(c, w.log); err != nil {
			return nil, err
		}
	}
	if b.fence == nil {
		if err := purgeFence(w.log); err != nil {
			return nil, err
		}
	}
	if b.table, err = b.fence.table(); err != nil {
		return nil, err
	}
	b.guardian, err = guardian.Start(ctx, guardian.Config{
		Argv: w.argv, RuntimeDir: w.dir, Fence: b.table, Now: w.now, Log: w.log,
	})
	if err != nil {
		return nil, err
	}
	b.executor = newExecutor(h.kernel)
	b.kernel = b.executor
	if b.fence != nil {
		b.network = fenced{h.network, b.fence}
	}
	return b, nil
}

// purgeFence takes away what an agent with a fence left behind: nobody would
// open it for this one.
func purgeFence(log *slog.Logger) error {
	names, err := address.PurgeFence()
	if len(names) > 0 {
		log.Info("took away the fence of an agent before", slog.Any("interfaces", names))
	}
	return err
}

// leases is the fence for the guard: the guardian learns of each lease's end.
func (b *body) leases(now func() time.Time) guard.Fence {
	if b.fence == nil {
		return b.guardian.Leases(nil)
	}
	return b.guardian.Leases(address.Leases{Fence: b.fence.Fence, Now: now})
}

// run looks after fence and guardian until ctx ends, when nothing is held any
// more and the guardian is dismissed.
func (b *body) run(ctx context.Context, s seals) {
	var parts sync.WaitGroup
	if b.fence != nil {
		parts.Go(func() { b.fence.run(ctx) })
	}
	parts.Go(func() { b.executor.run(ctx, b.guardian.Write, s) })
	_ = b.guardian.Run(ctx) // it returns nil
	parts.Wait()
}

func (b *body) close() error {
	var errs []error
	if b.guardian != nil {
		errs = append(errs, b.guardian.Close())
	}
	if b.table != nil {
		errs = append(errs, b.table.Close())
	}
	if b.fence != nil {
		errs = append(errs, b.fence.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing the fence and the guardian: %w", err)
	}
	return nil
}

// status adds the fence.
func (b *body) status(st *status.Status) {
	if st.Guard == nil {
		return
	}
	st.Guard.Fence = b.fenceWas
	if b.fence != nil {
		st.Guard.Fence = b.fence.state()
		// What can't be asked now is asked the next time.
		st.Guard.FenceBefore, _ = b.fence.Foreign()
	}
}

// nowhere is the network and the kernel of a witness, which has no part in them.
type nowhere struct{}

var errWitness = errors.New("a witness holds no addresses")

func (nowhere) Watch(ctx context.Context, _ func(vip.Change)) error {
	<-ctx.Done()
	return nil
}

func (nowhere) Acquire(context.Context, vip.Claim) error      { return errWitness }
func (nowhere) Release(context.Context, vip.Claim) error      { return nil }
func (nowhere) Held(context.Context, vip.Claim) (bool, error) { return false, nil }

func openNowhere(agent.Link) (agent.Transport, error) { return nil, errWitness }
