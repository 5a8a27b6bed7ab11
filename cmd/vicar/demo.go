// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/demo"
)

func (a *app) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show a failover on hosts made of network namespaces",
		Long: `Makes three hosts and a client out of network namespaces, runs real agents on
the hosts, cuts the holder off, lets it return, and stops it in good order. It
prints what happened when, and for how long the client had no answer.

It takes less than 20 seconds, changes nothing on this host and leaves nothing
behind. It needs Linux, and root or user namespaces.`,
		Args: noArguments,
		RunE: a.do(func(cmd *cobra.Command, _ []string) error {
			code, done, err := lab.Reexec()
			if err != nil {
				return fmt.Errorf("getting the rights for a demo: %w", err)
			}
			if done {
				return codeOf(code)
			}
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("finding this program: %w", err)
			}
			return demo.Run(cmd.Context(), demo.Options{Binary: self, Out: a.stdout})
		}),
	}
}

// codeOf passes on another run's exit code.
func codeOf(code int) error {
	if code == exitOK {
		return nil
	}
	return reported(code)
}
