// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"

	"github.com/vicar-ha/vicar/vip"
)

// stranger tells where what keepalived has in a virtual server is here.
func (p *rawPool) stranger(r *reader, _ []pair, q pair) bool {
	hint := ""
	switch word := strings.ToLower(q.name); word {
	case "virtual_server", "virtual_server_group":
		hint = "the pool is the virtual server: write its addresses into listen; " + migrating
	case "protocol":
		hint = "write it behind the port in listen, as in 192.0.2.100:53/udp"
	case "port":
		hint = "write it behind the address in listen, as in 192.0.2.100:80"
	case "fwmark", "mark":
		hint = "write listen: {mark: 7, family: 4}"
	case "alpha":
		hint = "remove it: a server is down until its checks have passed; keepalived without alpha is initial: " + initialUp
	case "ha_suspend":
		hint = "write with: and the router; the checks run on all nodes"
	case "quorum_up", "quorum_down":
		hint = poolHookHint(word)
	case "persistence_granularity":
		hint = "write persistence: {timeout: 5m, ipv4: 24}"
	case "virtualhost":
		hint = "write host in the check, as in checks: [{http: {url: /healthz, host: www.example.com}}]"
	default:
		return r.serverWord(q)
	}
	r.bad(q.key, "unknown key", hint)
	return true
}

// stranger tells where what keepalived has in a real server is here.
func (s *rawServer) stranger(r *reader, _ []pair, q pair) bool {
	switch {
	case q.name == "checks":
		r.bad(q.key, "a server has no checks of its own", "write them in the pool: they are for all of its servers")
		return true
	case q.name == "port":
		r.bad(q.key, "unknown key", "write it behind the address, as in 198.51.100.11:8080")
		return true
	}
	return r.serverWord(q)
}

// serverWord tells so of what it has in either.
func (r *reader) serverWord(q pair) bool {
	hint, word := "", strings.ToLower(q.name)
	kind := elsewhereCheck(word)
	if _, is := serverTargets[word]; is {
		kind = word
	}
	if _, is := serverTargets[kind]; !is && kind != "exec" && kind != "file" && word != "exec" && word != "file" {
		kind = ""
	}
	switch {
	case word == "notify_up":
		hint = poolHookHint(string(vip.ServerUp))
	case word == "notify_down":
		hint = poolHookHint(string(vip.ServerDown))
	case word == "delay_loop", word == "interval":
		hint = "write interval in each of checks, as in checks: [{http: /healthz, interval: 2s}]"
	case word == "retry", word == "fall", word == "rise", word == "timeout", word == "connect_timeout", word == "delay_before_retry":
		hint = "write interval, timeout, rise and fall in each of checks, as in checks: [{http: /healthz, interval: 2s, fall: 2}]"
	case kind == "exec" || word == "exec":
		hint = "add it to checks in the pool, as in checks: [{exec: [/usr/local/bin/check, \"{host}\"]}]"
	case kind == "http":
		hint = "add it to checks in the pool, as in checks: [{http: /healthz}]"
	case kind == "file" || word == "file":
		hint = "add it to checks in the pool, as in checks: [{file: \"/run/weights/{host}\", dynamic: true}]"
	case kind == "dns":
		hint = "add it to checks in the pool, as in checks: [{dns: {name: www.example.com}}]"
	case kind != "":
		hint = "add it to checks in the pool, as in checks: [" + kind + "]"
	default:
		return false
	}
	r.bad(q.key, "unknown key", hint)
	return true
}

func poolHookHint(event string) string { return hookHint("on: " + event + ", ") }
