// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// asked answers with a status that counts, and with an error in between.
func asked(n *int) func(context.Context) (status.Status, error) {
	return func(context.Context) (status.Status, error) {
		*n++
		if *n == 2 {
			return status.Status{}, errors.New("not now")
		}
		return status.Status{Node: "n", Now: noon, Started: noon.Add(-time.Duration(*n) * time.Second)}, nil
	}
}

// Where the output is no terminal, one status follows the other.
func TestWatch(t *testing.T) {
	for name, asJSON := range map[string]bool{"watch": false, "watch-json": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
				defer cancel()
				var stdout, stderr bytes.Buffer
				a := &app{stdout: &stdout, stderr: &stderr, env: func(string) string { return "" }}
				n := 0
				if err := a.watch(ctx, asked(&n), asJSON); err != nil {
					t.Fatal(err)
				}
				if n != 3 {
					t.Errorf("asked %d times, want 3", n)
				}
				golden(t, name+".txt", outcome{stdout.String(), stderr.String(), 0}.String())
				if asJSON {
					for line := range strings.Lines(stdout.String()) {
						if !json.Valid([]byte(line)) {
							t.Errorf("not JSON: %s", line)
						}
					}
				}
			})
		})
	}
}
