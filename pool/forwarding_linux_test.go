// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"testing"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/pool"
)

func TestForwarding(t *testing.T) {
	t.Parallel()
	l := labtest.New(t)
	for _, forwards := range []bool{false, true} {
		name := map[bool]string{false: "host", true: "router"}[forwards]
		h := labtest.Host(t, l, name)
		if forwards {
			labtest.OK(t, h.Forward())
		}
		labtest.OK(t, h.Do(func() error {
			got, err := pool.Forwarding(4)
			if got != forwards {
				t.Errorf("the %s forwards: %t", name, got)
			}
			return err
		}))
	}
}
