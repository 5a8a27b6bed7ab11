// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"slices"
	"sync"
	"time"
)

// Kinds of Trouble, named as Stats counts them.
const (
	TroubleKey       = "wrong_key"     // From an address: encrypted with none of our keys
	TroubleCluster   = "wrong_cluster" // From an address: labelled with another cluster
	TroubleName      = "duplicate"     // Of a name: two nodes run under it
	TroubleAddresses = "conflict"      // Of a name: it is told at two addresses; it has moved, or as above
)

// Trouble is what a person must mend on another node.
type Trouble struct {
	Kind string
	From string    // an address, or a name
	At   time.Time // last, by Config.Now
}

const (
	// troubleFor is how long a trouble is told after it was seen last.
	troubleFor = 10 * time.Second
	// mostTroubles bounds what strangers can have remembered.
	mostTroubles = 32
)

// troubles are those that were seen lately.
type troubles struct {
	mu   sync.Mutex
	list []Trouble // the latest last
}

func (t *troubles) add(now time.Time, kind, from string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = slices.DeleteFunc(t.list, func(o Trouble) bool {
		return o.Kind == kind && o.From == from || now.Sub(o.At) > troubleFor
	})
	if len(t.list) == mostTroubles {
		t.list = slices.Delete(t.list, 0, 1)
	}
	t.list = append(t.list, Trouble{kind, from, now})
}

// Troubles are those that were seen in the last moments, the latest last.
func (l *Link) Troubles() []Trouble {
	now := l.cfg.Now()
	l.troubles.mu.Lock()
	defer l.troubles.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.troubles.list), func(o Trouble) bool { return now.Sub(o.At) > troubleFor })
}

func (l *Link) trouble(kind, from string) { l.troubles.add(l.cfg.Now(), kind, from) }

// refused notes what the bridge refuses.
func (l *Link) refused(r refusal, from string) {
	l.counts.refused(r)
	switch r {
	case wrongKey:
		l.trouble(TroubleKey, from)
	case wrongCluster:
		l.trouble(TroubleCluster, from)
	case notRefused:
	}
}
