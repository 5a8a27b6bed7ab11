// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/vicar-ha/vicar/checks"
)

// target is what a check looks at, as far as things that fail together go.
type target struct {
	// name is the same for checks that look at the same thing: host:port, a host,
	// or a local thing with its kind.
	name string
	// host is what a look through the network goes to; empty for a look at the
	// node itself that needs none.
	host string
	bind checks.Bind
	// link is the interface that an interface check looks at, and address the
	// one that it wants there.
	link    string
	address netip.Addr
	// whole: it fails only when the interface is of no use.
	whole bool
	// shared: it is no host, and the same for all nodes: a pool's servers.
	shared bool
}

// targetOf is what a kind looks at.
func targetOf(kind checks.Kind) target {
	switch k := kind.(type) {
	case checks.ICMP:
		return target{name: bare(k.Host), host: bare(k.Host), bind: k.Bind}
	case checks.TCP:
		return endpoint(k.Address, k.Bind)
	case checks.UDP:
		return endpoint(k.Address, k.Bind)
	case checks.HTTP:
		return page(k)
	case checks.GRPC:
		return endpoint(k.Address, k.Bind)
	case checks.DNS:
		return endpoint(k.Server, k.Bind)
	case checks.SMTP:
		return endpoint(k.Address, k.Bind)
	case checks.Handshake:
		return endpoint(k.Address, k.Bind)
	case checks.Interface:
		return target{name: "interface " + k.Name, link: k.Name, address: k.Address, whole: !k.Address.IsValid() && k.Speed == 0}
	case checks.Pool:
		return target{name: "pool " + k.Service, shared: true}
	default:
		return target{name: kind.Kind() + " " + kind.Target()}
	}
}

// endpoint is a service at host:port.
func endpoint(address string, bind checks.Bind) target {
	host, port := address, ""
	if i := strings.LastIndexByte(address, ':'); i >= 0 && !strings.HasSuffix(address, "]") {
		host, port = address[:i], address[i:]
	}
	host = bare(host)
	return target{name: written(host) + port, host: host, bind: bind}
}

// page is the service that a URL is of.
func page(k checks.HTTP) target {
	u, err := url.Parse(k.URL)
	if err != nil || u.Hostname() == "" {
		return target{name: k.URL, host: k.URL, bind: k.Bind}
	}
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	host := bare(u.Hostname())
	return target{name: written(host) + ":" + port, host: host, bind: k.Bind}
}

// bare is a host in one form: an address as netip writes it, without brackets,
// or a name in lower case. No host is this one, as for connect.
func bare(host string) string {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" {
		return "localhost"
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().String()
	}
	return host
}

// written is a host as it stands before a port.
func written(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// loopback tells whether the look never leaves the node that looks: it is
// another thing on each node.
func (t target) loopback() bool {
	if t.host == "" || t.host == "localhost" || strings.HasSuffix(t.host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(t.host)
	return err == nil && (a.IsLoopback() || a.IsUnspecified())
}

// hostAddress is the host if it is an address, else invalid.
func (t target) hostAddress() netip.Addr {
	a, err := netip.ParseAddr(t.host)
	if err != nil {
		return netip.Addr{}
	}
	return a
}
