// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vpc_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/probe"
	"github.com/vicar-ha/vicar/lab/vpc"
)

const patience = 10 * time.Second

var overlay = netip.MustParsePrefix("198.51.100.7/32")

// TestPacketsFollowTheRegion gives two hosts the same address and lets the region
// say which of them answers for it.
func TestPacketsFollowTheRegion(t *testing.T) {
	l := labtest.New(t)
	a := labtest.Host(t, l, "lb-1", "192.0.2.11/24", overlay.String())
	b := labtest.Host(t, l, "lb-2", "192.0.2.12/24")
	v, err := vpc.New(l, vpc.Config{Region: awsfake.Cluster(2, 1), Follow: []netip.Addr{overlay.Addr()}})
	labtest.OK(t, err)
	defer func() { labtest.OK(t, v.Close()) }()
	labtest.OK(t, v.Join(a))
	labtest.OK(t, v.Join(b))
	s := probe.New(time.Millisecond)
	c, err := s.Client(v.Client, overlay.Addr())
	labtest.OK(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	defer func() { cancel(); labtest.OK(t, <-done) }()
	answers := func() bool { return c.Last() > 0 && c.Last() > s.Now()-200*time.Millisecond }
	labtest.Eventually(t, patience, "some questions were asked", func() bool { return s.Now() > 300*time.Millisecond })
	if c.Last() > 0 {
		t.Fatal("it answers without a route")
	}
	labtest.OK(t, v.SetRoute(awsfake.ClusterRoutes(1), overlay, awsfake.ClusterInterface(1)))
	labtest.Eventually(t, patience, "lb-1 answers", answers)
	labtest.OK(t, v.SetRoute(awsfake.ClusterRoutes(1), overlay, awsfake.ClusterInterface(2)))
	labtest.Eventually(t, patience, "lb-2 does not have the address", func() bool { return !answers() })
	labtest.OK(t, b.AddAddress(overlay))
	labtest.Eventually(t, patience, "lb-2 answers", answers)
	labtest.OK(t, l.Cut(a))
	labtest.OK(t, v.SetRoute(awsfake.ClusterRoutes(1), overlay, ""))
	labtest.Eventually(t, patience, "nobody has the route", func() bool { return !answers() })
}

// TestMetadataByHost asks the metadata service from two hosts.
func TestMetadataByHost(t *testing.T) {
	l := labtest.New(t)
	a := labtest.Host(t, l, "lb-1", "192.0.2.11/24")
	b := labtest.Host(t, l, "lb-2", "192.0.2.12/24")
	region := awsfake.Cluster(2, 1)
	for n := range region.Instances {
		region.Instances[n].OptionalTokens = true
	}
	v, err := vpc.New(l, vpc.Config{Region: region})
	labtest.OK(t, err)
	defer func() { labtest.OK(t, v.Close()) }()
	for n, h := range []*lab.Host{a, b} {
		if got, want := ask(t, h, vpc.IMDS+"/latest/meta-data/instance-id"), awsfake.ClusterNode(n+1); got != want {
			t.Errorf("%s is told that it is %q, want %q", h.Name, got, want)
		}
	}
}

// ask gets a page as a host does.
func ask(t *testing.T, h *lab.Host, url string) string {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, to string) (c net.Conn, err error) {
		err = h.Do(func() (err error) {
			c, err = new(net.Dialer).DialContext(ctx, network, to)
			return err
		})
		return c, err
	}}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: patience}
	got, err := client.Get(url)
	labtest.OK(t, err)
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	labtest.OK(t, err)
	return string(text)
}
