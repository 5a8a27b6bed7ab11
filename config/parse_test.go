// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"
)

const small = "cluster: web\nnodes: {lb-1: {address: 192.0.2.10}, lb-2: {address: 192.0.2.11, priority: 90}}\n" +
	"routers: {web: {vrid: 51, addresses: [192.0.2.100/24]}}\n"

// TestYAML: how the file is written, where YAML has traps.
func TestYAML(t *testing.T) {
	tests := []struct {
		name, text string
		err        string // a part of it; none is a valid file
	}{
		{"plain", small, ""},
		{"byte order mark", "\ufeff" + small, ""},
		{"carriage returns", strings.ReplaceAll(small, "\n", "\r\n"), ""},
		{"document start and end", "---\n" + small + "...\n", ""},
		{"comments", "# a\n" + strings.ReplaceAll(small, "\n", " # b\n"), ""},
		{"no newline at the end", strings.TrimSuffix(small, "\n"), ""},
		{"names that YAML 1.1 takes for others", strings.ReplaceAll(strings.ReplaceAll(small, "lb-1", "no"), "lb-2", "12"), ""},
		{"IPv6 in lists in braces", strings.Replace(small, "192.0.2.100/24", "2001:db8::100/64, fe80::1/64", 1), ""},
		{"JSON", `{"cluster":"web","nodes":{"lb-1":{"address":"192.0.2.10"}},"routers":{"web":{"vrid":51,"addresses":["2001:db8::1/64"]}}}`, ""},
		{"empty", "", "vicar.yaml: the file is empty"},
		{"comments alone", "# nothing\n\n", "vicar.yaml: the file is empty"},
		{"null", "~\n", "vicar.yaml:1:1: nothing is here"},
		{"text", "vicar\n", "vicar.yaml:1:1: the text vicar is here"},
		{"two documents", small + "---\n" + small, "vicar.yaml:5:1: a second document begins"},
		{"not UTF-8", small + "# \xff\n", "vicar.yaml:4:1: the line is not UTF-8 text"},
		{"a control character", small + "# \x1b[31m\n", `vicar.yaml:4:3: the control character '\x1b' is not allowed`},
		{"a NUL", small + "\x00", `vicar.yaml:4:1: the control character '\x00' is not allowed`},
		{"too large", small + strings.Repeat("# more\n", maxSize/7+1), "vicar.yaml: the file is larger than 1 MiB"},
		{"many lines", small + strings.Repeat("#\n", maxLines), "vicar.yaml: the file has more than 20000 lines"},
		{"a long line", small + "# " + strings.Repeat("x", maxLine), "vicar.yaml:4:1: the line is longer than 4096 bytes"},
		{"deep brackets", "a: " + strings.Repeat("[", 1000), "vicar.yaml:1:68: brackets are nested too deep"},
		{"deep lists", "a:\n  " + strings.Repeat("- ", 1000) + "x\n", "vicar.yaml:2:1: lists are nested too deep"},
		{"an explicit key", "? a\n: b\n", "vicar.yaml:1:1: YAML's explicit keys (?) are not supported"},
		{"many aliases", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", "vicar.yaml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse("vicar.yaml", []byte(tt.text))
			switch {
			case tt.err == "" && err != nil:
				t.Error(err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("got %v, %v, want %s", c, err, tt.err)
			}
		})
	}
}

func TestInterval(t *testing.T) {
	tests := []struct {
		version, interval string
		want              time.Duration // 0: an error
	}{
		{"3", "10ms", 10 * time.Millisecond},
		{"3", "40.95s", 40950 * time.Millisecond},
		{"3", "40950ms", 40950 * time.Millisecond},
		{"3", "1.5s", 1500 * time.Millisecond},
		{"3", "0s", 0},
		{"3", "9ms", 0},
		{"3", "15ms", 0},
		{"3", "40.96s", 0},
		{"3", "100", 0},
		{"3", "1e3ms", 0},
		{"3", ".5s", 0},
		{"3", "+1s", 0},
		{"3", "100000000000000000000s", 0},
		{"2", "1s", time.Second},
		{"2", "4m15s", 255 * time.Second},
		{"2", "1000ms", time.Second},
		{"2", "500ms", 0},
		{"2", "1.5s", 0},
		{"2", "256s", 0},
	}
	for _, tt := range tests {
		text := strings.Replace(small, "vrid: 51", "vrid: 51, version: "+tt.version+", advert_interval: "+tt.interval, 1)
		c, err := Parse("vicar.yaml", []byte(text))
		switch {
		case tt.want == 0 && err == nil:
			t.Errorf("version %s: %s is accepted", tt.version, tt.interval)
		case tt.want != 0 && err != nil:
			t.Error(err)
		case tt.want != 0 && c.Routers[0].Interval != tt.want:
			t.Errorf("version %s: %s is %v", tt.version, tt.interval, c.Routers[0].Interval)
		}
	}
}

func TestExcerpt(t *testing.T) {
	_, err := Parse("vicar.yaml", []byte(strings.Replace(small, "vrid: 51", "vrid: 300", 1)))
	errs, ok := errors.AsType[Errors](err)
	if !ok {
		t.Fatal(err)
	}
	want := `vicar.yaml:3:23: routers.web.vrid: 300 is out of range; a VRID is 1 to 255
    3 | routers: {web: {vrid: 300, addresses: [192.0.2.100/24]}}
      |                       ^
`
	if got := errs.Excerpts(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := (Error{File: "a.yaml", Message: "the file is empty"}).Excerpt(), "a.yaml: the file is empty\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLoadErrors(t *testing.T) {
	if _, err := Load("testdata/no-such-file.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := Load("testdata"); err == nil {
		t.Error("a directory can be loaded")
	}
	big := t.TempDir() + "/big.yaml"
	if err := os.WriteFile(big, []byte(strings.Repeat("#\n", maxSize)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(big); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("got %v", err)
	}
}

func TestNearestWord(t *testing.T) {
	keys := []string{"vrid", "interface", "version", "advert_interval", "addresses", "exclude", "priority", "preempt", "checksum", "auth", "announce"}
	for word, want := range map[string]string{
		"vird": "vrid", "VRID": "vrid", "interfaces": "interface", "advert_int": "advert_interval", "advert-interval": "advert_interval",
		"adress": "", "addreses": "addresses", "preemt": "preempt", "chekcsum": "checksum", "x": "", "": "", "track_script": "",
		"virtual_router_id": "",
	} {
		if got := nearest(word, keys); got != want {
			t.Errorf("%q is near %q, want %q", word, got, want)
		}
	}
	if got := maybe("virtual_router_id", keys); got != "did you mean vrid?" {
		t.Errorf("got %q", got)
	}
}
