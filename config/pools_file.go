// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// serversPath is a file's path, from the configuration's directory on.
type serversPath struct{ text }

func (p *serversPath) decode(r *reader, key mark, n ast.Node) {
	p.text.decode(r, key, n)
	if !p.ok {
		return
	}
	if strings.ContainsRune(p.v, 0) || strings.HasSuffix(p.v, "/") {
		p.ok = false
		r.bad(p.mark, shown(p.v)+" is not a file's path", "as in web-servers.yaml, which is beside this file")
	}
}

// beside is a path as seen from this file's directory.
func (r *reader) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.file), path)
}

// errNotRegular is a servers file that is something else.
var errNotRegular = errors.New("it is not a regular file")

// readServers reads a servers file. What is no regular file is not opened, or not
// waited for.
func readServers(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxSize+1))
}

// serversText is what a servers file has, the same for all pools that have their servers
// from it.
func (r *reader) serversText(path string) ([]byte, error) {
	if data, known := r.served[path]; known {
		return data, nil
	}
	data, there := r.given[path]
	if r.given == nil {
		var err error
		if data, err = readServers(path); err != nil {
			return nil, err
		}
	} else if !there {
		return nil, fs.ErrNotExist
	}
	r.served[path] = data
	return data, nil
}

// unreadable is why a file can't be read, without its path.
func unreadable(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return err.Error()
}

// serversFrom takes the servers of a pool's file. That there is none yet is no
// error: the program that writes it may start later.
func (r *reader) serversFrom(p *poolBuild) {
	at := p.raw.ServersFile.mark
	data, err := r.serversText(p.ServersFile)
	if errors.Is(err, fs.ErrNotExist) {
		r.warn(at, p.ServersFile+" does not exist", "its servers are missing until somebody writes it")
		return
	}
	if err != nil {
		r.bad(at, p.ServersFile+" can't be read: "+unreadable(err), "")
		return
	}
	text := strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n")
	p.beyond = &reader{file: p.ServersFile, lines: strings.Split(text, "\n"), nodeNames: r.nodeNames}
	for _, s := range p.beyond.serversList([]byte(text)) {
		p.beyond.server(p, s)
	}
}

// serversList is what a servers file has: YAML, or an address in each line.
func (r *reader) serversList(data []byte) []*rawServer {
	if !r.preflight(data) {
		return nil
	}
	var items list[rawServer]
	switch first := r.firstLine(); {
	case first == "":
		r.bad(mark{}, "the file is empty", "write [] for no servers")
	case isServer(first):
		r.bareServers(&items)
	default:
		root := r.document(data)
		if root == nil {
			return nil
		}
		items.decode(r, mark{}, root)
	}
	return items.items
}

// firstLine is the first that says something.
func (r *reader) firstLine() string {
	for _, line := range r.lines {
		if s := bareLine(line); s != "" {
			return s
		}
	}
	return ""
}

// bareLine is a line without its comment.
func bareLine(line string) string {
	line, _, _ = strings.Cut(line, "#")
	return strings.TrimSpace(line)
}

// isServer tells whether a line is nothing but a server.
func isServer(s string) bool {
	if _, err := netip.ParseAddrPort(s); err == nil {
		return true
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

// bareServers takes one server a line.
func (r *reader) bareServers(items *list[rawServer]) {
	for i, line := range r.lines {
		s := bareLine(line)
		if s == "" {
			continue
		}
		column := 1 + strings.Index(line, s)
		at := ast.String(&token.Token{Type: token.StringType, Value: s, Origin: s, Position: &token.Position{Line: i + 1, Column: column}})
		item := new(rawServer)
		items.items = append(items.items, item)
		r.value(item, mark{line: i + 1, column: column}, at)
	}
}
