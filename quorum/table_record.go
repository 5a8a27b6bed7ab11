// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"
)

// recordVersion is that of the record's format. One that changes what a lease
// means gets another: who doesn't know it does without the table.
const recordVersion = 1

// recordMost is how long a record may be, a little less than what DynamoDB
// takes.
const recordMost = 390_000

// record is what a table has under a key: a voter's memory, as JSON, which people
// can read in the table.
type record struct {
	// Fresh is not zero while nothing was accepted in it: it may be the successor of
	// one that is lost. It is the first version of this one.
	Fresh uint64 `json:"fresh,omitempty"`
	// Sealed is the list that those must ask under, too, who ask, as generation and
	// digest; empty: none.
	Sealed string       `json:"sealed,omitempty"`
	Leases []tableLease `json:"leases,omitempty"`
	// Terms are in the order in which they were accepted last. Up to Floor are all terms
	// of resources that they had once; no such is accepted of one that is not there.
	Terms []tableTerm `json:"terms,omitempty"`
	Floor uint64      `json:"floor,omitempty"`
}

// tableLease is a lease that may run.
type tableLease struct {
	Resource  string        `json:"resource"`
	Addresses []netip.Addr  `json:"addresses"`
	Ballot    tableBallot   `json:"ballot"`
	Sequence  uint64        `json:"sequence"`
	Lease     time.Duration `json:"lease_ns"`

	digest Digest // of the addresses
}

// tableTerm is the highest ballot that was accepted or released of a resource.
type tableTerm struct {
	Resource string      `json:"resource"`
	Ballot   tableBallot `json:"ballot"`
	Released bool        `json:"released,omitempty"`
}

type tableBallot struct {
	Counter uint64 `json:"counter"`
	Node    string `json:"node"`
	Start   uint64 `json:"start"`
}

func newTableBallot(b Ballot) tableBallot { return tableBallot(b) }

func newTableLease(r Resource) tableLease {
	l := tableLease{Resource: r.Name, digest: r.Digest()}
	for _, a := range r.Addresses {
		l.Addresses = append(l.Addresses, a.WithZone("")) // as the digest has them
	}
	return l
}

func (l *tableLease) ballot() Ballot     { return Ballot(l.Ballot) }
func (l *tableLease) key() key           { return key{l.Resource, l.digest} }
func (l *tableLease) resource() Resource { return Resource{Name: l.Resource, Addresses: l.Addresses} }
func (t *tableTerm) ballot() Ballot      { return Ballot(t.Ballot) }

// same tells whether nothing but the addresses' order differs.
func (l *tableLease) same(o *tableLease) bool {
	return l.key() == o.key() && l.Ballot == o.Ballot && l.Sequence == o.Sequence && l.Lease == o.Lease
}

func (r *record) clone() record {
	c := *r
	c.Leases, c.Terms = slices.Clone(r.Leases), slices.Clone(r.Terms)
	return c
}

// termOf is that of a resource, made if there is none.
func (r *record) termOf(resource string) *tableTerm {
	i := slices.IndexFunc(r.Terms, func(t tableTerm) bool { return t.Resource == resource })
	if i < 0 {
		r.Terms = append(r.Terms, tableTerm{Resource: resource})
		i = len(r.Terms) - 1
	}
	return &r.Terms[i]
}

// term is the number of a resource's highest term, or of one that it is not below.
func (r *record) term(resource string) uint64 {
	for i := range r.Terms {
		if t := &r.Terms[i]; t.Resource == resource {
			return t.Ballot.Counter
		}
	}
	return r.Floor
}

// keptTerms are of so many resources that nobody has.
const keptTerms = 64

