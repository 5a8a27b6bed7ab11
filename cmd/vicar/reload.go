// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/vicar-ha/vicar/control"
	"github.com/vicar-ha/vicar/status"
)

func (a *app) reloadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Make the agent read its configuration again",
		Long: `Makes the running agent read its configuration again and apply what changed.
Routers that did not change are not disturbed. If the file is not valid nothing
changes, and its errors are shown (exit code 3). Changed voters are staged: they
are in force when every node has the file, and it says for whom that waits.
A servers_file that does not exist any more changes nothing, which it says.`,
		Args: noArguments,
	}
	socket := a.socketFlag(cmd.Flags())
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		client := control.Dial(*socket)
		if err := client.Reload(cmd.Context()); err != nil {
			return err
		}
		st, err := client.Status(cmd.Context())
		if err != nil { // it has been reloaded in any case
			return a.print("The configuration is in force.\n")
		}
		return a.print(reloadText(st))
	})
	return cmd
}

// reloadText says what of a reload is in force, and what is not.
func reloadText(st status.Status) string {
	text := "The configuration is in force.\n"
	if st.Guard != nil && st.Guard.Staged {
		text = "The configuration is in force but for the voters, which are staged.\nNow " + changeLine(st) + ".\n"
	}
	for _, line := range wrongFiles(st) {
		text += line + "\n"
	}
	return text
}
