// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"strconv"
	"testing"
	"time"
)

// Troubles are told for a while after they were seen last, each once, and strangers
// can't make there be many.
func TestTroubles(t *testing.T) {
	now := time.Unix(1000, 0)
	l := &Link{cfg: Config{Now: func() time.Time { return now }}}
	for range 3 {
		l.refused(wrongKey, "192.0.2.1")
		l.refused(wrongCluster, "192.0.2.1")
		now = now.Add(time.Second)
	}
	if got := l.Troubles(); len(got) != 2 || got[0].Kind != TroubleKey || got[1].Kind != TroubleCluster || got[1].At != now.Add(-time.Second) {
		t.Errorf("%+v", got)
	}
	now = now.Add(troubleFor - time.Second)
	if got := l.Troubles(); len(got) != 2 {
		t.Errorf("%+v", got)
	}
	now = now.Add(1)
	if got := l.Troubles(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	for i := range 3 * mostTroubles {
		l.refused(wrongKey, strconv.Itoa(i))
	}
	if got := l.Troubles(); len(got) != mostTroubles || got[mostTroubles-1].From != strconv.Itoa(3*mostTroubles-1) {
		t.Errorf("%d, the last is %+v", len(got), got[len(got)-1])
	}
}
