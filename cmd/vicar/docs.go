// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/vicar-ha/vicar/config"
)

// docsCommand writes what a package has beside the binary and what the binary
// knows: manual pages, completions, the schema. The names are those under which
// they are installed.
func (a *app) docsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:    "docs DIR",
		Short:  "Write manual pages, completions and the schema (for packages)",
		Args:   oneArgument("directory"),
		Hidden: true,
	}
	cmd.RunE = a.do(func(_ *cobra.Command, args []string) error {
		dir := args[0]
		for _, name := range []string{"man", "completions"} {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
				return fmt.Errorf("making a directory: %w", err)
			}
		}
		if err := a.manualPages(filepath.Join(dir, "man")); err != nil {
			return fmt.Errorf("writing the manual pages: %w", err)
		}
		if err := a.completions(filepath.Join(dir, "completions")); err != nil {
			return fmt.Errorf("writing the completions: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, "vicar.schema.json"), config.Schema(), 0o644); err != nil {
			return fmt.Errorf("writing the schema: %w", err)
		}
		return nil
	})
	return cmd
}

// manualPages writes a page for each command that is not hidden, and one for the
// configuration file.
func (a *app) manualPages(dir string) error {
	b := readBuild()
	date, err := a.sourceDate(b)
	if err != nil {
		return err
	}
	root := a.root()
	root.DisableAutoGenTag = true
	root.SetHelpCommand(&cobra.Command{Use: "no-help", Hidden: true})
	pageText(root)
	root.Long += "\nThe agent's configuration is /etc/vicar/vicar.yaml, see **vicar.yaml(5)**.\n"
	header := &doc.GenManHeader{Section: "8", Date: &date, Source: "vicar " + b.Version, Manual: "System Administration"}
	if err := doc.GenManTree(root, header, dir); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "vicar.yaml.5"), []byte(filePage(date, b.Version)), 0o644)
}

// sourceDate is $SOURCE_DATE_EPOCH, or else the source's, so that the same source
// makes the same pages.
func (a *app) sourceDate(b build) (time.Time, error) {
	if text := a.env("SOURCE_DATE_EPOCH"); text != "" {
		epoch, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return time.Time{}, fmt.Errorf("reading $SOURCE_DATE_EPOCH: %w", err)
		}
		return time.Unix(epoch, 0).UTC(), nil
	}
	if at, err := time.Parse(time.RFC3339, b.Time); err == nil {
		return at.UTC(), nil
	}
	return time.Unix(0, 0).UTC(), nil
}

// pageText makes of the helps, which are plain text, the Markdown that pages are
// made of: indented lines stay lines.
func pageText(cmd *cobra.Command) {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(cmd.Long) {
		if indented := strings.HasPrefix(line, "  "); indented != inside {
			inside = indented
			b.WriteString("\n")
		}
		if inside {
			b.WriteString("    ")
		}
		b.WriteString(line)
	}
	cmd.Long = b.String()
	for _, c := range cmd.Commands() {
		pageText(c)
	}
}

// completions writes a script for each shell that Linux distributions have.
func (a *app) completions(dir string) error {
	root := a.root()
	write := func(name string, generate func(string) error) error {
		if err := generate(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
		return nil
	}
	if err := write("vicar.bash", func(file string) error { return root.GenBashCompletionFileV2(file, true) }); err != nil {
		return err
	}
	if err := write("_vicar", root.GenZshCompletionFile); err != nil {
		return err
	}
	return write("vicar.fish", func(file string) error { return root.GenFishCompletionFile(file, true) })
}
