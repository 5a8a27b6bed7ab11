// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// build tells which binary this is.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the source
	Time     string `json:"time,omitempty"`     // of the revision
	Modified bool   `json:"modified,omitempty"` // the source was not exactly the revision's
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// readBuild asks the binary.
func readBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return buildOf(info)
}

func buildOf(info *debug.BuildInfo) build {
	b := build{
		Version:  info.Main.Version,
		Go:       info.GoVersion,
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "devel"
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// String is the build on one line.
func (b build) String() string {
	var parts []string
	if b.Revision != "" {
		commit := "commit " + b.Revision[:min(12, len(b.Revision))]
		if b.Modified {
			commit += " modified"
		}
		parts = append(parts, commit)
	}
	parts = append(parts, b.Go, b.Platform)
	return fmt.Sprintf("vicar %s (%s)", b.Version, strings.Join(parts, ", "))
}

func (a *app) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Tell which binary this is",
		Args:  noArguments,
	}
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	cmd.RunE = a.do(func(*cobra.Command, []string) error {
		if *asJSON {
			return a.printJSON(readBuild())
		}
		return a.print(readBuild().String() + "\n")
	})
	return cmd
}

// printJSON writes v for people and programs.
func (a *app) printJSON(v any) error {
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encoding the output: %w", err)
	}
	return a.print(text.String())
}
