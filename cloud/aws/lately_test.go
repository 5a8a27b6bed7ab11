// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
)

// dryRuns counts requests that only ask whether they would be permitted.
func (f *fake) dryRuns() (n int) {
	for _, r := range f.Requests() {
		if r.DryRun {
			n++
		}
	}
	return n
}

// TestExamineMany: a table's permission is the same for all routers, so each is asked
// for once, however many routers are looked at: EC2 takes five such requests a second, for
// the account, and a take-over needs them. An answer does not outlive a refusal, nor
// what was done about it.
func TestExamineMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tables, routers = 2, 25
		f := newFake(t, tables, nil)
		p := f.route(t, 1, tables)
		look := func() (bad int) {
			t.Helper()
			var mu sync.Mutex
			var work sync.WaitGroup
			for i := range routers {
				own := objects(t, p, netip.MustParsePrefix(fmt.Sprintf("198.51.100.%d/32", 1+i)))
				work.Go(func() {
					found := wrong(p.Examine(t.Context(), own))
					mu.Lock()
					defer mu.Unlock()
					bad += len(found)
					for _, g := range found {
						if e := own[0].Address.String(); g.Missing != createRoute || !strings.Contains(g.What, e) || !strings.Contains(g.Problem, e) {
							t.Errorf("of %s found %+v", e, g)
						}
					}
				})
			}
			work.Wait()
			return bad
		}
		wants := func(when string, bad, dry int) {
			t.Helper()
			time.Sleep(seenFor)
			before, reads := f.dryRuns(), f.Count("Describe*")
			if got := look(); got != bad || f.dryRuns()-before != dry {
				t.Errorf("%s: %d things are wrong after %d requests, want %d and %d", when, got, f.dryRuns()-before, bad, dry)
			}
			if n := f.Count("Describe*") - reads; n != 2 { // the interface, and the tables
				t.Errorf("%s: %d requests that read", when, n)
			}
		}
		wants("at first", 0, tables)
		wants("again at once", 0, 0)
		time.Sleep(time.Minute)
		wants("a minute later", 0, tables)
		deny(createRoute)(t, f)
		if err := p.Take(t.Context(), objects(t, p, netip.MustParsePrefix("198.51.100.1/32")), cloud.Taking{Steal: true}); cloud.KindOf(err) != cloud.Denied {
			t.Fatal(err)
		}
		wants("after a refusal", tables*routers, tables)
		if err := f.SetPolicy(awsfake.ClusterRole, without("ec2:Nothing")); err != nil {
			t.Fatal(err)
		}
		p.Forget()
		wants("after a reload", 0, tables)
	})
}
