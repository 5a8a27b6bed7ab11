// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// of is the element as the library has it.
func (e element) of() nftables.SetElement {
	out := nftables.SetElement{Key: []byte(e.key), KeyEnd: []byte(e.end), Val: []byte(e.val)}
	if e.chain != "" {
		out.VerdictData = &expr.Verdict{Kind: expr.VerdictGoto, Chain: e.chain}
	}
	return out
}

// compareElements orders elements.
func compareElements(a, b element) int {
	return cmp.Or(strings.Compare(a.key, b.key), strings.Compare(a.end, b.end), strings.Compare(a.val, b.val), strings.Compare(a.chain, b.chain))
}

// verdictHeader is how long a verdict's code is, and the header of its chain's name.
const verdictHeader = 12

// elementFrom is what the kernel said of an element of a set.
func elementFrom(def nftables.Set, e nftables.SetElement) element {
	out := element{key: string(e.Key), end: string(e.KeyEnd), val: string(e.Val)}
	if def.DataType.GetNFTMagic() == nftables.TypeVerdict.GetNFTMagic() {
		// Attributes: the code, then the chain. Anything but our goto stays as it came, and is equal to nothing.
		code := expr.VerdictGoto
		want := binary.BigEndian.AppendUint32(nil, uint32(code))
		if len(e.Val) > verdictHeader && bytes.Equal(e.Val[4:8], want) {
			name, _, _ := bytes.Cut(e.Val[verdictHeader:], []byte{0})
			out.val, out.chain = "", string(name)
		}
	}
	return out
}

// dormant tells whether a table has NFT_TABLE_F_DORMANT. The library reads the flags, which come
// in the network's order, in the host's.
func dormant(t *nftables.Table) bool {
	return binary.BigEndian.Uint32(binary.NativeEndian.AppendUint32(nil, t.Flags))&1 != 0
}

// listing is what is in the table: chains and sets without their contents.
type listing struct {
	there  bool // the table
	asleep bool // somebody has made the kernel ignore it
	chains map[string]nftables.Chain
	sets   map[string]nftables.Set
	// servers are perServer's; nil: to be found out.
	servers map[string][]string
}

// newListing is an empty one.
func newListing() *listing {
	return &listing{chains: map[string]nftables.Chain{}, sets: map[string]nftables.Set{}}
}

// list reads the table's contents.
func list(c *nftables.Conn) (*listing, error) {
	l := newListing()
	tables, err := c.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return nil, fmt.Errorf("listing tables: %w", err)
	}
	for _, t := range tables {
		if t.Name == tableName {
			l.there, l.asleep = true, dormant(t)
		}
	}
	if !l.there {
		return l, nil
	}
	chains, err := c.ListChainsOfTableFamily(nftables.TableFamilyINet)
	if err != nil {
		return nil, fmt.Errorf("listing chains: %w", err)
	}
	for _, ch := range chains {
		if ch.Table.Name == tableName {
			l.chains[ch.Name] = *ch
		}
	}
	sets, err := c.GetSets(table())
	if err != nil {
		return nil, fmt.Errorf("listing sets: %w", err)
	}
	for _, s := range sets {
		l.sets[s.Name] = *s
	}
	return l, nil
}

// sameSet tells whether a set is what it is to be, apart from its elements.
func sameSet(want, got nftables.Set) bool {
	if want.DataType.GetNFTMagic() == nftables.TypeVerdict.GetNFTMagic() {
		// The library mixes up the key's and the data's type of such a set.
		return got.Interval == want.Interval && got.IsMap && !got.HasTimeout && got.Concatenation == want.Concatenation
	}
	return got.Interval == want.Interval && got.IsMap == want.IsMap && got.HasTimeout == want.HasTimeout && got.Dynamic == want.Dynamic &&
		got.Concatenation == want.Concatenation && got.KeyType.Bytes == want.KeyType.Bytes && got.DataType.Bytes == want.DataType.Bytes &&
		got.Size == want.Size
}

// sameChain tells whether a chain is at the hook where it is to be.
func sameChain(want, got nftables.Chain) bool {
	if want.Hooknum == nil || got.Hooknum == nil {
		return want.Hooknum == nil && got.Hooknum == nil
	}
	return *want.Hooknum == *got.Hooknum && *want.Priority == *got.Priority && want.Type == got.Type && got.Policy != nil && *want.Policy == *got.Policy
}

// read reads what the table has of the chains and sets of want. A chain or set that
// is there but is another kind of thing is in wrong.
func (l *listing) read(c *nftables.Conn, want *part) (got *part, wrong []string, err error) {
	got = newPart()
	for name, w := range want.chains {
		there, ok := l.chains[name]
		if !ok {
			continue
		}
		if !sameChain(w.def, there) {
			wrong = append(wrong, name)
			continue
		}
		rules, err := c.GetRules(table(), &w.def)
		if err != nil {
			return nil, nil, fmt.Errorf("reading the rules of %s: %w", name, err)
		}
		g := &chain{def: w.def}
		for _, r := range rules {
			g.rules = append(g.rules, r.Exprs)
		}
		got.chains[name] = g
	}
	for name, w := range want.sets {
		there, ok := l.sets[name]
		if !ok {
			continue
		}
		if !sameSet(w.def, there) {
			wrong = append(wrong, name)
			continue
		}
		g := got.add(w.def)
		if g.open = w.open; g.open {
			continue
		}
		elements, err := c.GetSetElements(&w.def)
		if err != nil {
			return nil, nil, fmt.Errorf("reading the elements of %s: %w", name, err)
		}
		for _, e := range elements {
			g.elements[elementFrom(w.def, e)] = struct{}{}
		}
	}
	return got, wrong, nil
}

// sameRules tells whether rules do the same.
func sameRules(a, b [][]expr.Any) bool {
	return slices.EqualFunc(a, b, func(a, b []expr.Any) bool { return slices.EqualFunc(a, b, sameExpr) })
}

// sameExpr tells whether expressions do the same.
func sameExpr(a, b expr.Any) bool {
	x, errX := expr.Marshal(unix.NFPROTO_INET, a)
	y, errY := expr.Marshal(unix.NFPROTO_INET, b)
	return errors.Join(errX, errY) == nil && bytes.Equal(x, y)
}
