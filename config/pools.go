// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/pool"
)

// Pool is a virtual service, its real servers and what looks at them.
type Pool struct {
	pool.Service
	// ServersFile is where more servers come from, which are among Servers; empty:
	// nowhere. A relative one is relative to the directory in which the configuration was
	// named.
	ServersFile string
	// Checks are those of all servers, as the servers name them.
	Checks []Check

	file    string          // ServersFile as it is written
	listed  map[string]bool // the names of servers that are in the configuration itself
	sample  []Check         // the checks of a server that does not exist
	dynamic bool            // a check finds weights
}

// IPVS is what the kernel's IPVS has once for all services.
type IPVS struct {
	Sync     *Sync        `json:",omitempty"` // nil: none
	Timeouts IPVSTimeouts `json:",omitzero"`
}

// Sync says how connections are told to the other nodes.
type Sync struct {
	pool.Sync // Interface is empty if Interfaces is not
	// Interfaces are the interfaces by node where the nodes differ; else nil.
	Interfaces map[string]string `json:",omitempty"`
}

// IPVSTimeouts are how long IPVS keeps connections that are silent, in whole
// seconds; 0 leaves what the kernel has.
type IPVSTimeouts struct{ TCP, TCPFin, UDP time.Duration }

// PoolServices are the pools' services, by name. They are nil for a witness and
// an unknown node, which balance nothing.
func (c *Config) PoolServices(node string) []pool.Service {
	if !c.contends(node) {
		return nil
	}
	var services []pool.Service
	for _, p := range c.Pools {
		services = append(services, p.Service)
	}
	return services
}

// PoolChecks are the checks of all pools' servers as the node runs them. They are
// nil for a witness and an unknown node.
func (c *Config) PoolChecks(node string) []checks.Check {
	if !c.contends(node) {
		return nil
	}
	var own []checks.Check
	for _, p := range c.Pools {
		for _, v := range p.Checks {
			v.Kind = v.OnNode(node)
			own = append(own, v.Check)
		}
	}
	return own
}

// PoolSync is how the node takes part in telling IPVS's connections, or nil.
func (c *Config) PoolSync(node string) *pool.Sync {
	if c.IPVS == nil || c.IPVS.Sync == nil || !c.contends(node) {
		return nil
	}
	s := c.IPVS.Sync.Sync
	if own, differs := c.IPVS.Sync.Interfaces[node]; differs {
		s.Interface = own
	}
	return &s
}

// contends tells whether the node takes part in routers.
func (c *Config) contends(node string) bool {
	return slices.ContainsFunc(c.contenders(), func(n Node) bool { return n.Name == node })
}

// ServersFiles are the files from which servers come, each once. When one of them
// has changed Reread tells what is in it now.
func (c *Config) ServersFiles() []string {
	var files []string
	for _, p := range c.Pools {
		if p.ServersFile != "" {
			files = append(files, p.ServersFile)
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// Serves tells whether servers of this configuration are from a file that was there.
func (c *Config) Serves(file string) bool {
	_, there := c.served[file]
	return there
}

// Keep is this configuration, just loaded, with what the one before had from servers'
// files that are not there any more: whoever means that a file has no servers
// empties it. gone are those files; where what they had does not fit this configuration
// that is the error.
func (c *Config) Keep(before *Config) (kept *Config, gone []string, err error) {
	texts := maps.Clone(c.served)
	for _, file := range c.ServersFiles() {
		if !c.Serves(file) && before.Serves(file) {
			texts[file] = before.served[file]
			gone = append(gone, file)
		}
	}
	if gone == nil {
		return c, nil, nil
	}
	kept, err = parseWith(c.name, c.text, texts)
	return kept, gone, err
}

// Reread is this configuration with what these of the servers' files have now. The others, those that are
// not there any more and those that can't be used count as they were: what is wrong with one file is
// told in refused, and is no matter of the others. The configuration's own file is
// not read again.
func (c *Config) Reread(files []string) (again *Config, refused Errors, err error) {
	texts := maps.Clone(c.served)
	if texts == nil {
		texts = make(map[string][]byte)
	}
	fresh := make(map[string]bool)
	for _, file := range files {
		switch data, err := readServers(file); {
		case err == nil:
			texts[file], fresh[file] = data, true
		case !errors.Is(err, fs.ErrNotExist):
			refused = append(refused, Error{File: file, Message: "it can't be read: " + unreadable(err)})
		}
	}
	for {
		again, err = parseWith(c.name, c.text, texts)
		errs, _ := errors.AsType[Errors](err)
		blamed := make(map[string]bool)
		for _, e := range errs {
			if fresh[e.File] {
				blamed[e.File] = true
				refused = append(refused, e)
			}
		}
		if len(blamed) == 0 {
			return again, refused, err
		}
		for file := range blamed {
			delete(fresh, file)
			if texts[file] = c.served[file]; !c.Serves(file) {
				delete(texts, file)
			}
		}
	}
}

// poolMeaning is what a pool is for the digest: without the servers of another
// file, which the nodes may come to have one after the other.
type poolMeaning struct {
	pool.Service
	File   string   `json:",omitempty"`
	Checks []Check  `json:",omitempty"` // of a server that does not exist
	Kinds  []string `json:",omitempty"`
}

func (p Pool) meaning() poolMeaning {
	m := poolMeaning{Service: p.Service, File: p.file, Checks: p.sample}
	m.Servers = slices.DeleteFunc(slices.Clone(p.Servers), func(s pool.Server) bool { return !p.listed[s.Name] })
	for _, v := range p.sample {
		m.Kinds = append(m.Kinds, v.kindName())
	}
	return m
}

// byName puts servers in order.
func byName(a, b pool.Server) int { return strings.Compare(a.Name, b.Name) }
