// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/pool/nft"
)

func TestWithoutRights(t *testing.T) {
	l := labtest.New(t)
	h := labtest.Host(t, l, "director")
	err := h.Do(func() error {
		// The thread ends after this.
		header := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(header, &none[0]); err != nil {
			return err
		}
		p, err := nft.New()
		if err == nil {
			t.Error("a plane without rights")
			return p.Close()
		}
		return err
	})
	if !errors.Is(err, os.ErrPermission) || errors.Is(err, pool.ErrNoPlane) || !strings.Contains(err.Error(), "CAP_NET_ADMIN") {
		t.Errorf("the error is %v", err)
	}
}
