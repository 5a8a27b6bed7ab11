// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/cloudtest"
	"github.com/vicar-ha/vicar/status"
)

var (
	seedsFlag = flag.Uint64("seeds", 500, "how many simulations of a cloud to run")
	longFlag  = flag.Bool("long", false, "count the simulations that find each mutant, instead of the first")
)

// TestCloudSimulation lets random faults happen to agents, to the network, and
// to the interfaces of the cloud in which their router moves. After some quiet
// one node is Active and holds all objects in the cloud, an outage of the cloud's
// interfaces alone moves nothing, and with a guard each write has an epoch and
// each epoch one writer.
func TestCloudSimulation(t *testing.T) {
	first, last := uint64(1), *seedsFlag
	if *seedFlag != 0 {
		first, last = *seedFlag, *seedFlag
	}
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for _, w := range simulateClouded(t, seed, cloudMutant{}) {
					t.Error(w)
				}
			})
			if t.Failed() {
				t.Logf("replay: go test ./agent -run TestCloudSimulation -seed %d", seed)
			}
		})
	}
}

// simulateClouded is one simulation of some minutes of the bubble's time. It
// returns what was wrong.
func simulateClouded(t *testing.T, seed uint64, m cloudMutant) []string {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 2))
	guarded := seed%2 == 0
	interval := []time.Duration{300 * time.Millisecond, time.Second}[random.IntN(2)]
	n := 2 + random.IntN(3)
	if guarded { // leases are for three intervals, and at most maxLease
		n, interval = 3+random.IntN(2), 300*time.Millisecond
	}
	cfg := router(interval, guardedVIP.String(), "2001:db8::100/64")
	cfg.Preempt = random.IntN(4) > 0
	w := newClouded(t, seed, n, 1+random.IntN(3), cfg, guarded)
	w.mutant, w.release = m, random.IntN(2) == 0
	w.hold = guarded && seed%4 == 0
	w.lan.SetDelay(0, 2*time.Millisecond)
	w.trouble(func(x *cloudtest.Trouble) {
		x.Latency, x.Jitter = 20*time.Millisecond, 80*time.Millisecond
		x.Odds, x.MostLate, x.Stale = 0.1, 2*time.Second, time.Second
	})
	w.freeze(true)
	w.startAll()
	time.Sleep(maxLease)
	for range 25 {
		time.Sleep(time.Duration(random.Int64N(int64([]time.Duration{4 * interval, 6 * time.Second}[random.IntN(2)]))))
		w.disturb(random)
	}
	w.calm()
	w.calmed = time.Now()
	if w.settle("after the faults") {
		w.outage(random)
	}
	for range 3 {
		w.flap(random)
		if !w.settle("after late writes") {
			break
		}
	}
	w.end()
	if left := w.holders(guardedVIP); len(left) > 0 {
		w.blame("after the end %v still hold the address", left)
	}
	return w.wrong
}

// disturb does one thing to one node.
func (w *clouded) disturb(random *rand.Rand) {
	n := w.nodes[random.IntN(len(w.nodes))]
	other := w.nodes[random.IntN(len(w.nodes))]
	c := w.clients[n.name]
	upTo := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
	switch random.IntN(23) {
	case 22:
		w.grow()
	case 21:
		if n.agent != nil {
			w.linked[n.name].end(w.t)
			w.start(n.name)
		}
	case 20:
		c.mu.Lock()
		c.frozen = time.Now().Add(upTo(4 * time.Second))
		c.mu.Unlock()
	case 0:
		w.lan.Isolate(n.name)
	case 1:
		w.lan.CutOneWay(n.name, other.name)
	case 2:
		w.cutLink(n.name, true)
	case 3:
		w.part(n.name)
	case 4: // from everything, as a host that is dead for the others
		w.part(n.name)
		c.Trouble(func(x *cloudtest.Trouble) { x.Cut = true })
	case 5, 6:
		w.join()
	case 7:
		n.kernel.steal(guardedVIP)
	case 8:
		if n.agent != nil { // a crash: nobody hears of it, and what comes after begins anew
			w.part(n.name)
			c.Trouble(func(x *cloudtest.Trouble) { x.Cut = true })
			w.linked[n.name].end(w.t)
		}
	case 9, 10:
		if n.agent != nil {
			w.linked[n.name].end(w.t)
		} else {
			w.start(n.name)
		}
	case 11:
		c.Trouble(func(x *cloudtest.Trouble) { x.Down = !x.Down })
	case 12, 13:
		c.Trouble(func(x *cloudtest.Trouble) { x.Cut = !x.Cut })
	case 14:
		c.Trouble(func(x *cloudtest.Trouble) { x.Denied = !x.Denied })
	case 15:
		c.Trouble(func(x *cloudtest.Trouble) { x.Throttle = random.IntN(20) })
	case 16:
		c.Trouble(func(x *cloudtest.Trouble) { x.Lose, x.Late = random.IntN(4), upTo(2*time.Second) })
	case 17:
		c.Trouble(func(x *cloudtest.Trouble) { x.Lag, x.Stale = upTo(3*time.Second), 1+upTo(time.Second) })
	case 18:
		c.Trouble(func(x *cloudtest.Trouble) { x.Latency = upTo(5 * time.Second) })
	case 19:
		w.cloud.Give(w.object(random), []string{"", "somebody", other.name}[random.IntN(3)])
	}
}

