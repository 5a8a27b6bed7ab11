// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/golden anew")

// golden compares got with testdata/golden/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// outcome is what a run of the program left.
type outcome struct {
	stdout, stderr string
	code           int
}

func (o outcome) String() string {
	return fmt.Sprintf("-- stdout --\n%s-- stderr --\n%s-- exit code --\n%d\n", o.stdout, o.stderr, o.code)
}

// vicar runs the program with no environment.
func vicar(ctx context.Context, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	code := run(ctx, args, &stdout, &stderr, func(string) string { return "" })
	return outcome{stdout.String(), stderr.String(), code}
}

// hide puts a placeholder for each old string, given in pairs.
func (o outcome) hide(pairs ...string) outcome {
	r := strings.NewReplacer(pairs...)
	return outcome{r.Replace(o.stdout), r.Replace(o.stderr), o.code}
}
