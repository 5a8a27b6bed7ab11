// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/pool"
)

// buffer is the size of the socket's buffers: a transaction is one message, and
// each of its parts is acknowledged.
const buffer = 32 << 20

// maxElements are how many elements go into one message; its length has 16 bits.
const maxElements = 512

// buffered is the part of the library's socket that is needed here.
type buffered interface {
	SetReadBuffer(bytes int) error
	SetWriteBuffer(bytes int) error
}

// enlarge gives a socket large buffers.
func enlarge[C buffered](c C) error {
	return errors.Join(c.SetReadBuffer(buffer), c.SetWriteBuffer(buffer))
}

// dial opens a socket to nf_tables in the calling thread's network namespace.
func dial() (*nftables.Conn, error) {
	c, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(enlarge))
	if err != nil {
		return nil, understood(fmt.Errorf("opening nf_tables: %w", err))
	}
	return c, nil
}

// understood is an error with what it means and the remedy, where that is known.
func understood(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("nftables needs CAP_NET_ADMIN in this network namespace: give the agent that capability, as the systemd unit does: %w", err)
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EAFNOSUPPORT):
		return fmt.Errorf("%w: nfnetlink: load the module nf_tables (modprobe nf_tables), or use plane: ipvs: %w", pool.ErrNoPlane, err)
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOENT):
		return fmt.Errorf("%w: nftables with numgen, hash, nat and reject (Linux 5.9 has all): load the modules nf_tables, "+
			"nft_numgen, nft_hash, nft_chain_nat, nft_reject_inet and nft_ct, or use plane: ipvs: %w", pool.ErrNoPlane, err)
	default:
		return err
	}
}

// batch is a transaction that is being made.
type batch struct {
	conn *nftables.Conn
	size int // of what was added, roughly, in bytes
	err  error
}

// elementsOf are the elements as the library has them, in an order that does not change.
func elementsOf(in map[element]struct{}) []nftables.SetElement {
	list := make([]element, 0, len(in))
	for e := range in {
		list = append(list, e)
	}
	slices.SortFunc(list, compareElements)
	out := make([]nftables.SetElement, len(list))
	for i, e := range list {
		out[i] = e.of()
	}
	return out
}

// addElements adds elements to a set.
func (b *batch) addElements(def nftables.Set, elements map[element]struct{}) {
	for some := range slices.Chunk(elementsOf(elements), maxElements) {
		b.err = errors.Join(b.err, b.conn.SetAddElements(&def, some))
		b.size += 80 * len(some)
	}
}

// deleteElements removes elements from a set.
func (b *batch) deleteElements(def nftables.Set, elements map[element]struct{}) {
	for some := range slices.Chunk(elementsOf(elements), maxElements) {
		for i := range some {
			some[i].Val, some[i].VerdictData = nil, nil
		}
		b.err = errors.Join(b.err, b.conn.SetDeleteElements(&def, some))
		b.size += 60 * len(some)
	}
}

// addSet adds an empty set.
func (b *batch) addSet(def nftables.Set) {
	b.err = errors.Join(b.err, b.conn.AddSet(&def, nil))
	b.size += 256
}

// addRules adds rules to a chain.
func (b *batch) addRules(c *chain) {
	for _, r := range c.rules {
		def := c.def
		b.conn.AddRule(&nftables.Rule{Table: table(), Chain: &def, Exprs: r})
		b.size += 96 * len(r)
	}
}

// commit sends the transaction. All of it happens or nothing.
func (b *batch) commit() error {
	if b.err != nil {
		return fmt.Errorf("writing a transaction of nf_tables: %w", b.err)
	}
	return b.conn.Flush()
}
