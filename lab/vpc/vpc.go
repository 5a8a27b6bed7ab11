// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package vpc is a cloud around a lab. A region of awsfake answers on a host that
// is the VPC's router, and where that host sends packets is what the region's
// data plane says. A client in another network reaches what moves by the router
// alone, as in a VPC: neither ARP nor announcements reach it.
//
//	            lb-1 192.0.2.11 --+
//	            lb-2 192.0.2.12 --+-- switch -- vpc 192.0.2.1: routes, EC2, IMDS
//	client 192.0.2.50, as such ---+
//	       203.0.113.50 behind vpc
package vpc

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/lab"
)

// Where things are.
var (
	router        = netip.MustParsePrefix("192.0.2.1/24")
	clientHere    = netip.MustParsePrefix("192.0.2.50/24") // its first hop, as the router sees it
	clientAddress = netip.MustParsePrefix("203.0.113.50/32")
)

// The servers' ports.
const (
	apiPort  = 8000
	imdsPort = 8001
)

// The URLs of EC2, STS and DynamoDB, and of the metadata service.
const (
	API  = "http://192.0.2.1:8000"
	IMDS = "http://192.0.2.1:8001"
)

// Config is a cluster's region. Its nodes are hosts that the caller makes.
type Config struct {
	Region awsfake.Config // of awsfake.Cluster; its client is not used
	// Follow are addresses whose packets go where the region says. A host that has
	// one for its own gets them only by the region.
	Follow []netip.Addr
	// From is the subnet in which the region sees who sends them; the nodes' if empty.
	From string
}

// VPC is a region in a lab.
type VPC struct {
	*awsfake.World
	Router, Client *lab.Host

	follow    []netip.Addr
	from      string
	primary   map[string]netip.Addr // by interface
	instances map[netip.Addr]string // by primary address
	servers   []*http.Server
	ended     chan error
	stop      func()

	mu     sync.Mutex
	at     map[netip.Addr]netip.Addr // where packets for an address go to now
	broken error
}

// New makes the region, its router and a client. What answers there runs in this
// process, until Close.
func New(l *lab.Lab, cfg Config) (_ *VPC, err error) {
	v := &VPC{
		follow: cfg.Follow, from: cmp.Or(cfg.From, awsfake.ClusterSubnet), primary: make(map[string]netip.Addr), instances: make(map[netip.Addr]string), at: make(map[netip.Addr]netip.Addr),
		ended: make(chan error, 2), stop: func() {},
	}
	for _, i := range cfg.Region.Interfaces {
		v.primary[i.ID], v.instances[i.Primary] = i.Primary, i.Instance
	}
	if v.World, err = awsfake.New(cfg.Region); err != nil {
		return nil, err
	}
	if err := errors.Join(v.plug(l), v.serve(apiPort, v.World), v.serve(imdsPort, http.HandlerFunc(v.metadata))); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	v.stop = v.Subscribe(func(awsfake.Event) { v.reroute() })
	v.reroute()
	return v, nil
}

// plug makes the router and the client.
func (v *VPC) plug(l *lab.Lab) (err error) {
	if v.Router, err = l.Host("vpc", router); err != nil {
		return err
	}
	if v.Client, err = l.Host("client", clientHere, clientAddress); err != nil {
		return err
	}
	// The client is behind a hop. So the router doesn't tell it of shorter ways
	// (RFC 1812 section 5.2.7.2), which would go on when the region's have changed.
	errs := []error{v.Router.Forward(), v.Router.Route(clientAddress, clientHere.Addr(), netip.Addr{})}
	for _, a := range v.follow {
		errs = append(errs, v.Client.Route(netip.PrefixFrom(a, a.BitLen()), router.Addr(), clientAddress.Addr()))
	}
	return errors.Join(errs...)
}

// Join gives a node's host its way to the client.
func (v *VPC) Join(h *lab.Host) error { return h.Route(clientAddress, router.Addr(), netip.Addr{}) }

// serve answers on a port of the router.
func (v *VPC) serve(port int, handler http.Handler) error {
	var listener net.Listener
	err := v.Router.Do(func() (err error) {
		//nolint:noctx // it takes no time
		listener, err = net.Listen("tcp", netip.AddrPortFrom(router.Addr(), uint16(port)).String())
		return err
	})
	if err != nil {
		return fmt.Errorf("starting the cloud's server: %w", err)
	}
	s := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	v.servers = append(v.servers, s)
	go func() { v.ended <- s.Serve(listener) }()
	return nil
}

// metadata is the metadata service of whoever asks.
func (v *VPC) metadata(out http.ResponseWriter, r *http.Request) {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	instance, ok := v.instances[from.Addr()]
	if err != nil || !ok {
		http.Error(out, "this host is no instance", http.StatusNotFound)
		return
	}
	v.World.IMDS(instance).ServeHTTP(out, r)
}

// reroute makes the router send packets where the region says.
func (v *VPC) reroute() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, a := range v.follow {
		eni, _, ok := v.Deliver(v.from, a)
		to := netip.Addr{}
		if ok {
			to = v.primary[eni]
		}
		if was, known := v.at[a]; known && was == to {
			continue
		}
		v.at[a] = to
		dst := netip.PrefixFrom(a, a.BitLen())
		var err error
		if to.IsValid() {
			err = v.Router.Route(dst, to, netip.Addr{})
		} else {
			err = v.Router.Blackhole(dst)
		}
		v.broken = errors.Join(v.broken, err)
	}
}

// Close ends the region, and tells what was wrong with it. The hosts are the lab's,
// which is closed after it.
func (v *VPC) Close() error {
	v.stop()
	v.World.Close()
	errs := []error{v.Check()}
	for _, s := range v.servers {
		errs = append(errs, s.Close())
	}
	for range v.servers {
		if err := <-v.ended; !errors.Is(err, http.ErrServerClosed) {
			errs = append(errs, err)
		}
	}
	v.servers = nil
	v.mu.Lock()
	defer v.mu.Unlock()
	return errors.Join(append(errs, v.broken)...)
}
