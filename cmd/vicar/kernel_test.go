// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// asVicar in the environment makes the test's binary be vicar.
const asVicar = "VICAR_TEST_MAIN"

// noSleep keeps the race detector from sleeping a second at the end.
const noSleep = "GORACE=atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	if os.Getenv(asVicar) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// node is a host of a lab with a configuration and a runtime directory.
type node struct {
	*lab.Host
	file, dir string
}

func newNode(t *testing.T) *node {
	t.Helper()
	l := labtest.New(t)
	dir := t.TempDir()
	n := &node{Host: labtest.Host(t, l, "lb-1", "192.0.2.10/24"), file: filepath.Join(dir, "vicar.yaml"), dir: dir}
	n.write(t, "interface: eth0, addresses: [192.0.2.100/24], exclude: [198.51.100.7/32]")
	return n
}

func (n *node) write(t *testing.T, router string) {
	t.Helper()
	text := fmt.Sprintf(`cluster: web
nodes: {lb-1: {address: 192.0.2.10}}
routers:
  web: {vrid: 51, advert_interval: 200ms, %s}
`, router)
	if err := os.WriteFile(n.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// command is vicar on the node.
func (n *node) command(args ...string) *exec.Cmd {
	cmd := n.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), asVicar+"=1", noSleep, "RUNTIME_DIRECTORY="+n.dir)
	return cmd
}

// agent starts an agent.
func (n *node) agent(t *testing.T) *lab.Process {
	t.Helper()
	p, err := n.Start(n.command("run", "--config", n.file, "--node", "lb-1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the agent said:\n%s", p.Output)
		}
	})
	return p
}

// vicar runs a command on the node to its end.
func (n *node) vicar(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd := n.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	p, err := n.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](p.Wait()); ok {
		code = exit.ExitCode()
	}
	return outcome{stdout.String(), stderr.String(), code}
}

// has waits until the node has the addresses, or has them no more.
func (n *node) has(t *testing.T, want bool, addresses ...string) {
	t.Helper()
	for _, a := range addresses {
		labtest.Eventually(t, 20*time.Second, fmt.Sprintf("has %s: %v", a, want), func() bool {
			got, err := n.Has(netip.MustParseAddr(a))
			labtest.OK(t, err)
			return got == want
		})
	}
}

// The life of an agent on the real kernel: it takes the addresses, answers,
// reloads, is alone, and gives up what it holds.
func TestAgentOnTheKernel(t *testing.T) {
	n := newNode(t)
	agent := n.agent(t)
	n.has(t, true, "192.0.2.100", "198.51.100.7")

	if got := n.vicar(t, "status"); got.code != exitOK || !strings.Contains(got.stdout, "Active") {
		t.Errorf("status: %v", got)
	}
	info, err := os.Lstat(filepath.Join(n.dir, socketName))
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("socket: %v, %v", info, err)
	}
	second := n.vicar(t, "run", "--config", n.file, "--node", "lb-1")
	if want := fmt.Sprintf("(process %d)", agent.Pid()); second.code != exitFailure || !strings.Contains(second.stderr, want) {
		t.Errorf("a second agent: %v, want it to name %s", second, want)
	}
	if got := n.vicar(t, "release"); got.code != exitFailure || !strings.Contains(got.stderr, "an agent is running") {
		t.Errorf("release beside an agent: %v", got)
	}
	n.write(t, "interface: eth0, addresses: [192.0.2.100/24, 192.0.2.101/24]")
	if got := n.vicar(t, "reload"); got.code != exitOK {
		t.Errorf("reload: %v", got)
	}
	n.has(t, true, "192.0.2.100", "192.0.2.101")
	n.has(t, false, "198.51.100.7")

	if err := agent.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := agent.Wait(); err != nil {
		t.Errorf("the agent's end: %v", err)
	}
	for _, a := range []string{"192.0.2.100", "192.0.2.101"} {
		if held, err := n.Has(netip.MustParseAddr(a)); held || err != nil {
			t.Errorf("%s is on the node after the agent's end: %v, %v", a, held, err)
		}
	}
	if got := n.vicar(t, "status"); got.code != exitNoAgent {
		t.Errorf("status without an agent: %v", got)
	}
}

