// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guardian

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

func fullWill() Will {
	claim := vip.Claim{Router: "web/ipv6", Term: 7, Interface: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix("2001:db8::100/128")}}
	packet := wire.Packet{Src: netip.MustParseAddr("192.0.2.10"), Dst: wire.Group4, Data: []byte{0x31, 51, 0, 0}}
	return Will{
		Claims: []vip.Claim{claim},
		Datagrams: []Datagram{
			{From: netip.MustParseAddr("192.0.2.10"), To: netip.MustParseAddrPort("192.0.2.20:7946"), Data: []byte{0, 1, 0xff}},
			{To: netip.MustParseAddrPort("[2001:db8::20]:7946"), Data: []byte("x")},
		},
		Farewells: []Farewell{{Interface: "eth0", Family: 4, Multicast: true, Packets: []wire.Packet{packet}}},
	}
}

func TestWill(t *testing.T) {
	for _, w := range []Will{{}, fullWill()} {
		b, err := w.encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseWill(b); err != nil || !reflect.DeepEqual(got, w) {
			t.Errorf("got %+v, %v, want %+v", got, err, w)
		}
	}
}

func TestWillRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Will){
		"no interface":      func(w *Will) { w.Claims[0].Interface = "" },
		"no address":        func(w *Will) { w.Claims[0].Addresses[0] = netip.Prefix{} },
		"nobody to send to": func(w *Will) { w.Datagrams[0].To = netip.AddrPort{} },
		"two families":      func(w *Will) { w.Datagrams[0].From = netip.MustParseAddr("2001:db8::1") },
		"no source":         func(w *Will) { w.Farewells[0].Packets[0].Src = netip.Addr{} },
	} {
		t.Run(name, func(t *testing.T) {
			w := fullWill()
			spoil(&w)
			b, err := w.encode()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parseWill(b); !errors.Is(err, errWill) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func FuzzParseWill(f *testing.F) {
	b, err := fullWill().encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("{}"))
	f.Add([]byte(`{"Claims":[{"Interface":"eth0","Addresses":["::ffff:192.0.2.1/128"]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := parseWill(b)
		if err != nil {
			return
		}
		again, err := w.encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseWill(again); err != nil || !reflect.DeepEqual(got, w) {
			t.Errorf("%+v became %+v, %v", w, got, err)
		}
	})
}

// Frames arrive in pieces of any size.
func TestFrames(t *testing.T) {
	var stream []byte
	want := []string{"one", "", strings.Repeat("x", 100_000), "last"}
	for _, payload := range want {
		var err error
		if stream, err = appendFrame(stream, frameWill, []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	var have []byte
	for len(stream) > 0 {
		n := min(len(stream), 1+rand.IntN(5000))
		have, stream = append(have, stream[:n]...), stream[n:]
		for {
			kind, payload, rest, err := cutFrame(have)
			if err != nil {
				t.Fatal(err)
			}
			if kind == 0 {
				break
			}
			got, have = append(got, string(payload)), rest
		}
	}
	if !reflect.DeepEqual(got, want) || len(have) > 0 {
		t.Errorf("got %d frames and %d bytes", len(got), len(have))
	}
	if _, err := appendFrame(nil, frameWill, make([]byte, frameMost+1)); !errors.Is(err, errFrame) {
		t.Errorf("too long: %v", err)
	}
}

func FuzzCutFrame(f *testing.F) {
	whole, _ := appendFrame(nil, frameWill, []byte("a will"))
	f.Add(whole)
	f.Add(whole[:7])
	f.Add([]byte{frameLook, 0, 0, 0, 0, 1})
	f.Add([]byte{frameWill, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, payload, rest, err := cutFrame(b)
		switch {
		case err != nil:
		case kind == 0 && len(rest) != len(b):
			t.Error("half a frame was taken")
		case kind != 0 && len(payload)+len(rest)+frameHeader != len(b):
			t.Errorf("%d and %d bytes of %d", len(payload), len(rest), len(b))
		}
	})
}
