// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/checks"
)

// rawCheck is an entry of checks: one kind, and what all kinds have.
type rawCheck struct {
	mark
	ICMP      rawICMP      `yaml:"icmp" jsonschema_description:"Asks a host for an echo: an address or a name, or a mapping."`
	TCP       rawTCP       `yaml:"tcp" jsonschema_description:"Connects to a port: host:port, or a mapping."`
	UDP       rawUDP       `yaml:"udp" jsonschema_description:"Sends a datagram: host:port, or a mapping."`
	HTTP      rawHTTP      `yaml:"http" jsonschema_description:"Asks a web server for a page: a URL, or a mapping."`
	GRPC      rawGRPC      `yaml:"grpc" jsonschema_description:"Asks a gRPC server for its health (grpc.health.v1): host:port, or a mapping."`
	DNS       rawDNS       `yaml:"dns" jsonschema_description:"Asks a DNS server for a name: name@server, or a mapping."`
	SMTP      rawSMTP      `yaml:"smtp" jsonschema_description:"Reads a mail server's banner and says hello: host:port, or a mapping."`
	TLS       rawHandshake `yaml:"tls" jsonschema_description:"Makes a TLS connection: host:port, or a mapping."`
	Exec      rawExec      `yaml:"exec" jsonschema_description:"Runs a program, without a shell: its arguments, or a mapping."`
	Process   rawProcess   `yaml:"process" jsonschema_description:"Counts processes: an executable's name, or a mapping."`
	File      rawFileCheck `yaml:"file" jsonschema_description:"Looks at a file: its path, or a mapping."`
	Interface rawDevice    `yaml:"interface" jsonschema_description:"Looks at a network interface: its name, a mapping from nodes to names, or a mapping of keys."`

	Pool rawPoolKind `yaml:"pool" jsonschema_description:"Looks whether a pool has its quorum: the pool's name."`

	Interval checkInterval `yaml:"interval" jsonschema_description:"The time from the beginning of one look to that of the next. 10ms to 1h, default 1s."`
	Timeout  checkTimeout  `yaml:"timeout" jsonschema_description:"How long a look may take. 1ms to 5m. Default: the interval, 10s at most."`
	Rise     inARow        `yaml:"rise" jsonschema_description:"How many looks in a row must pass until the check passes. 1 to 1000. Default 2; for process, file and interface 1."`
	Fall     inARow        `yaml:"fall" jsonschema_description:"How many looks in a row must fail until the check fails. 1 to 1000. Default 3; for process, file and interface 1."`
	Jitter   jitter        `yaml:"jitter" jsonschema_description:"The part of the interval by which each wait is shortened or lengthened at random. 0% to 50%, default 0%."`
	Initial  initial       `yaml:"initial" jsonschema_description:"What the check counts as until its first result: fail or pass. Default fail."`
	Weight   weight        `yaml:"weight" jsonschema_description:"What the check does to a router's priority: a positive number is added while it passes, a negative one while it fails, fault takes the router out while it fails, and with yield it hands over to any other node that is ready, and holds on while there is none. -253 to 253 but not 0, fault or yield. Default fault."`
	Reverse  boolean       `yaml:"reverse" jsonschema_description:"Turns the weight's sign round; with fault or yield, the router is out, or yields, while the check passes. Default false."`
	From     rawFrom       `yaml:"from" jsonschema_description:"Where a look leaves from. Default: as the host's routes say."`

	BFD   later `yaml:"bfd" jsonschema:"-"`
	Route later `yaml:"route" jsonschema:"-"`
	Email later `yaml:"email" jsonschema:"-"`

	misnamed bool // its kind is there under another name
	ofServer bool // it is one of a pool's
}

func (c *rawCheck) decode(r *reader, key mark, n ast.Node) {
	c.mark = r.fields(key, n, c)
}

// kindsOfCheck are the keys of which a check has one, kindsOfServerCheck those of a pool's.
const (
	kindsOfCheck       = "icmp, tcp, udp, http, grpc, dns, smtp, tls, exec, process, file, interface and pool"
	kindsOfServerCheck = "icmp, tcp, udp, http, grpc, dns, smtp, tls, exec, process, file and interface"
)

// kinds are those that the check has, in the order of the list above.
func (c *rawCheck) kinds() []rawKind {
	var present []rawKind
	for _, k := range []rawKind{&c.ICMP, &c.TCP, &c.UDP, &c.HTTP, &c.GRPC, &c.DNS, &c.SMTP, &c.TLS, &c.Exec, &c.Process, &c.File, &c.Interface, &c.Pool} {
		if k.place().present() {
			present = append(present, k)
		}
	}
	return present
}

// rawKind is what a check looks at.
type rawKind interface {
	place() mark
	// values are those that may differ by node.
	values() []nodeValues
	// kind is what the node looks at; from is zero for a kind that stays on the
	// host.
	kind(node string, from checks.Bind) checks.Kind
	// local tells whether it stays on the host.
	local() bool
	// certain tells whether one look is enough: the kernel says what is, and
	// nothing can get lost.
	certain() bool
}

// kindPlace is a kind's place: that of its key.
type kindPlace struct{ mark }

func (p *kindPlace) place() mark    { return p.mark }
func (p *kindPlace) refuse(at mark) { p.mark = at }
func (p *kindPlace) local() bool    { return false }
func (p *kindPlace) certain() bool  { return false }

// localPlace is that of a kind that stays on the host.
type localPlace struct{ kindPlace }

func (p *localPlace) values() []nodeValues { return nil }
func (p *localPlace) local() bool          { return true }
func (p *localPlace) certain() bool        { return true }

type (
	checkInterval struct{ duration }
	checkTimeout  struct{ duration }
	inARow        struct{ number }
	initial       struct{ text }
)

func (v *checkInterval) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 10*time.Millisecond, time.Hour)
}

func (v *checkTimeout) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, time.Millisecond, 5*time.Minute)
}

func (v *inARow) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 1, 1000, between("the number of looks in a row", 1, 1000))
}

const (
	initialFail = "fail"
	initialPass = "pass"
)

func (v *initial) decode(r *reader, key mark, n ast.Node) {
	v.choice(r, key, n, initialFail, initialPass)
}

// jitter is a part of the interval, as in 10%.
type jitter struct{ scalar[float64] }

func (j *jitter) decode(r *reader, key mark, n ast.Node) {
	const need = "write 0% to 50%, as in 10%"
	j.mark = r.at(n, key.path)
	s, ok := r.plainText(j.mark, n, need)
	if !ok {
		return
	}
	digits, hasUnit := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(digits, 64)
	whole, rest, point := strings.Cut(digits, ".")
	switch {
	case err != nil || !isDecimal(whole) || point && !isDecimal(rest):
		r.bad(j.mark, shown(s)+" is not a percentage", need)
	case !hasUnit:
		r.bad(j.mark, s+" has no unit", "write "+s+"%")
	case v > 50:
		r.bad(j.mark, s+" is out of range", "it is 0% to 50%")
	default:
		j.set(v / 100)
	}
}

// check is a Check with what the file says of it.
type check struct {
	Check
	raw *rawCheck
	key mark
}

// knownChecks are the checks of the file, right or wrong, by name.
type knownChecks map[string]*check
