// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/checks"
)

// rawExec is a check's key exec.
type rawExec struct {
	localPlace
	Argv argv     `yaml:"argv" jsonschema:"required" jsonschema_description:"The program's absolute path, and its arguments."`
	User userName `yaml:"user" jsonschema_description:"The account it runs as. Default: the agent's own."`
}

func (k *rawExec) decode(r *reader, key mark, n ast.Node) {
	r.shortOrFields(&k.kindPlace, key, n, &k.Argv, k)
	if !k.Argv.present() {
		r.bad(key, "argv is missing", "as in exec: {argv: [/usr/local/bin/check, -v]}")
	}
}

// certain is false: what a program says may pass by itself.
func (k *rawExec) certain() bool { return false }

func (k *rawExec) kind(string, checks.Bind) checks.Kind {
	return checks.Exec{Argv: k.Argv.values(), User: k.User.v}
}

// rawProcess is a check's key process.
type rawProcess struct {
	localPlace
	Name    processName  `yaml:"name" jsonschema_description:"The executable's name, without its directory."`
	Command pattern      `yaml:"command" jsonschema_description:"Regular expression that the command line must match."`
	Min     processCount `yaml:"min" jsonschema_description:"How many there must be at least. 0 to 1000000, default 1; 0 needs max."`
	Max     processCount `yaml:"max" jsonschema_description:"How many there may be at most. 1 to 1000000. Default: no limit."`
}

func (k *rawProcess) decode(r *reader, key mark, n ast.Node) {
	r.shortOrFields(&k.kindPlace, key, n, &k.Name, k)
	if !k.Name.present() && !k.Command.present() {
		r.bad(key, "name is missing", "as in process: {name: haproxy}, or give command")
	}
	low, high := k.Min.or(1), k.Max
	switch {
	case !usable(k.Min.scalar) || !usable(high.scalar):
	case high.ok && high.v == 0:
		r.bad(high.mark, "max is 0", "write 1 or more; for a process that must not run, track the check with reverse: true")
	case high.ok && low > high.v:
		r.bad(high.mark, fmt.Sprintf("max is %d and min is %d", high.v, low), "max is at least min")
	case low == 0 && !high.present():
		r.bad(k.Min.mark, "min is 0 and there is no max", "any number would pass; give max, or 1 as min")
	}
}

func (k *rawProcess) kind(string, checks.Bind) checks.Kind {
	return checks.Process{Name: k.Name.v, Command: k.Command.v, Min: k.Min.or(1), Max: k.Max.v}
}

type (
	processName  struct{ text }
	processCount struct{ number }
)

func (v *processName) decode(r *reader, key mark, n ast.Node) {
	v.text.decode(r, key, n)
	if v.ok && strings.ContainsRune(v.v, '/') {
		v.ok = false
		r.bad(v.mark, shown(v.v)+" has a /", "write the name alone; command sees the path")
	}
}

func (v *processCount) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 0, 1_000_000, between("the number of processes", 0, 1_000_000))
}

// rawFileCheck is a check's key file.
type rawFileCheck struct {
	localPlace
	Path   absolute `yaml:"path" jsonschema:"required" jsonschema_description:"The file's absolute path."`
	Absent boolean  `yaml:"absent" jsonschema_description:"Whether the file must not exist. Default false: it must."`
	Value  word     `yaml:"value" jsonschema_description:"What the file must contain, but for white space at the ends."`
	Expect pattern  `yaml:"expect" jsonschema_description:"Regular expression that the file's first MiB must match."`
}

func (k *rawFileCheck) decode(r *reader, key mark, n ast.Node) {
	r.shortOrFields(&k.kindPlace, key, n, &k.Path, k)
	if !k.Path.present() {
		r.bad(key, "path is missing", "as in file: {path: /run/maintenance, absent: true}")
	}
	for _, at := range []mark{k.Value.mark, k.Expect.mark} {
		if k.Absent.v && at.present() {
			r.bad(at, "a file that is absent has no content", fmt.Sprintf("remove it, or absent on line %d", k.Absent.line))
		}
	}
}

func (k *rawFileCheck) kind(string, checks.Bind) checks.Kind {
	return checks.File{Path: k.Path.v, Absent: k.Absent.v, Value: strings.TrimSpace(k.Value.v), Expect: k.Expect.v}
}

// rawDevice is a check's key interface.
type rawDevice struct {
	localPlace
	Name    byNode[device]        `yaml:"name" jsonschema:"required" jsonschema_description:"The interface's name, or a mapping from nodes."`
	Address byNode[sourceAddress] `yaml:"address" jsonschema_description:"An address that must be on it, or a mapping from nodes."`
	Speed   speed                 `yaml:"speed" jsonschema_description:"The least speed in Mbit/s. 1 to 10000000. Default: any."`
}

func (k *rawDevice) decode(r *reader, key mark, n ast.Node) {
	k.mark = key
	if !isMapping(n) || r.fromNodes(n) || !looksLike(n, "name", "address", "speed") {
		r.value(&k.Name, key, n)
		return
	}
	r.fields(key, n, k)
	if !k.Name.present() {
		r.bad(key, "name is missing", "as in interface: {name: eth0, speed: 1000}")
	}
}

// fromNodes tells whether all of a mapping's keys are nodes, whatever their
// names look like.
func (r *reader) fromNodes(n ast.Node) bool {
	for _, v := range entriesOf(n) {
		if s, ok := v.Key.(*ast.StringNode); !ok || !slices.Contains(r.nodeNames, s.Value) {
			return false
		}
	}
	return len(entriesOf(n)) > 0
}

// looksLike tells whether a mapping has one of the keys, or nearly.
func looksLike(n ast.Node, keys ...string) bool {
	values := entriesOf(n)
	for _, v := range values {
		if s, ok := v.Key.(*ast.StringNode); ok && nearest(s.Value, keys) != "" {
			return true
		}
	}
	return len(values) == 0
}

// entriesOf are a mapping's entries; other nodes have none.
func entriesOf(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

func (k *rawDevice) values() []nodeValues { return []nodeValues{&k.Name, &k.Address} }

func (k *rawDevice) kind(node string, _ checks.Bind) checks.Kind {
	return checks.Interface{Name: k.Name.of(node).v, Address: k.Address.of(node).v, Speed: k.Speed.v}
}

type speed struct{ number }

func (v *speed) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 1, 10_000_000, between("the speed in Mbit/s", 1, 10_000_000))
}

// rawPoolKind is a check's key pool.
type rawPoolKind struct {
	localPlace
	Service text `yaml:"service" jsonschema:"required" jsonschema_description:"The pool's name."`
}

func (k *rawPoolKind) decode(r *reader, key mark, n ast.Node) {
	r.shortOrFields(&k.kindPlace, key, n, &k.Service, k)
	if !k.Service.present() {
		r.bad(key, "service is missing", "name the pool, as in pool: web")
	}
}

func (k *rawPoolKind) kind(string, checks.Bind) checks.Kind {
	return checks.Pool{Service: k.Service.v}
}
