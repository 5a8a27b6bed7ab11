// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/checks"
)

// target is host:port, one for all nodes or by node.
type target = byNode[hostPort]

// rawICMP is a check's key icmp.
type rawICMP struct {
	kindPlace
	Host byNode[hostName] `yaml:"host" jsonschema:"required" jsonschema_description:"The host that is asked: an address or a name, or a mapping from nodes."`
	Size echoSize         `yaml:"size" jsonschema_description:"Bytes of payload. 0 to 65000, default 56."`
}

func (k *rawICMP) decode(r *reader, key mark, n ast.Node) {
	r.shortOrFields(&k.kindPlace, key, n, &k.Host, k)
	if !k.Host.present() {
		r.bad(key, "host is missing", "as in icmp: {host: 192.0.2.1}")
	}
}

func (k *rawICMP) values() []nodeValues { return []nodeValues{&k.Host} }

// defaultEchoSize is that of the usual ping.
const defaultEchoSize = 56

func (k *rawICMP) kind(node string, from checks.Bind) checks.Kind {
	return checks.ICMP{Bind: from, Host: k.Host.of(node).v, Size: k.Size.or(defaultEchoSize)}
}

type echoSize struct{ number }

func (v *echoSize) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 0, 65000, between("the size", 0, 65000))
}

// rawTCP is a check's key tcp.
type rawTCP struct {
	kindPlace
	Address target  `yaml:"address" jsonschema:"required" jsonschema_description:"Where to connect to: host:port, or a mapping from nodes."`
	Send    content `yaml:"send" jsonschema_description:"What is sent once connected. Default: nothing."`
	Expect  pattern `yaml:"expect" jsonschema_description:"Regular expression that the answer must match. Default: no answer is read."`
}

func (k *rawTCP) decode(r *reader, key mark, n ast.Node) {
	r.shortOrFields(&k.kindPlace, key, n, &k.Address, k)
	r.needAddress(key, &k.Address)
}

func (k *rawTCP) values() []nodeValues { return []nodeValues{&k.Address} }

func (k *rawTCP) kind(node string, from checks.Bind) checks.Kind {
	return checks.TCP{Bind: from, Address: k.Address.of(node).v, Send: k.Send.v, Expect: k.Expect.v}
}

// rawUDP is a check's key udp.
type rawUDP struct {
	kindPlace
	Address target  `yaml:"address" jsonschema:"required" jsonschema_description:"Where to send to: host:port, or a mapping from nodes."`
	Send    content `yaml:"send" jsonschema_description:"The payload. Default: an empty datagram."`
	Expect  pattern `yaml:"expect" jsonschema_description:"Regular expression that the reply must match. Default: no reply is needed, a refusal fails."`
}

func (k *rawUDP) decode(r *reader, key mark, n ast.Node) {
	r.shortOrFields(&k.kindPlace, key, n, &k.Address, k)
	r.needAddress(key, &k.Address)
}

func (k *rawUDP) values() []nodeValues { return []nodeValues{&k.Address} }

func (k *rawUDP) kind(node string, from checks.Bind) checks.Kind {
	return checks.UDP{Bind: from, Address: k.Address.of(node).v, Send: k.Send.v, Expect: k.Expect.v}
}

// rawDNS is a check's key dns.
type rawDNS struct {
	kindPlace
	Server byNode[dnsServer] `yaml:"server" jsonschema:"required" jsonschema_description:"The server that is asked: a host, with its port unless that is 53; or a mapping from nodes."`
	Name   dnsName           `yaml:"name" jsonschema:"required" jsonschema_description:"The name that is asked for."`
	Type   dnsType           `yaml:"type" jsonschema_description:"The type that is asked for, as A, AAAA, MX. Default A."`
	TCP    boolean           `yaml:"tcp" jsonschema_description:"Whether to ask by TCP. Default false: by UDP."`
	Expect pattern           `yaml:"expect" jsonschema_description:"Regular expression that the data of one answer must match. Default: any answer passes."`
}

func (k *rawDNS) decode(r *reader, key mark, n ast.Node) {
	const example = "as in dns: {server: 192.0.2.53, name: www.example.com}"
	k.mark = key
	if s, ok := n.(*ast.StringNode); ok {
		k.short(r, r.at(n, key.path), s.Value)
		return
	}
	r.fields(key, n, k)
	if !k.Server.present() {
		r.bad(key, "server is missing", example)
	}
	if !k.Name.present() {
		r.bad(key, "name is missing", example)
	}
}

