// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vicar-ha/vicar/address"
)

func (a *app) releaseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "release",
		Short: "Remove addresses that a dead agent has left",
		Long: `Removes from the interfaces what an agent that died has left there. The unit
does so after the agent's end (ExecStopPost), because an agent that was killed
can't. While an agent lives it refuses.`,
		Args: noArguments,
	}
	dir := cmd.Flags().String("runtime-dir", a.runtimeDir(), "runtime directory of the agent")
	force := cmd.Flags().Bool("force", false, "remove them even from an agent that lives; one that works puts them back")
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		return a.release(cmd.Context(), *dir, *force)
	})
	return cmd
}

// release sweeps what is left of the agent in dir. It holds the agent's lock
// meanwhile, so that none lives or starts. A directory that isn't there is no
// reason to leave addresses.
func (a *app) release(ctx context.Context, dir string, force bool) error {
	alone, err := acquire(dir)
	switch {
	case err == nil:
		defer alone.release()
	case errors.Is(err, errLocked) && !force:
		return fmt.Errorf("%w: stop it, or use --force", err)
	case errors.Is(err, fs.ErrNotExist):
		dir = ""
	case !force:
		return err
	}
	if !force {
		leave, err := claimNamespace(ctx)
		if err != nil {
			return fmt.Errorf("%w: stop it, or use --force", err)
		}
		defer leave()
	}
	kernel, err := openKernel(address.Config{RuntimeDir: dir})
	if err != nil {
		return err
	}
	defer kernel.Close()
	removed, err := kernel.Sweep(ctx)
	var b strings.Builder
	for _, r := range removed {
		fmt.Fprintf(&b, "removed %s\n", r)
	}
	if err != nil {
		return errors.Join(a.print(b.String()), fmt.Errorf("removing addresses: %w", err))
	}
	if len(removed) == 0 {
		b.WriteString("Nothing was left.\n")
	}
	return a.print(b.String())
}
