// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vicar-ha/vicar/control"
	"github.com/vicar-ha/vicar/status"
)

func (a *app) handoverCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "handover ROUTER",
		Short: "Move a router to another node",
		Long: `Makes the holder of a router hand it over: to the node of --to, where it stays
until that node fails or until --auto, or else to the best of the other nodes. A
router of a sync group moves with the group. It may be asked on any node, and
returns when the other node has the addresses, with the time until that was elected
and until it had them. Where it is elected, there is no waiting for timers: that is
a few milliseconds; moving addresses in a cloud takes longer. Without a peer link
no node tells when it has them.

It is refused, with code 6, if the node of --to, or every other node, says that it
could not take the router over in the cloud (its check cloud/ROUTER fails). With
--force it is handed over all the same.`,
		Example: `  vicar handover web
  vicar handover web --to lb-2
  vicar handover web --auto`,
	}
	socket := a.socketFlag(cmd.Flags())
	to := cmd.Flags().String("to", "", "node that is to hold it, and to keep it until it fails")
	auto := cmd.Flags().Bool("auto", false, "end what an earlier --to asked for: the best node may have it again")
	force := cmd.Flags().Bool("force", false, "hand it over even to a node that says that it could not take it over in the cloud")
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if *auto && *to != "" {
			return errors.New("--to names a node, and --auto lets the best have it: use one of them")
		}
		return oneArgument("router")(cmd, args)
	}
	cmd.ValidArgsFunction = completeFirst(socket, routerNames)
	_ = cmd.RegisterFlagCompletionFunc("to", complete(socket, holderNames)) // the flag is there
	cmd.RunE = a.do(func(cmd *cobra.Command, args []string) error {
		h := control.Handover{Router: args[0], To: *to, Auto: *auto, Force: *force}
		client := control.Dial(*socket)
		result, err := client.Handover(cmd.Context(), h)
		if err != nil {
			return hinted(cmd.Context(), client, err, h)
		}
		if *asJSON {
			return a.printJSON(result)
		}
		return a.print(handoverText(h, result))
	})
	return cmd
}

// oneArgument is for commands that take one argument of that kind.
func oneArgument(kind string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return fmt.Errorf("%s needs the name of a %s", cmd.Name(), kind)
		case 1:
			return nil
		default:
			return fmt.Errorf("%s takes one %s, and got %q as well", cmd.Name(), kind, args[1])
		}
	}
}

// handoverText says what came of a handover.
func handoverText(h control.Handover, r control.HandoverResult) string {
	var b strings.Builder
	holder := clip(r.To, mostName)
	if holder == "" {
		holder = "no node that is known here"
	}
	switch {
	case h.Auto:
		fmt.Fprintf(&b, "%s is on %s, and the best node may have it again.\n", h.Router, holder)
	case r.From == r.To:
		fmt.Fprintf(&b, "%s is on %s already.\n", h.Router, holder)
	default:
		fmt.Fprintf(&b, "%s has moved from %s to %s: %s.\n", h.Router, clip(r.From, mostName), holder, movedIn(r.Took, r.Held))
	}
	if r.Returns {
		keep := fmt.Sprintf("vicar handover %s --to %s", h.Router, holder)
		if r.Held == 0 { // no peer_link, which --to needs
			keep = "vicar drain on " + clip(r.From, mostName) + ", until vicar undrain"
		}
		fmt.Fprintf(&b, "%s is better and takes it back (preempt). To keep it there: %s\n", clip(r.From, mostName), keep)
	}
	if h.To != "" {
		fmt.Fprintf(&b, "It stays there until %s fails, or until: vicar handover %s --auto\n", h.To, h.Router)
	}
	return b.String()
}

// movedIn says when a new holder was elected, and when it had the addresses.
func movedIn(elected, held time.Duration) string {
	if held == 0 {
		return "elected in " + took(elected) + "; when it has the addresses is not told without a peer_link"
	}
	return "elected in " + took(elected) + ", held after " + took(held)
}

// hinted adds to the error about an unknown name the one that was probably meant.
func hinted(ctx context.Context, client *control.Client, err error, h control.Handover) error {
	if !errors.Is(err, control.ErrUnknown) {
		return err
	}
	st, statusErr := client.Status(ctx)
	if statusErr != nil {
		return err
	}
	if routers := routerNames(st); !slices.Contains(routers, h.Router) {
		return suggestName(err, h.Router, routers)
	}
	return suggestName(err, h.To, holderNames(st))
}

// suggestName adds the name that was probably meant, if it is one.
func suggestName(err error, name string, all []string) error {
	var best []string
	for least, n := 3, 0; n < len(all); n++ {
		switch d := distance(name, all[n]); {
		case d < least:
			best, least = []string{all[n]}, d
		case d == least:
			best = append(best, all[n])
		}
	}
	if len(best) != 1 {
		return err
	}
	return fmt.Errorf("%w\n\nDid you mean this?\n\t%s", err, best[0])
}

// firstNames lists a screenful.
func firstNames(all []string) string {
	const most = 20
	text := strings.Join(all[:min(most, len(all))], ", ")
	if n := len(all) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// routerNames are the routers and sync groups of the agent's configuration.
func routerNames(st status.Status) []string {
	var names []string
	for _, r := range st.Routers {
		names = append(names, r.Name)
		if r.SyncGroup != "" {
			names = append(names, r.SyncGroup)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// holderNames are the nodes that can hold a router.
func holderNames(st status.Status) []string {
	var names []string
	for _, n := range st.Fleet {
		if n.Configured && !n.Witness {
			names = append(names, n.Name)
		}
	}
	return names
}

// completeTime is how long a shell waits for names.
const completeTime = 500 * time.Millisecond

// complete completes with the names that the agent has; with none if no agent
// answers.
func complete(socket *string, names func(status.Status) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completeTime)
		defer cancel()
		st, err := control.Dial(*socket).Status(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return slices.DeleteFunc(names(st), func(n string) bool { return !strings.HasPrefix(n, begun) }), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFirst completes the first argument.
func completeFirst(socket *string, names func(status.Status) []string) cobra.CompletionFunc {
	first := complete(socket, names)
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return first(cmd, args, begun)
	}
}
