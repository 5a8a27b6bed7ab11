// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/status"
)

// untriedText is what is known of what was never tried.
const untriedText = "not known until it is tried"

// renderDoctor is what was found, for people: all of it in a table, and what is
// wrong below, whole.
func renderDoctor(cfg *config.Config, found []status.Finding, p paint) string {
	if len(found) == 0 {
		return "No router of this node moves in a cloud, or its movers can't tell: there is nothing to look at.\n"
	}
	rows := [][]cell{heading("ROUTER", "MOVER", "LOOKED AT", "RESULT")}
	for _, f := range found {
		result := cell{"ok", green}
		switch {
		case !f.OK:
			result = cell{"wrong", red}
		case f.Untried:
			result = cell{untriedText, yellow}
		}
		rows = append(rows, []cell{{text: f.Router}, {text: f.Mover}, {text: clip(f.What, mostText)}, result})
	}
	var b strings.Builder
	b.WriteString(table(p, rows))
	for _, m := range mends(found) {
		b.WriteString("\n" + m.text(cfg))
	}
	for _, m := range gather(found, func(f status.Finding) bool { return f.OK && f.Untried && f.Remedy != "" }) {
		b.WriteString("\n" + m.text(cfg))
	}
	return b.String()
}

// mend is one thing to do, and what it is about.
type mend struct {
	remedy, missing string
	about           []string
}

// mends are what is to be done about all that is wrong. One cause may be found by
// several routers.
func mends(found []status.Finding) []mend {
	return gather(found, func(f status.Finding) bool { return !f.OK })
}

func gather(found []status.Finding, about func(status.Finding) bool) []mend {
	var all []mend
	for _, f := range found {
		if !about(f) {
			continue
		}
		at := slices.IndexFunc(all, func(m mend) bool { return m.remedy == f.Remedy && m.missing == f.Missing })
		if at < 0 {
			at = len(all)
			all = append(all, mend{remedy: f.Remedy, missing: f.Missing})
		}
		m := &all[at]
		if line := whole(f.What) + ": " + whole(cmp.Or(f.Problem, untriedText)); !slices.Contains(m.about, line) {
			m.about = append(m.about, line)
		}
	}
	return all
}

// text is what is wrong, what to do, and the permission that lacks.
func (m mend) text(cfg *config.Config) string {
	text := strings.Join(m.about, "\n") + "\n"
	if m.remedy != "" {
		text += "  " + whole(m.remedy) + "\n"
	}
	if m.missing == "" {
		return text
	}
	p, ofRole := uses(cfg).Lacking(m.missing)
	if len(p.Statement) == 0 { // a program's word for it
		return text + "  " + whole(m.missing) + " is missing.\n"
	}
	whose := "the instances' role"
	if ofRole {
		whose = "the role that is assumed"
	}
	return text + fmt.Sprintf("  %s is missing in %s:\n%s", m.missing, whose, p.JSON())
}

// whole is a text on one line, however long: the cause of an error stands at its end.
func whole(s string) string { return clip(s, len(s)+1) }