// guardianOf is the process that a running agent has started beside itself.
func guardianOf(t *testing.T, agent *lab.Process) int {
	t.Helper()
	// A child is the thread's that started it.
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", agent.Pid()))
	labtest.OK(t, err)
	var children []string
	for _, file := range files {
		b, err := os.ReadFile(file)
		labtest.OK(t, err)
		children = append(children, strings.Fields(string(b))...)
	}
	if len(children) != 1 {
		t.Fatalf("the agent's children are %q", children)
	}
	pid, err := strconv.Atoi(children[0])
	labtest.OK(t, err)
	return pid
}

// What a killed agent held, its guardian gives up.
func TestKilledAgent(t *testing.T) {
	n := newNode(t)
	agent := n.agent(t)
	n.has(t, true, "192.0.2.100", "198.51.100.7")
	labtest.OK(t, agent.Kill())
	n.has(t, false, "192.0.2.100", "198.51.100.7")
	n.has(t, true, "192.0.2.10")
	agent = n.agent(t) // and does not harm the next
	n.has(t, true, "192.0.2.100", "198.51.100.7")
	if !strings.Contains(agent.Output.String(), "starting") || strings.Contains(agent.Output.String(), "had left") {
		t.Errorf("the second agent said:\n%s", agent.Output)
	}
}

// What both leave, release removes, and so does the next agent.
func TestKilledAgentAndGuardian(t *testing.T) {
	n := newNode(t)
	kill := func() {
		t.Helper()
		agent := n.agent(t)
		n.has(t, true, "192.0.2.100", "198.51.100.7")
		labtest.OK(t, agent.Freeze()) // or it starts another guardian
		labtest.OK(t, syscall.Kill(guardianOf(t, agent), syscall.SIGKILL))
		labtest.OK(t, agent.Kill())
		n.has(t, true, "192.0.2.100")
	}
	kill()
	if got := n.vicar(t, "status"); got.code != exitNoAgent || !strings.Contains(got.stderr, "was there and is gone") {
		t.Errorf("status of a killed agent: %v", got)
	}
	if got := n.vicar(t, "release"); got.code != exitOK || !strings.Contains(got.stdout, "removed 192.0.2.100/24\n") {
		t.Errorf("release: %v", got)
	}
	n.has(t, false, "192.0.2.100", "198.51.100.7")
	n.has(t, true, "192.0.2.10")
	if got := n.vicar(t, "release"); got.code != exitOK || got.stdout != "Nothing was left.\n" {
		t.Errorf("release again: %v", got)
	}

	kill()
	n.write(t, "interface: eth0, addresses: [192.0.2.101/24]")
	agent := n.agent(t)
	n.has(t, true, "192.0.2.101")
	n.has(t, false, "192.0.2.100", "198.51.100.7")
	if !strings.Contains(agent.Output.String(), "removed addresses that an agent before had left") {
		t.Error("the second agent did not say what it found")
	}
}

// A frozen agent lives: release leaves its addresses, unless forced.
func TestFrozenAgent(t *testing.T) {
	n := newNode(t)
	agent := n.agent(t)
	n.has(t, true, "192.0.2.100")
	if err := agent.Freeze(); err != nil {
		t.Fatal(err)
	}
	if got := n.vicar(t, "release"); got.code != exitFailure {
		t.Errorf("release: %v", got)
	}
	n.has(t, true, "192.0.2.100")
	if got := n.vicar(t, "release", "--force"); got.code != exitOK {
		t.Errorf("release --force: %v", got)
	}
	n.has(t, false, "192.0.2.100")
}

// A runtime directory that isn't there is no reason to leave addresses.
func TestReleaseWithoutDirectory(t *testing.T) {
	n := newNode(t)
	if got := n.vicar(t, "release", "--runtime-dir", filepath.Join(n.dir, "none")); got.code != exitOK {
		t.Errorf("release: %v", got)
	}
}

// One network namespace has one agent, whatever its runtime directory is:
// two would take each other's addresses for a dead agent's.
func TestOneAgentPerNamespace(t *testing.T) {
	n := newNode(t)
	agent := n.agent(t)
	n.has(t, true, "192.0.2.100")
	other := filepath.Join(n.dir, "other")
	want := fmt.Sprintf("an agent is running in this network namespace (process %d)", agent.Pid())
	for _, args := range [][]string{
		{"run", "--config", n.file, "--node", "lb-1", "--runtime-dir", other},
		{"release", "--runtime-dir", other},
	} {
		if got := n.vicar(t, args...); got.code != exitFailure || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: %v, want %q", args[0], got, want)
		}
	}
	n.has(t, true, "192.0.2.100")
}
