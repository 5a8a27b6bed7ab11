// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/track"
)

func (r *rig) reload(services ...pool.Service) []string {
	r.t.Helper()
	changes, err := r.pool.Reload(r.t.Context(), services, r.cfg.Sync)
	if err != nil {
		r.t.Error(err)
	}
	synctest.Wait()
	return changes
}

func TestReload(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := with(t, virtual("web", 100, backend("web", 11, 1), backend("web", 12, 1), backend("web", 13, 4)), virtual("api", 101, backend("api", 14, 1))).start()
		for n, s := range map[int]track.State{11: track.Passing, 12: track.Failing, 13: track.Passing} {
			r.put(check("web", n), s)
		}
		r.told()
		r.plane.change(func(m *memory) { m.batches = nil })
		if changes := r.reload(r.cfg.Services...); len(changes) > 0 || r.plane.batches != nil {
			t.Errorf("changes %q, calls %q", changes, r.plane.batches)
		}
		s := virtual("web", 100, backend("web", 11, 3), backend("web", 12, 1), backend("web", 15, 1))
		s.Scheduler, s.Quorum = pool.WLC, 9
		changes := r.reload(s, virtual("zoo", 102))
		want := []string{
			"pool api: removed", "pool web: quorum 1 to 9", "pool web: scheduler wrr to wlc",
			"pool web: server 198.51.100.11:80: weight 1 to 3", "pool web: server 198.51.100.13:80 removed",
			"pool web: server 198.51.100.15:80 added", "pool zoo: added",
		}
		if diff := cmp.Diff(want, changes); diff != "" {
			t.Error(diff)
		}
		r.want("web 192.0.2.100:80/tcp wlc: 198.51.100.11:80=3 198.51.100.15:80=1", "zoo 192.0.2.102:80/tcp wrr:")
		if got := r.pool.Status(t.Context()); len(got) != 2 || got[0].Servers[0].State != "up" || got[0].Servers[1].State != "down" || got[0].Servers[2].State != "undecided" {
			t.Errorf("status: %+v", got)
		}
		if _, err := r.pool.Reload(t.Context(), []pool.Service{virtual("web", 100), virtual("api", 100)}, nil); err == nil {
			t.Error("two services at one frontend are taken")
		}
	})
}

// A check without a result yet changes nothing of a server that has a verdict.
func TestReloadOfCheck(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := with(t, virtual("web", 100, backend("web", 11, 1), backend("web", 12, 1))).start()
		r.put(check("web", 11), track.Passing)
		r.put(check("web", 12), track.Failing)
		s := virtual("web", 100, backend("web", 11, 1), backend("web", 12, 1))
		for i := range s.Servers {
			s.Servers[i].Checks = []string{s.Servers[i].Name + "/new"}
		}
		r.put("198.51.100.11:80/new", track.Undecided)
		r.reload(s)
		r.want(web + " 198.51.100.11:80=1")
		r.put("198.51.100.11:80/new", track.Failing)
		r.put("198.51.100.12:80/new", track.Passing)
		r.want(web + " 198.51.100.12:80=1")
	})
}

func TestReloadOfFrontends(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ports := func(name string, first, last uint16) pool.Service {
			s := virtual(name, 100, backend("web", 11, 1))
			s.Frontends[0].FirstPort, s.Frontends[0].LastPort = first, last
			return s
		}
		r := with(t, ports("web", 8000, 8010)).start()
		changes := r.reload(ports("web", 8005, 8020))
		if diff := cmp.Diff([]string{"pool web: frontends 192.0.2.100:8000-8010/tcp to 192.0.2.100:8005-8020/tcp"}, changes); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"192.0.2.100:8000-8004/tcp"}, r.plane.removals); diff != "" {
			t.Error(diff)
		}
		r.plane.change(func(m *memory) { m.removals = nil })
		r.reload(ports("shop", 8010, 8020))
		if diff := cmp.Diff([]string{"192.0.2.100:8005-8009/tcp"}, r.plane.removals); diff != "" {
			t.Error(diff)
		}
	})
}

func TestReloadOfPlane(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		other := newMemory()
		r := with(t, virtual("web", 100, backend("web", 11, 1)))
		r.planes(map[pool.PlaneKind]pool.Plane{pool.NFTables: other})
		r.start()
		r.put(check("web", 11), track.Failing)
		s := virtual("web", 100, backend("web", 11, 1))
		s.Plane = pool.NFTables
		r.reload(s)
		r.want()
		if diff := cmp.Diff([]string{web}, other.text()); diff != "" {
			t.Error(diff)
		}
	})
}

