// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package keepalived

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/vicar-ha/vicar/lab"
)

// Program is what is run.
const Program = "keepalived"

// Agent is a keepalived on a host.
type Agent struct {
	*lab.Process
	config string // the file's path
}

// Start runs keepalived with its files in dir, which is its own.
func Start(h *lab.Host, dir string, c Config) (*Agent, error) {
	program, err := exec.LookPath(Program)
	if err != nil {
		// Debian keeps it where a user's PATH may not lead.
		if program, err = exec.LookPath("/usr/sbin/" + Program); err != nil {
			return nil, fmt.Errorf("finding %s: %w", Program, err)
		}
	}
	a := &Agent{config: filepath.Join(dir, "keepalived.conf")}
	if err := a.write(c); err != nil {
		return nil, err
	}
	part := "--vrrp"
	if len(c.Services) > 0 {
		part = "--check"
	}
	a.Process, err = h.Start(h.Command(program,
		"--use-file="+a.config, "--dont-fork", "--log-console", "--no-syslog", part,
		"--pid="+filepath.Join(dir, "parent.pid"), "--vrrp_pid="+filepath.Join(dir, "vrrp.pid"),
		"--checkers_pid="+filepath.Join(dir, "checkers.pid"), "--bfd_pid="+filepath.Join(dir, "bfd.pid")))
	return a, err
}

// Reload puts another configuration into force.
func (a *Agent) Reload(c Config) error {
	return errors.Join(a.write(c), a.Signal(syscall.SIGHUP))
}

// write writes the file. keepalived refuses one that others may write.
func (a *Agent) write(c Config) error {
	if err := os.WriteFile(a.config, []byte(c.String()), 0o600); err != nil {
		return fmt.Errorf("writing keepalived's configuration: %w", err)
	}
	return nil
}

// entering is how the log tells of a transition.
const entering = "Entering "

// State is the instance's state as the log tells it: MASTER, BACKUP, FAULT, or
// nothing if it has not entered any.
func (a *Agent) State(i Instance) string {
	log := a.Output.String()
	mark := "(" + i.name() + ") " + entering
	at := strings.LastIndex(log, mark)
	if at < 0 {
		return ""
	}
	state, _, _ := strings.Cut(log[at+len(mark):], " ")
	return state
}

// Entered is how often any instance has entered a state.
func (a *Agent) Entered(state string) int { return a.Output.Count(entering + state + " STATE") }

// changing is how the log tells of another effective priority.
const changing = "Changing effective priority from "

// Priority is the instance's effective priority as the log tells it.
func (a *Agent) Priority(i Instance) int {
	log := a.Output.String()
	mark := "(" + i.name() + ") " + changing
	at := strings.LastIndex(log, mark)
	if at < 0 {
		return i.Priority
	}
	line, _, _ := strings.Cut(log[at+len(mark):], "\n")
	_, to, _ := strings.Cut(line, " to ")
	p, err := strconv.Atoi(to)
	if err != nil {
		return i.Priority
	}
	return p
}
