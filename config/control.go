// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"path"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// exampleSocket is where the control socket usually is.
const exampleSocket = "/run/vicar/vicar.sock"

// maxSocket is the longest path of a Unix socket (sun_path without its NUL).
const maxSocket = 107

// rawControl is the section control.
type rawControl struct {
	mark
	Socket socketPath `yaml:"socket" jsonschema_description:"Path of the Unix socket that vicar status, reload and the other commands use. Only its owner and group may. Default vicar.sock in the runtime directory, which is /run/vicar unless vicar run was told another."`
	HTTP   endpoint   `yaml:"http" jsonschema_description:"Address and port of a read-only HTTP server with the status and Prometheus metrics, as in 127.0.0.1:9112. Without it there is none."`
}

func (c *rawControl) decode(r *reader, key mark, n ast.Node) {
	c.mark = r.fields(key, n, c)
}

// socketPath is the path of a Unix socket.
type socketPath struct{ text }

func (s *socketPath) decode(r *reader, key mark, n ast.Node) {
	s.text.decode(r, key, n)
	if !s.ok {
		return
	}
	switch {
	case !path.IsAbs(s.v):
		s.ok = false
		r.bad(s.mark, shown(s.v)+" is not an absolute path", "write it from the root, as in "+exampleSocket)
	case strings.HasSuffix(s.v, "/"):
		s.ok = false
		r.bad(s.mark, shown(s.v)+" is a directory", "write the socket's path, as in "+exampleSocket)
	case len(s.v) > maxSocket:
		s.ok = false
		r.bad(s.mark, "the path is too long for a socket", fmt.Sprintf("%d bytes are the most", maxSocket))
	}
}

// endpoint is an IP address and a port.
type endpoint struct{ scalar[netip.AddrPort] }

func (e *endpoint) decode(r *reader, key mark, n ast.Node) {
	const need = "an IP address and a port are needed, as in 127.0.0.1:9112 or \"[::1]:9112\""
	e.mark = r.at(n, key.path)
	s, ok := r.plainText(e.mark, n, need)
	if !ok {
		return
	}
	v, err := netip.ParseAddrPort(s)
	switch port, isPort := strings.CutPrefix(s, ":"); {
	case err != nil && (isPort || isDecimal(s)) && isDecimal(port):
		r.bad(e.mark, shown(s)+" has no address", fmt.Sprintf("write 127.0.0.1:%s, or 0.0.0.0:%s for all addresses", port, port))
	case err != nil && strings.HasPrefix(s, "localhost:"):
		r.bad(e.mark, shown(s)+" has a name", "write 127.0.0.1"+strings.TrimPrefix(s, "localhost"))
	case err != nil:
		r.bad(e.mark, shown(s)+" is not an address with a port", need)
	case v.Port() == 0:
		r.bad(e.mark, shown(s)+" has the port 0", "a port is 1 to 65535")
	default:
		e.set(v)
	}
}

func control(raw rawControl) Control {
	return Control{Socket: raw.Socket.or(""), HTTP: raw.HTTP.v}
}
