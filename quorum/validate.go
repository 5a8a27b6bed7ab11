// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"errors"
	"fmt"
	"slices"
)

// maxName is what a name's length may be on the wire.
const maxName = 255

func checkNode(node string) error {
	if node == "" || len(node) > maxName {
		return fmt.Errorf("the node's name has %d bytes, not 1 to %d", len(node), maxName)
	}
	return nil
}

func (r Resource) validate() error {
	switch {
	case r.Name == "" || len(r.Name) > maxName:
		return fmt.Errorf("a resource's name has %d bytes, not 1 to %d", len(r.Name), maxName)
	case len(r.Addresses) == 0:
		return fmt.Errorf("resource %s has no address", r.Name)
	}
	return nil
}

func (r Resource) clone() Resource {
	r.Addresses = slices.Clone(r.Addresses)
	return r
}

func checkResources(resources []Resource) error {
	seen := map[string]bool{}
	var errs []error
	for _, r := range resources {
		errs = append(errs, r.validate())
		if seen[r.Name] {
			errs = append(errs, fmt.Errorf("resource %s is there twice", r.Name))
		}
		seen[r.Name] = true
	}
	return errors.Join(errs...)
}

func (l List) validate() error {
	seen := map[string]bool{}
	errs := []error{}
	for _, v := range l.Voters {
		errs = append(errs, checkNode(v))
		if seen[v] {
			errs = append(errs, fmt.Errorf("voter %s is there twice", v))
		}
		seen[v] = true
	}
	if nodes := len(l.nodes()); l.HasTable() && (nodes < 2 || len(l.Voters)-nodes > 1) {
		errs = append(errs, fmt.Errorf("%d tables vote beside %d nodes: one may, beside two or more", len(l.Voters)-nodes, nodes))
	}
	if l.MaxLease <= 0 {
		errs = append(errs, fmt.Errorf("a longest lease of %v", l.MaxLease))
	}
	return errors.Join(errs...)
}

func (l Lists) validate() error {
	if len(l.Current.Voters) == 0 {
		return errors.New("there are no voters")
	}
	if len(l.Staged.Voters) == 0 {
		return l.Current.validate()
	}
	return errors.Join(l.Current.validate(), l.Staged.validate())
}

// both are the current and the staged list.
func (l Lists) both() [2]List { return [2]List{l.Current, l.Staged} }

func (l Lists) clone() Lists {
	l.Current, l.Staged = l.Current.clone(), l.Staged.clone()
	return l
}

func (l List) clone() List {
	l.Voters = slices.Clone(l.Voters)
	return l
}

func (cfg *CandidateConfig) validate() error {
	errs := []error{checkNode(cfg.Node), cfg.Resource.validate(), cfg.Lists.validate()}
	if cfg.Start == 0 {
		errs = append(errs, errors.New("the start has no random number"))
	}
	if cfg.Lease <= 0 || cfg.Lease > cfg.Lists.shortest() {
		errs = append(errs, fmt.Errorf("a lease of %v, where the voters grant up to %v", cfg.Lease, cfg.Lists.shortest()))
	}
	if cfg.Renew <= 0 || cfg.Margin < 0 || cfg.Retry < 0 {
		errs = append(errs, fmt.Errorf("a renewal each %v, a margin of %v, a retry after %v", cfg.Renew, cfg.Margin, cfg.Retry))
	}
	if cfg.Renew+cfg.Margin >= term(cfg.Lease) {
		errs = append(errs, fmt.Errorf("a lease of %v can't be renewed each %v with %v to spare", cfg.Lease, cfg.Renew, cfg.Margin))
	}
	return errors.Join(errs...)
}
