// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package lab_test

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// userns tells the test binary that it runs as somebody else and shall become
// root of a user namespace.
const userns = "VICAR_TEST_USERNS"

func TestMain(m *testing.M) {
	if os.Getenv(userns) != "" {
		code, done, err := lab.Reexec()
		if err != nil {
			println(err.Error())
			os.Exit(code)
		}
		if done {
			os.Exit(code)
		}
	}
	os.Exit(m.Run())
}

// pings tells whether from reaches to within a moment.
func pings(t *testing.T, from *lab.Host, to string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := from.Run(ctx, "ping", "-n", "-q", "-c1", "-W0.3", to)
	return err == nil
}

// trio is three hosts with an address of each family.
func trio(t *testing.T) (l *lab.Lab, a, b, c *lab.Host) {
	t.Helper()
	labtest.Need(t, "ping")
	l = labtest.New(t)
	a = labtest.Host(t, l, "a", "192.0.2.1/24", "2001:db8::1/64")
	b = labtest.Host(t, l, "b", "192.0.2.2/24", "2001:db8::2/64")
	c = labtest.Host(t, l, "c", "192.0.2.3/24", "2001:db8::3/64")
	return l, a, b, c
}

func TestHostsReachEachOther(t *testing.T) {
	_, a, b, c := trio(t)
	for _, from := range []*lab.Host{a, b, c} {
		for _, to := range []string{"192.0.2.1", "2001:db8::3", "127.0.0.1"} {
			labtest.Eventually(t, 10*time.Second, from.Name+" reaches "+to, func() bool { return pings(t, from, to) })
		}
	}
}

func TestFaults(t *testing.T) {
	l, a, b, c := trio(t)
	tests := []struct {
		name         string
		fault        func() error
		ab, bc, ca   bool // who reaches whom
		carrierOfAUp bool
	}{
		{"cut", func() error { return l.Cut(a) }, false, true, false, false},
		{"isolate", func() error { return l.Isolate(a) }, false, true, false, true},
		{"mute", func() error { return l.Mute(a) }, false, true, false, true},
		{"deafen", func() error { return l.Deafen(a) }, false, true, false, true},
		{"partition", func() error { return l.Partition([]*lab.Host{a, b}, []*lab.Host{c}) }, true, false, false, true},
		{"rest", func() error { return l.Partition([]*lab.Host{a}) }, false, true, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			labtest.Eventually(t, 10*time.Second, "whole before the fault", func() bool {
				return pings(t, a, "192.0.2.2") && pings(t, c, "192.0.2.1")
			})
			labtest.OK(t, tt.fault())
			check := func(from *lab.Host, to string, want bool) {
				t.Helper()
				if want {
					labtest.Eventually(t, 10*time.Second, from.Name+" reaches "+to, func() bool { return pings(t, from, to) })
				} else if pings(t, from, to) {
					t.Errorf("%s reaches %s", from.Name, to)
				}
			}
			check(a, "192.0.2.2", tt.ab)
			check(b, "2001:db8::3", tt.bc)
			check(c, "2001:db8::1", tt.ca)
			if got := runs(t, a); got != tt.carrierOfAUp {
				t.Errorf("a's carrier is %v, want %v", got, tt.carrierOfAUp)
			}
			labtest.OK(t, l.Heal())
			labtest.Eventually(t, 10*time.Second, "whole again", func() bool {
				return pings(t, a, "192.0.2.2") && pings(t, b, "2001:db8::3") && pings(t, c, "2001:db8::1")
			})
		})
	}
}

// runs tells whether the host's link has a carrier.
func runs(t *testing.T, h *lab.Host) bool {
	t.Helper()
	out, err := h.Run(t.Context(), "ip", "-o", "link", "show", lab.Interface)
	labtest.OK(t, err)
	return strings.Contains(out, "LOWER_UP")
}

// TestOneWay tells muteness from deafness by what arrives.
func TestOneWay(t *testing.T) {
	tests := []struct {
		name           string
		fault          func(*lab.Lab, *lab.Host) error
		hearsA, aHears bool
	}{
		{"mute", (*lab.Lab).Mute, false, true},
		{"deafen", (*lab.Lab).Deafen, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := labtest.New(t)
			a := labtest.Host(t, l, "a", "192.0.2.1/24")
			b := labtest.Host(t, l, "b", "192.0.2.2/24")
			labtest.OK(t, tt.fault(l, a))
			if got := delivers(t, a, b); got != tt.hearsA {
				t.Errorf("b hears a: %v, want %v", got, tt.hearsA)
			}
			if got := delivers(t, b, a); got != tt.aHears {
				t.Errorf("a hears b: %v, want %v", got, tt.aHears)
			}
		})
	}
}