// grow has all nodes read a file with one more address, or with one less if they have
// that one.
func (w *clouded) grow() {
	addresses := slices.Clone(w.nodes[0].cfg.Routers[0].Addresses)
	if i := slices.Index(addresses, addedVIP); i >= 0 {
		addresses = slices.Delete(addresses, i, i+1)
	} else {
		addresses = append(addresses, addedVIP)
	}
	for _, n := range w.nodes {
		w.reload(n.name, addresses...)
	}
}

// object is one of the router's.
func (w *clouded) object(random *rand.Rand) cloud.Object {
	all := w.cloud.Objects([]netip.Prefix{guardedVIP, netip.MustParsePrefix("2001:db8::100/64")})
	return all[random.IntN(len(all))]
}

// part cuts a node off from the others, join ends all that.
func (w *clouded) part(name string) {
	w.lan.Isolate(name)
	w.cutLink(name, true)
}

func (w *clouded) join() {
	w.lan.Heal()
	for _, n := range w.nodes {
		w.cutLink(n.name, false)
	}
}

// calm ends all that disturb began.
func (w *clouded) calm() {
	w.join()
	w.freeze(false)
	w.trouble(func(x *cloudtest.Trouble) {
		*x = cloudtest.Trouble{Latency: 20 * time.Millisecond, Jitter: 50 * time.Millisecond}
	})
	for _, n := range w.nodes {
		if n.agent == nil {
			w.start(n.name)
		}
		w.linked[n.name].report() // as the link does each second
	}
}

// The longest hold-off of a router that could not hold its addresses is two
// minutes; a new holder looks for the last time eight seconds after it took over.
const (
	patience = 5 * time.Minute
	steady   = 14 * time.Second
)

// settle waits until one node has been the holder for a while, and wants it to be
// that of all objects, too.
func (w *clouded) settle(when string) bool {
	holder, since := "", time.Now()
	for end := since.Add(patience); time.Since(since) < steady; time.Sleep(500 * time.Millisecond) {
		now := ""
		if names := w.holders(guardedVIP); len(names) == 1 {
			now = names[0]
		}
		if now != holder || now == "" {
			holder, since = now, time.Now()
		}
		if time.Now().After(end) {
			w.blame("%s there is no holder for %v", when, patience)
			return false
		}
	}
	if w.rivalled(holder) { // see whether the next look puts it right
		// Who was told that there are too many requests looks less often for a while.
		for end := time.Now().Add(8 * w.poll); ; {
			time.Sleep(w.poll + 3*time.Second)
			if time.Now().After(end) || slices.Equal(w.owners(), []string{holder}) {
				break
			}
		}
		// A better one's hold-off may be over.
		if !slices.Equal(w.holders(guardedVIP), []string{holder}) && time.Since(w.calmed) < 6*patience {
			return w.settle(when)
		}
	}
	synctest.Wait()
	want := []string{holder}
	if got := w.actives(); !slices.Equal(got, want) {
		w.blame("%s %v are Active, want %v", when, got, want)
		return false
	}
	if got := w.owners(); !slices.Equal(got, want) {
		w.blame("%s %s is Active, and the objects in the cloud are %q's", when, holder, got)
		return false
	}
	if r := w.router(holder); w.guarded && r.Term != r.Lease.Term {
		w.blame("%s %s is Active in term %d, and its lease is of term %d", when, holder, r.Term, r.Lease.Term)
		return false
	}
	return true
}