// What an agent has left that died is taken over, and what is not wanted any more is removed.
func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pools.json")
	inBubble(t, func(t *testing.T) {
		s := virtual("web", 100, backend("web", 11, 7), backend("web", 12, 1))
		gone := virtual("api", 101, backend("api", 13, 1))
		r := with(t, s, gone)
		r.cfg.Journal = path
		r.start()
		r.put(check("web", 12), track.Failing)
		before := r.plane
		r.plane = newMemory() // the first one dies: nothing that it does is seen
		r.plane.at = before.at
		next := with(t, s)
		next.plane, next.cfg.Journal = r.plane, filepath.Join(t.TempDir(), "copy.json")
		b, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(next.cfg.Journal, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		r.plane.change(func(m *memory) {
			v := m.at[frontend(100)]
			v.Destinations[0].Weight = 5
			before.at = make(map[pool.Frontend]pool.Virtual)
		})
		next.start()
		next.want(web + " 198.51.100.11:80=5")
		next.put(check("web", 11), track.Passing)
		next.want(web + " 198.51.100.11:80=7")
		next.put(check("web", 12), track.Passing)
		next.want(web + " 198.51.100.11:80=7 198.51.100.12:80=1")
		if err := next.stop(); err != nil {
			t.Error(err)
		}
		next.want()
		if b, err := os.ReadFile(next.cfg.Journal); err != nil || string(b) != `{"version":1,"services":[]}`+"\n" {
			t.Errorf("%s %v", b, err)
		}
	})
}

func TestKeep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pools.json")
	inBubble(t, func(t *testing.T) {
		s := virtual("web", 100, backend("web", 11, 1))
		s.Keep, s.Omega = true, true
		r := with(t, s)
		r.cfg.Journal = path
		r.start()
		r.put(check("web", 11), track.Passing)
		r.told()
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		r.want(web + " 198.51.100.11:80=1")
		r.wantTold("server_down web 198.51.100.11:80 up>down", "quorum_down web  up>down")
		r.cfg.Services = []pool.Service{virtual("web", 102)} // elsewhere
		r.start()
		r.want("web 192.0.2.102:80/tcp wrr:")
	})
}

// A service that changes its plane is on the new one before it leaves the old one, also
// at a restart. If the new one refuses, it leaves all the same: nobody looks after it there.
func TestPlaneChangesInOrder(t *testing.T) {
	for name, refuse := range map[string]error{"works": nil, "refuses": errors.New("no module")} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pools.json")
			inBubble(t, func(t *testing.T) {
				s := virtual("web", 100, backend("web", 11, 1))
				s.Keep = true
				other := newMemory()
				other.named = true
				r := with(t, s)
				r.cfg.Journal = path
				r.planes(map[pool.PlaneKind]pool.Plane{pool.NFTables: other})
				r.start()
				to := func(kind pool.PlaneKind, from, at *memory, turn func()) {
					for _, m := range []*memory{from, at} {
						m.change(func(m *memory) { m.slow, m.fails = 0, nil })
					}
					at.change(func(m *memory) {
						m.slow = time.Second
						m.fails = func(pool.Virtual) error { return refuse }
					})
					s.Plane = kind
					turn()
					time.Sleep(500 * time.Millisecond)
					if len(from.text()) != 1 || len(at.text()) != 0 {
						t.Errorf("to %s, before it is there: from %v to %v", kind, from.text(), at.text())
					}
					time.Sleep(3 * time.Second)
					if len(from.text()) != 0 || (len(at.text()) == 1) != (refuse == nil) {
						t.Errorf("to %s, then: from %v to %v", kind, from.text(), at.text())
					}
					at.change(func(m *memory) { m.slow, m.fails = 0, nil })
					time.Sleep(10 * time.Second)
				}
				reload := func() {
					if _, err := r.pool.Reload(t.Context(), []pool.Service{s}, nil); err != nil {
						t.Error(err)
					}
				}
				to(pool.NFTables, r.plane, other, reload)
				to(pool.IPVS, other, r.plane, reload)
				to(pool.NFTables, r.plane, other, func() {
					if err := r.stop(); err != nil {
						t.Error(err)
					}
					r.cfg.Services = []pool.Service{s}
					r.start()
				})
			})
		})
	}
}

func TestBrokenJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pools.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	inBubble(t, func(t *testing.T) {
		r := with(t, virtual("web", 100, backend("web", 11, 1)))
		r.cfg.Journal = path
		r.start()
		r.want(web + " 198.51.100.11:80=1")
		if b, err := os.ReadFile(path + ".broken"); err != nil || string(b) != "{" {
			t.Errorf("%s %v", b, err)
		}
	})
}

