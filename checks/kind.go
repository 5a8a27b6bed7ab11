// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Kind is what is looked at: one of the structs of this file. BFD, routes and
// mail are to come.
type Kind interface {
	// Kind is the kind's name in the configuration.
	Kind() string
	// Target is what is looked at, for people.
	Target() string
}

// Bind says where a look leaves from. Zero is wherever the host's routes say.
type Bind struct {
	Source    netip.Addr
	Interface string
	Mark      uint32 // the firewall mark (SO_MARK)
}

// TLS says how a server is trusted.
type TLS struct {
	ServerName string // sent (SNI) and verified; empty: the host's name or address
	CA         string // file with the certificates to trust; empty: the system's
	// Certificate and Key are files with what the client shows, or both empty.
	Certificate, Key string
	Insecure         bool // trusts any certificate; Valid still counts
	// Valid is how long the certificate must at least go on being valid.
	Valid time.Duration
}

// ICMP asks a host for an echo.
type ICMP struct {
	Bind
	Host string // an address or a name
	Size int    // bytes of payload
}

// TCP connects to a port. With Send or Expect it talks.
type TCP struct {
	Bind
	Address string // host:port
	Send    string // sent once connected
	Expect  string // regular expression that the answer must match; empty: none is read
}

// UDP sends a datagram. Without Expect silence passes, and only a refusal
// (ICMP port unreachable) fails.
type UDP struct {
	Bind
	Address string // host:port
	Send    string // the payload; may be empty
	Expect  string // regular expression that the reply must match
}

// HTTP asks a server for a page.
type HTTP struct {
	Bind
	TLS
	URL    string
	Method string // empty: GET
	// Header has one value per name.
	Header map[string]string
	Host   string // overrides the URL's in the request
	Body   string
	// Version is "1.1", "2" or empty: what the server wants, by ALPN. 2 with an
	// http URL is HTTP/2 without TLS and without upgrade (prior knowledge).
	Version string
	Status  []StatusRange // that pass; empty: 200 to 299. Redirects are not followed.
	Expect  string        // regular expression that the first MiB of the body must match
	Fresh   bool          // a new connection for each look; else one is kept for 10 s at most
	// Dynamic: the body's first line says what the server can carry, see probe.
	Dynamic bool `json:",omitempty"` // so that digests of configurations without it are as they were
}

// StatusRange is HTTP status codes from First to Last.
type StatusRange struct{ First, Last int }

// GRPC asks a server for its health (grpc.health.v1).
type GRPC struct {
	Bind
	TLS
	Address string // host:port
	Service string // empty: the server as a whole
	Secure  bool   // by TLS
	Fresh   bool   // as HTTP's
}

// DNS asks a server for a name.
type DNS struct {
	Bind
	Server string // host:port
	Name   string
	Type   string // as A, AAAA, MX
	TCP    bool
	Expect string // regular expression that the data of one answer must match
}

// SMTP reads a mail server's banner, says HELO and QUIT.
type SMTP struct {
	Bind
	Address string // host:port
	Hello   string // the name that is said; empty: this host's
	Expect  string // regular expression that the banner must match
}

// Handshake makes a TLS connection and closes it.
type Handshake struct {
	Bind
	TLS
	Address string // host:port
}

// Exec runs a program; exit code 0 passes.
type Exec struct {
	Argv []string // Argv[0] is an absolute path; there is no shell
	User string   // empty: the agent's own
	// Dynamic: exit codes 2 to 255 pass too, and say that the server can carry the
	// weight of the code less 2; 0 is everything.
	Dynamic bool `json:",omitempty"`
}

// Process counts processes.
type Process struct {
	Name    string // of the executable, as in /proc/PID/comm or the last part of argv[0]; or empty
	Command string // regular expression that the command line must match; or empty
	Min     int    // 1 or more, or 0 with a Max
	Max     int    // 0: no limit
}

// File looks at a file.
type File struct {
	Path   string
	Absent bool   // must not exist
	Value  string // what it must contain, but for white space at the ends; or empty
	Expect string // regular expression that its first MiB must match; or empty
	// Dynamic: its first line says what the server can carry, see probe.
	Dynamic bool `json:",omitempty"`
}

// Pool looks whether a virtual service has its quorum.
type Pool struct {
	Service string
}

// Interface looks at a network interface.
type Interface struct {
	Name string
	// Address must be on it, if valid.
	Address netip.Addr
	// Speed is the least, in Mbit/s; 0: any.
	Speed int
}

// Kind implements Kind.
func (ICMP) Kind() string { return "icmp" }

// Target implements Kind.
func (k ICMP) Target() string { return k.Host }

// Kind implements Kind.
func (TCP) Kind() string { return "tcp" }

// Target implements Kind.
func (k TCP) Target() string { return k.Address }

// Kind implements Kind.
func (UDP) Kind() string { return "udp" }

// Target implements Kind.
func (k UDP) Target() string { return k.Address }

// Kind implements Kind.
func (HTTP) Kind() string { return "http" }

// Target is the URL without its password.
func (k HTTP) Target() string {
	u, err := url.Parse(k.URL)
	if err != nil {
		return "a URL that can't be read"
	}
	return u.Redacted()
}

// Kind implements Kind.
func (GRPC) Kind() string { return "grpc" }

// Target implements Kind.
func (k GRPC) Target() string { return k.Address }

// Kind implements Kind.
func (DNS) Kind() string { return "dns" }

// Target implements Kind.
func (k DNS) Target() string { return k.Name + " at " + k.Server }

// Kind implements Kind.
func (SMTP) Kind() string { return "smtp" }

// Target implements Kind.
func (k SMTP) Target() string { return k.Address }

// Kind implements Kind.
func (Handshake) Kind() string { return "tls" }

// Target implements Kind.
func (k Handshake) Target() string { return k.Address }

// Kind implements Kind.
func (Exec) Kind() string { return "exec" }

// Target implements Kind.
func (k Exec) Target() string { return strings.Join(k.Argv, " ") }

// Kind implements Kind.
func (Process) Kind() string { return "process" }

// Target is the name, or else the command line's pattern.
func (k Process) Target() string {
	if k.Name == "" {
		return k.Command
	}
	return k.Name
}

// Kind implements Kind.
func (File) Kind() string { return "file" }

// Target implements Kind.
func (k File) Target() string { return k.Path }

// Kind implements Kind.
func (Pool) Kind() string { return "pool" }

// Target implements Kind.
func (k Pool) Target() string { return k.Service }

// Kind implements Kind.
func (Interface) Kind() string { return "interface" }

// Target implements Kind.
func (k Interface) Target() string { return k.Name }
