// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/checks"
)

// rawHTTP is a check's key http.
type rawHTTP struct {
	kindPlace
	URL     byNode[httpURL]     `yaml:"url" jsonschema:"required" jsonschema_description:"The page: an http or https URL, or a mapping from nodes."`
	Method  httpMethod          `yaml:"method" jsonschema_description:"The request's method. Default GET."`
	Header  headers             `yaml:"header" jsonschema_description:"Header fields of the request, by name."`
	Host    hostHeader          `yaml:"host" jsonschema_description:"The request's host, in place of the URL's."`
	Body    content             `yaml:"body" jsonschema_description:"The request's body. Default: none."`
	Version httpVersion         `yaml:"version" jsonschema_description:"The protocol's version, 1.1 or 2; 2 with an http URL is HTTP/2 without TLS (prior knowledge). Default: what the server wants."`
	Status  oneOrMore[statuses] `yaml:"status" jsonschema_description:"The status codes that pass: one, a range as in 200-299, or a list. Default 200-299. Redirects are not followed."`
	Expect  pattern             `yaml:"expect" jsonschema_description:"Regular expression that the body's first MiB must match."`
	Fresh   boolean             `yaml:"fresh" jsonschema_description:"Whether each look makes a new connection. Default false: each 20th, and one after 10s."`
	rawTLS
}

func (k *rawHTTP) decode(r *reader, key mark, n ast.Node) {
	r.shortOrFields(&k.kindPlace, key, n, &k.URL, k)
	if !k.URL.present() {
		r.bad(key, "url is missing", "as in http: {url: http://127.0.0.1/healthz}")
	}
	if k.Method.v == "HEAD" && k.Expect.present() {
		r.bad(k.Expect.mark, "an answer to HEAD has no body", "remove expect, or use GET")
	}
	if k.Status.present() && !k.Status.refused && len(k.Status.items) == 0 {
		r.bad(k.Status.mark, "there is no status", "write those that pass, as in 200-299")
	}
	if secure, known := k.secure(); known {
		r.checkTLS(&k.rawTLS, secure, "write an https URL")
	}
}

// secure tells whether TLS is used by all nodes, or none or some; it is not
// known while a URL is wrong.
func (k *rawHTTP) secure() (secure, known bool) {
	urls := []*httpURL{}
	if k.URL.all != nil {
		urls = append(urls, k.URL.all)
	}
	for _, e := range k.URL.entries {
		urls = append(urls, &e.value)
	}
	for _, u := range urls {
		if !u.ok {
			return false, false
		}
		if u.secure() {
			return true, true
		}
	}
	return false, true
}

func (k *rawHTTP) values() []nodeValues { return []nodeValues{&k.URL} }

func (k *rawHTTP) kind(node string, from checks.Bind) checks.Kind {
	v := checks.HTTP{
		Bind: from, TLS: k.config(), URL: k.URL.of(node).v, Method: k.Method.v, Header: k.Header.values(), Host: k.Host.v,
		Body: k.Body.v, Version: k.Version.v, Expect: k.Expect.v, Fresh: k.Fresh.v,
	}
	for _, s := range k.Status.items {
		v.Status = append(v.Status, s.v)
	}
	return v
}

type (
	httpMethod  struct{ text }
	hostHeader  struct{ text }
	httpVersion struct{ text }
)

var httpMethods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}

func (v *httpMethod) decode(r *reader, key mark, n ast.Node) {
	v.choice(r, key, n, httpMethods...)
}

func (v *hostHeader) decode(r *reader, key mark, n ast.Node) {
	v.text.decode(r, key, n)
	host := strings.TrimSuffix(strings.TrimPrefix(v.v, "["), "]")
	if v.ok && !isHost(host) && !hasPort(v.v) {
		v.ok = false
		r.bad(v.mark, shown(v.v)+" is not a host", "as in www.example.com or www.example.com:8080")
	}
}

func (v *httpVersion) decode(r *reader, key mark, n ast.Node) {
	const rule = "write 1.1 or 2"
	v.mark = r.at(n, key.path)
	s, ok := r.plainText(v.mark, n, rule)
	switch {
	case !ok:
	case s == "1.1" || s == "2":
		v.set(s)
	default:
		r.bad(v.mark, shown(s)+" is not a version", rule)
	}
}

// statuses are status codes: 200, or 200-299.
type statuses struct{ scalar[checks.StatusRange] }

