// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/track"
)

// daemon is a daemon of connections in memory.
type daemon struct {
	mu    sync.Mutex
	roles []string // each once
	fails error
}

func (d *daemon) Sync(_ context.Context, role pool.SyncRole, s pool.Sync) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fails != nil {
		return d.fails
	}
	now := fmt.Sprintf("%v %s", role, s.Interface)
	if len(d.roles) == 0 || d.roles[len(d.roles)-1] != now {
		d.roles = append(d.roles, now)
	}
	return nil
}

func (d *daemon) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails = err
}

// bound is a service with a router.
func bound(name string, n int, router string, servers ...pool.Server) pool.Service {
	s := virtual(name, n, servers...)
	s.With = router
	return s
}

func TestRole(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := &daemon{}
		r := with(t, bound("web", 100, "edge", backend("web", 11, 1)), virtual("api", 101, backend("api", 12, 1)))
		r.cfg.Daemon, r.cfg.Sync = d, &pool.Sync{Router: "edge", Interface: "eth1"}
		r.start()
		const api = "api 192.0.2.101:80/tcp wrr: 198.51.100.12:80=1"
		r.want(api)
		for range 2 {
			if err := r.pool.Acquire(t.Context(), "edge"); err != nil {
				t.Error(err)
			}
			r.want(api, web+" 198.51.100.11:80=1")
			if s := r.pool.SyncStatus(t.Context()); s.Role != "master" {
				t.Errorf("%+v", s)
			}
		}
		for range 2 {
			if err := r.pool.Release(t.Context(), "edge"); err != nil {
				t.Error(err)
			}
			r.want(api)
		}
		if err := r.pool.Acquire(t.Context(), "other"); err != nil {
			t.Error(err)
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"backup eth1", "master eth1", "backup eth1", "none eth1"}, d.roles); diff != "" {
			t.Error(diff)
		}
		if err := r.pool.Release(t.Context(), "edge"); err != nil {
			t.Error(err)
		}
		if err := r.pool.Acquire(t.Context(), "edge"); !errors.Is(err, pool.ErrEnded) {
			t.Error(err)
		}
	})
}

func TestAcquireFails(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := with(t, bound("web", 100, "edge", backend("web", 11, 1)), bound("api", 101, "edge", backend("api", 12, 1))).start()
		refused := errors.New("refused")
		r.plane.change(func(m *memory) {
			m.fails = func(v pool.Virtual) error {
				if v.Name == "web" {
					return refused
				}
				return nil
			}
		})
		for range 2 {
			if err := r.pool.Acquire(t.Context(), "edge"); !errors.Is(err, refused) {
				t.Error(err)
			}
		}
		r.want("api 192.0.2.101:80/tcp wrr: 198.51.100.12:80=1")
		r.plane.change(func(m *memory) { m.fails = nil })
		begin := time.Now()
		if err := r.pool.Acquire(t.Context(), "edge"); err != nil || time.Since(begin) > 0 {
			t.Error(err, time.Since(begin))
		}
		r.plane.change(func(m *memory) { m.fails = func(pool.Virtual) error { return refused } })
		if err := r.pool.Release(t.Context(), "edge"); !errors.Is(err, refused) {
			t.Error(err)
		}
		r.plane.change(func(m *memory) { m.fails = nil })
		time.Sleep(10 * time.Second)
		synctest.Wait()
		r.want()
	})
}

// An Acquire does not wait longer than its caller, nor than the role.
func TestAcquireGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := with(t, bound("web", 100, "edge", backend("web", 11, 1))).start()
		r.plane.change(func(m *memory) { m.slow = time.Second })
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := r.pool.Acquire(ctx, "edge"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- r.pool.Acquire(t.Context(), "edge") }()
		synctest.Wait()
		if err := r.pool.Release(t.Context(), "edge"); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, pool.ErrReleased) {
			t.Error(err)
		}
		r.want()
	})
}

// While verdicts come faster than the plane works, an Acquire comes to its end
// and the last verdict counts.
func TestAcquireWhileFlapping(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := with(t, bound("web", 100, "edge", backend("web", 11, 1), backend("web", 12, 1))).start()
		r.plane.change(func(m *memory) { m.slow = 100 * time.Millisecond })
		ended := make(chan error, 1)
		go func() { ended <- r.pool.Acquire(t.Context(), "edge") }()
		for i := range 50 {
			r.put(check("web", 11), track.State(1+i%2))
			time.Sleep(10 * time.Millisecond)
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		default:
			t.Error("Acquire waits on")
		}
		time.Sleep(time.Second)
		r.want(web + " 198.51.100.12:80=1")
	})
}

