// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/control"
)

// The exit codes are a public interface; docs/commands.md describes them.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	exitConfig  = 3
	exitNoAgent = 4
	exitProof   = 5
	exitRefused = 6
)

const (
	defaultConfig  = "/etc/vicar/vicar.yaml"
	defaultRuntime = "/run/vicar"
	defaultState   = "/var/lib/vicar"
	socketName     = "vicar.sock"
)

const rootLong = `vicar keeps virtual IP addresses alive. Agents on two or more hosts elect by
VRRP who holds the addresses.

Exit codes:
  0  done
  1  failed
  2  used wrongly: unknown command, flag or argument, or no such router, node, pool
     or server
  3  the configuration is not valid, or the key file
  4  no agent answers, or you may not talk to it
  5  the configuration is valid, but the proof found a problem
  6  the agent refuses: as things are it can't be done`

// app is one run of the program.
type app struct {
	stdout, stderr io.Writer
	env            func(string) string
	started        bool // the command line was understood, a command began
}

// reported ends a command that has already said what is wrong. It is the exit
// code.
type reported int

// Error is not shown.
func (r reported) Error() string { return fmt.Sprintf("exit code %d", int(r)) }

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "vicar",
		Short:         "Keep virtual IP addresses alive",
		Long:          rootLong,
		Version:       readBuild().Version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(suggestFlag)
	root.AddCommand(a.runCommand(), a.checkCommand(), a.statusCommand(), a.reloadCommand(),
		a.releaseCommand(), a.demoCommand(), a.versionCommand(), a.guardianCommand())
	root.AddCommand(a.handoverCommand(), a.drainCommand(), a.undrainCommand(), a.votersCommand(), a.keygenCommand(), a.poolCommand(), a.doctorCommand(), a.docsCommand())
	return root
}

// do makes a command's RunE of f.
func (a *app) do(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a.started = true
		return f(cmd, args)
	}
}

// noArguments is for commands that take flags alone.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument, and got %q", cmd.Name(), args[0])
	}
	return nil
}

// print writes to stdout. Output that gets lost is a failure.
func (a *app) print(s string) error {
	if _, err := io.WriteString(a.stdout, s); err != nil {
		return fmt.Errorf("writing the output: %w", err)
	}
	return nil
}

// exit tells the user what went wrong in command and returns the exit code.
func (a *app) exit(command string, err error) int {
	if err == nil {
		return exitOK
	}
	if r, ok := errors.AsType[reported](err); ok {
		return int(r)
	}
	code := a.code(err)
	if invalid, ok := errors.AsType[config.Errors](err); ok {
		_, _ = io.WriteString(a.stderr, invalid.Excerpts())
		return code
	}
	text := strings.TrimRight(err.Error(), "\n")
	if code == exitUsage {
		text += fmt.Sprintf("\n\nRun '%s --help' for help.", command)
	}
	_, _ = fmt.Fprintf(a.stderr, "vicar: %s\n", text)
	return code
}

func (a *app) code(err error) int {
	_, invalid := errors.AsType[config.Errors](err)
	switch {
	case !a.started:
		return exitUsage
	case invalid, errors.Is(err, control.ErrInvalid):
		return exitConfig
	case errors.Is(err, control.ErrNoAgent):
		return exitNoAgent
	case errors.Is(err, control.ErrUnknown):
		return exitUsage
	case errors.Is(err, control.ErrRefused), errors.Is(err, control.ErrNoGuard):
		return exitRefused
	default:
		return exitFailure
	}
}

// runtimeDir is where a running agent keeps its socket, lock and journal.
// systemd names it in $RUNTIME_DIRECTORY, which may be a list.
func (a *app) runtimeDir() string {
	if dir, _, _ := strings.Cut(a.env("RUNTIME_DIRECTORY"), ":"); dir != "" {
		return dir
	}
	return defaultRuntime
}

// stateDir is what an agent keeps over restarts. systemd names it in
// $STATE_DIRECTORY, which may be a list.
func (a *app) stateDir() string {
	if dir, _, _ := strings.Cut(a.env("STATE_DIRECTORY"), ":"); dir != "" {
		return dir
	}
	return defaultState
}

// socketFlag adds --socket.
func (a *app) socketFlag(f *pflag.FlagSet) *string {
	return f.String("socket", filepath.Join(a.runtimeDir(), socketName), "control socket of the agent (control.socket in its configuration)")
}
