// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"os"
	"slices"
	"strings"
)

// environ is this process's environment for those on hosts. What points out of the
// lab is not in it: proxies, and a person's way to AWS.
func environ() []string {
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		name = strings.ToUpper(name)
		return strings.HasPrefix(name, "AWS_") || strings.HasSuffix(name, "_PROXY")
	})
	return append(env, "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
}
