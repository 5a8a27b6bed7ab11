// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/vicar-ha/vicar/guardian"
)

// guardianCommand is what vicar run starts beside itself.
func (a *app) guardianCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:    "guardian",
		Short:  "Give up for an agent that dies (started by run)",
		Args:   noArguments,
		Hidden: true,
	}
	f := runFlags{format: formatText}
	cmd.Flags().StringVar(&f.dir, "runtime-dir", a.runtimeDir(), "runtime directory of the agent")
	cmd.Flags().Var(&f.format, "log-format", "text or json")
	cmd.Flags().Var(&f.level, "log-level", "debug, info, warn or error")
	cmd.RunE = a.do(func(*cobra.Command, []string) error {
		log := slog.New(f.format.handler(a.stderr, slog.Level(f.level)))
		return guardian.Main(guardian.MainConfig{RuntimeDir: f.dir, Log: log})
	})
	return cmd
}

// guardianArgv starts the guardian of an agent with these flags. The program is
// the one that runs, be its file another version's by now.
func guardianArgv(f runFlags) []string {
	return []string{
		"/proc/self/exe", "guardian", "--runtime-dir", f.dir,
		"--log-format", f.format.String(), "--log-level", f.level.String(),
	}
}
