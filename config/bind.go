// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/checks"
)

// rawFrom is a check's section from.
type rawFrom struct {
	mark
	Address   byNode[sourceAddress] `yaml:"address" jsonschema_description:"The source address, which the host must have: one for all nodes, or a mapping from nodes."`
	Interface byNode[device]        `yaml:"interface" jsonschema_description:"The network interface that a look leaves by: a name, or a mapping from nodes."`
	Mark      fwmark                `yaml:"mark" jsonschema_description:"The firewall mark (SO_MARK) of what is sent, for rules of routing. 1 to 4294967295."`
}

func (f *rawFrom) decode(r *reader, key mark, n ast.Node) {
	f.mark = r.fields(key, n, f)
}

func (f *rawFrom) bind(node string) checks.Bind {
	return checks.Bind{Source: f.Address.of(node).v, Interface: f.Interface.of(node).v, Mark: f.Mark.v}
}

// sourceAddress is an address of the host, possibly loopback.
type sourceAddress struct{ scalar[netip.Addr] }

func (a *sourceAddress) decode(r *reader, key mark, n ast.Node) {
	const need = "an IP address is needed, as in 192.0.2.10 or 2001:db8::10"
	a.mark = r.at(n, key.path)
	s, ok := r.plainText(a.mark, n, need)
	if !ok {
		return
	}
	v, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		hint := need
		if p, err := netip.ParsePrefix(s); err == nil {
			hint = "write " + p.Addr().String() + " without the prefix length"
		}
		r.bad(a.mark, shown(s)+" is not an address", hint)
	case v.IsLoopback():
		a.set(v)
	case r.checkUnicast(a.mark, v):
		a.set(v)
	}
}

// device is the name of one network interface.
type device struct{ interfaceName }

func (d *device) decode(r *reader, key mark, n ast.Node) {
	d.interfaceName.decode(r, key, n)
	if d.ok && d.v == InterfaceAuto {
		d.ok = false
		r.bad(d.mark, "auto is for routers alone", "name the interface, or give each node its own, as in {lb-1: ens5, lb-2: eth0}")
	}
}

// fwmark is a firewall mark. It is often written in hexadecimal.
type fwmark struct{ scalar[uint32] }

func (f *fwmark) decode(r *reader, key mark, n ast.Node) {
	const rule = "a mark is 1 to 4294967295, or 0x1 to 0xffffffff"
	f.mark = r.at(n, key.path)
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		r.bad(f.mark, describe(n)+" is here", rule)
		return
	}
	digits, base := strings.CutPrefix(i.Token.Value, "0x")
	radix := 10
	if base {
		radix = 16
	}
	v, err := strconv.ParseUint(digits, radix, 64)
	switch {
	case err != nil && !isDecimal(digits) || radix == 10 && len(digits) > 1 && digits[0] == '0':
		r.bad(f.mark, i.Token.Value+" is not a decimal or hexadecimal number", rule)
	case err != nil || v == 0 || v > math.MaxUint32:
		r.bad(f.mark, shown(i.Token.Value)+" is out of range", rule)
	default:
		f.set(uint32(v))
	}
}

// rawTLS are the keys of kinds that can use TLS.
type rawTLS struct {
	ServerName  hostName `yaml:"server_name" jsonschema_description:"The name that is sent (SNI) and that the certificate must be for. Default: the host's."`
	CA          absolute `yaml:"ca" jsonschema_description:"File with the certificates to trust (PEM). Default: the system's."`
	Certificate absolute `yaml:"certificate" jsonschema_description:"File with the certificate that the client shows (PEM). It needs key."`
	Key         absolute `yaml:"key" jsonschema_description:"File with the certificate's key (PEM)."`
	Insecure    boolean  `yaml:"insecure" jsonschema_description:"Whether any certificate is trusted. Default false."`
	Valid       validFor `yaml:"valid" jsonschema_description:"How long the certificate must at least go on being valid, as in 168h. 1s to 87600h. Default: it must be valid now."`
}

func (t *rawTLS) config() checks.TLS {
	return checks.TLS{
		ServerName: t.ServerName.v, CA: t.CA.v, Certificate: t.Certificate.v, Key: t.Key.v,
		Insecure: t.Insecure.v, Valid: t.Valid.v,
	}
}

// checkTLS checks the keys against each other, and refuses them where there is
// no TLS; remedy says how to have it.
func (r *reader) checkTLS(t *rawTLS, secure bool, remedy string) {
	if !secure {
		for _, k := range []struct {
			name string
			at   mark
		}{
			{"server_name", t.ServerName.mark}, {"ca", t.CA.mark}, {"certificate", t.Certificate.mark},
			{"key", t.Key.mark}, {"insecure", t.Insecure.mark}, {"valid", t.Valid.mark},
		} {
			if k.at.present() {
				r.bad(k.at, k.name+" is for TLS", remedy)
			}
		}
		return
	}
	switch {
	case t.Certificate.present() && !t.Key.present():
		r.bad(t.Certificate.mark, "certificate needs key", "add key: with the file of the certificate's key")
	case t.Key.present() && !t.Certificate.present():
		r.bad(t.Key.mark, "key needs certificate", "add certificate: with the file of the certificate")
	}
	if t.Insecure.v && t.CA.present() {
		r.bad(t.CA.mark, "insecure trusts any certificate", fmt.Sprintf("remove insecure on line %d, or ca", t.Insecure.line))
	}
}