// What was drained before is drained again, and drains where it has connections still.
func TestDrainedBefore(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := with(t, virtual("web", 100, backend("web", 11, 1), backend("web", 12, 1), backend("web", 13, 1)))
		r.cfg.Drained = map[string][]string{"web": {"198.51.100.11:80", "198.51.100.12:80", "192.0.2.1:80"}, "none": {"x"}}
		v := pool.Virtual{Name: "web", Frontends: []pool.Frontend{frontend(100)}, Scheduler: pool.WRR}
		for _, n := range []int{11, 13} {
			v.Destinations = append(v.Destinations, pool.Destination{Address: address(n), Weight: 1})
		}
		r.plane.at[frontend(100)] = v
		r.plane.conns[address(11)] = 1
		r.start()
		r.want(web + " 198.51.100.11:80=0 198.51.100.13:80=1")
		r.plane.change(func(m *memory) { clear(m.conns) })
		time.Sleep(time.Second)
		synctest.Wait()
		r.want(web + " 198.51.100.13:80=1")
		if diff := cmp.Diff(map[string][]string{"web": {"198.51.100.11:80", "198.51.100.12:80", "192.0.2.1:80"}}, r.pool.Drained()); diff != "" {
			t.Error(diff)
		}
	})
}

// A drained server that goes and comes back is drained still, at once, until it is undrained,
// there or not.
func TestDrainedAway(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		both := virtual("web", 100, backend("web", 11, 1), backend("web", 12, 1))
		one := virtual("web", 100, backend("web", 11, 1))
		r := with(t, both).start()
		reload := func(v pool.Service, want string) {
			t.Helper()
			if _, err := r.pool.Reload(t.Context(), []pool.Service{v}, nil); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			r.want(want)
		}
		drain := func(on bool) {
			t.Helper()
			if err := r.pool.Drain(t.Context(), "web", "198.51.100.12:80", on); err != nil {
				t.Fatal(err)
			}
		}
		drain(true)
		r.plane.change(func(m *memory) { m.conns[address(12)] = 1 })
		reload(one, web+" 198.51.100.11:80=1")
		if got := r.pool.Status(t.Context())[0].DrainedAway; !slices.Equal(got, []string{"198.51.100.12:80"}) {
			t.Errorf("drained and away are %q", got)
		}
		reload(both, web+" 198.51.100.11:80=1")
		if p := r.pool.Status(t.Context())[0]; p.Servers[1].State != "drained" || len(p.DrainedAway) > 0 {
			t.Errorf("it is back as %+v", p)
		}
		reload(one, web+" 198.51.100.11:80=1")
		drain(true) // again is as once
		drain(false)
		if got := r.pool.Drained(); len(got) > 0 {
			t.Errorf("drained are %q", got)
		}
		if err := r.pool.Drain(t.Context(), "web", "198.51.100.12:80", false); !errors.Is(err, pool.ErrUnknown{Service: "web", Server: "198.51.100.12:80"}) {
			t.Error(err)
		}
		reload(both, web+" 198.51.100.11:80=1 198.51.100.12:80=1")
	})
}

func TestWatch(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := with(t, virtual("web", 100, backend("web", 11, 1))).start()
		ctx, cancel := context.WithCancel(t.Context())
		var names []string
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			r.pool.Watch(ctx, func(name string) { names = append(names, name) })
		}()
		synctest.Wait()
		r.put(check("web", 11), track.Passing)
		r.put(check("web", 11), track.Passing)
		r.put(check("web", 11), track.Failing)
		r.reload()
		cancel()
		<-ended
		if diff := cmp.Diff([]string{"web", "web", "web"}, names); diff != "" {
			t.Error(diff)
		}
		if s, cause := r.pool.Quorum("web"); s != track.Undecided || cause != "there is no such service" {
			t.Error(s, cause)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	good := func() pool.Service { return virtual("web", 100, backend("web", 11, 1)) }
	for name, change := range map[string]func(*pool.Service){
		"no plane":        func(s *pool.Service) { s.Plane = "iptables" },
		"no frontend":     func(s *pool.Service) { s.Frontends = nil },
		"wrong frontend":  func(s *pool.Service) { s.Frontends[0].Last = netip.MustParseAddr("192.0.2.1") },
		"quorum 0":        func(s *pool.Service) { s.Quorum = 0 },
		"server twice":    func(s *pool.Service) { s.Servers = append(s.Servers, s.Servers[0]) },
		"heavy server":    func(s *pool.Service) { s.Servers[0].Weight = 65536 },
		"sorry is server": func(s *pool.Service) { s.Sorry = &pool.Server{Destination: s.Servers[0].Destination} },
	} {
		s := good()
		s.Frontends = append([]pool.Frontend(nil), s.Frontends...)
		change(&s)
		cfg := pool.Config{Services: []pool.Service{s}, Planes: map[pool.PlaneKind]pool.Plane{pool.IPVS: newMemory()}}
		if _, err := pool.New(cfg); err == nil {
			t.Errorf("%s is taken", name)
		}
		cfg.Services[0] = good()
		if _, err := pool.New(cfg); err != nil {
			t.Error(err)
		}
	}
}
