// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// keep leaves the host's thread with these capabilities, for good.
func (h *host) keep(capabilities ...int) {
	h.t.Helper()
	h.do(func() error {
		var data [2]unix.CapUserData
		for _, c := range capabilities {
			data[c/32].Effective |= 1 << (c % 32)
			data[c/32].Permitted |= 1 << (c % 32)
		}
		return unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &data[0])
	})
}

// What the documentation says is needed is enough, and without the right to
// adopt the fence in force is replaced by a closed one.
func TestFenceRights(t *testing.T) {
	r := newFenceRig(t)
	first := r.fence(FenceConfig{})
	must(t, first.Set(fenceAddresses, 1<<62))
	r.want("open", everyWay)
	r.keep(unix.CAP_NET_ADMIN, unix.CAP_BPF)
	var second *Fence
	r.host.do(func() (err error) { second, err = OpenFence(FenceConfig{Closed: fenceAddresses}); return err })
	t.Cleanup(func() { must(t, second.Close()) })
	r.want("not replaced yet", everyWay)
	r.host.do(second.Cover)
	r.want("replaced", nil)
	r.host.do(func() error { return second.Set(fenceAddresses, 1<<62) })
	r.want("opened", everyWay)
	if got := second.Addresses(); !slices.Equal(got, fenceAddresses) {
		t.Errorf("knows %v", got)
	}

	r.keep(unix.CAP_NET_ADMIN)
	r.host.do(func() error {
		if err := FenceUsable(); !errors.Is(err, ErrFence) || !errors.Is(err, unix.EPERM) {
			t.Errorf("without rights: got %v", err)
		}
		return nil
	})
}
