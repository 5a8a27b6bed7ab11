// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Command vicar keeps virtual IP addresses alive: agents on two or more hosts
// elect by VRRP who holds them. docs/commands.md describes the commands.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

// run is the whole program: it carries out args and returns the exit code.
// What ctx's end means is the command's: the agent stops in good order.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, env func(string) string) int {
	a := &app{stdout: stdout, stderr: stderr, env: env}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	return a.exit(cmd.CommandPath(), err)
}
