// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/vicar-ha/vicar/control"
)

func (a *app) reloadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Make the agent read its configuration again",
		Long: `Makes the running agent read its configuration again and apply what changed.
Routers that did not change are not disturbed. If the file is not valid nothing
changes, and its errors are shown (exit code 3).`,
		Args: noArguments,
	}
	socket := a.socketFlag(cmd.Flags())
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		if err := control.Dial(*socket).Reload(cmd.Context()); err != nil {
			return err
		}
		return a.print("The configuration is in force.\n")
	})
	return cmd
}
