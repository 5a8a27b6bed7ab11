// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
)

// TestAskerSeesTwo lets two hosts have the address for a while.
func TestAskerSeesTwo(t *testing.T) {
	w, vip := newWorld(t), netip.MustParsePrefix("192.0.2.100/24")
	names := map[string]string{w.a.MAC.String(): "a", w.b.MAC.String(): "b"}
	asker, err := w.s.Asker(w.client, netip.MustParseAddr("192.0.2.9"), vip.Addr(), names)
	labtest.OK(t, err)
	hs, err := w.s.Holders(w.l, vip.Addr(), w.a, w.b)
	labtest.OK(t, err)
	stop := w.run(t)
	wait := func() { // for some probes
		now := w.s.Now()
		labtest.Eventually(t, 10*time.Second, "time passes", func() bool { return w.s.Now()-now > 50*time.Millisecond })
	}
	labtest.OK(t, w.a.AddAddress(vip))
	wait()
	if asker.Last() == 0 || hs.Last(w.a) == 0 || hs.Last(w.b) != 0 {
		t.Errorf("the asker was last answered at %v, the hosts' probers at %v and %v", asker.Last(), hs.Last(w.a), hs.Last(w.b))
	}
	one := w.s.Now()
	labtest.OK(t, w.b.AddAddress(vip))
	wait()
	labtest.OK(t, w.a.DelAddress(vip))
	two := w.s.Now()
	wait()
	stop()

	for who, doubles := range map[string]int{"the asker": len(asker.Doubles()), "the hosts' probers": len(hs.Doubles())} {
		if doubles == 0 {
			t.Errorf("%s saw one holder at a time", who)
		}
	}
	for _, d := range append(asker.Doubles(), hs.Doubles()...) {
		if d.At < one || d.At > two {
			t.Errorf("%v, but they had it from %v to %v", d, one, two)
		}
	}
	if len(hs.Answers(w.b, 0, one)) > 0 || len(hs.Answers(w.b, one, two)) == 0 {
		t.Error("b answered when it had no address, or did not when it had it")
	}
	if of := asker.Of(); len(of["a"]) == 0 || len(of["b"]) == 0 {
		t.Errorf("who answered: %v", of)
	}
}
