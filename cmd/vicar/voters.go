// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vicar-ha/vicar/control"
	"github.com/vicar-ha/vicar/status"
)

func (a *app) votersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "voters",
		Short: "Show who votes on leases, and how a change of the voters stands",
		Long: `Shows the voters that this node knows: who answers, and by which list. A changed
list of nodes (or guard.max_lease) is staged first, and comes into force when
every node of the old list and of the new one has reported it.`,
		Example: `  vicar voters
  vicar voters forget lb-3`,
		Args: noArguments,
	}
	socket := a.socketFlag(cmd.Flags())
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		client := control.Dial(*socket)
		if *asJSON {
			g, err := client.Voters(cmd.Context())
			if err != nil {
				return err
			}
			return a.printJSON(g)
		}
		st, err := client.Status(cmd.Context())
		if err != nil {
			return err
		}
		if st.Guard == nil {
			return control.ErrNoGuard
		}
		return a.print(renderVoters(st, a.paint()))
	})
	cmd.AddCommand(a.forgetCommand())
	return cmd
}

func (a *app) forgetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "forget NODE",
		Short: "Let a change of the voters not wait for a node that is gone for good",
		Long: `Lets a change of the voters go on without a node that is gone for good. Only do
so for a machine that will not start again with its old configuration: one that
does can vote by the old list and help a second node to hold the addresses. The
others learn it from this node.`,
		Example: `  vicar voters forget lb-3`,
		Args:    oneArgument("node"),
	}
	socket := a.socketFlag(cmd.Flags())
	cmd.ValidArgsFunction = completeFirst(socket, awaited)
	cmd.RunE = a.do(func(cmd *cobra.Command, args []string) error {
		client := control.Dial(*socket)
		if err := client.Forget(cmd.Context(), args[0]); err != nil {
			return err
		}
		text := fmt.Sprintf("%s is forgotten, here and by those that hear of it.\n", args[0])
		if st, err := client.Status(cmd.Context()); err == nil && st.Guard != nil && st.Guard.Staged {
			text += "Now " + changeLine(st) + ".\n"
		}
		return a.print(text)
	})
	return cmd
}

// awaited are the nodes that a change of the voters waits for.
func awaited(st status.Status) []string {
	if st.Guard == nil {
		return nil
	}
	return unreported(st.Guard)
}

// renderVoters is the guard and its voters for people.
func renderVoters(st status.Status, p paint) string {
	var b strings.Builder
	for _, l := range guardLines(st) {
		b.WriteString(l + "\n")
	}
	b.WriteString("\n" + table(p, voterRows(st)))
	var ws []string
	ws = append(ws, wrongVoters(st)...)
	ws = append(ws, wrongDenials(st)...)
	ws = append(ws, wrongGuard(st)...)
	if len(ws) > 0 {
		b.WriteString("\n" + p.text(bold, "Wrong now") + "\n")
		for _, w := range ws {
			b.WriteString("  " + p.text(red, w) + "\n")
		}
	}
	return b.String()
}

// voterRows is the table of the voters.
func voterRows(st status.Status) [][]cell {
	g := st.Guard
	head := heading("VOTER", "ANSWERS", "HEARD", "GRANTS", "LIST")
	if g.Staged {
		head = append(head, cell{"REPORTED", bold})
	}
	rows := [][]cell{head}
	for _, v := range g.Voters {
		row := []cell{{text: v.Name}, voteCell(st, v.Name), {text: since(st.Now, v.Heard)}, grantsCell(st, v), listCell(v)}
		if g.Staged {
			row = append(row, reportedCell(g, v))
		}
		rows = append(rows, row)
	}
	return rows
}

// voteCell tells whether a node votes.
func voteCell(st status.Status, node string) cell {
	n := slices.IndexFunc(st.Guard.Voters, func(v status.Voter) bool { return v.Name == node })
	switch {
	case n < 0:
		return cell{text: "-"}
	case node == st.Node && !st.Guard.Silent.IsZero():
		return cell{"silent", yellow}
	case slices.Contains(st.Votes().Silent, node):
		return cell{"no", red}
	case len(st.Guard.Voters[n].Denies) > 0:
		return cell{"not all", yellow}
	case !st.Guard.Voters[n].Answers && node != st.Node:
		return cell{text: "not asked"}
	default:
		return cell{"yes", green}
	}
}

func listCell(v status.Voter) cell {
	switch {
	case v.Drift:
		return cell{"another", red}
	case v.Current && v.Staged:
		return cell{text: "both"}
	case v.Staged:
		return cell{text: "staged"}
	default:
		return cell{text: "in force"}
	}
}

// reportedCell tells how far a node is with a change of the voters.
func reportedCell(g *status.Guard, v status.Voter) cell {
	switch {
	case v.Ready:
		return cell{text: "yes"}
	case v.Forgotten:
		return cell{text: "forgotten"}
	case slices.Contains(g.Waits, v.Name):
		return cell{"awaited", yellow}
	default:
		return cell{text: "no"}
	}
}
