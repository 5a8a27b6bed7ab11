// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package deb

import (
	"debug/elf"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/lab/labtest"
)

// full also compiles for the other architecture, which takes minutes.
var full = flag.Bool("full", false, "make the packages of both architectures, twice")

func TestLintian(t *testing.T) {
	labtest.Need(t, "lintian")
	if out := tool(t, "lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0", made(t, "*.deb")); strings.TrimSpace(out) != "" {
		t.Errorf("lintian:\n%s", out)
	}
}

// TestManual wants no page to lead out of what is installed but to the project.
func TestManual(t *testing.T) {
	root := t.TempDir()
	tool(t, "dpkg-deb", "-x", made(t, "*.deb"), root)
	pages, err := filepath.Glob(filepath.Join(root, "usr/share/doc/vicar/docs/*.md"))
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "](../") {
			t.Errorf("%s leads to a file that no package has", filepath.Base(page))
		}
	}
}

// Every file that a page, a completion or an example is, in both packages.
func TestFiles(t *testing.T) {
	deb := tool(t, "dpkg-deb", "-c", made(t, "*.deb"))
	rpm := tool(t, "rpm", "-qplv", made(t, "*.rpm"))
	for _, file := range []string{
		"-rwxr-xr-x root root /usr/bin/vicar",
		"-rw-r--r-- root root /usr/lib/systemd/system/vicar.service",
		"-rw-r--r-- root root /usr/lib/sysusers.d/vicar.conf",
		"-rw-r----- root root|vicar /etc/vicar/vicar.yaml",
		"-rw-r--r-- root root /usr/share/man/man8/vicar.8.gz",
		"-rw-r--r-- root root /usr/share/man/man8/vicar-voters-forget.8.gz",
		"-rw-r--r-- root root /usr/share/man/man5/vicar.yaml.5.gz",
		"-rw-r--r-- root root /usr/share/bash-completion/completions/vicar",
		"-rw-r--r-- root root /usr/share/fish/vendor_completions.d/vicar.fish",
		"-rw-r--r-- root root /usr/share/zsh/vendor-completions/_vicar|/usr/share/zsh/site-functions/_vicar",
		"-rw-r--r-- root root /usr/share/vicar/vicar.schema.json",
		"-rw-r--r-- root root /usr/share/doc/vicar/examples/networkd/vicar.conf",
		"-rw-r--r-- root root /usr/share/doc/vicar/examples/networkmanager/vicar.conf",
		"-rw-r--r-- root root /usr/share/doc/vicar/THIRD-PARTY.txt.gz",
		"-rw-r--r-- root root /usr/share/doc/vicar/docs/install.md",
		"-rw-r--r-- root root /usr/share/doc/vicar/copyright|/usr/share/licenses/vicar/LICENSE",
		"-rw-r--r-- root root /usr/share/doc/vicar/changelog.gz|/usr/share/doc/vicar/CHANGELOG.md",
	} {
		fields := strings.Fields(file) // the deb's way | the rpm's
		for i, list := range []string{deb, rpm} {
			mode, owner, group, path := fields[0], fields[1], variant(fields[2], i), variant(fields[3], i)
			found := false
			for line := range strings.Lines(list) {
				f := strings.Fields(strings.ReplaceAll(line, "/root", " root"))
				ends := strings.HasSuffix(strings.TrimSpace(line), path)
				if ends && strings.HasPrefix(line, mode) && (i == 0 && strings.Contains(line, " "+owner+"/"+group+" ") || i == 1 && f[2] == owner && f[3] == group) {
					found = true
				}
			}
			if !found {
				t.Errorf("%s of %s %s %s: not so in\n%s", path, mode, owner, group, list)
			}
		}
	}
	if strings.Contains(deb+rpm, "logrotate") {
		t.Error("the journal rotates by itself")
	}
}

// variant is the deb's or the rpm's part of "deb's|rpm's".
func variant(text string, i int) string {
	first, second, two := strings.Cut(text, "|")
	if two && i == 1 {
		return second
	}
	return first
}

// The licences of what is linked are there, with those that ask for it by name.
func TestThirdParty(t *testing.T) {
	tree := t.TempDir()
	tool(t, "dpkg-deb", "-x", made(t, "*.deb"), tree)
	text := tool(t, "gzip", "-dc", filepath.Join(tree, "usr/share/doc/vicar/THIRD-PARTY.txt.gz"))
	for _, part := range []string{
		"\n-------- github.com/hashicorp/memberlist v", "Mozilla Public License", "\n-------- golang.org/x/sys v",
		"Redistributions in binary form must reproduce", "\n-------- github.com/aws/aws-sdk-go-v2 v",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in the licences of %d bytes", part, len(text))
		}
	}
}

