// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vicar

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/vicar-ha/vicar/lab"
)

// BinaryVariable names an environment variable with the path of a binary to
// use instead of building one.
const BinaryVariable = "VICAR_BIN"

// Binary is the path of vicar's binary: the environment's, or one that is built
// into dir as make build does, so that the one that is tested is what is installed.
// The working directory must be in vicar's module.
func Binary(ctx context.Context, dir string) (string, error) {
	if path := os.Getenv(BinaryVariable); path != "" {
		return filepath.Abs(path)
	}
	path := filepath.Join(dir, "vicar")
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "grpcnotrace", "-trimpath", "-ldflags", "-s -w", "-o", path, "github.com/vicar-ha/vicar/cmd/vicar")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building vicar: %w\n%s", err, out)
	}
	return path, nil
}

// Main builds the binary for a package's tests and sets its path, runs them, and
// returns what their TestMain exits with. Where no lab can be made it builds
// nothing: they skip.
func Main(binary *string, run func() int) int {
	if lab.Permitted() != nil {
		return run()
	}
	dir, err := os.MkdirTemp("", "vicar-bin")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if *binary, err = Binary(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return run()
}
