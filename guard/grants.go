// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"errors"
	"hash/fnv"
	"slices"
	"sort"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/status"
)

// grants are the resources of a file as its node tells them to the others, so
// that each knows what a voter would refuse before it asks. A resource is 4 bytes
// of its name and 4 of its addresses; they are in order. nil: not told.
type grants []byte

const (
	grantSize = 8
	// mostGrants keeps a report small beside the rest of a node's state. Of more
	// nothing is told.
	mostGrants = 2000
)

var errGrants = errors.New("what it grants is cut off or too long")

// grant is a resource as grants has it.
func grant(r quorum.Resource) []byte {
	h := fnv.New32a()
	h.Write([]byte(r.Name))
	b := h.Sum(nil)
	d := r.Digest()
	for i := range 4 {
		b = append(b, d[i]^d[i+4])
	}
	return b
}

func newGrants(resources []Resource) grants {
	if len(resources) > mostGrants {
		return nil
	}
	all := make([][]byte, len(resources))
	for i := range resources {
		all[i] = grant(resources[i].quorum())
	}
	slices.SortFunc(all, bytes.Compare)
	return append(grants{}, bytes.Join(all, nil)...)
}

func (g grants) validate() error {
	if len(g)%grantSize != 0 || len(g) > mostGrants*grantSize {
		return errGrants
	}
	return nil
}

// denies is why a voter with these grants refuses the resource, or empty.
func (g grants) denies(r quorum.Resource) string {
	if g == nil {
		return ""
	}
	want, named := grant(r), false
	n := len(g) / grantSize
	at := func(i int) []byte { return g[i*grantSize : (i+1)*grantSize] }
	for i := sort.Search(n, func(i int) bool { return bytes.Compare(at(i)[:4], want[:4]) >= 0 }); i < n && bytes.Equal(at(i)[:4], want[:4]); i++ {
		if bytes.Equal(at(i), want) {
			return ""
		}
		named = true
	}
	if named {
		return status.DeniedAddresses
	}
	return status.DeniedMissing
}

// denied are the resources of this node's file that a voter refuses, by its own
// word.
func (l *loop) denied(voter string) []status.Denied {
	o, heard := l.roster.heard[voter]
	if !heard || voter == l.cfg.Node || bytes.Equal(o.Grants, l.roster.grants) {
		return nil
	}
	var denied []status.Denied
	for i := range l.cfg.Resources {
		r := l.cfg.Resources[i].quorum()
		if why := o.Grants.denies(r); why != "" {
			denied = append(denied, status.Denied{Resource: r.Name, Reason: why})
		}
	}
	return denied
}
