// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
)

// tables are a module's, as Markdown.
func (m module) tables() string {
	var b strings.Builder
	section := func(title string, columns ...string) {
		fmt.Fprintf(&b, "\n## %s\n\n", title)
		row(&b, columns...)
		row(&b, strings.Split(strings.Repeat("---|", len(columns)-1)+"---", "|")...)
	}
	section("Requirements", "Needs", "Version")
	for _, v := range m.versions {
		row(&b, v[0], code(v[1]))
	}
	section("Inputs", "Name", "What it is", "Default")
	for _, i := range m.inputs {
		fallback := "**required**"
		if i.fallback != "" {
			fallback = code(squeeze(i.fallback))
		}
		secret := ""
		if i.sensitive {
			secret = " Sensitive."
		}
		row(&b, code(i.name), squeeze(i.description)+secret, fallback)
	}
	b.WriteString("\nTheir types:\n\n```hcl\n")
	for _, i := range m.inputs {
		fmt.Fprintf(&b, "%s = %s\n", i.name, outdent(i.typ))
	}
	b.WriteString("```\n")
	section("Outputs", "Name", "What it is")
	for _, o := range m.outputs {
		row(&b, code(o.name), squeeze(o.description))
	}
	if len(m.resources) > 0 {
		fmt.Fprintf(&b, "\n## Resources\n\n%s\n", strings.Join(each(m.resources, code), ", "))
	}
	b.WriteString("\n")
	return b.String()
}

func row(b *strings.Builder, cells ...string) {
	for _, c := range cells {
		b.WriteString("| " + strings.ReplaceAll(c, "|", `\|`) + " ")
	}
	b.WriteString("|\n")
}

func code(s string) string { return "`" + s + "`" }

// squeeze makes one line of several.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// outdent takes the two spaces away by which a type's lines are indented.
func outdent(s string) string { return strings.ReplaceAll(s, "\n  ", "\n") }

func each(all []string, f func(string) string) []string {
	made := make([]string, len(all))
	for i, s := range all {
		made[i] = f(s)
	}
	return made
}
