// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/agent"
)

// givenUpFile in the runtime directory says what an agent gave up to nobody when it
// was stopped, for the one after it, which goes on with that; see agent.Resume.
const givenUpFile = "given-up"

// givenUp is the file's content.
type givenUp struct {
	At        time.Duration `json:"at_ns"` // since the boot
	Resources []string      `json:"resources"`
}

// sinceBoot is a clock that all processes have in common, and that nobody sets.
func sinceBoot() (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0, fmt.Errorf("reading the clock: %w", err)
	}
	return time.Duration(ts.Nano()), nil
}

// keepGivenUp writes down what was given up just now.
func keepGivenUp(dir string, resources []string) error {
	if len(resources) == 0 {
		return nil
	}
	at, err := sinceBoot()
	if err != nil {
		return err
	}
	text, err := json.Marshal(givenUp{at, resources})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, givenUpFile), text, 0o640)
	}
	if err != nil {
		return fmt.Errorf("writing down what was given up: %w", err)
	}
	return nil
}

// takeGivenUp reads what was written down, which counts once. What can't be read was
// not: the agent then waits as any that starts.
func takeGivenUp(dir string, log *slog.Logger) agent.Resume {
	path := filepath.Join(dir, givenUpFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return agent.Resume{}
	}
	var was givenUp
	if err == nil {
		err = errors.Join(os.Remove(path), json.Unmarshal(text, &was))
	}
	now, clockErr := sinceBoot()
	if err = errors.Join(err, clockErr); err != nil {
		log.Warn("cannot read what was given up at the last stop", slog.Any("err", err))
		return agent.Resume{}
	}
	if now < was.At { // of another boot
		return agent.Resume{}
	}
	return agent.Resume{Resources: was.Resources, Ago: now - was.At}
}
