// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// docs/commands.md has a section for each command, with a row for each flag
// that tells its names, default and meaning as the help does.
func TestCommandsDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	section := ""
	for line := range strings.Lines(string(text)) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			section = strings.TrimSpace(title)
			if strings.HasPrefix(section, "vicar ") && !strings.HasPrefix(section, "vicar completion") {
				want = append(want, section)
			}
			continue
		}
		if cells := strings.Split(line, "|"); len(cells) == 5 && strings.HasPrefix(cells[1], " `-") {
			want = append(want, fmt.Sprintf("%s: %s [%s] %s", section,
				strings.TrimSpace(cells[1]), strings.Trim(cells[2], "` "), strings.TrimSpace(cells[3])))
		}
	}
	a := &app{env: func(string) string { return "" }}
	var got []string
	var walk func(parent *cobra.Command)
	walk = func(parent *cobra.Command) {
		for _, cmd := range parent.Commands() {
			if cmd.Hidden {
				continue
			}
			title := parent.CommandPath() + " " + cmd.Use
			got = append(got, title)
			cmd.Flags().VisitAll(func(f *pflag.Flag) {
				got = append(got, fmt.Sprintf("%s: %s [%s] %s", title, flagNames(f), flagDefault(f), f.Usage))
			})
			walk(cmd)
		}
	}
	walk(a.root())
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/commands.md (-documented +real):\n%s", diff)
	}
}

func flagNames(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return fmt.Sprintf("`-%s`, `--%s`", f.Shorthand, f.Name)
	}
	return fmt.Sprintf("`--%s`", f.Name)
}

func flagDefault(f *pflag.Flag) string {
	if f.DefValue == "false" {
		return ""
	}
	return f.DefValue
}

// The exit codes in the help, the manual and the program are the same.
func TestExitCodesDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []int{exitOK, exitFailure, exitUsage, exitConfig, exitNoAgent, exitProof, exitRefused} {
		if !strings.Contains(string(text), fmt.Sprintf("\n| %d | ", code)) {
			t.Errorf("docs/commands.md lacks exit code %d", code)
		}
		if !strings.Contains(rootLong, fmt.Sprintf("\n  %d  ", code)) {
			t.Errorf("the help lacks exit code %d", code)
		}
	}
}

// Every command says what it is for, in one line and without a full stop.
func TestHelpIsThere(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short help is %q", cmd.CommandPath(), cmd.Short)
		}
		for _, c := range cmd.Commands() {
			walk(c)
		}
	}
	walk((&app{env: func(string) string { return "" }}).root())
}
