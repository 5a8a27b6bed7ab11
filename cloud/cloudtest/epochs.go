// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/vicar-ha/vicar/vip"
)

// Epochs notes who was allowed to write in which term, and finds terms in which
// two were. The zero value is ready.
type Epochs struct {
	mu      sync.Mutex
	writers map[epoch]string
	broken  []string
}

type epoch struct {
	router string
	term   uint64
}

// Of is a node's cloud.Config.Epoch that asks may, and notes what it allows. Both
// families of a router are one.
func (e *Epochs) Of(node string, may func(c vip.Claim) error) func(c vip.Claim) error {
	return func(c vip.Claim) error {
		if err := may(c); err != nil {
			return err
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.writers == nil {
			e.writers = map[epoch]string{}
		}
		router, _, _ := strings.Cut(c.Router, "/")
		at := epoch{router, c.Term}
		if first, ok := e.writers[at]; ok && first != node {
			e.broken = append(e.broken, fmt.Sprintf("%s and %s write for %s in term %d", first, node, router, c.Term))
		}
		e.writers[at] = node
		return nil
	}
}

// Broken are the terms with two writers.
func (e *Epochs) Broken() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.broken)
}
