// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"bytes"
	"log/slog"
	"os"

	"golang.org/x/sys/unix"
)

// sysctls are the settings that a pool needs; see the package's comment.
var sysctls = [...]string{"expire_nodest_conn", "expire_quiescent_template"}

// setSysctls puts the settings to 1, once for each time that the module is loaded.
func (p *Plane) setSysctls() {
	if p.sysctls {
		return
	}
	p.sysctls = true
	for _, name := range sysctls {
		p.setSysctl(name)
	}
}

func (p *Plane) setSysctl(name string) {
	path, full := "/proc/sys/net/ipv4/vs/"+name, slog.String("sysctl", "net.ipv4.vs."+name)
	if networkNamespace() != p.space {
		p.log.Warn("IPVS's setting belongs to another network namespace, set it to 1 there", full)
		return
	}
	old, err := os.ReadFile(path)
	old = bytes.TrimSpace(old)
	if err == nil && string(old) == "1" {
		return
	}
	if err == nil {
		err = os.WriteFile(path, []byte("1"), 0o644)
	}
	if err != nil {
		p.log.Warn("IPVS's setting should be 1 and can't be set from here, set it with sysctl -w", full, slog.Any("err", err))
		return
	}
	p.log.Info("changed a setting of IPVS's", full, slog.String("from", string(old)), slog.String("to", "1"))
}

// networkNamespace is the number of the calling thread's network namespace, or 0
// if that can't be told.
func networkNamespace() uint64 {
	var st unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil {
		return 0
	}
	return st.Ino
}
