// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// mostCause is how many characters of a cause a table has on a terminal. Its end says what
// went wrong.
const mostCause = 100

// causeCell is why a check of target does not pass, in a table that shows the target. It is
// cut for the eye alone, not for programs that search the output.
func causeCell(cause, target string, p paint) string {
	text := shortCause(clip(cause, mostText), target)
	if r := []rune(text); bool(p) && len(r) > mostCause {
		return string(r[:mostCause/4]) + "…" + string(r[len(r)-mostCause*3/4+1:])
	}
	return text
}

// requested is a request in a cause, whose URL says where.
var requested = regexp.MustCompile(`\b([A-Z]+) https?://([^\s/]+)(/\S*)?: `)

// shortCause leaves out of a cause where it was looked, as far as that is the target: an address,
// an address with a port, or a URL.
func shortCause(cause, target string) string {
	where := target
	if u, err := url.Parse(target); err == nil && u.Host != "" {
		where = u.Host
	}
	host := where
	if a, err := netip.ParseAddrPort(where); err == nil {
		host = a.Addr().String()
	}
	cause = requested.ReplaceAllStringFunc(cause, func(s string) string {
		part := requested.FindStringSubmatch(s)
		switch method, at, path := part[1], part[2], part[3]; {
		case at == where, at == host, at == "["+host+"]":
			return method + " " + path + ": "
		case strings.HasPrefix(at, host+":"), strings.HasPrefix(at, "["+host+"]:"):
			return method + " " + at[strings.LastIndexByte(at, ':'):] + path + ": "
		default:
			return s
		}
	})
	for _, at := range []string{where, host} {
		if at == "" {
			continue
		}
		for _, before := range []string{"connecting to", "sending to", "TLS handshake with", "waiting for the answer of", "asking", "pinging"} {
			verb, _, _ := strings.Cut(strings.TrimSuffix(before, " to"), " with")
			for _, after := range []string{": ", " for "} {
				cause = strings.ReplaceAll(cause, before+" "+at+after, verb+after)
			}
			cause = strings.ReplaceAll(cause, before+" "+at+" ("+at+"): ", verb+": ")
		}
	}
	return strings.ReplaceAll(cause, "waiting for the answer of: ", "waiting for its answer: ")
}
