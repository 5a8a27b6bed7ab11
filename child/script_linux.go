// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
)

const (
	// scriptHead is how much of a file the kernel looks at to know what it is.
	scriptHead = 256
	// maxScripts is how many files there may be from a script to a program that
	// is none, as the kernel's.
	maxScripts = 6
)

// readInterpreter is what a script names after #!, empty for another file. It
// also is for one that the agent may execute and not read.
func readInterpreter(path string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, scriptHead))
	return interpreter(head), err
}

// interpreter reads the beginning of a file as the kernel does: the path ends
// with the line, a blank or a zero byte.
func interpreter(head []byte) string {
	line, script := bytes.CutPrefix(head, []byte("#!"))
	if !script {
		return ""
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	line = bytes.TrimLeft(line, " \t")
	if i := bytes.IndexAny(line, " \t\x00"); i >= 0 {
		line = line[:i]
	}
	return string(line)
}
