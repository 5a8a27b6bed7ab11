// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vicar-ha/vicar/address"
	"github.com/vicar-ha/vicar/guardian"
)

// releaseFlags are the flags of vicar release.
type releaseFlags struct {
	dir          string
	force, purge bool
}

func (a *app) releaseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "release",
		Short: "Remove addresses that a dead agent has left",
		Long: `Removes from the interfaces what an agent that died has left there, and closes
the fence for it. The unit does so after the agent's end (ExecStopPost), because an
agent that was killed can't. While an agent lives it refuses; while its guardian
is at work it waits.

With --purge it also takes away the fence and the pools that the agent has left in
the kernel, which stay otherwise: for a host that is not to run vicar any more.`,
	}
	var f releaseFlags
	cmd.Flags().StringVar(&f.dir, "runtime-dir", a.runtimeDir(), "runtime directory of the agent")
	cmd.Flags().BoolVar(&f.force, "force", false, "remove them even from an agent that lives; one that works puts them back")
	cmd.Flags().BoolVar(&f.purge, "purge", false, "take away the fence, and the pools that were left")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if f.force && f.purge {
			return errors.New("--purge is for a host without an agent, which relies on the fence: stop the agent, and leave --force out")
		}
		return noArguments(cmd, args)
	}
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		return a.release(cmd.Context(), f)
	})
	return cmd
}

// release removes what is left of the agent in f.dir. It holds the agent's lock
// meanwhile, so that none lives or starts. A directory that isn't there is no
// reason to leave addresses.
func (a *app) release(ctx context.Context, f releaseFlags) error {
	instead, wait := "stop it, or use --force", "wait for its end, or use --force"
	if f.purge { // which a living one relies on
		instead, wait = "stop it first", "wait for its end"
	}
	alone, err := acquire(f.dir)
	switch {
	case err == nil:
		defer alone.release()
	case errors.Is(err, errLocked) && !f.force:
		return fmt.Errorf("%w: %s", err, instead)
	case errors.Is(err, fs.ErrNotExist):
		f.dir = ""
	case !f.force:
		return err
	}
	if !f.force {
		leave, err := claimNamespace(ctx)
		if err != nil {
			return fmt.Errorf("%w: %s", err, instead)
		}
		defer leave()
		if err := guardian.Await(ctx, f.dir); err != nil {
			return fmt.Errorf("%w: %s", err, wait)
		}
	}
	done, err := giveUp(ctx, f)
	stays, balances := fenceStays(), poolsStay(f.dir)
	switch {
	case err != nil || len(done) > 0:
	case stays == "" && balances == "":
		done = append(done, "Nothing was left.")
	default:
		done = append(done, "No address was left.")
	}
	if stays != "" && !f.purge {
		done = append(done, stays)
	}
	if balances != "" {
		done = append(done, balances)
	}
	var b strings.Builder
	for _, line := range done {
		fmt.Fprintln(&b, line)
	}
	return errors.Join(a.print(b.String()), err)
}

// giveUp does the work of release and returns what it has done. The fence is no
// reason to leave addresses either.
func giveUp(ctx context.Context, f releaseFlags) (done []string, err error) {
	kernel, err := openKernel(address.Config{RuntimeDir: f.dir})
	if err != nil {
		return nil, err
	}
	defer kernel.Close()
	left, err := kernel.Leftovers(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for addresses: %w", err)
	}
	if len(left) > 0 && !f.purge {
		addrs := make([]netip.Addr, len(left))
		for i, p := range left {
			addrs[i] = p.Addr()
		}
		if err := address.ShutFence(addrs); err != nil {
			done = append(done, fmt.Sprintf("The fence closes when the leases end, and not now: %v.", err))
		}
	}
	removed, err := kernel.Sweep(ctx)
	for _, r := range removed {
		done = append(done, fmt.Sprintf("removed %s", r))
	}
	if err != nil {
		// The fence stays, for what could not be removed.
		return done, fmt.Errorf("removing addresses: %w", err)
	}
	if f.purge {
		removed, poolErr := purgePools(ctx, f.dir, kernelPlanes(slog.New(slog.DiscardHandler)))
		done = append(done, removed...)
		names, err := address.PurgeFence()
		for _, name := range names {
			done = append(done, fmt.Sprintf("took the fence away from %s", name))
		}
		return done, errors.Join(poolErr, err)
	}
	return done, nil
}

// fenceStays says where the fence is and how to take it away; empty if there is
// none. That it can't be looked for is no reason for release to fail.
func fenceStays() string {
	names, err := address.Fenced()
	if err != nil || len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("The fence stays on %s, for the next agent. On a host that is not to run vicar any more: vicar release --purge", firstNames(names))
}
