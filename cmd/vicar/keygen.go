// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

const defaultKeys = "/etc/vicar/keys"

func (a *app) keygenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keygen",
		Short: "Make the keys of the peer link, or change them",
		Long: `Writes a new key file (peer_link.keys_file), which only its owner can read and
which all nodes need. A file that is there is left alone.

With --rotate it changes the key of a file without an outage, in three steps: a
new key is added; it is put to use; the old one is dropped. Each call does the
next step. Between two steps the file goes to all other nodes, and every node
reloads.

With --fetch it writes the file of the configuration from what peer_link.keys_from
names, a parameter of SSM or a secret of Secrets Manager, with the credentials of
the instance's role. It tries for 30 seconds. A file that has these keys is left
alone; what is no key file replaces nothing (exit code 3).`,
		Example: `  vicar keygen
  vicar keygen && chown vicar /etc/vicar/keys
  vicar keygen --rotate /etc/vicar/keys
  vicar keygen --fetch && vicar reload`,
	}
	out := cmd.Flags().StringP("out", "o", defaultKeys, "file to write; - is the standard output")
	rotate := cmd.Flags().String("rotate", "", "key file whose key is to be changed by a step")
	fetch := cmd.Flags().Bool("fetch", false, "write peer_link.keys_file from what peer_link.keys_from names")
	file := cmd.Flags().StringP("config", "c", defaultConfig, "with --fetch: configuration file")
	node := cmd.Flags().String("node", "", "with --fetch: name of this node, which the configuration must have")
	var only stepFlag
	cmd.Flags().Var(&only, "step", "do this step only, if it is the next: add, use or drop")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch {
		case only != "" && *rotate == "":
			return fmt.Errorf("--step is about a file that is there: --rotate %s --step %s", defaultKeys, only)
		case *fetch && (*rotate != "" || cmd.Flags().Changed("out")):
			return errors.New("--fetch writes the file that the configuration names: use it without --rotate and --out")
		case !*fetch && (cmd.Flags().Changed("config") || cmd.Flags().Changed("node")):
			return errors.New("--config and --node are about --fetch")
		case *rotate != "" && cmd.Flags().Changed("out"):
			return errors.New("--out makes a new file, and --rotate changes one that is there: use one of them")
		}
		return noArguments(cmd, args)
	}
	_ = cmd.RegisterFlagCompletionFunc("step", cobra.FixedCompletions([]string{"add", "use", "drop"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		switch {
		case *fetch:
			return a.fetchKeys(cmd.Context(), *file, *node)
		case *rotate != "":
			done, err := rotateKeys(*rotate, string(only))
			if err != nil {
				return err
			}
			return a.print(rotated(*rotate, done))
		case *out == "-":
			return a.print(newKeys())
		}
		if err := createKeys(*out); err != nil {
			return err
		}
		return a.print(fmt.Sprintf(`Wrote a new key to %s, mode 0600. The agent's user must own the file; for
the unit: chown vicar %s
Copy it to all other nodes, with owner and mode: all of them need the same.
`, *out, *out))
	})
	return cmd
}

// stepFlag is the name of a step.
type stepFlag string

// String is the name.
func (f *stepFlag) String() string { return string(*f) }

// Type is what help calls the value.
func (*stepFlag) Type() string { return "step" }

// Set takes a name.
func (f *stepFlag) Set(s string) error {
	if s == "add" || s == "use" || s == "drop" {
		*f = stepFlag(s)
		return nil
	}
	return errors.New("it is add, use or drop")
}
