// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"strings"
)

// What is shown of a test that failed, and of one of its messages: the first line
// and the last ones, in which the cause of an error stands.
const (
	mostLines  = 16
	firstLines = 2
	lastLines  = 6
	mostRunes  = 240
)

// message begins what a test, or testing for it, has logged or found wrong.
// helper begins what a package that the test uses has logged, as the journal of a
// machine.
var (
	message = regexp.MustCompile(`^ +(\w+_test|testing)\.go:\d+: `)
	helper  = regexp.MustCompile(`^ +\w+\.go:\d+: `)
	alarm   = regexp.MustCompile(`^(panic: |fatal error: |WARNING: DATA RACE)`)
)

// gist is what a test that failed has found wrong, in few lines. The messages of
// Log look as those of Error, and are among them.
func gist(k key, output []string) string {
	var messages [][]string
	open := false
	for _, line := range strings.Split(strings.Join(output, ""), "\n") {
		switch {
		case message.MatchString(line) || alarm.MatchString(line):
			messages, open = append(messages, []string{line}), true
		case helper.MatchString(line) || !strings.HasPrefix(line, " "):
			open = false
		case open && strings.TrimSpace(line) != "":
			last := len(messages) - 1
			messages[last] = append(messages[last], line)
		}
	}
	var lines []string
	for _, m := range messages {
		if len(m) > firstLines+lastLines {
			m = append(append(m[:firstLines:firstLines], "        ..."), m[len(m)-lastLines:]...)
		}
		lines = append(lines, m...)
	}
	if len(lines) > mostLines {
		lines = append(lines[:mostLines:mostLines], "    ...")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "failed: %s: %s\n", k.pkg, k.test)
	for _, line := range lines {
		if all := []rune(line); len(all) > mostRunes {
			line = string(all[:mostRunes]) + "..."
		}
		fmt.Fprintln(&b, line)
	}
	return b.String()
}