// forget keeps the terms of so many resources that nobody has: there is no lease of
// theirs, and file, the asker's, lacks them. Of the others, whose terms were accepted
// longest ago, the highest is remembered for all: routers that are renamed over the
// years do not fill the record, and whoever gets an old name begins above it. Should
// the other node's file have such a resource, its holder's next renewal is refused,
// and it claims anew.
func (r *record) forget(file []Resource, kept int) {
	idle := func(t tableTerm) bool {
		return !slices.ContainsFunc(file, func(f Resource) bool { return f.Name == t.Resource }) &&
			!slices.ContainsFunc(r.Leases, func(l tableLease) bool { return l.Resource == t.Resource })
	}
	left := -kept
	for _, t := range r.Terms {
		if idle(t) {
			left++
		}
	}
	r.Terms = slices.DeleteFunc(r.Terms, func(t tableTerm) bool {
		if left <= 0 || !idle(t) {
			return false
		}
		left--
		r.Floor = max(r.Floor, t.Ballot.Counter)
		return true
	})
}

// recordFile is the record with what stands around it.
type recordFile struct {
	Format int `json:"version"`
	record
}

var errRecord = errors.New("a record of this table can't be used")

// ErrFull says that the table has no room for the leases of all resources.
var ErrFull = errors.New("the leases of all routers don't fit into one item: put routers into sync groups, which have one lease each, or into another cluster")

func (r *record) encode() ([]byte, error) {
	b, err := json.Marshal(recordFile{recordVersion, *r})
	if err == nil && len(b) > recordMost {
		err = fmt.Errorf("%w (it would have %d bytes, more than %d)", ErrFull, len(b), recordMost)
	}
	return b, err
}

// parseRecord is the reverse. It is a voter's memory: nothing of it may be
// unknown.
func parseRecord(b []byte) (record, error) {
	var f recordFile
	if len(b) > recordMost {
		return record{}, fmt.Errorf("%w: it has %d bytes", errRecord, len(b))
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return record{}, fmt.Errorf("%w: %w", errRecord, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return record{}, fmt.Errorf("%w: something follows after byte %d", errRecord, d.InputOffset())
	}
	if f.Format != recordVersion {
		return record{}, fmt.Errorf("%w: it is of version %d", errRecord, f.Format)
	}
	for i := range f.Leases {
		l := &f.Leases[i]
		l.digest = l.resource().Digest()
	}
	if err := f.validate(); err != nil {
		return record{}, fmt.Errorf("%w: %w", errRecord, err)
	}
	return f.record, nil
}

// validate tells what can't be.
func (r *record) validate() error {
	errs := []error{}
	terms := map[string]Ballot{}
	for i := range r.Terms {
		t := &r.Terms[i]
		if _, twice := terms[t.Resource]; twice || t.Resource == "" || len(t.Resource) > maxName {
			errs = append(errs, fmt.Errorf("the term of %q", t.Resource))
		}
		terms[t.Resource] = t.ballot()
		errs = append(errs, t.Ballot.validate())
	}
	seen := map[key]bool{}
	for i := range r.Leases {
		l := &r.Leases[i]
		errs = append(errs, l.resource().validate(), l.Ballot.validate())
		if seen[l.key()] || l.Lease <= 0 || l.ballot().Compare(terms[l.Resource]) > 0 {
			errs = append(errs, fmt.Errorf("the lease of %q", l.Resource))
		}
		seen[l.key()] = true
		for _, a := range l.Addresses {
			if !a.IsValid() || a.Zone() != "" {
				errs = append(errs, fmt.Errorf("an address of %q", l.Resource))
			}
		}
	}
	if r.Floor > mostTerms {
		errs = append(errs, fmt.Errorf("the floor %d", r.Floor))
	}
	if r.Fresh != 0 && len(r.Leases) > 0 {
		errs = append(errs, errors.New("leases in a fresh record"))
	}
	return errors.Join(errs...)
}

func (b tableBallot) validate() error {
	if b.Counter == 0 || b.Counter > mostTerms || b.Node == "" || len(b.Node) > maxName {
		return fmt.Errorf("ballot %v", Ballot(b))
	}
	return nil
}
