// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// Forwarding tells whether the kernel forwards packets of a family (4 or 6) on any
// interface, in the calling thread's network namespace. Forwarding NAT needs it: of
// IPVS for the servers' answers, of nftables for both directions. The remedy is the
// sysctl net.ipv4.ip_forward=1, or net.ipv6.conf.all.forwarding=1.
func Forwarding(family int) (bool, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/sys/net/ipv%d/conf/*/forwarding", family))
	if err != nil || len(files) == 0 {
		return false, fmt.Errorf("reading whether IPv%d is forwarded: no sysctls are there (%w)", family, os.ErrNotExist)
	}
	for _, f := range files {
		if name := filepath.Base(filepath.Dir(f)); name == "default" || name == "lo" {
			continue
		}
		value, err := os.ReadFile(f)
		if os.IsNotExist(err) {
			continue // the interface has gone
		}
		if err != nil {
			return false, fmt.Errorf("reading whether IPv%d is forwarded: %w", family, err)
		}
		if !bytes.Equal(bytes.TrimSpace(value), []byte("0")) {
			return true, nil
		}
	}
	return false, nil
}
