// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"testing"

	"github.com/vicar-ha/vicar/checks"
)

func TestPatternMatches(t *testing.T) {
	for _, c := range []struct {
		kind          checks.Process
		comm, cmdline string
		want          bool
	}{
		{checks.Process{Name: "nginx"}, "nginx", "nginx: master process /usr/sbin/nginx", true},
		{checks.Process{Name: "nginx"}, "nginx-debug", "/usr/sbin/nginx-debug\x00", false},
		{checks.Process{Name: "nginx"}, "sh", "/usr/sbin/nginx\x00-g\x00daemon off;\x00", true},
		{checks.Process{Name: "nginx"}, "vi", "vi\x00nginx\x00", false},
		{checks.Process{Name: "check.sh"}, "check.sh", "/bin/sh\x00/opt/check.sh\x00", true},
		{checks.Process{Name: "kthreadd"}, "kthreadd", "", true},
		{checks.Process{Name: "systemd-resolved"}, "systemd-resolve", "/usr/lib/systemd/systemd-resolved\x00", true},
		{checks.Process{Name: "systemd-resolved"}, "systemd-resolve", "systemd-resolved: busy", true},
		{checks.Process{Name: "systemd-resolved"}, "systemd-resolve", "systemd-resolver\x00", false},
		{checks.Process{Name: "systemd-resolved"}, "systemd-resolve", "systemd-resolved-2\x00", false},
		{checks.Process{Name: "systemd-resolve"}, "systemd-resolve", "/usr/bin/other\x00", true},
		{checks.Process{Command: "^/usr/bin/java .*-jar app"}, "java", "/usr/bin/java\x00-Xmx1g\x00-jar\x00app.jar\x00", true},
		{checks.Process{Command: "^/usr/bin/java .*-jar app"}, "java", "/usr/bin/java\x00-jar\x00other.jar\x00", false},
		{checks.Process{Command: ".*"}, "kthreadd", "", false},
		{checks.Process{Name: "java", Command: "app"}, "java", "java\x00app\x00", true},
		{checks.Process{Name: "java", Command: "app"}, "vi", "vi\x00app\x00", false},
		{checks.Process{Name: "java", Command: "app"}, "java", "java\x00other\x00", false},
	} {
		c.kind.Min = 1
		p, err := newPattern(c.kind)
		if err != nil {
			t.Fatal(err)
		}
		im := newImage(c.comm, c.cmdline)
		if got := p.matches(&im); got != c.want {
			t.Errorf("%+v, process %s %q: got %v", c.kind, c.comm, c.cmdline, got)
		}
	}
}

func TestPatternVerdict(t *testing.T) {
	name, command := checks.Process{Name: "nginx"}, checks.Process{Command: "-jar app"}
	both := checks.Process{Name: "java", Command: "-jar app"}
	for _, c := range []struct {
		kind     checks.Process
		min, max int
		n        int
		want     string
	}{
		{name, 1, 0, 1, ""},
		{name, 1, 0, 1000, ""},
		{name, 0, 2, 0, ""},
		{name, 3, 3, 3, ""},
		{name, 1, 0, 0, "no process nginx"},
		{command, 1, 0, 0, `no process with command line "-jar app"`},
		{both, 1, 0, 0, `no process java with command line "-jar app"`},
		{name, 3, 0, 0, "no process nginx, want 3 at least"},
		{name, 3, 0, 1, "1 process matches nginx, want 3 at least"},
		{name, 3, 0, 2, "2 processes match nginx, want 3 at least"},
		{command, 1, 2, 3, `3 processes match command line "-jar app", want 2 at most`},
	} {
		c.kind.Min, c.kind.Max = c.min, c.max
		p, err := newPattern(c.kind)
		if err != nil {
			t.Fatal(err)
		}
		err = p.verdict(c.n)
		if got := err; got == nil && c.want != "" || got != nil && got.Error() != c.want {
			t.Errorf("%+v, %d: got %v, want %s", c.kind, c.n, got, c.want)
		}
	}
}

func TestPatternRejected(t *testing.T) {
	for _, c := range []struct {
		kind checks.Process
		want string
	}{
		{checks.Process{Min: 1}, "making a check of kind process: neither a name nor a command line to look for"},
		{checks.Process{Name: "x"}, "from 0 to 0 processes is no range to check"},
		{checks.Process{Name: "x", Min: 2, Max: 1}, "from 2 to 1 processes is no range to check"},
		{checks.Process{Name: "x", Min: -1, Max: 1}, "from -1 to 1 processes"},
		{checks.Process{Command: "(", Min: 1}, "reading the pattern of the command line: error parsing regexp"},
	} {
		_, err := New(c.kind)
		want(t, err, c.want)
	}
}
