// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"encoding/binary"
	"log/slog"
	"net/netip"
	"testing"
)

// FuzzNotifyMsg has messages of whoever has a key come one after the other, each
// with two bytes of length before it: what is handed on is of a configured peer
// that has proven its start, and nothing is handed on twice.
func FuzzNotifyMsg(f *testing.F) {
	join := func(frames ...frame) []byte {
		var b []byte
		for _, one := range frames {
			text := one.append(nil)
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(text))), text...)
		}
		return b
	}
	me, peer := []byte("lb-1"), []byte("lb-2")
	nonce := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, 9), 1)
	direct := frame{kind: kindDirect, channel: Agent, start: 7, number: 1, from: peer, to: me, payload: []byte("m")}
	sealed, strange, other, advert := direct, direct, direct, direct
	sealed.kind, strange.from, other.start, advert.channel = kindSealed, []byte("lb-9"), 8, Advert
	sealed.copies, advert.number, advert.payload = 2, 2, appendAdvert(beginAdverts(nil, 4), []byte{0x31, 1, 255, 1, 0, 1, 0, 0})
	f.Add(join(direct, direct, advert, sealed, sealed))
	f.Add(join(strange, other, frame{kind: kindProof, start: 8, from: peer, to: me, payload: nonce}, other))
	f.Add(join(frame{kind: kindState, start: 8, number: 1, from: peer, payload: []byte("state")}, frame{kind: kindProve, start: 8, from: peer, to: me, payload: nonce}))
	question := who{nonce: 9, addr: netip.MustParseAddrPort("192.0.2.1:7946")}.bytes()
	f.Add(join(frame{kind: kindWho, start: 3, from: me, to: me, payload: question}, frame{kind: kindHere, start: 3, from: me, to: me, payload: question}))
	told := direct
	told.channel, told.payload = twins, notice{1, 2, 3}.bytes()
	f.Add(join(told, told))
	f.Add([]byte{0, 1, 'v', 0, 0, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		type once struct {
			start, number uint64
			sealed        bool
		}
		come := map[once]bool{}
		var now frame
		n := newNode(t, "lb-1", func(c *Config) {
			c.Log = slog.New(slog.DiscardHandler)
			c.Received = func(from string, ch Channel, payload []byte) {
				is := once{now.start, now.number, now.kind == kindSealed}
				if from != "lb-2" || now.start != 7 || ch != now.channel || string(payload) != string(now.payload) || come[is] {
					t.Errorf("%s says %q on %d, of %+v", from, payload, ch, now)
				}
				come[is] = true
			}
		})
		defer n.Close()
		if err := n.SetPeers([]Peer{{"lb-2", []string{"192.0.2.2:7946"}}}); err != nil {
			t.Fatal(err)
		}
		n.peers["lb-2"].lives.begin(7)
		n.peers["lb-2"].doubt.raise(8, n.born) // with a number that nobody knows
		for len(b) >= 2 {
			size := min(int(binary.BigEndian.Uint16(b)), len(b)-2)
			text := b[2 : 2+size]
			b = b[2+size:]
			now, _ = parseFrame(text)
			(*delegate)(n.Link).NotifyMsg(text)
		}
	})
}
