// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	moby "github.com/moby/ipvs"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/pool"
)

// TestGuestThresholds reads with another library, since ipvsadm doesn't save
// thresholds.
func TestGuestThresholds(t *testing.T) {
	d := newDirector(t)
	v := web(func(v *pool.Virtual) { v.Destinations[0].Upper, v.Destinations[0].Lower = 1000, 800 })
	d.set(v)
	d.steady(v)
	var got []*moby.Destination
	labtest.OK(t, d.host.Do(func() error {
		h, err := moby.New("")
		if err != nil {
			return err
		}
		defer h.Close()
		services, err := h.GetServices()
		if err != nil {
			return err
		}
		if len(services) != 1 {
			return errors.New("not one service")
		}
		got, err = h.GetDestinations(services[0])
		return err
	}))
	if len(got) != 2 {
		t.Fatalf("%d destinations", len(got))
	}
	for _, g := range got {
		first := g.Address.Equal(net.IPv4(198, 51, 100, 11))
		if first && (g.UpperThreshold != 1000 || g.LowerThreshold != 800) || !first && (g.UpperThreshold != 0 || g.LowerThreshold != 0) {
			t.Errorf("%+v", g)
		}
	}

	v.Destinations[0].Upper = 700
	if err := d.try(v); !errors.Is(err, unix.ERANGE) || !strings.Contains(err.Error(), "thresholds 800 and 700") {
		t.Errorf("got %v", err)
	}
}

// TestGuestEdit sees that what stays is not removed and added again: it keeps its
// count of connections.
func TestGuestEdit(t *testing.T) {
	d := newDirector(t)
	v := web(func(v *pool.Virtual) {
		v.Frontends = []pool.Frontend{pool.Single(pool.TCP, netip.MustParseAddrPort("192.0.2.1:80"))}
		v.Destinations = v.Destinations[:1]
	})
	d.set(v)
	d.connect("192.0.2.1:80")
	d.counted(1, v)

	other := v
	other.Destinations = []pool.Destination{v.Destinations[0], {Address: netip.MustParseAddrPort("198.51.100.12:80"), Weight: 0}}
	first := &other.Destinations[0]
	for i, change := range []func(){
		func() { first.Weight = 7 },
		func() { first.Forward = pool.Direct },
		func() { first.Forward = pool.Encap },
		func() { first.Tunnel = pool.Tunnel{Kind: pool.GUE, Port: 6080} },
		func() { first.Upper = 1000 },
		func() { other.Scheduler = pool.MH },
		func() { other.Fallback = true },
		func() { other.Persistence.Timeout = time.Minute },
	} {
		change()
		if out := d.drift(other); len(out) != 1 || out[0].Count == 0 || out[0].What == "" {
			t.Errorf("change %d: drift %+v", i, out)
		}
		d.set(other)
		d.steady(other)
		d.counted(1, other)
	}

	other.Destinations = other.Destinations[1:]
	d.set(other)
	d.steady(other)
	d.counted(0, other)
}

// connect tries to open a connection to a service of the host's. Nobody answers.
func (d *director) connect(to string) {
	d.t.Helper()
	err := d.host.Do(func() (err error) {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		a := netip.MustParseAddrPort(to)
		err = unix.Connect(fd, &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())})
		if errors.Is(err, unix.EINPROGRESS) {
			return nil
		}
		return err
	})
	labtest.OK(d.t, err)
}

// counted fails the test if the service's destinations don't get to that many
// connections. The kernel adds them up every two seconds.
func (d *director) counted(want uint64, v pool.Virtual) {
	d.t.Helper()
	labtest.Eventually(d.t, 10*time.Second, fmt.Sprintf("%d connections", want), func() bool {
		rs, err := d.plane.Read(d.t.Context(), []pool.Virtual{v})
		labtest.OK(d.t, err)
		var total uint64
		for _, r := range rs {
			total += r.Total
		}
		return total == want && len(rs) == len(v.Destinations)
	})
}

func TestGuestOthers(t *testing.T) {
	d := newDirector(t)
	foreign := []string{"-A -t 192.0.2.200:80 -s rr", "-a -t 192.0.2.200:80 -r 198.51.100.99:80 -m -w 1"}
	for _, l := range foreign {
		d.run("ipvsadm", strings.Fields(l)...)
	}
	v := web()
	mine := []string{
		"-A -t 192.0.2.100:80 -s wrr",
		"-a -t 192.0.2.100:80 -r 198.51.100.11:80 -m -w 1",
		"-a -t 192.0.2.100:80 -r 198.51.100.12:80 -m -w 2",
	}
	d.set(v)
	d.has(append(mine, foreign...)...)
	for _, c := range []struct {
		name, command, what string
		count               int
	}{
		{"cleared", "-C", "the service is gone", 3},
		{"server deleted", "-d -t 192.0.2.100:80 -r 198.51.100.11:80", "198.51.100.11:80 is gone", 1},
		{"server added", "-a -t 192.0.2.100:80 -r 198.51.100.13:80 -m", "198.51.100.13:80 is not one of its servers", 1},
		{"weight", "-e -t 192.0.2.100:80 -r 198.51.100.11:80 -m -w 3", "198.51.100.11:80 has weight 3, not 1", 1},
		{"way", "-e -t 192.0.2.100:80 -r 198.51.100.11:80 -g -w 1", "198.51.100.11:80 gets its packets by direct, not by nat", 1},
		{"scheduler", "-E -t 192.0.2.100:80 -s rr", "its scheduler is rr, not wrr", 1},
		{"persistence", "-E -t 192.0.2.100:80 -s wrr -p 60", "its persistence is other", 1},
		{"flags", "-E -t 192.0.2.100:80 -s sh -b sh-port", "its scheduler is sh, not wrr, its flags are other", 1},
	} {
		d.run("ipvsadm", strings.Fields(c.command)...)
		if out := d.drift(v); len(out) != 1 || out[0] != (pool.Drift{Service: "web", What: c.what, Count: c.count}) {
			t.Errorf("%s: drift %+v", c.name, out)
		}
		d.set(v)
		d.steady(v)
		if c.name == "cleared" {
			d.has(mine...)
			for _, l := range foreign {
				d.run("ipvsadm", strings.Fields(l)...)
			}
		}
		d.has(append(mine, foreign...)...)
	}
	d.remove(v)
	d.remove(v)
	d.has(foreign...)
}

// A list of many services may lack one, which is there all the same.
func TestGuestIncompleteList(t *testing.T) {
	d := newDirector(t)
	v := web()
	d.set(v)
	jobs, _ := split([]pool.Virtual{v})
	labtest.OK(t, d.plane.do(t.Context(), func(c *conn) error {
		out, err := drift(t.Context(), c, jobs[0], nil)
		if out.Count > 0 {
			t.Errorf("drift %+v", out)
		}
		return err
	}))
	d.steady(v)
}

// What was set under a name may come to more frontends than one service may have.
func TestGuestRemovesMoreThanOneMayHave(t *testing.T) {
	d := newDirector(t)
	v := web(func(v *pool.Virtual) {
		f := v.Frontends[0]
		f.Protocol = pool.UDP
		f.FirstPort, f.LastPort = 1000, 1000+pool.MaxExpanded-1
		v.Frontends = append(v.Frontends, f)
		f.FirstPort, f.LastPort = 10000, 10000+pool.MaxExpanded-1
		v.Frontends = append(v.Frontends, f)
	})
	d.set(web())
	d.remove(v)
	d.has()
}
