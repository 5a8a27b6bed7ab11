// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Command tfdocs writes the tables of inputs, outputs and resources into the
// README.md of Terraform modules, between the lines <!-- tables --> and
// <!-- end of tables -->. With -check it changes nothing, and fails if a table is
// not true or something has no description.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	begin = "<!-- tables -->\n"
	end   = "<!-- end of tables -->\n"
)

func main() {
	check := flag.Bool("check", false, "change nothing, fail if something is not true")
	flag.Parse()
	var errs []error
	for _, dir := range flag.Args() {
		if err := update(dir, *check); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", dir, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// update makes the tables of the module in dir true.
func update(dir string, check bool) error {
	m, err := read(dir)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, "README.md")
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	head, rest, opened := strings.Cut(string(text), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !opened || !closed {
		return fmt.Errorf("README.md has no lines %s and %s", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	wanted := head + begin + m.tables() + end + tail
	switch {
	case wanted == string(text):
		return nil
	case check:
		return errors.New("the tables in README.md are not true: make docs-terraform")
	}
	return os.WriteFile(name, []byte(wanted), 0o644)
}
