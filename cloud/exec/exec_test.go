// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package exec

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/cloudtest"
)

// directory is a cloud that testdata/mover.sh works on.
type directory struct {
	t   *testing.T
	dir string
}

func newDirectory(t *testing.T) directory {
	t.Helper()
	d := directory{t, t.TempDir()}
	if err := os.Mkdir(filepath.Join(d.dir, "trouble"), 0o755); err != nil {
		t.Fatal(err)
	}
	return d
}

// provider is a node's.
func (d directory) provider(node string) *Provider {
	d.t.Helper()
	script, err := filepath.Abs("testdata/mover.sh")
	if err != nil {
		d.t.Fatal(err)
	}
	// The shell is safe from others, wherever the script is.
	p, err := New(Config{Argv: []string{"/bin/sh", script, d.dir}, Cluster: "test", Node: node})
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

// trouble writes a file that makes the program fail; nothing removes it.
func (d directory) trouble(name, text string) {
	d.t.Helper()
	file := filepath.Join(d.dir, "trouble", name)
	err := os.Remove(file)
	if text != "" {
		err = os.WriteFile(file, []byte(text+"\n"), 0o600)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		d.t.Fatal(err)
	}
}

// read is the content of a file, empty if it is not there.
func (d directory) read(name ...string) string {
	text, err := os.ReadFile(filepath.Join(append([]string{d.dir}, name...)...))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		d.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// lag has who gets an address from now on shown later. Who has it now is shown.
func (d directory) lag(by time.Duration) {
	d.t.Helper()
	addresses, err := fs.Glob(os.DirFS(d.dir), "[0-9]*")
	if err != nil {
		d.t.Fatal(err)
	}
	for _, a := range addresses {
		d.trouble("shown-"+a, d.read(a))
	}
	d.trouble("lag", seconds(by))
}

func seconds(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 3, 64)
}

func yes(on bool) string {
	if on {
		return "yes"
	}
	return ""
}

// TestConformance goes through what package cloud promises, with processes.
func TestConformance(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("needs setsid, which is not installed")
	}
	names := []string{"lb-1", "lb-2"}
	cloudtest.Run(t, nil, func(t *testing.T) cloudtest.World {
		d := newDirectory(t)
		return cloudtest.World{
			Nodes:     [2]cloud.Provider{d.provider(names[0]), d.provider(names[1])},
			Attempt:   2 * time.Second,
			Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.7/24"), netip.MustParsePrefix("2001:db8::7/64")},
			Holder:    func(o cloud.Object) int { return slices.Index(names, d.read(o.ID)) },
			Give: func(o cloud.Object, node int) {
				file := filepath.Join(d.dir, o.ID)
				err := os.Remove(file)
				if node >= 0 {
					err = os.WriteFile(file, []byte(names[node]+"\n"), 0o600)
				}
				if err != nil {
					t.Error(err)
				}
			},
			Writes:   func(node int) int { return len(strings.Fields(d.read("trouble", "writes-"+names[node]))) },
			Down:     func(on bool) { d.trouble("down", yes(on)) },
			Deny:     func(on bool) { d.trouble("denied", yes(on)) },
			Throttle: func(n int) { d.trouble("throttle", strconv.Itoa(n)) },
			Lose:     func(n int) { d.trouble("lose", strconv.Itoa(n)) },
			Refuse:   func(o cloud.Object, n int) { d.trouble("refuse-"+o.ID, strconv.Itoa(n)) },
			Lag:      d.lag,
			Slow:     func(by time.Duration) { d.trouble("slow", seconds(by)) },
			Late:     func(node int, by time.Duration) { d.trouble("late-"+names[node], seconds(by)) },
		}
	})
}

