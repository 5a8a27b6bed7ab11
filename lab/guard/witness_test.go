// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// TestWitnessUnprivileged runs the witness as a user without any capability, and
// lets its vote decide.
func TestWitnessUnprivileged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, witness)
	const user = 65534
	dir := filepath.Join(w.dir, arbiter.name)
	labtest.OK(t, os.MkdirAll(dir, 0o700))
	labtest.OK(t, os.Chmod(w.dir, 0o711))
	program, err := os.ReadFile(binary)
	labtest.OK(t, err)
	own := filepath.Join(w.dir, "vicar")
	labtest.OK(t, os.WriteFile(own, program, 0o755))
	w.start() // with one that is privileged
	w.kill(arbiter.name)
	labtest.OK(t, os.RemoveAll(dir))
	labtest.OK(t, os.MkdirAll(dir, 0o700))

	n := w.nodes[arbiter.name]
	n.agent, err = vicar.StartUnprivileged(n.Host, user, own, dir, w.conf)
	labtest.OK(t, err)
	n.process = n.agent.Process
	n.lives = append(n.lives, n.process)
	w.settles(first.name)
	killAll(w) // two of three are left

	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.agent.Pid()))
	labtest.OK(t, err)
	fields := make(map[string]string)
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.TrimSpace(value)
	}
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapAmb"} {
		if strings.Trim(fields[set], "0") != "" {
			t.Errorf("%s is %s", set, fields[set])
		}
	}
	if !strings.HasPrefix(fields["Uid"], strconv.Itoa(user)+"\t") {
		t.Errorf("its user is %s", fields["Uid"])
	}
	if children, err := n.agent.Children(); err != nil || len(children) > 0 {
		t.Errorf("it has the children %v (%v)", children, err)
	}
	info, err := os.Stat(filepath.Join(dir, "state", "voters.json"))
	labtest.OK(t, err)
	if s, ok := info.Sys().(*syscall.Stat_t); !ok || s.Uid != user {
		t.Errorf("its list of voters is not its own: %+v", info.Sys())
	}
	// Its own memory, besides the program's: the manual says some 5 MB.
	const most = 16 << 10
	if kB, err := strconv.Atoi(strings.TrimSuffix(fields["RssAnon"], " kB")); err != nil || kB > most {
		t.Errorf("it uses %s of memory", fields["RssAnon"])
	}
	w.judge()
}