// A daemon that fails keeps the address nowhere.
func TestDaemonFails(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := &daemon{fails: errors.New("no such interface")}
		r := with(t, bound("web", 100, "edge", backend("web", 11, 1)))
		r.cfg.Daemon, r.cfg.Sync = d, &pool.Sync{Router: "edge", Interface: "eth1", ID: 51}
		var log lines
		r.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		r.start()
		if err := r.pool.Acquire(t.Context(), "edge"); err != nil {
			t.Error(err)
		}
		if s := r.pool.SyncStatus(t.Context()); s.Error != "no such interface" || s.Role != "none" || s.ID != 51 {
			t.Errorf("%+v", s)
		}
		d.fail(nil)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if s := r.pool.SyncStatus(t.Context()); s.Error != "" || s.Role != "master" {
			t.Errorf("%+v", s)
		}
		changes, err := r.pool.Reload(t.Context(), r.cfg.Services, &pool.Sync{Router: "edge", Interface: "eth2", ID: 51})
		synctest.Wait()
		if s := r.pool.SyncStatus(t.Context()); err != nil || len(changes) != 1 || s.Interface != "eth2" || s.Role != "master" {
			t.Error(changes, err, s)
		}
		if _, err := r.pool.Reload(t.Context(), r.cfg.Services, nil); err != nil || r.pool.SyncStatus(t.Context()) != nil {
			t.Error(err)
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"master eth1", "master eth2", "none eth2"}, d.roles); diff != "" {
			t.Error(diff)
		}
		said := slices.DeleteFunc(log.take(), func(line string) bool { return !strings.Contains(line, "synchron") })
		if diff := cmp.Diff([]string{
			`"connections are synchronised no more"`, `"connections are synchronised" role=master`,
			`"the synchronisation of connections is not as wanted; it is tried again" role=backup err="no such interface"`,
		}, said); diff != "" {
			t.Error(diff)
		}
	})
}

// A reload takes the synchronisation away while an Acquire waits for the plane.
func TestSyncGoesWhileAcquiring(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := &daemon{}
		r := with(t, bound("web", 100, "edge", backend("web", 11, 1)))
		r.cfg.Daemon, r.cfg.Sync = d, &pool.Sync{Router: "edge", Interface: "eth1"}
		r.start()
		r.plane.change(func(m *memory) { m.slow = time.Second })
		ended := make(chan error, 1)
		go func() { ended <- r.pool.Acquire(t.Context(), "edge") }()
		synctest.Wait()
		if _, err := r.pool.Reload(t.Context(), r.cfg.Services, nil); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"backup eth1", "none eth1"}, d.roles); diff != "" {
			t.Error(diff)
		}
	})
}

// A removal that fails halfway is tried again: nobody puts back meanwhile what is to go.
func TestReleaseFailsHalfway(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := bound("web", 100, "edge", backend("web", 11, 1))
		s.Frontends = append(s.Frontends, frontend(101))
		r := with(t, s).start()
		if err := r.pool.Acquire(t.Context(), "edge"); err != nil {
			t.Fatal(err)
		}
		sets := r.plane.sets
		r.plane.change(func(m *memory) {
			m.halfway = errors.New("the kernel is busy")
		})
		if err := r.pool.Release(t.Context(), "edge"); err == nil {
			t.Error("no error")
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		r.plane.change(func(m *memory) {
			if m.sets != sets {
				t.Errorf("%d calls of Set after the Release", m.sets-sets)
			}
			m.halfway = nil
		})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		r.want()
	})
}

// What could not be removed before is tried again at the stop, also if it would be kept.
func TestStopRemovesWhatStayed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := bound("web", 100, "edge", backend("web", 11, 1))
		s.Keep = true
		r := with(t, s).start()
		if err := r.pool.Acquire(t.Context(), "edge"); err != nil {
			t.Fatal(err)
		}
		r.plane.change(func(m *memory) { m.fails = func(pool.Virtual) error { return errors.New("the kernel is busy") } })
		if err := r.pool.Release(t.Context(), "edge"); err == nil {
			t.Error("no error")
		}
		time.Sleep(20 * time.Second) // the attempts are 5 s apart now
		r.plane.change(func(m *memory) { m.fails = nil })
		begin := time.Now()
		if err := r.stop(); err != nil || time.Since(begin) > time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		r.want()
	})
}
