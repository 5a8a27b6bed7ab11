// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/vicar-ha/vicar/vip"
)

// journalDir is the journal's place below the runtime directory: one file per
// router, so that a take-over writes no more than its own addresses.
const journalDir = "addresses"

// place is an address on an interface by name.
type place struct {
	iface string
	addr  netip.Addr
}

// record is a router's file: the addresses that it has, or had, on each
// interface.
type record struct {
	Router string `json:"router"`
	// Namespace is the network namespace that the interfaces are in; 0 is unknown.
	Namespace  uint64                    `json:"namespace,omitempty"`
	Interfaces map[string][]netip.Prefix `json:"interfaces"`
}

// journal knows which addresses were put on which interface for which router,
// by this process or by one before it. It is written ahead: an address stands
// in it before it is added and until it was removed. Without a directory it
// lives in memory only. There is no fsync: it need not outlive the kernel
// whose addresses it lists.
type journal struct {
	root      *os.Root // nil: no directory
	namespace uint64   // this process's network namespace; 0: unknown

	mu      sync.Mutex
	routers map[string]map[place]netip.Prefix
	places  map[place]int             // how many routers have it
	past    map[string]map[place]bool // of a process before this one, not claimed since
	failed  map[string]bool           // routers whose file is not as it should be
}

// openJournal reads what is below dir, which may be "". A file that can't be
// understood, or that is of another network namespace, is logged and left alone.
func openJournal(dir string, namespace uint64, log *slog.Logger) (*journal, error) {
	j := &journal{
		namespace: namespace,
		routers:   map[string]map[place]netip.Prefix{},
		places:    map[place]int{},
		past:      map[string]map[place]bool{},
		failed:    map[string]bool{},
	}
	if dir == "" {
		return j, nil
	}
	dir = path.Join(dir, journalDir)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("making the address journal: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the address journal: %w", err)
	}
	j.root = root
	if err := j.load(log); err != nil {
		return nil, errors.Join(fmt.Errorf("reading the address journal: %w", err), root.Close())
	}
	return j, nil
}

// load fills an empty journal from its files.
func (j *journal) load(log *slog.Logger) error {
	files, err := fs.ReadDir(j.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".json") {
			continue // a write that did not end
		}
		b, err := j.root.ReadFile(f.Name())
		if err != nil {
			return err
		}
		r, err := parseRecord(b)
		if err != nil {
			log.Warn("ignoring a file of the address journal", slog.String("file", f.Name()), slog.Any("err", err))
			continue
		}
		if r.Namespace != 0 && j.namespace != 0 && r.Namespace != j.namespace {
			log.Warn("leaving alone what the address journal has of another network namespace", slog.String("file", f.Name()))
			continue
		}
		j.past[r.Router] = map[place]bool{}
		for iface, prefixes := range r.Interfaces {
			for _, p := range prefixes {
				j.set(r.Router, place{iface, p.Addr()}, p)
				j.past[r.Router][place{iface, p.Addr()}] = true
			}
		}
	}
	return nil
}

// encodeRecord makes a router's file.
func encodeRecord(r record) ([]byte, error) { return json.Marshal(r) }

// parseRecord reads a router's file.
func parseRecord(b []byte) (record, error) {
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return record{}, err
	}
	for iface, prefixes := range r.Interfaces {
		for _, p := range prefixes {
			if !p.IsValid() || iface == "" {
				return record{}, fmt.Errorf("address %v on interface %q is not valid", p, iface)
			}
		}
	}
	return r, nil
}

// set adds an entry. It is called with mu held, or before anybody else knows j.
func (j *journal) set(router string, at place, p netip.Prefix) {
	if j.routers[router] == nil {
		j.routers[router] = map[place]netip.Prefix{}
	}
	if _, ok := j.routers[router][at]; !ok {
		j.places[at]++
	}
	j.routers[router][at] = p
}

// unset removes an entry, with mu held.
func (j *journal) unset(router string, at place) {
	if _, ok := j.routers[router][at]; !ok {
		return
	}
	delete(j.routers[router], at)
	delete(j.past[router], at)
	if j.places[at]--; j.places[at] == 0 {
		delete(j.places, at)
	}
	if len(j.routers[router]) == 0 {
		delete(j.routers, router)
		delete(j.past, router)
	}
}

// claim puts the claim's addresses in, with one write if something is new.
func (j *journal) claim(c vip.Claim) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	changed := j.failed[c.Router]
	for _, p := range c.Addresses {
		at := place{c.Interface, p.Addr()}
		if j.routers[c.Router][at] != p {
			changed = true
		}
		j.set(c.Router, at, p)
		delete(j.past[c.Router], at)
	}
	if !changed {
		return nil
	}
	return j.write(c.Router)
}

// drop takes the claim's addresses out, with at most one write. One that was
// claimed since with another prefix length stays.
func (j *journal) drop(c vip.Claim) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	before := len(j.routers[c.Router])
	for _, p := range c.Addresses {
		if at := (place{c.Interface, p.Addr()}); j.routers[c.Router][at] == p {
			j.unset(c.Router, at)
		}
	}
	if len(j.routers[c.Router]) == before && !j.failed[c.Router] {
		return nil
	}
	return j.write(c.Router)
}

// dropPast takes out what an earlier process left and nobody claimed since.
func (j *journal) dropPast() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var errs []error
	for router, places := range maps.Clone(j.past) {
		for at := range maps.Clone(places) {
			j.unset(router, at)
		}
		delete(j.past, router)
		errs = append(errs, j.write(router))
	}
	return errors.Join(errs...)
}

// has tells whether some router has, or had, the address there.
func (j *journal) has(at place) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.places[at] > 0
}

// claimed tells whether a router of this process, other than but, has the
// address there.
func (j *journal) claimed(at place, but string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.places[at] == 0 {
		return false
	}
	for router, entries := range j.routers {
		if _, ok := entries[at]; ok && router != but && !j.past[router][at] {
			return true
		}
	}
	return false
}

// write replaces the router's file, or removes it when nothing is left, with
// mu held.
func (j *journal) write(router string) error {
	if j.root == nil {
		return nil
	}
	if err := j.replace(url.PathEscape(router)+".json", router); err != nil {
		j.failed[router] = true
		return fmt.Errorf("writing the address journal: %w", err)
	}
	delete(j.failed, router)
	return nil
}

// replace does the work of write.
func (j *journal) replace(name, router string) error {
	if len(j.routers[router]) == 0 {
		if err := j.root.Remove(name); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	r := record{Router: router, Namespace: j.namespace, Interfaces: map[string][]netip.Prefix{}}
	for at, p := range j.routers[router] {
		r.Interfaces[at.iface] = append(r.Interfaces[at.iface], p)
	}
	for _, prefixes := range r.Interfaces {
		slices.SortFunc(prefixes, netip.Prefix.Compare)
	}
	b, err := encodeRecord(r)
	if err != nil {
		return err
	}
	if err := j.root.WriteFile(name+".tmp", b, 0o640); err != nil {
		return err
	}
	return j.root.Rename(name+".tmp", name)
}

// close lets go of the directory; the files stay.
func (j *journal) close() error {
	if j.root == nil {
		return nil
	}
	return j.root.Close()
}
