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
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show a failover on hosts made of network namespaces",
		Long: `Makes three hosts and a client out of network namespaces, runs real agents on
the hosts, cuts the holder off, lets it return, and stops it in good order. It
prints what happened when, and for how long the client had no answer.

With --cloud the address moves in a part of AWS that this program imitates: by
routes, which the client's packets follow. The holder is cut off and returns,
somebody else takes a route, and the API is out of reach. Nothing is sent to AWS.

The figures depend on the settings: here adverts go each 100 ms, and in the cloud the
holder looks at its routes each second and an arbiter has a vote. Beside the figures
stands what other settings come to. With --json the figures alone are printed.

It takes less than 30 seconds, changes nothing on this host and leaves nothing
behind. It needs Linux, and root or user namespaces.`,
		Args: noArguments,
	}
	opt := demo.Options{Out: a.stdout}
	cmd.Flags().BoolVar(&opt.Cloud, "cloud", false, "let the address move in a cloud")
	cmd.Flags().BoolVar(&opt.JSON, "json", false, "print the figures as JSON, instead of the story")
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		code, done, err := lab.Reexec()
		if err != nil {
			return fmt.Errorf("getting the rights for a demo: %w", err)
		}
		if done {
			return codeOf(code)
		}
		if opt.Binary, err = os.Executable(); err != nil {
			return fmt.Errorf("finding this program: %w", err)
		}
		return demo.Run(cmd.Context(), opt)
	})
	return cmd
}

// codeOf passes on another run's exit code.
func codeOf(code int) error {
	if code == exitOK {
		return nil
	}
	return reported(code)
}
