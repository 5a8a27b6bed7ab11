// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/aws"
	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/config"
)

// noEnvironment keeps the SDK from finding what this machine has.
func noEnvironment(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
}

// node is one of those that were deployed, as vicar on it sees the cloud.
type node struct {
	name, eni string
	config    *config.Config
	session   *aws.Session
}

// nodes are those that can hold the addresses.
func (r *region) nodes(t *testing.T, w workspace) []*node {
	t.Helper()
	var text string
	if err := json.Unmarshal([]byte(w.run(t, "output", "-json", "vicar_yaml")), &text); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "vicar.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []*node
	for _, name := range sorted(c.AWS.Interfaces) {
		n := &node{name: name, eni: c.AWS.Interfaces[name], config: c}
		instance, ok := r.Attached(n.eni)
		if !ok {
			t.Fatalf("the slot of %s has no instance", name)
		}
		n.session, err = aws.New(t.Context(), aws.Config{Region: c.AWS.Region, Transport: r.Transport(instance), Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

// provider is what moves a router's addresses by one means, as vicar sets it up.
func (n *node) provider(kind config.MoverKind, follows []netip.Addr) (cloud.Provider, error) {
	a, on := n.config.AWS, aws.Interface{ID: n.eni}
	switch kind {
	case config.MoveAWSSecondaryIP:
		return aws.NewSecondary(n.session, aws.SecondaryConfig{Interface: on})
	case config.MoveAWSRoute:
		along := map[netip.Addr][]aws.Destination{}
		for address, all := range a.Routes {
			for _, d := range all {
				along[address] = append(along[address], aws.Destination(d))
			}
		}
		return aws.NewRoute(n.session, aws.RouteConfig{Interface: on, Tables: a.RouteTables, Along: along})
	default:
		return aws.NewEIP(n.session, aws.EIPConfig{Interface: on, Allocations: a.Allocations, Follows: follows})
	}
}

// takes has the node take all routers' addresses from whoever has them.
func (n *node) takes(t *testing.T) {
	t.Helper()
	for _, router := range n.config.Routers {
		var follows []netip.Addr
		if router.Moves(config.MoveAWSSecondaryIP) {
			for _, p := range router.Addresses {
				follows = append(follows, p.Addr())
			}
		}
		for _, m := range router.Move {
			if m.Kind == config.MoveKernel {
				continue
			}
			p, err := n.provider(m.Kind, follows)
			if err != nil {
				t.Fatal(err)
			}
			if err := take(t.Context(), p, router.Addresses); err != nil {
				t.Fatalf("%s does not get the addresses of %s by %s: %v", n.name, router.Name, m.Kind, err)
			}
		}
	}
}

var errNotMine = errors.New("what was taken is not there")

// take takes addresses and looks whether they are there.
func take(ctx context.Context, p cloud.Provider, addresses []netip.Prefix) error {
	objects, err := p.Objects(addresses)
	if err != nil {
		return err
	}
	if err := p.Take(ctx, objects, cloud.Taking{Steal: true}); err != nil {
		return err
	}
	seen, err := p.Observe(ctx, objects)
	if err == nil && slices.ContainsFunc(seen, func(s cloud.Ownership) bool { return !s.Mine }) {
		err = errNotMine
	}
	return err
}

// places tells where what moves is: by address, route and Elastic IP, the interface.
func places(w *awsfake.World, n *node) map[string]string {
	all := map[string]string{}
	c := n.config
	for _, router := range c.Routers {
		for _, p := range router.Addresses {
			if eni, ok := w.Holder(p.Addr()); ok {
				all[p.Addr().String()] = eni
			}
			for _, table := range c.AWS.RouteTables {
				if eni, ok := w.Target(table, p); ok {
					all[table+" "+p.String()] = eni
				}
			}
			for _, d := range c.AWS.Routes[p.Addr()] {
				for _, table := range d.Tables {
					all[table+" "+d.To.String()], _ = w.Target(table, d.To)
				}
			}
		}
	}
	for _, id := range c.AWS.Allocations {
		_, all[id], _, _ = w.Association(id)
	}
	return all
}