// short takes name@server.
func (k *rawDNS) short(r *reader, at mark, s string) {
	const need = "write name@server, as in www.example.com@192.0.2.53, or a mapping"
	name, server, ok := strings.Cut(s, "@")
	if !ok || !isDNSName(name) {
		r.bad(at, shown(s)+" is not a name and a server", need)
		return
	}
	k.Name.mark = at
	k.Name.set(name)
	k.Server.mark, k.Server.all = at, new(dnsServer)
	if v, ok := r.splitTarget(at, server, dnsPort, need); ok {
		k.Server.all.set(v)
	}
}

func (k *rawDNS) values() []nodeValues { return []nodeValues{&k.Server} }

func (k *rawDNS) kind(node string, from checks.Bind) checks.Kind {
	return checks.DNS{
		Bind: from, Server: k.Server.of(node).v, Name: k.Name.v,
		Type: k.Type.or("A"), TCP: k.TCP.v, Expect: k.Expect.v,
	}
}

const dnsPort = "53"

type (
	dnsServer struct{ hostPort }
	dnsName   struct{ text }
	dnsType   struct{ text }
)

func (v *dnsServer) decode(r *reader, key mark, n ast.Node) { v.decodeDefault(r, key, n, dnsPort) }

func (v *dnsName) decode(r *reader, key mark, n ast.Node) {
	v.text.decode(r, key, n)
	if v.ok && !isDNSName(v.v) {
		v.ok = false
		r.bad(v.mark, shown(v.v)+" is not a DNS name", "as in www.example.com")
	}
}

// isDNSName tells whether s can be asked for (RFC 1035 section 2.3.4).
func isDNSName(s string) bool {
	if s == "." {
		return true
	}
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > maxName || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || c == '@' || c == '\\' }) {
		return false
	}
	return !slices.ContainsFunc(strings.Split(s, "."), func(label string) bool { return label == "" || len(label) > 63 })
}

// dnsTypes are the types of records that can be asked for.
var dnsTypes = []string{
	"A", "AAAA", "ANY", "CAA", "CNAME", "DNAME", "DNSKEY", "DS", "HINFO", "HTTPS", "LOC", "MX", "NAPTR", "NS", "PTR",
	"RP", "SOA", "SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URI",
}

func (v *dnsType) decode(r *reader, key mark, n ast.Node) {
	v.choice(r, key, n, dnsTypes...)
}

// rawSMTP is a check's key smtp.
type rawSMTP struct {
	kindPlace
	Address byNode[smtpServer] `yaml:"address" jsonschema:"required" jsonschema_description:"The mail server: a host, with its port unless that is 25; or a mapping from nodes."`
	Hello   hostName           `yaml:"hello" jsonschema_description:"The name that is said to the server. Default: this host's."`
	Expect  pattern            `yaml:"expect" jsonschema_description:"Regular expression that the banner must match."`
}

func (k *rawSMTP) decode(r *reader, key mark, n ast.Node) {
	r.shortOrFields(&k.kindPlace, key, n, &k.Address, k)
	if !k.Address.present() {
		r.bad(key, "address is missing", "as in smtp: {address: 192.0.2.25}")
	}
}

func (k *rawSMTP) values() []nodeValues { return []nodeValues{&k.Address} }

func (k *rawSMTP) kind(node string, from checks.Bind) checks.Kind {
	return checks.SMTP{Bind: from, Address: k.Address.of(node).v, Hello: k.Hello.v, Expect: k.Expect.v}
}

type smtpServer struct{ hostPort }

func (v *smtpServer) decode(r *reader, key mark, n ast.Node) { v.decodeDefault(r, key, n, "25") }

// shortOrFields decodes a kind: a mapping of its keys, or its main value alone.
func (r *reader) shortOrFields(place *kindPlace, key mark, n ast.Node, short decoder, into any) {
	place.mark = key
	if isMapping(n) {
		r.fields(key, n, into)
		return
	}
	r.value(short, key, n)
}

func (r *reader) needAddress(key mark, a *target) {
	if !a.present() {
		r.bad(key, "address is missing", "write a host and a port, as in {address: \"192.0.2.1:80\"}")
	}
}
