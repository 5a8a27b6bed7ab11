// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import "syscall"

// nobody starts a process as a user that owns nothing.
func nobody() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}