// TestScripts: the rpm has the same parts, and each is a script that a shell reads.
func TestScripts(t *testing.T) {
	scripts := tool(t, "rpm", "-qp", "--scripts", made(t, "*.rpm"))
	for _, part := range []string{"preinstall scriptlet", "preuninstall scriptlet", "postuninstall scriptlet", "posttrans scriptlet"} {
		if !strings.Contains(scripts, part) {
			t.Errorf("no %s in\n%s", part, scripts)
		}
	}
	names := glob(t, "../*/*.sh")
	if len(names) < 7 {
		t.Fatalf("only %d scripts", len(names))
	}
	for _, name := range names {
		tool(t, "dash", "-n", name)
	}
	tool(t, "dash", "-n", "../dist.sh")
}

// TestTarball: what is in it, and the checksums.
func TestTarball(t *testing.T) {
	tarball := made(t, "*.tar.gz")
	list := tool(t, "tar", "-tzf", tarball)
	top := strings.TrimSuffix(filepath.Base(tarball), ".tar.gz")
	for _, name := range []string{
		"vicar", "LICENSE", "THIRD-PARTY.txt.gz", "README.md", "docs/install.md", "vicar.yaml", "vicar.schema.json",
		"systemd/vicar.service", "systemd/vicar.sysusers.conf", "man/vicar.8.gz", "completions/_vicar", "examples/networkd/vicar.conf",
	} {
		if !strings.Contains(list, top+"/"+name+"\n") {
			t.Errorf("no %s in\n%s", name, list)
		}
	}
	sums := filepath.Join(filepath.Dir(tarball), "SHA256SUMS")
	text, err := os.ReadFile(sums)
	labtest.OK(t, err)
	if n := strings.Count(string(text), "\n"); n != 3 {
		t.Errorf("%d checksums:\n%s", n, text)
	}
	t.Chdir(filepath.Dir(tarball))
	tool(t, "sha256sum", "--strict", "-c", "SHA256SUMS")
}

// TestReproducible: made twice, the packages are the same bytes. With -full so are
// those of both architectures, compiled here.
func TestReproducible(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(filepath.Dir(made(t, "*.deb")), "SHA256SUMS"))
	labtest.OK(t, err)
	architectures, env, sums := runtime.GOARCH, "VICAR_BIN="+binary, string(text)
	if *full {
		architectures, env = "amd64 arm64", "VICAR_BIN="
		_, sums = packages(t, architectures, env)
	}
	dir, again := packages(t, architectures, env)
	if sums != again || strings.Count(sums, "\n") != 3*len(strings.Fields(architectures)) {
		t.Errorf("made twice:\n%s\n%s", sums, again)
	}
	for architecture := range strings.FieldsSeq(architectures) {
		deb := filepath.Join(dir, "vicar_"+version+"-1_"+architecture+".deb")
		if got := strings.TrimSpace(tool(t, "dpkg-deb", "-f", deb, "Architecture")); got != architecture {
			t.Errorf("%s is for %s", deb, got)
		}
		machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[architecture]
		tree := t.TempDir()
		tool(t, "dpkg-deb", "-x", deb, tree)
		file, err := elf.Open(filepath.Join(tree, "usr/bin/vicar"))
		labtest.OK(t, err)
		defer file.Close()
		if libraries, err := file.ImportedLibraries(); file.Machine != machine || err != nil || len(libraries) > 0 {
			t.Errorf("the binary of %s is for %v, and needs %v (%v)", architecture, file.Machine, libraries, err)
		}
	}
	if n := len(glob(t, filepath.Join(dir, "*.rpm"))); n != len(strings.Fields(architectures)) {
		t.Errorf("%d .rpm files", n)
	}
}

// packages makes packages, and returns their directory and checksums.
func packages(t *testing.T, architectures, env string) (dir, sums string) {
	t.Helper()
	dir = t.TempDir()
	labtest.OK(t, makeDist(dir, architectures, env))
	text, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	labtest.OK(t, err)
	return dir, string(text)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	labtest.OK(t, err)
	return names
}
