// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package house

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
)

const maxReadme = 150

func TestReadmeLength(t *testing.T) {
	if n := strings.Count(read(t, "README.md"), "\n"); n > maxReadme {
		t.Errorf("README.md has %d lines, more than %d", n, maxReadme)
	}
}

func TestChangelogHasUnreleased(t *testing.T) {
	if !strings.Contains(read(t, "CHANGELOG.md"), "\n## Unreleased\n") {
		t.Error("CHANGELOG.md has no section Unreleased")
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notWord = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	target  = regexp.MustCompile("(?m)(?:`|^ {4})make (?:-s )?([a-z-]+)")
	code    = regexp.MustCompile("(?ms)^```.*?^```$")
	tests   = regexp.MustCompile(`\bTest[A-Z]\w*\b`)
)

// anchors are the names that a page's headings get.
func anchors(text string) map[string]bool {
	set := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
		name := strings.ToLower(notWord.ReplaceAllString(m[1], ""))
		set[strings.ReplaceAll(name, " ", "-")] = true
	}
	return set
}

// TestLinks wants every relative link to lead to a file, and its fragment to a
// heading there.
func TestLinks(t *testing.T) {
	for _, name := range files(t, hasSuffix(".md")) {
		text := read(t, name)
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			file, fragment, _ := strings.Cut(m[1], "#")
			to := name
			if file != "" {
				to = path.Join(path.Dir(name), file)
			}
			if _, err := fs.Stat(root, to); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			} else if fragment != "" && !anchors(read(t, to))[fragment] {
				t.Errorf("%s links to %s, which has no such heading", name, m[1])
			}
		}
	}
}

// TestMakeTargets wants every `make x` of the documents to exist.
func TestMakeTargets(t *testing.T) {
	makefile := "\n" + read(t, "Makefile")
	for _, name := range files(t, hasSuffix(".md")) {
		for _, m := range target.FindAllStringSubmatch(read(t, name), -1) {
			if !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s tells of make %s, which does not exist", name, m[1])
			}
		}
	}
}

// TestNamedTests wants every test that a document names to exist: what shows a
// promise is not renamed away under it. A name with a * stands for those that begin so.
func TestNamedTests(t *testing.T) {
	var all strings.Builder
	for _, name := range files(t, hasSuffix("_test.go")) {
		all.WriteString(read(t, name))
	}
	for _, name := range files(t, hasSuffix(".md")) {
		text := read(t, name)
		for _, m := range tests.FindAllStringIndex(text, -1) {
			test, end := text[m[0]:m[1]], "("
			if strings.HasPrefix(text[m[1]:], "*") {
				end = ""
			}
			if !strings.Contains(all.String(), "\nfunc "+test+end) {
				t.Errorf("%s names %s, which is no test", name, test)
			}
		}
	}
}
