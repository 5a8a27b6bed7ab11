// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// hostName is an address or a DNS name.
type hostName struct{ text }

func (h *hostName) decode(r *reader, key mark, n ast.Node) {
	const need = "an address or a name is needed, as in 192.0.2.1 or gw.example.com"
	h.mark = r.at(n, key.path)
	s, ok := r.plainText(h.mark, n, need)
	switch {
	case !ok:
	case isHost(s):
		h.set(s)
	case strings.Contains(s, "://"):
		r.bad(h.mark, shown(s)+" is a URL", need)
	case hasPort(s):
		r.bad(h.mark, shown(s)+" has a port", "write the host alone")
	default:
		r.bad(h.mark, shown(s)+" is not a host", need)
	}
}

func hasPort(s string) bool {
	_, port, err := net.SplitHostPort(s)
	return err == nil && isDecimal(port)
}

// isHost tells whether s is an address or has the form of a DNS name (RFC 1123
// section 2.1, with underscores).
func isHost(s string) bool {
	if a, err := netip.ParseAddr(s); err == nil {
		return !strings.ContainsFunc(a.Zone(), func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune("[]/:%", c) })
	}
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > maxName {
		return false
	}
	digits := true
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range label {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
		digits = isDecimal(label)
	}
	return !digits // else an IPv4 address gone wrong
}

// hostPort is host:port.
type hostPort struct{ scalar[string] }

func (h *hostPort) decode(r *reader, key mark, n ast.Node) { h.decodeDefault(r, key, n, "") }

// decodeDefault takes host:port; the port may be left out if there is one by
// default.
func (h *hostPort) decodeDefault(r *reader, key mark, n ast.Node, port string) {
	h.mark = r.at(n, key.path)
	need := "a host and a port are needed, as in 192.0.2.1:80 or \"[2001:db8::1]:80\""
	if port != "" {
		need = "a host is needed, with its port unless that is " + port + ", as in 192.0.2.1:" + port + " or \"[2001:db8::1]:" + port + "\""
	}
	if _, isList := n.(*ast.SequenceNode); isList {
		r.bad(h.mark, "a list is here", need)
		return
	}
	s, ok := r.plainText(h.mark, n, need)
	if !ok {
		return
	}
	if v, ok := r.splitTarget(h.mark, s, port, need); ok {
		h.set(v)
	}
}

// splitTarget checks s as host:port and returns it with its port.
func (r *reader) splitTarget(at mark, s, port, need string) (string, bool) {
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	host, said, err := net.SplitHostPort(s)
	number, notNumber := strconv.ParseUint(said, 10, 16)
	switch {
	case strings.Contains(s, "://"):
		r.bad(at, shown(s)+" is a URL", need)
	case isDecimal(s):
		r.bad(at, s+" has no host", "write 127.0.0.1:"+s)
	case isHost(bare):
		if port != "" {
			return net.JoinHostPort(bare, port), true
		}
		r.bad(at, shown(s)+" has no port", "as in "+quotedTarget(net.JoinHostPort(bare, "80")))
	case err != nil:
		r.bad(at, shown(s)+" is not a host with a port", need)
	case host == "":
		r.bad(at, shown(s)+" has no host", "write "+shown("127.0.0.1"+s))
	case !isHost(host):
		r.bad(at, shown(host)+" is not a host", need)
	case notNumber != nil || number == 0 || !isDecimal(said):
		r.bad(at, shown(said)+" is not a port", "a port is 1 to 65535")
	default:
		return net.JoinHostPort(host, strconv.FormatUint(number, 10)), true
	}
	return "", false
}

// quotedTarget puts what YAML would take for a list in quotes.
func quotedTarget(s string) string {
	if strings.HasPrefix(s, "[") {
		return "\"" + s + "\""
	}
	return s
}

// httpURL is an http or https URL.
type httpURL struct{ text }

func (u *httpURL) decode(r *reader, key mark, n ast.Node) {
	const need = "a URL is needed, as in http://127.0.0.1/healthz"
	u.text.decode(r, key, n)
	u.ok = u.ok && r.checkURL(u.mark, u.v, need, "write header: {Authorization: ...} instead, which nobody shows")
}

// checkURL checks an http or https URL. noUser is the remedy for one that has a
// user.
func (r *reader) checkURL(at mark, s, need, noUser string) bool {
	v, err := url.Parse(s)
	switch {
	case !strings.Contains(s, "://"):
		r.bad(at, shown(s)+" is not a URL", "write "+shown("http://"+strings.TrimPrefix(s, "//"))+", or the same with https")
	case err != nil:
		r.bad(at, shown(s)+" is not a URL", need)
	case v.Scheme != "http" && v.Scheme != "https":
		r.bad(at, shown(s)+" is not an http or https URL", need)
	case v.Hostname() == "":
		r.bad(at, shown(s)+" has no host", need)
	case !isHost(v.Hostname()):
		r.bad(at, shown(v.Hostname())+" is not a host", need)
	case v.User != nil:
		r.bad(at, "the URL has a user", noUser)
	case v.Fragment != "":
		r.bad(at, "the URL has a fragment", "remove it from # on; it is never sent")
	case v.Port() == "0" || len(v.Port()) > 5 || len(v.Port()) == 5 && v.Port() > "65535":
		r.bad(at, shown(v.Port())+" is not a port", "a port is 1 to 65535")
	default:
		return true
	}
	return false
}

// secure tells whether the URL is https.
func (u *httpURL) secure() bool { return strings.HasPrefix(strings.ToLower(u.v), "https:") }
