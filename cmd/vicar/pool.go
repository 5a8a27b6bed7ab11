// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vicar-ha/vicar/control"
	"github.com/vicar-ha/vicar/status"
)

func (a *app) poolCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pool",
		Short: "Show the pools and their servers",
		Long: `Shows the virtual services that this node balances, and all of their servers:
who is up, with which weight and how many connections, and why one is down.`,
		Example: `  vicar pool
  vicar pool drain web 198.51.100.11:8080
  vicar pool undrain web 198.51.100.11:8080`,
		Args: noArguments,
	}
	socket := a.socketFlag(cmd.Flags())
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		st, err := control.Dial(*socket).Status(cmd.Context())
		if err != nil {
			return err
		}
		if *asJSON {
			return a.printJSON(poolResult{append([]status.Pool{}, st.Pools...), st.Sync})
		}
		return a.print(renderPools(st, a.paint()))
	})
	cmd.AddCommand(a.poolDrainCommand(true), a.poolDrainCommand(false))
	return cmd
}

// poolResult is what vicar pool prints as JSON.
type poolResult struct {
	Pools []status.Pool `json:"pools"`
	Sync  *status.Sync  `json:"sync,omitempty"`
}

// renderPools is all of the pools for people.
func renderPools(st status.Status, p paint) string {
	if len(st.Pools) == 0 {
		if witnesses(st) {
			return "This node is a witness and balances nothing.\n"
		}
		return "The configuration has no pools.\n"
	}
	var b strings.Builder
	b.WriteString(poolTables(st, p, true))
	for _, part := range []struct {
		title, colour string
		lines         []string
	}{{"Wrong now", red, wrongPools(st)}, {"Waiting", yellow, waitsPools(st)}} {
		if len(part.lines) > 0 {
			b.WriteString("\n" + p.text(bold, part.title) + "\n")
		}
		for _, line := range part.lines {
			b.WriteString("  " + p.text(part.colour, line) + "\n")
		}
	}
	return b.String()
}

func (a *app) poolDrainCommand(on bool) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drain SERVICE SERVER",
		Short: "Send a server of a pool no new connections",
		Long: `Gives a server of a pool weight 0 on this node: its connections go on, and it gets
no new ones. When the last has ended, or after the pool's drain_limit, it is removed
from the kernel. It stays drained, over restarts too, until vicar pool undrain. A
drained server does not count for its pool's quorum.

Other nodes balance by themselves: say so there, too.`,
		Example: `  vicar pool drain web 198.51.100.11:8080`,
		Args:    serviceAndServer,
	}
	if !on {
		cmd.Use, cmd.Short = "undrain SERVICE SERVER", "Send a drained server of a pool new connections again"
		cmd.Long = `Ends what vicar pool drain began: the server gets new connections again, with its
slow start if it has one, as soon as its checks pass.`
		cmd.Example = `  vicar pool undrain web 198.51.100.11:8080`
	}
	socket := a.socketFlag(cmd.Flags())
	cmd.ValidArgsFunction = completeServer(socket)
	cmd.RunE = a.do(func(cmd *cobra.Command, args []string) error {
		client, d := control.Dial(*socket), control.PoolDrain{Service: args[0], Server: args[1], Drain: on}
		if err := client.PoolDrain(cmd.Context(), d); err != nil {
			return hintedServer(cmd.Context(), client, err, d)
		}
		st, _ := client.Status(cmd.Context()) // it is done in any case
		return a.print(poolDrainText(d, st))
	})
	return cmd
}

// serviceAndServer is for commands that take these two.
func serviceAndServer(cmd *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return fmt.Errorf("%s needs the names of a pool and of one of its servers", cmd.Name())
	case 1:
		return fmt.Errorf("%s needs the name of a server of %s, too", cmd.Name(), args[0])
	case 2:
		return nil
	default:
		return fmt.Errorf("%s takes one pool and one server, and got %q as well", cmd.Name(), args[2])
	}
}

// poolDrainText says what came of draining a server.
func poolDrainText(d control.PoolDrain, st status.Status) string {
	if !d.Drain {
		return fmt.Sprintf("%s of %s gets new connections again, if its checks pass.\n", d.Server, d.Service)
	}
	open := ""
	if s := findServer(st, d); s != nil && s.Programmed {
		open = "; it has " + connectionsOf(s)
	}
	return fmt.Sprintf("%s of %s gets no new connections from this node%s.\nIt stays so until: vicar pool undrain %s %s\n", d.Server, d.Service, open, d.Service, d.Server)
}

func findServer(st status.Status, d control.PoolDrain) *status.PoolServer {
	for i := range st.Pools {
		if p := &st.Pools[i]; p.Name == d.Service {
			for j := range p.Servers {
				if s := &p.Servers[j]; s.Name == d.Server && !s.Sorry {
					return s
				}
			}
		}
	}
	return nil
}

// hintedServer adds to the error about an unknown name the one that was probably meant.
func hintedServer(ctx context.Context, client *control.Client, err error, d control.PoolDrain) error {
	if !errors.Is(err, control.ErrUnknown) {
		return err
	}
	st, statusErr := client.Status(ctx)
	if statusErr != nil {
		return err
	}
	if pools := poolNames(st); !slices.Contains(pools, d.Service) {
		return suggestName(err, d.Service, pools)
	}
	return suggestName(err, d.Server, append(serverNames(st, d.Service), drainedAway(st, d.Service)...))
}

func poolNames(st status.Status) []string {
	var names []string
	for i := range st.Pools {
		names = append(names, st.Pools[i].Name)
	}
	return names
}

// serverNames are the servers of a pool that can be drained.
func serverNames(st status.Status, pool string) []string {
	var names []string
	for i := range st.Pools {
		for j := range st.Pools[i].Servers {
			if s := &st.Pools[i].Servers[j]; st.Pools[i].Name == pool && !s.Sorry {
				names = append(names, s.Name)
			}
		}
	}
	return names
}

// drainedAway are those that a pool does not have now and that can be undrained.
func drainedAway(st status.Status, pool string) []string {
	for i := range st.Pools {
		if st.Pools[i].Name == pool {
			return st.Pools[i].DrainedAway
		}
	}
	return nil
}

// completeServer completes a pool's name, and then one of its servers'.
func completeServer(socket *string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		switch len(args) {
		case 0:
			return complete(socket, poolNames)(cmd, args, begun)
		case 1:
			return complete(socket, func(st status.Status) []string { return append(serverNames(st, args[0]), drainedAway(st, args[0])...) })(cmd, args, begun)
		default:
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
}
