// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// The commands that need no agent, each with its output and exit code.
func TestCommands(t *testing.T) {
	digest := regexp.MustCompile(`\b[0-9a-f]{16}\b`)
	tests := []struct {
		name string
		args string
		code int
	}{
		{"help", "", exitOK},
		{"help-run", "run --help", exitOK},
		{"help-check", "check --help", exitOK},
		{"help-status", "help status", exitOK},
		{"help-reload", "reload -h", exitOK},
		{"help-release", "release -h", exitOK},
		{"help-demo", "demo -h", exitOK},
		{"help-handover", "handover -h", exitOK},
		{"help-drain", "drain -h", exitOK},
		{"help-undrain", "undrain -h", exitOK},
		{"help-voters", "voters -h", exitOK},
		{"help-voters-forget", "voters forget -h", exitOK},
		{"help-pool", "pool -h", exitOK},
		{"help-pool-drain", "pool drain -h", exitOK},
		{"help-pool-undrain", "pool undrain -h", exitOK},
		{"pool-what", "pool list", exitUsage},
		{"pool-drain-what", "pool drain", exitUsage},
		{"pool-drain-which", "pool drain web", exitUsage},
		{"pool-drain-more", "pool drain web 198.51.100.11:80 198.51.100.12:80", exitUsage},
		{"pool-no-agent", "pool --socket testdata/none.sock", exitNoAgent},
		{"help-keygen", "keygen -h", exitOK},
		{"handover-what", "handover", exitUsage},
		{"handover-two", "handover web mail", exitUsage},
		{"handover-both", "handover web --to lb-2 --auto", exitUsage},
		{"voters-what", "voters remember", exitUsage},
		{"voters-forget-what", "voters forget", exitUsage},
		{"release-both", "release --force --purge", exitUsage},
		{"help-version", "version -h", exitOK},
		{"unknown-command", "stats", exitUsage},
		{"unknown-command-far", "frobnicate", exitUsage},
		{"unknown-flag", "status --jsno", exitUsage},
		{"unknown-flag-far", "status --frobnicate", exitUsage},
		{"unknown-short-flag", "status -x", exitUsage},
		{"flag-prefix", "run --log=json", exitUsage},
		{"flag-value", "run --log-format=xml", exitUsage},
		{"flag-level", "run --log-level=loud", exitUsage},
		{"flag-without-value", "run --config", exitUsage},
		{"surplus-argument", "reload now", exitUsage},
		{"check-good", "check testdata/good.yaml", exitOK},
		{"check-two", "check testdata/good.yaml testdata/warn.yaml", exitOK},
		{"check-json", "check --json testdata/good.yaml testdata/bad.yaml", exitConfig},
		{"check-bad", "check testdata/bad.yaml", exitConfig},
		{"check-some-bad", "check testdata/warn.yaml testdata/bad.yaml", exitConfig},
		{"check-aws", "check ../../config/testdata/cloud.yaml", exitOK},
		{"check-pools", "check ../../config/testdata/pools.yaml", exitOK},
		{"check-warning", "check testdata/warn.yaml", exitOK},
		{"check-strict", "check --strict testdata/warn.yaml", exitConfig},
		{"check-strict-good", "check --strict testdata/good.yaml", exitOK},
		{"check-proof", "check testdata/proof.yaml", exitProof},
		{"check-proof-strict", "check --strict testdata/proof.yaml", exitConfig},
		{"check-proof-bad", "check testdata/proof.yaml testdata/bad.yaml", exitConfig},
		{"check-sound", "check testdata/sound.yaml", exitOK},
		{"check-sound-strict", "check --strict testdata/sound.yaml", exitOK},
		{"check-sound-all", "check --all testdata/sound.yaml", exitOK},
		{"check-sound-pairs", "check --pairs testdata/sound.yaml", exitOK},
		{"check-noted", "check testdata/noted.yaml", exitOK},
		{"check-noted-strict", "check --strict testdata/noted.yaml", exitProof},
		{"check-noted-json", "check --json testdata/noted.yaml", exitOK},
		{"check-missing", "check testdata/none.yaml", exitFailure},
		{"check-missing-json", "check --json testdata/none.yaml", exitFailure},
		{"status-no-agent", "status --socket testdata/none.sock", exitNoAgent},
		{"watch-no-agent", "status --watch --socket testdata/none.sock", exitNoAgent},
		{"reload-no-agent", "reload --socket testdata/none.sock", exitNoAgent},
		{"handover-no-agent", "handover web --socket testdata/none.sock", exitNoAgent},
		{"drain-no-agent", "drain --socket testdata/none.sock", exitNoAgent},
		{"undrain-no-agent", "undrain --socket testdata/none.sock", exitNoAgent},
		{"voters-no-agent", "voters --socket testdata/none.sock", exitNoAgent},
		{"forget-no-agent", "voters forget lb-3 --socket testdata/none.sock", exitNoAgent},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got := vicar(t.Context(), strings.Fields(tc.args)...)
			if got.code != tc.code {
				t.Errorf("exit code %d, want %d", got.code, tc.code)
			}
			// Versions of vicar may differ in the digest.
			golden(t, tc.name+".txt", digest.ReplaceAllString(got.String(), "DIGEST"))
		})
	}
}