// rivalled tells whether another node has written since the holder's term began,
// or something was done by hand: only its regular look finds that. With a guard
// there is no such node.
func (w *clouded) rivalled(holder string) bool {
	c := w.clients[holder]
	c.mu.Lock()
	began := c.claims[guardedVIP.Addr()].at
	c.mu.Unlock()
	return w.written(holder, began) || began.Before(w.calmed)
}

// outage takes the cloud's interfaces away from some nodes, or from all, for a
// minute or so of the bubble's time. Nothing moves.
func (w *clouded) outage(random *rand.Rand) {
	// A router that holds off takes the address from a worse one when that is over.
	for end := time.Now().Add(patience); w.holdOff() && time.Now().Before(end); {
		time.Sleep(time.Second)
	}
	time.Sleep(steady)
	before, holders := w.stands(), w.owners()
	for _, n := range w.nodes {
		kind := random.IntN(6)
		w.clients[n.name].Trouble(func(x *cloudtest.Trouble) {
			switch kind {
			case 0, 1:
				x.Cut = true
			case 2:
				x.Down = true
			case 3:
				x.Denied = true
			case 4:
				x.Throttle = 1000
			case 5:
				x.Odds, x.Lag, x.Latency = 0.5, 3*time.Second, 3*time.Second
			}
		})
	}
	part := 20*time.Second + time.Duration(random.Int64N(int64(20*time.Second)))
	time.Sleep(part)
	// With a guard the holder needs another lease when its addresses change.
	if !w.guarded && random.IntN(2) == 0 {
		w.grow()
		time.Sleep(part)
		w.grow()
	}
	time.Sleep(part)
	w.calm()
	time.Sleep(time.Second)
	if after := w.stands(); !maps.Equal(before, after) || !slices.Equal(w.owners(), holders) {
		w.blame("an outage of the cloud's interfaces moved something: %v, and then %v", before, after)
	}
}

func (w *clouded) holdOff() bool {
	for _, n := range w.nodes {
		if w.router(n.name).State == "Initialize" {
			return true
		}
	}
	return false
}

// stands is how the router stands on each node.
func (w *clouded) stands() map[string]stand {
	all := make(map[string]stand)
	for _, n := range w.nodes {
		if n.agent == nil {
			continue
		}
		r := w.router(n.name)
		all[n.name] = stand{r.State, r.Term, total(r)}
	}
	return all
}

type stand struct {
	state string
	term  uint64
	moves uint64
}

func total(r status.Router) (n uint64) {
	for _, k := range r.Transitions {
		n += k
	}
	return n
}

// flap cuts nodes off for moments of the bubble's time while writes take effect
// late: those of others than the present holder mostly.
func (w *clouded) flap(random *rand.Rand) {
	for _, n := range w.nodes {
		late := time.Duration(random.IntN(3)) * 850 * time.Millisecond
		if random.IntN(2) == 0 && n.kernel.holds(guardedVIP) {
			late = 0
		}
		w.clients[n.name].Trouble(func(x *cloudtest.Trouble) { x.Late = late })
	}
	interval := w.nodes[0].cfg.Routers[0].Interval
	for range 1 + random.IntN(3) {
		names := w.holders(guardedVIP)
		if len(names) == 0 || random.IntN(3) == 0 {
			names = []string{w.nodes[random.IntN(len(w.nodes))].name}
		}
		began := time.Now()
		w.part(names[0])
		for !w.written(names[0], began) && time.Since(began) < 8*interval {
			time.Sleep(interval / 10)
		}
		time.Sleep(time.Duration(random.Int64N(int64(interval))))
		w.join()
		time.Sleep(time.Duration(random.Int64N(int64(4 * interval))))
	}
	for _, n := range w.nodes {
		w.linked[n.name].report()
	}
}

// written tells whether another node has written since then.
func (w *clouded) written(but string, since time.Time) bool {
	w.books.Lock()
	defer w.books.Unlock()
	for name, at := range w.wrote {
		if name != but && at.After(since) {
			return true
		}
	}
	return false
}
