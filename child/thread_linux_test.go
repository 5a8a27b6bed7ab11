// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/lab/labtest"
)

// agents are the agents that there are: one with the unit's capabilities, and
// root, each under the unit's real-time policy. Unlike the unit nothing but the
// package keeps privileges from the programs.
func agents() map[string]*syscall.SysProcAttr {
	return map[string]*syscall.SysProcAttr{
		"unit": {
			Credential:  &syscall.Credential{Uid: nobody, Gid: nobody},
			AmbientCaps: []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW},
		},
		"root":         {},
		"root ambient": {AmbientCaps: []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_SETUID}},
	}
}

// TestNoPrivileges reads a program's own status.
func TestNoPrivileges(t *testing.T) {
	needRoot(t)
	for name, sys := range agents() {
		for _, as := range []string{"", "nobody"} {
			if name == "unit" {
				as = "" // it is nobody
			}
			t.Run(name+" "+as, func(t *testing.T) {
				// The shell, so that a program's own children are looked at too.
				text, err := runAgent(t, sys, nothing, as, "/bin/sh", "-c", "cat /proc/self/status; true")
				if err != nil {
					t.Fatal(err)
				}
				for _, field := range []string{"CapInh", "CapPrm", "CapEff", "CapAmb"} {
					if got := status(t, text, field); got != "0000000000000000" {
						t.Errorf("%s: %s", field, got)
					}
				}
				if got := status(t, text, "NoNewPrivs"); got != "1" {
					t.Errorf("NoNewPrivs: %s", got)
				}
				want := "0"
				if name == "unit" || as != "" {
					want = strconv.Itoa(nobody)
				}
				for _, field := range []string{"Uid", "Gid"} {
					if got := strings.Fields(status(t, text, field)); strings.Join(got, " ") != strings.Repeat(want+" ", 3)+want {
						t.Errorf("%s: %v, want %s", field, got, want)
					}
				}
			})
		}
	}
}

// TestNoPrivilegesBack: neither a file's capabilities nor its set-user-ID bit
// give a program what the agent has.
func TestNoPrivilegesBack(t *testing.T) {
	needRoot(t)
	setcap, err := exec.LookPath("setcap")
	if err != nil {
		t.Skipf("needs setcap: %v", err)
	}
	dir := safeDir(t)
	b, err := os.ReadFile("/bin/cat")
	if err != nil {
		t.Fatal(err)
	}
	caps, suid := filepath.Join(dir, "caps"), filepath.Join(dir, "suid")
	write(t, caps, string(b), 0o755)
	write(t, suid, string(b), 0o755|os.ModeSetuid)
	if out, err := exec.CommandContext(t.Context(), setcap, "cap_net_admin,cap_net_raw=ep", caps).CombinedOutput(); err != nil {
		t.Skipf("no file capabilities here: %v: %s", err, out)
	}
	for name, sys := range agents() {
		for _, path := range []string{caps, suid} {
			for _, as := range []string{"", "nobody"} {
				if name == "unit" && as != "" {
					continue
				}
				text, err := runAgent(t, sys, nothing, as, path, "/proc/self/status")
				if err != nil {
					t.Fatal(err)
				}
				if got := status(t, text, "CapPrm") + status(t, text, "CapEff"); strings.Trim(got, "0") != "" {
					t.Errorf("%s runs %s as %q: capabilities %s", name, filepath.Base(path), as, got)
				}
				if uid := status(t, text, "Uid"); name == "unit" && strings.Contains(uid, "\t0") {
					t.Errorf("%s runs %s as %q: uid %s", name, filepath.Base(path), as, uid)
				}
			}
		}
	}
}

