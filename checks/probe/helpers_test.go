// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"strings"
	"testing"
)

// want checks the outcome of a look: nil if text is empty, else an error whose
// text has it.
func want(t *testing.T, err error, text string) {
	t.Helper()
	switch {
	case text == "" && err != nil:
		t.Errorf("got %q, want success", err)
	case text != "" && err == nil:
		t.Errorf("got success, want %q", text)
	case text != "" && !strings.Contains(err.Error(), text):
		t.Errorf("got %q, want %q", err, text)
	}
}
