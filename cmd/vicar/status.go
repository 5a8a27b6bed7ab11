// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/vicar-ha/vicar/control"
	"github.com/vicar-ha/vicar/status"
)

func (a *app) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how the agent is",
		Long: `Shows the routers of the running agent, who holds what, and what is wrong.
With --watch it does so each second until q or Ctrl-C.

NO_COLOR in the environment turns colours off; there are none if the output is
no terminal.`,
		Args: noArguments,
	}
	socket := a.socketFlag(cmd.Flags())
	asJSON := cmd.Flags().Bool("json", false, "print JSON; with --watch, one line each second")
	watch := cmd.Flags().Bool("watch", false, "show it again each second")
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		client := control.Dial(*socket)
		if *watch {
			return a.watch(cmd.Context(), client.Status, *asJSON)
		}
		st, err := client.Status(cmd.Context())
		if err != nil {
			return err
		}
		if *asJSON {
			return a.printJSON(st)
		}
		return a.print(renderStatus(st, a.paint()))
	})
	return cmd
}

// paint tells whether to use colours (https://no-color.org).
func (a *app) paint() paint {
	f, ok := a.stdout.(*os.File)
	return paint(ok && isTerminal(f) && a.env("NO_COLOR") == "" && a.env("TERM") != "dumb")
}

// watch shows the status each second until ctx ends or q is pressed. Without an
// agent it does not begin; an agent that goes away is waited for.
func (a *app) watch(ctx context.Context, ask func(context.Context) (status.Status, error), asJSON bool) error {
	st, err := ask(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	show := a.appendStatus
	if f, ok := a.stdout.(*os.File); ok && isTerminal(f) && !asJSON {
		s, err := openScreen(ctx, f, os.Stdin, a.paint(), cancel)
		if err != nil {
			return err
		}
		defer s.close()
		show = s.show
	} else if asJSON {
		show = a.appendJSON
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if err := show(st, err); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if st, err = ask(ctx); ctx.Err() != nil {
			return nil
		}
	}
}

// appendStatus shows one status after the other, for output that is no
// terminal.
func (a *app) appendStatus(st status.Status, err error) error {
	if err != nil {
		return a.print(err.Error() + "\n\n")
	}
	return a.print(renderStatus(st, false) + "\n")
}

// appendJSON writes a line per status. An agent that does not answer has none.
func (a *app) appendJSON(st status.Status, err error) error {
	if err != nil {
		_, _ = fmt.Fprintf(a.stderr, "vicar: %v\n", err)
		return nil
	}
	line, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("encoding the output: %w", err)
	}
	return a.print(string(line) + "\n")
}