// script is a Provider of a program in the shell's language, with its standard
// input read.
func script(t *testing.T, text string) *Provider {
	t.Helper()
	p, err := New(Config{Argv: []string{"/bin/sh", "-c", "read -r request; " + text}, Cluster: "web", Node: "lb-1", Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var two = []cloud.Object{
	{ID: "198.51.100.7", Address: netip.MustParseAddr("198.51.100.7")},
	{ID: "2001:db8::7", Address: netip.MustParseAddr("2001:db8::7")},
}

// TestRequest: the words are promised.
func TestRequest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "request")
	p := script(t, `printf '%s\n' "$request" >`+file+`; cat >>`+file+`; echo '{"done":["198.51.100.7","2001:db8::7"]}'`)
	if err := p.Take(t.Context(), two, cloud.Taking{Steal: true}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	want := `{"version":1,"action":"take","cluster":"web","node":"lb-1","addresses":["198.51.100.7","2001:db8::7"],"steal":true}` + "\n"
	if err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if calls := p.Calls(); calls["take"] != 1 || len(calls) != 1 {
		t.Errorf("the calls are %v", calls)
	}
}

func TestFailures(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		kind         cloud.Kind
		says         string
	}{
		{"exit code", "echo '{}'; echo no route to host >&2; exit 7", cloud.Unavailable, "exit code 7: no route to host"},
		{"error", `echo '{"error":{"kind":"not_found","message":"no such table"}}'`, cloud.NotFound, "no such table"},
		{"noise beside the answer", `echo warning >&2; echo '{"error":{"kind":"denied","message":"no"}}'`, cloud.Denied, "no"},
		{"nothing", ":", cloud.Invalid, "there is none"},
		{"no JSON", "echo done", cloud.Invalid, "not an object"},
		{"too much", "head -c 2000000 /dev/zero | tr '\\0' ' '; echo '{}'", cloud.Invalid, "longer than 1048576 bytes"},
		{"killed", "kill -KILL $$", cloud.Unavailable, "signal 9"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := script(t, tt.script).Observe(t.Context(), two)
			if err == nil || cloud.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %v with %q", err, tt.kind, tt.says)
			}
		})
	}
}

// TestPartial: what was done is told with what was not.
func TestPartial(t *testing.T) {
	p := script(t, `echo '{"done":["2001:db8::7"],"error":{"kind":"conflict","message":"taken"}}'`)
	err := p.Take(t.Context(), two, cloud.Taking{})
	partial, ok := errors.AsType[*cloud.Partial](err)
	if !ok || !slices.Equal(partial.Done, two[1:]) || cloud.KindOf(err) != cloud.Conflict {
		t.Errorf("got %v", err)
	}
}

// TestTime: a program whose time is over is killed, with its children.
func TestTime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	p := script(t, "sleep 1000 & echo $! >"+file+"; wait")
	p.cfg.Timeout = 200 * time.Millisecond
	_, err := p.Observe(t.Context(), two)
	if cloud.KindOf(err) != cloud.Unavailable || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	pid, err := os.ReadFile(file)
	if err != nil {
		t.Skipf("the machine is too busy to start a program in 200 ms: %v", err)
	}
	if line, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/cmdline"); err == nil && strings.Contains(string(line), "sleep") {
		t.Errorf("left running: %s", pid)
	}
}

// TestWithin: a program that does not mind SIGTERM is dead when the time of who asks
// is over, not only told to end.
func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Provider{cfg: Config{Timeout: 5 * time.Second}}
		for _, c := range []struct{ theirs, want time.Duration }{
			{0, 5 * time.Second},
			{time.Minute, 5 * time.Second},
			{p.Longest(), 5 * time.Second},
			{time.Second, time.Second - grace},
			{grace / 2, -grace / 2},
		} {
			ctx, cancel := context.WithCancel(t.Context())
			if c.theirs > 0 {
				ctx, cancel = context.WithTimeout(t.Context(), c.theirs)
			}
			inside, stop := p.within(ctx)
			if at, ok := inside.Deadline(); !ok || time.Until(at) != c.want {
				t.Errorf("of %v the program has %v, want %v", c.theirs, time.Until(at), c.want)
			}
			stop()
			cancel()
		}
	})
}

