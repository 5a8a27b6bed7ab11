// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/uml"
	"github.com/vicar-ha/vicar/pool"
)

// TestKernel runs the tests TestGuest... in a kernel that has IPVS.
func TestKernel(t *testing.T) { uml.Test(t, ".", "^TestGuest") }

// director is a host with a Plane, and with ipvsadm as the witness of what the
// kernel has.
type director struct {
	t     testing.TB
	host  *lab.Host
	plane *Plane
	logs  logs
}

// logs keeps what was logged.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newDirector(t testing.TB) *director {
	t.Helper()
	guest(t)
	l := labtest.New(t)
	return newDirectorOn(t, labtest.Host(t, l, "director", "192.0.2.1/24", "2001:db8::1/64"))
}

func newDirectorOn(t testing.TB, h *lab.Host) *director {
	t.Helper()
	d := &director{t: t, host: h}
	labtest.OK(t, d.host.Do(func() (err error) {
		d.plane, err = New(Config{Log: slog.New(slog.NewTextHandler(&d.logs, nil))})
		return err
	}))
	t.Cleanup(func() { labtest.OK(t, d.plane.Close()) })
	return d
}

// guest skips a test that is not run in the guest.
func guest(t testing.TB) {
	t.Helper()
	if !uml.Inside() {
		t.Skip("runs in TestKernel")
	}
	labtest.Need(t, "ipvsadm")
}

// set sets services, on a thread of the host's.
func (d *director) set(vs ...pool.Virtual) {
	d.t.Helper()
	labtest.OK(d.t, d.try(vs...))
}

func (d *director) try(vs ...pool.Virtual) error {
	return d.host.Do(func() error { return d.plane.Set(context.Background(), vs) })
}

func (d *director) remove(vs ...pool.Virtual) {
	d.t.Helper()
	labtest.OK(d.t, d.plane.Remove(d.t.Context(), vs))
}

func (d *director) drift(vs ...pool.Virtual) []pool.Drift {
	d.t.Helper()
	out, err := d.plane.Drift(d.t.Context(), vs)
	labtest.OK(d.t, err)
	return out
}

// steady fails the test if the kernel has not what it should.
func (d *director) steady(vs ...pool.Virtual) {
	d.t.Helper()
	if out := d.drift(vs...); len(out) > 0 {
		d.t.Errorf("drift: %+v", out)
	}
}

// run runs a command on the host and returns what it wrote.
func (d *director) run(name string, args ...string) string {
	d.t.Helper()
	var out []byte
	err := d.host.Do(func() (err error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		out, err = exec.CommandContext(ctx, name, args...).CombinedOutput()
		return err
	})
	if err != nil {
		d.t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// saved is what ipvsadm reads of the kernel, in order.
func (d *director) saved() []string {
	d.t.Helper()
	lines := strings.Split(strings.TrimSpace(d.run("ipvsadm", "-Sn")), "\n")
	for i, l := range lines {
		lines[i] = strings.Join(strings.Fields(l), " ")
	}
	slices.Sort(lines)
	return slices.DeleteFunc(lines, func(l string) bool { return l == "" })
}

// has fails the test if ipvsadm doesn't read these lines and no others.
func (d *director) has(want ...string) {
	d.t.Helper()
	slices.Sort(want)
	if got := d.saved(); !slices.Equal(got, want) {
		d.t.Errorf("ipvsadm reads\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// sysctl reads a setting of the host's.
func (d *director) sysctl(name string) string {
	d.t.Helper()
	var b []byte
	labtest.OK(d.t, d.host.Do(func() (err error) {
		b, err = os.ReadFile("/proc/sys/net/ipv4/vs/" + name)
		return err
	}))
	return strings.TrimSpace(string(b))
}

// web is a service of TCP with two servers, changed by fs.
func web(fs ...func(*pool.Virtual)) pool.Virtual {
	v := pool.Virtual{
		Name:      "web",
		Frontends: []pool.Frontend{pool.Single(pool.TCP, netip.MustParseAddrPort("192.0.2.100:80"))},
		Scheduler: pool.WRR,
		Destinations: []pool.Destination{
			{Address: netip.MustParseAddrPort("198.51.100.11:80"), Weight: 1},
			{Address: netip.MustParseAddrPort("198.51.100.12:80"), Weight: 2},
		},
	}
	for _, f := range fs {
		f(&v)
	}
	return v
}

// many are services with four servers each.
func many(n int) []pool.Virtual {
	vs := make([]pool.Virtual, n)
	for i := range vs {
		addr := netip.AddrFrom4([4]byte{203, 0, 113, byte(i % 250)})
		vs[i] = web(func(v *pool.Virtual) {
			v.Name = fmt.Sprintf("web-%d", i)
			v.Frontends = []pool.Frontend{pool.Single(pool.TCP, netip.AddrPortFrom(addr, uint16(8000+i/250)))}
			v.Destinations = nil
			for s := range 4 {
				to := netip.AddrFrom4([4]byte{198, 51, 100, byte(1 + s)})
				v.Destinations = append(v.Destinations, pool.Destination{Address: netip.AddrPortFrom(to, uint16(8000+i)), Weight: 1})
			}
		})
	}
	return vs
}
