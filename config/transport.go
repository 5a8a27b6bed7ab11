// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"github.com/goccy/go-yaml/ast"
)

// rawTransport is the section transport.
type rawTransport struct {
	mark
	Kind   kind   `yaml:"kind" jsonschema_description:"How adverts travel: multicast (224.0.0.18 and ff02::12), unicast, where the peers are the other nodes' addresses, or gossip: encrypted over the peer link, for networks that let neither multicast nor IP protocol 112 through. Default multicast. There is no falling back from one to the other."`
	TTLMin ttlMin `yaml:"ttl_min" jsonschema_description:"Unicast: the lowest TTL or hop limit of an advert that is accepted: auto (255 for a peer in a subnet of the router's interface and none for others), none, or 1 to 255. Default auto. Multicast always demands 255."`
}

func (t *rawTransport) decode(r *reader, key mark, n ast.Node) {
	t.mark = r.fields(key, n, t)
}

// kind is a transport's kind.
type kind struct{ text }

func (k *kind) decode(r *reader, key mark, n ast.Node) {
	k.choice(r, key, n, string(Multicast), string(Unicast), string(Gossip))
}

// ttlMin is auto, none or a TTL.
type ttlMin struct{ scalar[TTLMin] }

func (t *ttlMin) decode(r *reader, key mark, n ast.Node) {
	t.mark = r.at(n, key.path)
	if s, ok := n.(*ast.StringNode); ok {
		switch s.Value {
		case "auto":
			t.set(TTLAuto)
			return
		case "none":
			t.set(TTLNone)
			return
		}
	}
	var v number
	v.decodeRange(r, key, n, 1, 255, "write auto, none or 1 to 255")
	if v.ok {
		t.set(TTLMin(v.v))
	}
}

// transport checks the section. An error in kind leaves Kind empty.
func (r *reader) transport(raw rawTransport) Transport {
	t := Transport{Kind: Multicast, TTLMin: raw.TTLMin.or(TTLAuto)}
	switch {
	case raw.Kind.ok:
		t.Kind = Kind(raw.Kind.v)
	case raw.Kind.present():
		t.Kind = ""
	}
	if t.Kind == Multicast && raw.TTLMin.present() {
		r.bad(raw.TTLMin.mark, "ttl_min is for unicast", "remove it; multicast always demands a TTL of 255 (RFC 9568 section 5.1.1.3)")
	}
	if t.Kind == Gossip && raw.TTLMin.present() {
		r.bad(raw.TTLMin.mark, "ttl_min is for unicast", "remove it; by gossip it is the key that proves who sent an advert")
	}
	return t
}
