// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// outage lets EC2 fail, until the function that it returns is called.
func (w *world) outage() (over func()) {
	return w.Inject(awsfake.Fault{Service: "ec2", Effect: awsfake.Fail, Status: 503, Code: "Unavailable"})
}

// reload puts a router with these addresses into force on both nodes.
func (w *world) reload(addresses ...netip.Prefix) {
	w.t.Helper()
	r := w.conf.Routers[web]
	r.Addresses = addresses
	w.conf.Routers[web] = r
	for _, n := range []int{first, second} {
		labtest.OK(w.t, w.agents[n].Reload(w.conf))
		w.eventually(names[n]+" has the file", func() bool { return slices.Equal(w.router(n).Addresses, addresses) })
	}
}

// TestReloadInOutage adds an address while EC2 fails, and takes away another: the
// holder keeps what it had, and gets the rest when EC2 answers.
func TestReloadInOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, routes.unguarded())
	w.start()
	over := w.outage()
	added := netip.MustParsePrefix("198.51.100.8/32")
	w.reload(overlay, added)
	w.eventually("lb-1 says what is missing", func() bool {
		r := w.router(first)
		return !r.Held && strings.Contains(r.HeldError, "198.51.100.8") && w.stands(first).Moved == w.tables
	})
	w.pass(2 * poll)
	w.answered()
	over()
	has := func(p netip.Prefix) bool {
		to, _ := w.Target(awsfake.ClusterRoutes(w.tables), p)
		return to == awsfake.ClusterInterface(first)
	}
	w.eventually("lb-1 has both", func() bool { r := w.router(first); return r.Held && r.HeldError == "" && has(added) })
	over = w.outage()
	w.reload(overlay)
	w.eventually("lb-1 knows that it can't verify", func() bool { return w.stands(first).Unverified != "" })
	w.pass(2 * poll)
	w.answered()
	over()
	w.settles(first)
	if r := w.router(first); r.Transitions["Active"] != 1 {
		t.Errorf("lb-1 became Active %d times", r.Transitions["Active"])
	}
}

// inside is an address of the subnet with an Elastic IP.
var inside = shape{
	addresses: []netip.Prefix{secondary}, move: []any{"aws-secondary-ip", "aws-eip", "kernel"}, guard: "witness", interval: interval,
}

func (w *world) stop(n int) {
	w.t.Helper()
	labtest.OK(w.t, w.agents[n].Signal(syscall.SIGTERM))
	w.eventually(names[n]+" has ended", w.agents[n].Ended)
}

// TestRestartInOutage starts the only node's agent again while EC2 fails. It holds
// what its machine has at once, and verifies that when EC2 answers.
func TestRestartInOutage(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]shape{"guarded": inside, "unguarded": inside.unguarded()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, s)
			w.conf.AWS.Allocations = map[netip.Addr]string{secondary.Addr(): awsfake.ClusterEIP(1)}
			w.start() // the first list of voters needs them all
			w.stop(second)
			verified := func() bool {
				all := w.router(first).Movers
				for _, m := range all {
					if m.Unverified != "" || m.Verified.IsZero() || m.Reflected != "yes" || m.Moved != 1 {
						return false
					}
				}
				return len(all) == 2
			}
			w.eventually("lb-1 has all", verified)
			w.answered()
			over := w.outage()
			w.stop(first)
			wrote := len(w.writes())
			w.run(first)
			w.eventually("lb-1 holds again", func() bool { return w.router(first).Held })
			w.pass(5 * time.Second)
			w.answered()
			r := w.router(first)
			for _, m := range r.Movers {
				if m.Unverified == "" || !m.Verified.IsZero() || m.Moved != 1 {
					t.Errorf("%s is verified in an outage: %+v", m.Kind, m)
				}
			}
			over()
			w.eventually("lb-1 has verified all", verified)
			if now := w.router(first); now.Transitions["Active"] != 1 || now.Transitions["Initialize"] != 0 {
				t.Errorf("lb-1 has changed its state: %v", now.Transitions)
			}
			if n := len(w.writes()) - wrote; n != 0 {
				t.Errorf("%d writes", n)
			}
		})
	}
}
