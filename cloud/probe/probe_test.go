// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/vip"
)

var _ cloud.Prober = (*Prober)(nil)

// freePort is a UDP port that is free at the loopback address.
func freePort(t *testing.T) uint16 {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

func TestProbe(t *testing.T) {
	local := netip.MustParsePrefix("127.0.0.1/32")
	claim := vip.Claim{Router: "web", Addresses: []netip.Prefix{local}}
	for _, test := range []struct {
		name    string
		lose    int32 // so many requests
		ours    bool
		peers   []string
		arrived bool
		err     error
	}{
		{"it comes", 0, true, []string{"lb-2"}, true, nil},
		{"a request is lost", 1, true, []string{"lb-2"}, true, nil},
		{"it is sent to no strange address", 0, false, []string{"lb-2"}, false, nil},
		{"nobody is there", 0, true, nil, false, errNoPeer},
	} {
		t.Run(test.name, func(t *testing.T) {
			port := freePort(t)
			other := New(Config{Port: port, Ours: func(netip.Addr) bool { return test.ours }})
			var lost atomic.Int32
			p := New(Config{
				Port: port, Peers: func() []string { return test.peers },
				Send: func(to string, payload []byte) error {
					if lost.Add(1) > test.lose {
						other.Received("lb-1", payload)
					}
					return nil
				},
			})
			patience := 20 * time.Second
			if !test.arrived {
				patience = 10 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			_, arrived, err := p.Probe(ctx, claim)
			if arrived != test.arrived || !errors.Is(err, test.err) {
				t.Errorf("arrived %v, %v", arrived, err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(request{nonce: [16]byte{1}, to: netip.MustParseAddrPort("192.0.2.100:7946")}.encode())
	f.Add(request{to: netip.MustParseAddrPort("[2001:db8::1]:1")}.encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parse(b)
		if err != nil {
			return
		}
		if got := r.encode(); !bytes.Equal(got, b) && !r.to.Addr().Is4() {
			t.Errorf("%x became %x", b, got)
		}
	})
}
