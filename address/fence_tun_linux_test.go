// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tun makes an interface without Ethernet headers, and returns its other end.
func (h *host) tun(name string) *os.File {
	h.t.Helper()
	var file *os.File
	h.do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		request, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
			return err
		}
		file = os.NewFile(uintptr(fd), name)
		return nil
	})
	h.t.Cleanup(func() { _ = file.Close() })
	h.up(name)
	return file
}

// replies is the source of a reply to a ping.
func replies(b []byte) (from netip.Addr) {
	switch {
	case len(b) == 28 && b[0]>>4 == 4:
		from, _ = netip.AddrFromSlice(b[12:16])
	case len(b) == 48 && b[0]>>4 == 6 && b[40] == 129:
		from, _ = netip.AddrFromSlice(b[8:24])
	}
	return from
}

// An interface whose packets begin with the IP header.
func TestFenceWithoutEthernet(t *testing.T) {
	needFence(t)
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skipf("needs a tun device: %v", err)
	}
	h := newHost(t)
	tun := h.tun("tun0")
	for _, p := range []string{"192.0.2.10/24", "192.0.2.100/32", "2001:db8::10/64", "2001:db8::100/128"} {
		h.add("tun0", p)
	}
	h.ready("tun0")
	// ask pings both addresses until the second answers, which takes a while if
	// the interface is new, and tells whether the first one did.
	ask := func(vip, own netip.Addr) (answered bool) {
		t.Helper()
		eventually(t, "an answer", func() bool {
			for _, to := range []netip.Addr{vip, own} {
				b := icmp6(peer6, to, echo6)
				if to.Is4() {
					b = ping4(8, peer4, to)
				}
				_, err := tun.Write(b)
				must(t, err)
			}
			must(t, tun.SetReadDeadline(time.Now().Add(time.Second)))
			for b := make([]byte, 2048); ; {
				n, err := tun.Read(b)
				if errors.Is(err, os.ErrDeadlineExceeded) {
					return false
				}
				must(t, err)
				switch from := replies(b[:n]); from {
				case vip:
					answered = true
				case own:
					return true
				}
			}
		})
		return answered
	}
	want := func(state string, want bool) {
		t.Helper()
		if got := ask(vip4, own4); got != want {
			t.Errorf("%s: IPv4 answered %v", state, got)
		}
		if got := ask(vip6, own6); got != want {
			t.Errorf("%s: IPv6 answered %v", state, got)
		}
	}
	ask(own6, own4)
	want("no fence", true)
	f := h.fence(FenceConfig{Closed: fenceAddresses})
	want("closed", false)
	must(t, f.Set(fenceAddresses, bootNow(t)+time.Hour))
	want("open", true)
	must(t, f.Shut(fenceAddresses))
	want("closed again", false)
}