func TestFreeze(t *testing.T) {
	l := labtest.New(t)
	a := labtest.Host(t, l, "a")
	p := labtest.Start(t, a, "sh", "-c", "trap : USR1; while :; do sleep 0.01; echo x; done")
	more := func() bool {
		n := p.Output.Count("x")
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for range 20 {
			<-tick.C
			if p.Output.Count("x") > n {
				return true
			}
		}
		return false
	}
	labtest.Eventually(t, 5*time.Second, "it writes", more)
	labtest.OK(t, p.Freeze())
	labtest.Eventually(t, 5*time.Second, "it is silent", func() bool { return !more() })
	labtest.OK(t, p.Thaw())
	labtest.Eventually(t, 5*time.Second, "it writes again", more)
	if u := p.Usage(); u.Processes == 0 || u.RSS == 0 {
		t.Errorf("usage %+v", u)
	}
}

func TestStop(t *testing.T) {
	l := labtest.New(t)
	a := labtest.Host(t, l, "a")
	p := labtest.Start(t, a, "sleep", "1000")
	labtest.OK(t, p.Stop(5*time.Second))
	if !p.Ended() {
		t.Error("it lives")
	}
	deaf := labtest.Start(t, a, "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
	labtest.Eventually(t, 5*time.Second, "it is ready", func() bool { return deaf.Output.Count("ready") > 0 })
	if err := deaf.Stop(50 * time.Millisecond); err == nil {
		t.Error("Stop did not tell that it had to kill")
	}
	if !deaf.Ended() {
		t.Error("it lives")
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	before := away(t)
	l := labtest.New(t)
	a := labtest.Host(t, l, "a", "192.0.2.1/24")
	b := labtest.Host(t, l, "b", "192.0.2.2/24")
	p := labtest.Start(t, a, "sh", "-c", "sleep 1000 & sleep 1000")
	labtest.Eventually(t, 5*time.Second, "its child runs", func() bool { return p.Usage().Processes >= 2 })
	_, child := withSession(t, b)
	if away(t) <= before {
		t.Error("a lab has no threads in its namespaces")
	}
	labtest.OK(t, b.Do(func() error { return nil }))
	goroutines := runtime.NumGoroutine()
	labtest.OK(t, l.Close())
	labtest.OK(t, l.Close())
	if lab.Alive(child) {
		t.Error("a process runs on that had a session of its own")
	}
	labtest.Eventually(t, 5*time.Second, "the process group is gone", func() bool {
		return syscall.Kill(-p.Pid(), 0) == syscall.ESRCH
	})
	labtest.Eventually(t, 5*time.Second, "the goroutines are gone", func() bool {
		return runtime.NumGoroutine() < goroutines
	})
	labtest.Eventually(t, 5*time.Second, "the threads are gone", func() bool { return away(t) <= before })
	if _, err := a.Start(a.Command("true")); err == nil {
		t.Error("a closed host starts a process")
	}
	if err := a.Do(func() error { return nil }); err == nil {
		t.Error("a closed host does things")
	}
}

// away counts this process's threads that are in another network namespace than
// its first one is.
func away(t *testing.T) (n int) {
	t.Helper()
	home, err := os.Readlink("/proc/self/ns/net")
	labtest.OK(t, err)
	threads, err := os.ReadDir("/proc/self/task")
	labtest.OK(t, err)
	for _, thread := range threads {
		// One that has ended meanwhile is nowhere.
		if at, err := os.Readlink("/proc/self/task/" + thread.Name() + "/ns/net"); err == nil && at != home {
			n++
		}
	}
	return n
}

// TestDeathTakesAll kills a process with a lab and looks what is left.
func TestDeathTakesAll(t *testing.T) {
	if os.Getenv("VICAR_TEST_DIE") != "" {
		l := labtest.New(t)
		p := labtest.Start(t, labtest.Host(t, l, "a"), "sleep", "1000")
		println("pid", p.Pid())
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	labtest.New(t)
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestDeathTakesAll$")
	cmd.Env = append(os.Environ(), "VICAR_TEST_DIE=1")
	out, _ := cmd.CombinedOutput()
	_, number, ok := strings.Cut(string(out), "pid ")
	if !ok {
		t.Fatalf("no process: %s", out)
	}
	pid := atoi(number)
	labtest.Eventually(t, 5*time.Second, "its process is gone", func() bool {
		state, err := os.ReadFile("/proc/" + itoa(pid) + "/stat")
		return err != nil || strings.Contains(string(state), ") Z ")
	})
}

// TestUnprivileged runs this package's other tests as nobody, who becomes root
// of a user namespace.
func TestUnprivileged(t *testing.T) {
	if os.Getenv(userns) != "" {
		t.Skip("already there")
	}
	if os.Getuid() != 0 {
		t.Skip("needs root to become somebody else")
	}
	exe, err := os.Open("/proc/self/exe")
	labtest.OK(t, err)
	defer exe.Close()
	cmd := exec.CommandContext(t.Context(), "/proc/self/fd/3", "-test.v", "-test.run=^Test(Hosts|Faults|OneWay|Freeze|Stop|Close)")
	cmd.ExtraFiles = []*os.File{exe}
	cmd.Env = append(os.Environ(), userns+"=1", "HOME=/")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "user namespace") && err != nil {
		t.Skipf("this kernel refuses user namespaces: %s", out)
	}
	if err != nil || strings.Contains(string(out), "--- SKIP") {
		t.Errorf("%v\n%s", err, out)
	}
}