func TestExamine(t *testing.T) {
	d := newDirectory(t)
	p := d.provider("lb-1")
	shell := func(f cloud.Finding, action string) {
		t.Helper()
		_, command, ok := strings.Cut(f.Remedy, ": ")
		if out, err := exec.Command("/bin/sh", "-c", command).CombinedOutput(); !ok || err != nil || !strings.Contains(command, `"action":"`+action+`"`) {
			t.Errorf("pasted %q: %s, %v", f.Remedy, out, err)
		}
	}
	good := func(got []cloud.Finding, untried bool) {
		t.Helper()
		if len(got) != 4 || !got[0].OK || !got[1].OK || got[1].What != "the directory" || !got[2].OK || !strings.HasPrefix(got[2].What, "observe by ") ||
			!got[3].OK || got[3].Untried != untried || !strings.HasPrefix(got[3].What, "take by ") {
			t.Fatalf("got %+v", got)
		}
	}
	got := p.Examine(t.Context(), two)
	good(got, true)
	shell(got[3], take) // as it says, the addresses are this node's then
	for _, o := range two {
		if d.read(o.ID) != "lb-1" {
			t.Errorf("pasted, %s is of %q", o.ID, d.read(o.ID))
		}
	}
	if err := p.Take(t.Context(), two, cloud.Taking{Steal: true}); err != nil {
		t.Fatal(err)
	}
	good(p.Examine(t.Context(), two), false)
	d.trouble("denied", "yes")
	if got = p.Examine(t.Context(), two); len(got) != 1 || got[0].OK || !strings.Contains(got[0].Problem, "you may not") {
		t.Fatalf("got %+v", got)
	}
	shell(got[0], examine)
	if err := p.Take(t.Context(), two, cloud.Taking{Steal: true}); cloud.KindOf(err) != cloud.Denied {
		t.Fatal(err)
	}
	d.trouble("denied", "")
	if got := p.Examine(t.Context(), two); len(got) != 4 || got[3].OK || !strings.Contains(got[3].Problem, "you may not") {
		t.Errorf("after a refusal: %+v", got)
	}
	p.Forget()
	good(p.Examine(t.Context(), two), true)
}

// TestExamineObserves: a program that can't observe could not take over.
func TestExamineObserves(t *testing.T) {
	p := script(t, `case $request in *observe*) echo broken;; *) echo '{"findings":[]}'; esac`)
	if got := p.Examine(t.Context(), two); len(got) != 3 || !got[0].OK || got[1].OK || !strings.Contains(got[1].Problem, "not an object") {
		t.Errorf("got %+v", got)
	}
	if calls := p.Calls(); calls[observe] != 1 || calls[examine] != 1 || len(calls) != 2 {
		t.Errorf("it was asked %v", calls)
	}
}

// TestQuoted: a shell takes the words as they are.
func TestQuoted(t *testing.T) {
	words := []string{"/usr/bin/move", "", "a b", "it's", "$HOME", "`id`", `\"`, "*", "a;b", "--x=1"}
	var line []string
	for _, w := range words {
		line = append(line, quoted(w))
	}
	out, err := exec.Command("/bin/sh", "-c", `printf '%s\n' `+strings.Join(line, " ")).Output()
	if want := strings.Join(words, "\n") + "\n"; err != nil || string(out) != want {
		t.Errorf("got %q, want %q, %v", out, want, err)
	}
}

// TestLate: a program that was not there is asked once it is.
func TestLate(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to write where nobody else can")
	}
	dir, err := os.MkdirTemp("/run", "vicar-exec-test-")
	if err != nil {
		t.Skipf("needs a directory on whose path only root can write: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	program := filepath.Join(dir, "mover")
	p, err := New(Config{Argv: []string{program}, Cluster: "web", Node: "lb-1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Take(t.Context(), two, cloud.Taking{}); cloud.KindOf(err) != cloud.NotFound {
		t.Errorf("not there: %v", err)
	}
	if found := p.Examine(t.Context(), two); len(found) != 1 || found[0].OK {
		t.Errorf("not there: %+v", found)
	}
	text := "#!/bin/sh\nread -r r\necho '{\"done\":[\"198.51.100.7\",\"2001:db8::7\"]}'\n"
	if err := os.WriteFile(program, []byte(text), 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	if err := p.Take(t.Context(), two, cloud.Taking{}); err != nil {
		t.Errorf("there: %v", err)
	}
}

// TestExamineNotStarted: what was never started is not to be run by hand.
func TestExamineNotStarted(t *testing.T) {
	open := filepath.Join(t.TempDir(), "move")
	if err := errors.Join(os.WriteFile(open, []byte("#!/bin/sh\nexit 1\n"), 0o600), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	for remedy, argv := range map[string][]string{
		"install it":       {"/nonexistent/move"},
		"let nobody but":   {open},
		"run it by hand: ": {"/bin/sh", "-c", "exit 1"},
	} {
		p, err := New(Config{Argv: argv})
		if err != nil {
			t.Fatal(err)
		}
		if found := p.Examine(t.Context(), two); len(found) != 1 || found[0].OK || !strings.HasPrefix(found[0].Remedy, remedy) {
			t.Errorf("%+v, want %s", found, remedy)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, cfg := range []Config{
		{},
		{Argv: []string{"relative"}},
		{Argv: []string{"/bin/sh"}, Timeout: -1},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
}
