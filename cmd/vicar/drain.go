// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vicar-ha/vicar/control"
)

func (a *app) drainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drain",
		Short: "Hand over what this node holds and keep it out of the elections",
		Long: `Makes this node hand over everything that it holds, and take no part in the
elections until vicar undrain, over restarts too. It goes on voting on leases, so
that on a witness, which holds nothing, it changes nothing.

It is refused, with code 6, if this node holds what no other node is ready to take
over: with --force nobody may hold it then. One that says that it could not take it
over in the cloud is not ready. Without a peer link that is not known. It returns
when the others have the addresses. If nobody has what it gave up, that is said, and
the code is 1; the node is drained all the same.`,
		Example: `  vicar drain && systemctl restart haproxy && vicar undrain`,
		Args:    noArguments,
	}
	socket := a.socketFlag(cmd.Flags())
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	force := cmd.Flags().Bool("force", false, "drain it even if no other node is ready to take over what it holds")
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		client := control.Dial(*socket)
		moved, err := client.Drain(cmd.Context(), true, *force)
		if err != nil {
			return err
		}
		if st, err := client.Status(cmd.Context()); err == nil && witnesses(st) && !*asJSON {
			return a.print(drainedWitness)
		}
		text, left := drainText(moved)
		if *asJSON {
			err = a.printJSON(drainResult{moved})
		} else {
			err = a.print(text)
		}
		if err != nil {
			return err
		}
		if len(left) > 0 {
			return fmt.Errorf("the node is drained, but nobody is known to have taken over %s: see vicar status on the other nodes", firstNames(left))
		}
		return nil
	})
	return cmd
}

// drainResult is what a drain prints as JSON.
type drainResult struct {
	Moved []control.Moved `json:"moved"`
}

// drainedWitness says what came of draining a node that has no part in elections.
const drainedWitness = `This node is a witness: it holds no addresses, so that there is nothing to hand
over, and it goes on voting on leases, drained or not. Before you stop it, see in
vicar status that the other voters answer: without it one more failure may leave
no majority.
`

// drainText says what came of draining, and what nobody has taken over.
func drainText(moved []control.Moved) (text string, left []string) {
	var b strings.Builder
	for _, m := range moved {
		if m.To == "" {
			left = append(left, m.Router)
			continue
		}
		fmt.Fprintf(&b, "%s has moved to %s: %s.\n", m.Router, clip(m.To, mostName), movedIn(m.Took, m.Held))
	}
	if len(moved) == 0 {
		b.WriteString("It held nothing.\n")
	}
	b.WriteString("This node takes no part in the elections until: vicar undrain\n")
	return b.String(), left
}

func (a *app) undrainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "undrain",
		Short: "Let this node take part in the elections again",
		Long: `Ends what vicar drain began. The node takes over what it is the best for, if
preempt allows that.`,
		Example: `  vicar undrain`,
		Args:    noArguments,
	}
	socket := a.socketFlag(cmd.Flags())
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		if _, err := control.Dial(*socket).Drain(cmd.Context(), false, false); err != nil {
			return err
		}
		return a.print("This node takes part in the elections again.\n")
	})
	return cmd
}
