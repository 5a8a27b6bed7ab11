// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/checks"
)

// rawServerCheck is an item of a pool's checks: a check in which {server}, {host}
// and {port} stand for a server's address. It is decoded once for each server, as
// any check is.
type rawServerCheck struct {
	rawCheck
	Dynamic boolean `yaml:"dynamic" jsonschema_description:"Whether the answer is also the server's weight, for exec, file and http. Default false."`
}

// serverCheck is a rawServerCheck as the file has it.
type serverCheck struct {
	key   mark
	node  ast.Node
	slots []slot
}

// slot is a text in which something stands for the server's address.
type slot struct {
	node *ast.StringNode
	text string
}

// hides are a check's keys that say what routers do with it.
func (*rawServerCheck) hides() []string { return []string{"pool", "weight", "reverse", "initial"} }

func (c *rawServerCheck) decode(r *reader, key mark, n ast.Node) {
	c.ofServer = true
	c.mark = r.fields(key, n, c)
	if !c.present() {
		return
	}
	if c.Weight.present() {
		r.bad(c.Weight.mark, "weight is for checks that routers track", "write the weight in the server; a check that finds it has dynamic: true")
	}
	if c.Reverse.present() {
		r.bad(c.Reverse.mark, "reverse is for checks that routers track", "remove it: a server is up while all of its checks pass")
	}
	if c.Initial.present() {
		r.bad(c.Initial.mark, "initial is for checks that routers track", "write initial: "+initialUp+" or "+initialDown+" beside checks: it is the server's")
	}
	if c.Pool.present() {
		r.bad(c.Pool.mark, "a pool is no server's check", "remove it; a router can track it")
	}
	if c.Dynamic.v {
		c.findsWeight(r)
	}
}

// findsWeight checks that the answer can be a weight.
func (c *rawServerCheck) findsWeight(r *reader) {
	switch {
	case !c.Exec.present() && !c.File.present() && !c.HTTP.present():
		r.bad(c.Dynamic.mark, "dynamic is for exec, file and http, whose answer can be a weight", "remove it")
	case c.File.Absent.present() || c.File.Value.present():
		r.bad(c.Dynamic.mark, "the file's content is the weight", "remove absent and value")
	case c.HTTP.Method.v == "HEAD":
		r.bad(c.Dynamic.mark, "an answer to HEAD has no body", "use GET")
	}
}

// dynamic is the kind as one that finds a weight.
func dynamic(k checks.Kind) checks.Kind {
	switch k := k.(type) {
	case checks.Exec:
		k.Dynamic = true
		return k
	case checks.File:
		k.Dynamic = true
		return k
	case checks.HTTP:
		k.Dynamic = true
		return k
	default:
		return k
	}
}

// serverChecks are a pool's checks before they are some server's.
type serverChecks struct {
	mark
	items []*serverCheck
}

func (c *serverChecks) refuse(at mark) { c.mark = at }

func (c *serverChecks) decode(r *reader, key mark, n ast.Node) {
	c.mark = r.at(n, key.path)
	nodes := []ast.Node{n}
	sequence, isList := n.(*ast.SequenceNode)
	if isList {
		nodes = sequence.Values
	}
	for i, v := range nodes {
		at := key
		if isList {
			at = key.under(fmt.Sprintf("[%d]", i))
		}
		if v != nil {
			at = r.at(v, at.path)
		}
		d := new(serverCheck)
		r.value(d, at, v)
		if d.node != nil {
			c.items = append(c.items, d)
		}
	}
	if isList && len(nodes) == 0 {
		r.bad(c.mark, "there is no check", "write one, as in [tcp], or remove the key")
	}
}

// decode completes what is left out: a kind without a target looks at the server.
func (c *serverCheck) decode(r *reader, key mark, n ast.Node) {
	c.key = key
	if s, ok := n.(*ast.StringNode); ok {
		target, known := serverTargets[s.Value]
		if !known {
			hint := "write one of " + strings.Join(shortServerChecks(), ", ") + ", or a mapping as in {http: \"http://{server}/healthz\"}"
			if meant := maybe(s.Value, shortServerChecks()); meant != "" {
				hint = meant
			}
			r.bad(key, shown(s.Value)+" is not a check", hint)
			return
		}
		n = ast.Mapping(s.Token, true, ast.MappingValue(s.Token, ast.String(s.Token), textAt(s, target)))
	}
	if !isMapping(n) {
		r.bad(key, describe(n)+" is here", "write tcp, or a mapping as in {http: \"http://{server}/healthz\"}")
		return
	}
	for _, v := range entriesOf(n) {
		if !c.complete(r, v) {
			return
		}
	}
	before := len(r.errors)
	c.findSlots(r, key, n, false)
	if len(r.errors) > before {
		return
	}
	c.node = n
	if len(c.slots) == 0 {
		r.warn(key, "the check is the same for every server", "{server} stands for its address and port, {host} and {port} for one of them")
	}
}

// serverTargets are what kinds look at that don't say it.
var serverTargets = map[string]string{
	"icmp": "{host}", "tcp": "{server}", "udp": "{server}", "http": "http://{server}/", "grpc": "{server}",
	"dns": "{server}", "smtp": "{server}", "tls": "{server}",
}

// shortServerChecks are the kinds that can stand alone.
func shortServerChecks() []string {
	return []string{"tcp", "http", "tls", "grpc", "smtp", "udp", "icmp"}
}

// targetKeys are the keys of those targets.
var targetKeys = map[string]string{"icmp": "host", "http": "url", "dns": "server"}

// complete gives a kind the target that it has not, and tells whether it can be
// used.
func (c *serverCheck) complete(r *reader, v *ast.MappingValueNode) bool {
	name, ok := v.Key.(*ast.StringNode)
	if !ok {
		return true
	}
	kind := name.Value
	target, isKind := serverTargets[kind]
	switch value := v.Value.(type) {
	case nil, *ast.NullNode:
		if isKind && kind != "dns" {
			v.Value = textAt(name, target)
		}
	case *ast.StringNode:
		if kind == "http" {
			ownPage(value)
		}
	case *ast.MappingNode, *ast.MappingValueNode:
		entries := entriesOf(value)
		if len(entries) == 1 && r.unquoted(r.at(value, c.key.path+"."+kind), entries[0]) {
			return false
		}
		if isKind {
			v.Value = withTarget(value, name, kind, target)
		}
	}
	return true
}

// withTarget is a kind's mapping with its target.
func withTarget(n ast.Node, name *ast.StringNode, kind, target string) ast.Node {
	key := targetKeys[kind]
	if key == "" {
		key = "address"
	}
	entries := entriesOf(n)
	for _, e := range entries {
		s, ok := e.Key.(*ast.StringNode)
		if !ok || nearest(s.Value, []string{key}) == "" {
			continue
		}
		if url, ok := e.Value.(*ast.StringNode); ok && kind == "http" {
			ownPage(url)
		}
		return n
	}
	whole := ast.Mapping(name.Token, true, entries...)
	whole.Values = append(whole.Values, ast.MappingValue(name.Token, textAt(name, key), textAt(name, target)))
	return whole
}

// ownPage makes a URL of a path.
func ownPage(url *ast.StringNode) {
	if strings.HasPrefix(url.Value, "/") {
		url.Value = "http://{server}" + url.Value
	}
}

// textAt is a text at the place of another.
func textAt(at *ast.StringNode, text string) *ast.StringNode {
	s := ast.String(at.Token)
	s.Value = text
	return s
}
