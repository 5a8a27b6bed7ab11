// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/vicar-ha/vicar/checks"
)

// commSize is how much of a program's name /proc/PID/comm keeps.
const commSize = 15

// image is what a process runs. Forks share it: it does not change.
type image struct {
	comm    string // as in /proc/PID/comm
	argv0   string // the last part of the first argument
	command string // the arguments with spaces between; empty in the kernel's own
}

// newImage makes an image of a name and arguments as /proc/PID/cmdline has them.
func newImage(comm, cmdline string) image {
	cmdline = strings.TrimRight(cmdline, "\x00")
	first, _, _ := strings.Cut(cmdline, "\x00")
	im := image{comm: comm, command: strings.ReplaceAll(cmdline, "\x00", " ")}
	if first != "" {
		im.argv0 = path.Base(first)
	}
	return im
}

// pattern says which processes are counted, and how many there must be.
type pattern struct {
	name     string
	command  *regexp.Regexp
	min, max int
}

func newPattern(k checks.Process) (pattern, error) {
	p := pattern{name: k.Name, min: k.Min, max: k.Max}
	if k.Name == "" && k.Command == "" {
		return p, errors.New("neither a name nor a command line to look for")
	}
	if k.Min < 0 || k.Max < 0 || k.Max != 0 && k.Max < k.Min || k.Min == 0 && k.Max == 0 {
		return p, fmt.Errorf("from %d to %d processes is no range to check", k.Min, k.Max)
	}
	if k.Command == "" {
		return p, nil
	}
	var err error
	if p.command, err = regexp.Compile(k.Command); err != nil {
		return p, fmt.Errorf("reading the pattern of the command line: %w", err)
	}
	return p, nil
}

// named tells whether the process has the name. The kernel cuts comm; a long
// name must stand in the arguments, which the process may have changed.
func (p *pattern) named(im *image) bool {
	if p.name == "" || im.comm == p.name || im.argv0 == p.name {
		return true
	}
	return len(p.name) > commSize && im.comm == p.name[:commSize] && hasWord(im.command, p.name)
}

// hasWord tells whether a command line has a word, or a path's end.
func hasWord(command, word string) bool {
	words := strings.FieldsFuncSeq(command, func(r rune) bool { return r == ' ' || r == '/' || r == ':' })
	for w := range words {
		if w == word {
			return true
		}
	}
	return false
}

func (p *pattern) matches(im *image) bool {
	return p.named(im) && (p.command == nil || im.command != "" && p.command.MatchString(im.command))
}

// passes tells whether there may be n of them.
func (p *pattern) passes(n int) bool { return n >= p.min && (p.max == 0 || n <= p.max) }

// verdict is what is wrong with n of them.
func (p *pattern) verdict(n int) error {
	none := "no process " + p.String()
	if p.name == "" {
		none = "no process with " + p.String()
	}
	switch {
	case p.passes(n):
		return nil
	case n == 0 && p.min == 1:
		return errors.New(none)
	case n == 0:
		return fmt.Errorf("%s, want %d at least", none, p.min)
	case n < p.min:
		return fmt.Errorf("%s %s, want %d at least", matching(n), p, p.min)
	default:
		return fmt.Errorf("%s %s, want %d at most", matching(n), p, p.max)
	}
}

func matching(n int) string {
	if n == 1 {
		return "1 process matches"
	}
	return fmt.Sprintf("%d processes match", n)
}

func (p *pattern) String() string {
	switch {
	case p.command == nil:
		return p.name
	case p.name == "":
		return fmt.Sprintf("command line %q", p.command)
	default:
		return fmt.Sprintf("%s with command line %q", p.name, p.command)
	}
}
