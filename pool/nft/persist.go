// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"fmt"
	"hash/fnv"
	"maps"
	"net"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/pool"
)

// A persistent service has a chain and a set of clients per server that takes
// connections. A server that is gone, or drained, takes its clients' set with it, so
// that nobody has to look for them. One map of clients to servers would be found faster,
// but nft up to 1.0.6 at least aborts when it lists rules that put into a map what
// they found in another one, and who can't list the rules can't find faults.

// slots is the map of slots of a service that is not persistent.
func (f family) slots(service string) nftables.Set {
	return nftables.Set{
		Name: f.identifier("slots", service), KeyType: nftables.TypeMark, DataType: f.server(), IsMap: true, KeyByteOrder: binaryutil.NativeEndian,
	}
}

// choices is the map of slots to the chains of a persistent service's servers.
func (f family) choices(service string) nftables.Set {
	return nftables.Set{
		Name: f.identifier("choices", service), KeyType: nftables.TypeMark, DataType: nftables.TypeVerdict, IsMap: true, KeyByteOrder: binaryutil.NativeEndian,
	}
}

// clients is the set of a server's clients. The name has the server's identity at its end.
func (f family) clients(name string) nftables.Set {
	return nftables.Set{Name: name, KeyType: f.addr, HasTimeout: true, Dynamic: true, Size: clientsSize, KeyByteOrder: binaryutil.BigEndian}
}

// identitySize is how long an identity is, with the dash before it.
const identitySize = 9

// identities end the names of the servers' chains and sets. They are the same whoever
// comes and goes, also after a restart.
func identities(servers []pool.Destination) []string {
	taken, out := map[uint32]bool{}, make([]string, len(servers))
	for i, d := range servers {
		h := fnv.New32a()
		_, _ = h.Write([]byte(endpoint(d.Address)))
		id := h.Sum32()
		for taken[id] {
			id++
		}
		taken[id] = true
		out[i] = fmt.Sprintf("-%08x", id)
	}
	return out
}

// persistent adds the servers' chains and sets, and gives the rules that send a client
// where it was sent to before.
func (p *program) persistent(v pool.Virtual, f family, servers []pool.Destination, ids []string) [][]expr.Any {
	key := f.client(v.Persistence)
	var rules [][]expr.Any
	for i, d := range servers {
		set, chain := f.identifier("clients", v.Name)+ids[i], f.identifier("server", v.Name)+ids[i]
		p.add(f.clients(set)).open = true
		to := []expr.Any{&expr.Immediate{Register: register(serverAt), Data: d.Address.Addr().AsSlice()}}
		if d.Address.Port() != 0 {
			to = append(to, &expr.Immediate{Register: register(serverAt + f.words), Data: port(d.Address.Port())})
		}
		to = append(to, f.rewrite(d.Address.Port() != 0))
		note := &expr.Dynset{SrcRegKey: register(keyAt), SetName: set, Operation: unix.NFT_DYNSET_OP_UPDATE, Timeout: v.Persistence.Timeout}
		// The second rule is for when there is no room for another client.
		p.addChain(chain, append(append(f.client(v.Persistence), note), to...), to)
		rules = append(rules, append(append([]expr.Any{}, key...),
			&expr.Lookup{SourceRegister: register(keyAt), SetName: set},
			&expr.Verdict{Kind: expr.VerdictGoto, Chain: chain}))
	}
	return rules
}

// client puts what counts of the client's address into its register.
func (f family) client(p pool.Persistence) []expr.Any {
	out := []expr.Any{&expr.Payload{DestRegister: register(keyAt), Base: expr.PayloadBaseNetworkHeader, Offset: f.src, Len: f.addr.Bytes}}
	bits, all := p.Prefix4, 32
	if f.words == 4 {
		bits, all = p.Prefix6, 128
	}
	if bits > 0 && bits < all {
		out = append(out, &expr.Bitwise{
			SourceRegister: register(keyAt), DestRegister: register(keyAt), Len: f.addr.Bytes,
			Mask: net.CIDRMask(bits, all), Xor: make([]byte, f.addr.Bytes),
		})
	}
	return out
}

// perServer are the chains and sets of the listing that a persistent service has for its
// servers, by their names without the identities.
func (l *listing) perServer() map[string][]string {
	if l.servers != nil {
		return l.servers
	}
	l.servers = map[string][]string{}
	note := func(name string) {
		if at := len(name) - identitySize; at > 0 && (strings.HasPrefix(name, "server-") || strings.HasPrefix(name, "clients-")) {
			l.servers[name[:at]] = append(l.servers[name[:at]], name)
		}
	}
	for name := range l.chains {
		note(name)
	}
	for name := range l.sets {
		note(name)
	}
	return l.servers
}

// everything is all chains and sets that the service has, or would have with other
// settings.
func (l *listing) everything(v pool.Virtual) *part {
	p := newPart()
	for _, f := range families() {
		all := compile(pool.Virtual{Name: v.Name, Frontends: []pool.Frontend{{Mark: 1, Family: int(f.name[0] - '0')}}}, nil)
		maps.Copy(p.chains, all.chains)
		maps.Copy(p.sets, all.sets)
		p.add(f.choices(v.Name))
		for _, name := range l.perServer()[f.identifier("server", v.Name)] {
			p.addChain(name)
		}
		for _, name := range l.perServer()[f.identifier("clients", v.Name)] {
			p.add(f.clients(name)).open = true
		}
	}
	return p
}
