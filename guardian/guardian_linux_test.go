// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guardian

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/address"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// journal are the files of the journal of addresses.
func (r *rig) journal() []string {
	files, _ := filepath.Glob(filepath.Join(r.order.Dir, "addresses", "*"))
	return files
}

// gaveUp wants the guardian's deeds in their order, and nothing left of it.
func (r *rig) gaveUp() {
	r.t.Helper()
	for _, want := range []event{{"release", false}, {"farewell", false}} {
		if got := r.next(); got != want {
			r.t.Errorf("the peer has seen %+v, want %+v", got, want)
		}
	}
	labtest.OK(r.t, Await(r.t.Context(), r.order.Dir))
	if r.holds() {
		r.t.Error("addresses are left")
	}
	if files := r.journal(); len(files) > 0 {
		r.t.Errorf("the journal has %v", files)
	}
}

func TestAgentKilled(t *testing.T) {
	for _, fenced := range []bool{false, true} {
		t.Run(map[bool]string{false: "no fence", true: "fence"}[fenced], func(t *testing.T) {
			r := newRig(t)
			r.needFence(fenced)
			a := r.start()
			if !r.holds() || len(r.journal()) == 0 {
				t.Fatal("the agent holds nothing")
			}
			labtest.OK(t, a.Signal(syscall.SIGKILL))
			r.gaveUp()
			if fenced {
				r.isShut()
			}
		})
	}
}

// The will is written a little after addresses are taken: who dies in between has
// them given up all the same, before the leases that they belong to.
func TestKilledBeforeItsWill(t *testing.T) {
	for _, fenced := range []bool{false, true} {
		t.Run(map[bool]string{false: "no fence", true: "fence"}[fenced], func(t *testing.T) {
			r := newRig(t)
			r.needFence(fenced)
			r.order.Late = true
			a := r.start()
			labtest.OK(t, a.Signal(syscall.SIGKILL))
			r.gaveUp()
		})
	}
}

// needFence makes the agent have a fence, if there can be one.
func (r *rig) needFence(wanted bool) {
	r.t.Helper()
	if !wanted {
		return
	}
	var usable error
	labtest.OK(r.t, r.host.Do(func() error { usable = address.FenceUsable(); return nil }))
	if usable != nil {
		r.t.Skipf("needs a fence: %v", usable)
	}
	r.order.Fence = true
}

// isShut wants the fence to be closed: an address that is there again does not
// answer, while the host's own does.
func (r *rig) isShut() {
	r.t.Helper()
	labtest.OK(r.t, r.host.AddAddress(netip.PrefixFrom(vip4.Addr(), 24)))
	if r.answers(vip4.Addr()) || !r.answers(own4) {
		r.t.Error("the fence is open, or the host says nothing at all")
	}
	labtest.OK(r.t, r.host.Do(func() error { _, err := address.PurgeFence(); return err }))
	if !r.answers(vip4.Addr()) {
		r.t.Error("the address does not answer without a fence")
	}
}

// An agent that is stopped gives up nothing; its guardian does so when the lease
// ends, tells nobody, and gives up the rest if the agent is killed then.
func TestAgentFrozen(t *testing.T) {
	r := newRig(t)
	r.order.Lease = time.Second
	a := r.start()
	for begin := time.Now(); time.Since(begin) < 2*r.order.Lease; {
		if !r.holds() {
			t.Fatal("addresses were removed while their lease was renewed")
		}
	}
	labtest.OK(t, a.Freeze())
	a.eventually("addresses that are removed at the lease's end", func() bool { return !r.holds() })
	select {
	case e := <-r.seen:
		t.Errorf("the peer has seen %+v of an agent that lives", e)
	default:
	}
	labtest.OK(t, a.Signal(syscall.SIGKILL))
	r.gaveUp()
}

// An agent that stops in order gives up by itself: its guardian does nothing.
func TestDismissal(t *testing.T) {
	r := newRig(t)
	a := r.start()
	pid := a.guardian()
	a.say("stop")
	labtest.OK(t, a.Wait())
	if lives(pid) {
		t.Error("the guardian lives")
	}
	labtest.OK(t, Await(t.Context(), r.order.Dir))
	if !r.holds() || len(r.journal()) == 0 {
		t.Error("the guardian of an agent that stopped in order removed addresses")
	}
	select {
	case e := <-r.seen:
		t.Errorf("the peer has seen %+v", e)
	default:
	}
}

