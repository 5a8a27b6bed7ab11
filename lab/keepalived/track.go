// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package keepalived

import (
	"fmt"
	"strings"
	"time"
)

// Script is a vrrp_script: a program whose exit code 0 passes.
type Script struct {
	Name    string
	Command string
	// Interval and Timeout are whole seconds in keepalived 2.2.7. The Interval is
	// 1 s or more; a Timeout of 0 is keepalived's default.
	Interval, Timeout time.Duration
	// Rise and Fall are how many results in a row change its state; 0 is
	// keepalived's default. The first of all decides at once.
	Rise, Fall int
	InitFail   bool // it is failing until it has passed
}

// write appends the script's block.
func (s Script) write(b *strings.Builder) {
	line := liner(b)
	fmt.Fprintf(b, "vrrp_script %s {\n", s.Name)
	line("script %q", s.Command)
	line("interval %s", seconds(s.Interval))
	if s.Timeout > 0 {
		line("timeout %s", seconds(s.Timeout))
	}
	if s.Rise > 0 {
		line("rise %d", s.Rise)
	}
	if s.Fall > 0 {
		line("fall %d", s.Fall)
	}
	if s.InitFail {
		line("init_fail")
	}
	line("user root")
	b.WriteString("}\n")
}

// File is a track_file: a file with a number in it. What it adds to a priority
// is the number times the track's weight; with weight 0 a number that is not 0
// is a fault. A file that does not exist counts as 0.
type File struct {
	Name string
	Path string
}

// write appends the file's block.
func (f File) write(b *strings.Builder) {
	line := liner(b)
	fmt.Fprintf(b, "track_file %s {\n", f.Name)
	line("file %q", f.Path)
	b.WriteString("}\n")
}

// Track is what a Script or a File does to an instance's priority. Weight 0 is
// a fault.
type Track struct {
	Name    string
	Weight  int
	Reverse bool
}

// String is the line in the instance's block.
func (t Track) String() string {
	s := fmt.Sprintf("%s weight %d", t.Name, t.Weight)
	if t.Reverse {
		s += " reverse"
	}
	return s
}
