// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/keepalived"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// side is how a router stands on one node, as its agent tells.
type side struct {
	state    string // active, backup or out
	priority int    // effective
}

// weighed is an agent that runs all weighings. A check passes while a file of
// the node exists.
type weighed interface {
	// sides are how the weighings' routers stand; nil if the agent doesn't answer.
	sides() []side
}

// startWeighed starts an agent of a kind on a host; file is where a check of
// the n-th weighing looks.
type startWeighed func(t *testing.T, w world, h *lab.Host, file func(n int, check string) string) weighed

// keepalivedWeighed implements weighed.
type keepalivedWeighed struct {
	agent     *keepalived.Agent
	instances []keepalived.Instance
}

func weighKeepalived(t *testing.T, w world, h *lab.Host, file func(n int, check string) string) weighed {
	t.Helper()
	var c keepalived.Config
	for n, g := range weighings {
		i := keepalived.Instance{
			VRID: uint8(weighedVRID(n)), Version: w.version, Interval: w.interval,
			Priority: int(g.base(h.Name)), Addresses: []netip.Prefix{weighedAddress(n)},
		}
		for _, tr := range g.tracks {
			name := checkName(n, tr.Check)
			// keepalived 2.2.7 has scripts run once a second at most.
			c.Scripts = append(c.Scripts, keepalived.Script{
				Name: name, Command: "/usr/bin/test -e " + file(n, tr.Check), Interval: time.Second, Rise: 1, Fall: 1,
			})
			i.Scripts = append(i.Scripts, keepalived.Track{Name: name, Weight: tr.Weight, Reverse: tr.Reverse})
		}
		c.Instances = append(c.Instances, i)
	}
	a, err := keepalived.Start(h, t.TempDir(), c)
	labtest.OK(t, err)
	logged(t, h, a.Process)
	return &keepalivedWeighed{a, c.Instances}
}

func (a *keepalivedWeighed) sides() []side {
	sides := make([]side, len(a.instances))
	for n, i := range a.instances {
		sides[n].priority = a.agent.Priority(i)
		switch a.agent.State(i) {
		case "MASTER":
			sides[n].state = "active"
		case "BACKUP":
			sides[n].state = "backup"
		default:
			sides[n].state = "out"
		}
	}
	return sides
}

// vicarWeighed implements weighed.
type vicarWeighed struct {
	agent *vicar.Agent
	//nolint:containedctx // the test's, for the interface's method
	ctx context.Context
}

func weighVicar(t *testing.T, w world, h *lab.Host, file func(n int, check string) string) weighed {
	t.Helper()
	c := vicar.Config{
		Cluster: "interop", Nodes: make(map[string]vicar.Node),
		Routers: make(map[string]vicar.Router), Checks: make(map[string]vicar.Check),
	}
	for name, a := range w.nodes() {
		c.Nodes[name] = vicar.Node{Address: []netip.Addr{a}, Priority: 100}
	}
	for n, g := range weighings {
		r := vicar.Router{
			VRID: weighedVRID(n), Version: w.version, Interval: vicar.Duration(w.interval), Checksum: "keepalived",
			Addresses: []netip.Prefix{weighedAddress(n)}, Priority: map[string]int{"a": int(g.a), "b": int(g.b)},
		}
		for _, tr := range g.tracks {
			name := checkName(n, tr.Check)
			c.Checks[name] = vicar.Check{"file": file(n, tr.Check), "rise": 1, "fall": 1}
			r.Track = append(r.Track, vicar.Track{Check: name, Weight: vicar.Weight(tr.Weight), Reverse: tr.Reverse})
		}
		c.Routers[routerName(n)] = r
	}
	// t.TempDir's names are too long for a socket.
	dir, err := os.MkdirTemp("", "vicar")
	labtest.OK(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	a, err := vicar.Start(h, binary, dir, c)
	labtest.OK(t, err)
	logged(t, h, a.Process)
	return &vicarWeighed{a, t.Context()}
}

func (a *vicarWeighed) sides() []side {
	st, err := a.agent.Status(a.ctx)
	if err != nil {
		return nil
	}
	states := map[string]string{"Active": "active", "Backup": "backup", "Initialize": "out"}
	sides := make([]side, len(weighings))
	for n := range sides {
		for _, r := range st.Routers {
			if r.Name == routerName(n) {
				sides[n] = side{states[r.State], r.Priority}
			}
		}
	}
	return sides
}

// routerName is the n-th weighing's in vicar's configuration.
func routerName(n int) string { return string(rune('a'+n)) + "-router" }

// checkName is a check's or a script's of the n-th weighing.
func checkName(n int, check string) string { return check + "-" + routerName(n) }

// setCheck makes a node's check pass or fail.
func setCheck(t *testing.T, path string, pass bool) {
	t.Helper()
	if !pass {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return
	}
	labtest.OK(t, os.MkdirAll(filepath.Dir(path), 0o700))
	labtest.OK(t, os.WriteFile(path, nil, 0o600))
}