func (v *statuses) decode(r *reader, key mark, n ast.Node) {
	const rule = "a status is 100 to 599, a range is written 200-299"
	v.mark = r.at(n, key.path)
	s, ok := r.plainText(v.mark, n, rule)
	if !ok {
		return
	}
	low, high, isRange := strings.Cut(s, "-")
	if !isRange {
		high = low
	}
	first, err1 := strconv.Atoi(low)
	last, err2 := strconv.Atoi(high)
	switch {
	case len(s) == 3 && strings.EqualFold(s[1:], "xx") && s[0] >= '1' && s[0] <= '5':
		r.bad(v.mark, s+" is not a status", fmt.Sprintf("write %c00-%c99", s[0], s[0]))
	case err1 != nil || err2 != nil || !isDecimal(low) || !isDecimal(high):
		r.bad(v.mark, shown(s)+" is not a status", rule)
	case first < 100 || last > 599:
		r.bad(v.mark, shown(s)+" is out of range", rule)
	case first > last:
		r.bad(v.mark, s+" begins after its end", fmt.Sprintf("write %d-%d", last, first))
	default:
		v.set(checks.StatusRange{First: first, Last: last})
	}
}

// headers are header fields by name.
type headers struct{ named[content] }

func (h *headers) decode(r *reader, key mark, n ast.Node) {
	h.named.decode(r, key, n)
	seen := make(map[string]*entry[content])
	for _, e := range h.entries {
		name := textproto.CanonicalMIMEHeaderKey(e.name)
		switch first, twice := seen[name]; {
		case strings.ContainsFunc(e.name, func(c rune) bool { return !isTokenRune(c) }):
			r.bad(e.key, shown(e.name)+" is not a header field's name", "it has letters, digits and -")
		case twice:
			r.bad(e.key, fmt.Sprintf("%s is already on line %d", e.name, first.key.line), "remove one of them")
		case name == "Host":
			r.bad(e.key, "Host is not among the header fields", "write host: beside header")
		case strings.ContainsFunc(e.value.v, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
			r.bad(e.value.mark, "the value has control characters", "write it on one line")
		}
		seen[name] = e
	}
}

// isTokenRune is RFC 9110 section 5.6.2's tchar.
func isTokenRune(c rune) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.ContainsRune("!#$%&'*+-.^_`|~", c)
}

func (h *headers) values() map[string]string {
	if len(h.entries) == 0 {
		return nil
	}
	values := make(map[string]string, len(h.entries))
	for _, e := range h.entries {
		values[textproto.CanonicalMIMEHeaderKey(e.name)] = e.value.v
	}
	return values
}

// rawGRPC is a check's key grpc.
type rawGRPC struct {
	kindPlace
	Address target  `yaml:"address" jsonschema:"required" jsonschema_description:"The server: host:port, or a mapping from nodes."`
	Service text    `yaml:"service" jsonschema_description:"The service whose health is asked for. Default: the server as a whole."`
	TLS     boolean `yaml:"tls" jsonschema_description:"Whether the connection uses TLS. Default false."`
	Fresh   boolean `yaml:"fresh" jsonschema_description:"Whether each look makes a new connection. Default false: each 20th, and one after 10s."`
	rawTLS
}

func (k *rawGRPC) decode(r *reader, key mark, n ast.Node) {
	r.shortOrFields(&k.kindPlace, key, n, &k.Address, k)
	r.needAddress(key, &k.Address)
	if usable(k.TLS.scalar) {
		r.checkTLS(&k.rawTLS, k.TLS.v, "add tls: true")
	}
}

func (k *rawGRPC) values() []nodeValues { return []nodeValues{&k.Address} }

func (k *rawGRPC) kind(node string, from checks.Bind) checks.Kind {
	return checks.GRPC{
		Bind: from, TLS: k.config(), Address: k.Address.of(node).v, Service: k.Service.v,
		Secure: k.TLS.v, Fresh: k.Fresh.v,
	}
}

// rawHandshake is a check's key tls.
type rawHandshake struct {
	kindPlace
	Address byNode[tlsServer] `yaml:"address" jsonschema:"required" jsonschema_description:"The server: a host, with its port unless that is 443; or a mapping from nodes."`
	rawTLS
}

func (k *rawHandshake) decode(r *reader, key mark, n ast.Node) {
	r.shortOrFields(&k.kindPlace, key, n, &k.Address, k)
	if !k.Address.present() {
		r.bad(key, "address is missing", "as in tls: {address: www.example.com}")
	}
	r.checkTLS(&k.rawTLS, true, "")
}

func (k *rawHandshake) values() []nodeValues { return []nodeValues{&k.Address} }

func (k *rawHandshake) kind(node string, from checks.Bind) checks.Kind {
	return checks.Handshake{Bind: from, TLS: k.config(), Address: k.Address.of(node).v}
}

type tlsServer struct{ hostPort }

func (v *tlsServer) decode(r *reader, key mark, n ast.Node) { v.decodeDefault(r, key, n, "443") }