// A guardian that died is replaced by one that has the will.
func TestGuardianKilled(t *testing.T) {
	r := newRig(t)
	a := r.start()
	first := a.guardian()
	labtest.OK(t, syscall.Kill(first, syscall.SIGKILL))
	second := first
	a.eventually("another guardian", func() bool { second = a.guardian(); return second != first && lives(second) })
	if !r.holds() {
		t.Fatal("the addresses went with the guardian")
	}
	labtest.OK(t, a.Signal(syscall.SIGKILL))
	r.gaveUp()
}

// What neither lives to give up stands in the journal, for vicar release and the
// next agent.
func TestBothKilled(t *testing.T) {
	r := newRig(t)
	a := r.start()
	pid := a.guardian()
	labtest.OK(t, a.Freeze()) // or it starts another
	labtest.OK(t, syscall.Kill(pid, syscall.SIGKILL))
	labtest.OK(t, a.Kill())
	labtest.OK(t, Await(t.Context(), r.order.Dir))
	if !r.holds() {
		t.Fatal("somebody has given up the addresses")
	}
	labtest.OK(t, r.host.Do(func() error {
		k, err := address.New(address.Config{RuntimeDir: r.order.Dir})
		if err != nil {
			return err
		}
		defer k.Close()
		_, err = k.Sweep(t.Context())
		return err
	}))
	if files := r.journal(); r.holds() || len(files) > 0 {
		t.Errorf("addresses are left, or the journal has %v", files)
	}
}

// systemd asks all processes of a service to end, and a terminal those of a
// group.
func TestSignals(t *testing.T) {
	r := newRig(t)
	a := r.start()
	pid := a.guardian()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGABRT, syscall.SIGQUIT} {
		labtest.OK(t, syscall.Kill(pid, s))
	}
	if again := a.guardian(); again != pid || !lives(pid) {
		t.Errorf("process %d is the guardian, and was %d", again, pid)
	}
	if sid, err := syscall.Getpgid(pid); err != nil || sid != pid {
		t.Errorf("its group is %d: %v", sid, err)
	}
	labtest.OK(t, a.Signal(syscall.SIGTERM))
	r.gaveUp()
}

// While a guardian lives nobody follows.
func TestLock(t *testing.T) {
	r := newRig(t)
	a := r.start()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Await(ctx, r.order.Dir); !errors.Is(err, ErrBusy) {
		t.Errorf("beside an agent: got %v", err)
	}
	labtest.OK(t, a.Signal(syscall.SIGKILL))
	labtest.OK(t, Await(t.Context(), r.order.Dir))
	if r.holds() {
		t.Error("the guardian gave up its lock before the addresses")
	}
	labtest.OK(t, Await(t.Context(), filepath.Join(r.order.Dir, "missing")))
}

// Nobody else starts a guardian.
func TestNotBorn(t *testing.T) {
	if err := Main(MainConfig{RuntimeDir: t.TempDir()}); !errors.Is(err, ErrNotBorn) {
		t.Errorf("got %v", err)
	}
}

// One that ends before it is ready is not waited for.
func TestStillborn(t *testing.T) {
	_, err := Start(t.Context(), Config{Argv: []string{"true"}, RuntimeDir: t.TempDir()})
	if !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

// TestHowLong prints how long after SIGKILL the addresses are gone.
func TestHowLong(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	labtest.Need(t, "chrt")
	var took []time.Duration
	for range 20 {
		r := newRig(t)
		r.realTime = true
		a := r.start()
		begin := time.Now()
		labtest.OK(t, a.Signal(syscall.SIGKILL))
		for r.holds() { // a look takes some 0.1 ms
		}
		took = append(took, time.Since(begin))
		r.gaveUp()
	}
	slices.Sort(took)
	t.Logf("addresses gone after SIGKILL: median %v, most %v", took[len(took)/2], took[len(took)-1])
}