func TestVersion(t *testing.T) {
	hide := []string{runtime.Version(), "GO", runtime.GOOS + "/" + runtime.GOARCH, "PLATFORM", readBuild().Version, "VERSION"}
	golden(t, "version.txt", vicar(t.Context(), "version").hide(hide...).String())
	golden(t, "version-json.txt", vicar(t.Context(), "version", "--json").hide(hide...).String())
}

func TestBuildOf(t *testing.T) {
	info := &debug.BuildInfo{
		GoVersion: "go1.26.0",
		Main:      debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"},
			{Key: "vcs.time", Value: "2026-01-02T03:04:05Z"},
			{Key: "vcs.modified", Value: "true"},
		},
	}
	want := "vicar v1.2.3 (commit 0123456789ab modified, go1.26.0, " + runtime.GOOS + "/" + runtime.GOARCH + ")"
	if got := buildOf(info).String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := vicar(t.Context(), "completion", shell); got.code != exitOK || !strings.Contains(got.stdout, "vicar") {
			t.Errorf("%s: exit code %d, %d bytes", shell, got.code, len(got.stdout))
		}
	}
}

// The socket and the runtime directory are looked for where systemd says.
func TestRuntimeDirectory(t *testing.T) {
	tests := map[string]string{"": defaultRuntime, "/run/a": "/run/a", "/run/a:/run/b": "/run/a"}
	for value, want := range tests {
		a := &app{env: func(name string) string {
			if name == "RUNTIME_DIRECTORY" {
				return value
			}
			return ""
		}}
		if got := a.runtimeDir(); got != want {
			t.Errorf("with %q: %s, want %s", value, got, want)
		}
		if got := a.statusCommand().Flag("socket").DefValue; got != filepath.Join(want, socketName) {
			t.Errorf("with %q: socket %s, want it in %s", value, got, want)
		}
	}
}

// Output that gets lost, on a full disk for example, is a failure.
func TestLostOutput(t *testing.T) {
	var stderr strings.Builder
	code := run(t.Context(), []string{"version"}, broken{}, &stderr, func(string) string { return "" })
	if code != exitFailure || !strings.Contains(stderr.String(), "no space") {
		t.Errorf("exit code %d and %q, want %d and the reason", code, stderr.String(), exitFailure)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"json", "json", 0}, {"jsn", "json", 1}, {"jsno", "json", 2}, {"", "abc", 3}, {"watch", "match", 1}, {"abc", "", 3},
	}
	for _, tc := range tests {
		if got := distance(tc.a, tc.b); got != tc.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}