// TestGroups wants the groups of the user, none of the agent's.
func TestGroups(t *testing.T) {
	needRoot(t)
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Skipf("needs a user nobody: %v", err)
	}
	want, err := u.GroupIds()
	if err != nil {
		t.Fatal(err)
	}
	sys := &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{0, 4, 27}}}
	text, err := runAgent(t, sys, nothing, "nobody", "/bin/cat", "/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(status(t, text, "Groups")); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestOtherUser: only root can be another user.
func TestOtherUser(t *testing.T) {
	needRoot(t)
	_, err := runAgent(t, agents()["unit"], nothing, "daemon", "/bin/true")
	if err == nil || !strings.Contains(err.Error(), "running it as user daemon: vicar must be root for that and is nobody") {
		t.Errorf("got %v", err)
	}
	if _, err := New(Config{Argv: []string{"/bin/true"}, User: "no-such-user"}); err == nil || !strings.Contains(err.Error(), "no-such-user") {
		t.Errorf("got %v", err)
	}
}

// TestScheduling: the agent's real-time policy and nice value stay its own.
func TestScheduling(t *testing.T) {
	needRoot(t)
	const policyField = 41 - 3 // of /proc/PID/stat, counted from the state
	const niceField = 19 - 3
	read := func(t *testing.T, sys *syscall.SysProcAttr, setup func() error) (policy, nice string) {
		t.Helper()
		text, err := runAgent(t, sys, setup, "", "/bin/cat", "/proc/self/stat")
		if err != nil {
			t.Skipf("no real-time policy here: %v", err)
		}
		fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
		return fields[policyField], fields[niceField]
	}
	// What the test itself runs with is not to count.
	renice := func(n int) func() error {
		return func() error { return errors.Join(ordinary(), unix.Setpriority(unix.PRIO_PROCESS, 0, n)) }
	}
	for name, sys := range agents() {
		for _, s := range []struct {
			name  string
			setup func() error
			nice  string
		}{
			{"real time", func() error { return errors.Join(renice(0)(), realTime()) }, "0"},
			{"favoured", renice(-5), "0"},
			{"modest", renice(5), "5"},
		} {
			t.Run(name+" "+s.name, func(t *testing.T) {
				if policy, nice := read(t, sys, s.setup); policy != "0" || nice != s.nice {
					t.Errorf("policy %s, nice %s, want 0 and %s", policy, nice, s.nice)
				}
			})
		}
	}
}

// TestMemory: the program is not protected from the out-of-memory killer as the
// agent is.
func TestMemory(t *testing.T) {
	const file = "/proc/self/oom_score_adj"
	own, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.WriteFile(file, own, 0) })
	if err := os.WriteFile(file, []byte("-100"), 0); err == nil {
		// It is set just after the start.
		p, _ := sh(t, `while [ "$(cat /proc/$$/oom_score_adj)" != 0 ]; do :; done`)
		if _, err := p.Run(t.Context(), nil); err != nil {
			t.Error(err)
		}
	} else {
		t.Logf("the agent can't be protected here, only its programs looked at: %v", err)
	}
	// Anybody may make himself a better victim, and undo that.
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "echo 500 >"+file+"; read x; exec cat "+file)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	score := "/proc/" + strconv.Itoa(cmd.Process.Pid) + "/oom_score_adj"
	labtest.Eventually(t, patience, "the program makes itself a victim", func() bool {
		b, _ := os.ReadFile(score)
		return string(b) == "500\n"
	})
	mortal(cmd.Process.Pid)
	if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
		t.Error(err)
	}
	if got := out.String(); got != "0\n" {
		t.Errorf("its score is %q, want 0", got)
	}
}

// TestAgentKilled: the program dies with an agent that is killed.
func TestAgentKilled(t *testing.T) {
	argv := []string{"/bin/sleep", "1000", "0." + strconv.Itoa(os.Getpid())}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", append([]string{""}, argv...)...)
	cmd.Env = append(os.Environ(), agentMark+"=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	runs := func() (pid string) {
		files, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if b, _ := os.ReadFile(name); string(b) == strings.Join(argv, "\x00")+"\x00" {
				return filepath.Base(filepath.Dir(name))
			}
		}
		return ""
	}
	t.Cleanup(func() {
		if pid := runs(); pid != "" {
			kill(t, pid)
		}
	})
	labtest.Eventually(t, patience, "the program", func() bool { return runs() != "" })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	labtest.Eventually(t, patience, "the end of the program", func() bool { return runs() == "" })
}

// kill ends a process that the test started.
func kill(t *testing.T, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err == nil {
		err = syscall.Kill(n, syscall.SIGKILL)
	}
	if err != nil {
		t.Error(err)
	}
}
