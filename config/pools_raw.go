// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"math"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/pool"
)

// rawPool is an entry of pools.
type rawPool struct {
	mark
	Listen      oneOrMore[rawListen]     `yaml:"listen" jsonschema:"required" jsonschema_description:"Where clients connect to: one or more of address:port, with ranges of both, * for every port and /udp or /sctp behind it, or a firewall mark."`
	Plane       plane                    `yaml:"plane" jsonschema_description:"What balances: ipvs or nftables. Default ipvs."`
	Scheduler   scheduler                `yaml:"scheduler" jsonschema_description:"How a server is chosen: rr, wrr, lc, wlc, sh, mh, dh, sed, nq, lblc, ovf or fo. Default wlc, with nftables wrr."`
	Flags       oneOrMore[schedulerFlag] `yaml:"flags" jsonschema_description:"Of sh and mh: fallback (a server that takes no new connections is replaced by another) and port (the client's port counts too)."`
	OnePacket   boolean                  `yaml:"one_packet" jsonschema_description:"Whether each datagram is sent to a server by itself. Default false."`
	Forward     rawForward               `yaml:"forward" jsonschema_description:"How packets get to the servers: nat, direct or tunnel, or a mapping with the tunnel's kind. Default nat."`
	Persistence rawPersistence           `yaml:"persistence" jsonschema_description:"How long a client is sent to the server that it was sent to before: a duration, or a mapping. Default: not."`
	With        text                     `yaml:"with" jsonschema_description:"The router whose holder balances. Default: all nodes do."`
	Servers     list[rawServer]          `yaml:"servers" jsonschema_description:"The real servers: address:port, or mappings."`
	ServersFile serversPath              `yaml:"servers_file" jsonschema_description:"A file with more servers, that other programs may write: a list as in servers, or one address:port a line."`
	serverKeys
	Checks     serverChecks `yaml:"checks" jsonschema_description:"What is looked at for each server. {server}, {host} and {port} stand for the server's address."`
	Quorum     quorumWeight `yaml:"quorum" jsonschema_description:"The sum of weights of servers that must be up. 1 to 4294967295, default 1."`
	Hysteresis hysteresis   `yaml:"hysteresis" jsonschema_description:"How far above quorum the sum must come until the service is up, and how far below it may fall. Less than quorum; default 0."`
	Sorry      rawSorry     `yaml:"sorry" jsonschema_description:"The server that serves while the quorum is lost, instead of all others: address:port, or a mapping."`
	Initial    poolInitial  `yaml:"initial" jsonschema_description:"What a server counts as until its checks have results: down or up. Default down."`
	AtStop     atStop       `yaml:"at_stop" jsonschema_description:"What becomes of the service in the kernel when the agent stops: remove or keep. Default remove."`
	TellAtStop boolean      `yaml:"tell_at_stop" jsonschema_description:"Whether hooks are told at the agent's stop that servers and quorum are down. Default false."`
	DrainLimit drainLimit   `yaml:"drain_limit" jsonschema_description:"How long the connections of a drained server may last until it is removed. 1s to 168h. Default: until they end."`
}

// serverKeys are those of a server, and of a pool for all of its servers.
type serverKeys struct {
	Weight    serverWeight `yaml:"weight" jsonschema_description:"How much a server gets compared to others. 0 to 65535, default 1; 0: no new connections."`
	Inhibit   boolean      `yaml:"inhibit" jsonschema_description:"Whether a server that is down stays, with weight 0, so that its connections go on. Default false: it is removed."`
	SlowStart slowStart    `yaml:"slow_start" jsonschema_description:"How long a server's weight takes to rise from 1 to the full one after it has come up. 1s to 1h. Default: at once."`
	Upper     threshold    `yaml:"upper" jsonschema_description:"How many connections a server has at most. 1 to 4294967295. Default: no limit."`
	Lower     threshold    `yaml:"lower" jsonschema_description:"At how many connections a full server gets new ones again. 1 to 4294967295. Default: three quarters of upper."`
}

func (p *rawPool) decode(r *reader, key mark, n ast.Node) {
	p.mark = r.fields(key, n, p)
}

// rawServer is an item of servers.
type rawServer struct {
	mark
	Address serverAddress `yaml:"address" jsonschema:"required" jsonschema_description:"The server's IP address and port."`
	Forward rawForward    `yaml:"forward" jsonschema_description:"How packets get to it. Default: the pool's."`
	serverKeys
}

func (s *rawServer) decode(r *reader, key mark, n ast.Node) {
	s.mark = r.at(n, key.path)
	if !isMapping(n) {
		r.value(&s.Address, key, n)
		return
	}
	r.fields(key, n, s)
	if !s.Address.present() {
		r.bad(key, "address is missing", "as in {address: 198.51.100.11:8080, weight: 2}")
	}
}

// rawSorry is a pool's key sorry.
type rawSorry struct {
	mark
	Address serverAddress `yaml:"address" jsonschema:"required" jsonschema_description:"The server's IP address and port."`
	Forward rawForward    `yaml:"forward" jsonschema_description:"How packets get to it. Default: the pool's."`
}

func (s *rawSorry) decode(r *reader, key mark, n ast.Node) {
	s.mark = r.at(n, key.path)
	if !isMapping(n) {
		r.value(&s.Address, key, n)
		return
	}
	r.fields(key, n, s)
	if !s.Address.present() {
		r.bad(key, "address is missing", "as in sorry: 198.51.100.99:80")
	}
}

type (
	plane         struct{ text }
	scheduler     struct{ text }
	schedulerFlag struct{ text }
	poolInitial   struct{ text }
	atStop        struct{ text }
	serverWeight  struct{ number }
	threshold     struct{ number }
	quorumWeight  struct{ number }
	hysteresis    struct{ number }
	slowStart     struct{ duration }
	drainLimit    struct{ duration }
)

const (
	flagFallback = "fallback"
	flagPort     = "port"

	initialDown = "down"
	initialUp   = "up"

	atStopRemove = "remove"
	atStopKeep   = "keep"
)

var planes = []string{string(pool.IPVS), string(pool.NFTables)}

func (v *plane) decode(r *reader, key mark, n ast.Node) { v.choice(r, key, n, planes...) }

// schedulers are their names.
func schedulers() []string {
	names := make([]string, len(pool.Schedulers))
	for i, s := range pool.Schedulers {
		names[i] = string(s)
	}
	return names
}

func (v *scheduler) decode(r *reader, key mark, n ast.Node) { v.choice(r, key, n, schedulers()...) }

func (v *schedulerFlag) decode(r *reader, key mark, n ast.Node) {
	v.choice(r, key, n, flagFallback, flagPort)
}

func (v *poolInitial) decode(r *reader, key mark, n ast.Node) {
	v.choice(r, key, n, initialDown, initialUp)
}

func (v *atStop) decode(r *reader, key mark, n ast.Node) {
	v.choice(r, key, n, atStopRemove, atStopKeep)
}

const maxServerWeight = 65535

func (v *serverWeight) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 0, maxServerWeight, between("a weight", 0, maxServerWeight))
}

func (v *threshold) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 1, math.MaxUint32, between("the number of connections", 1, math.MaxUint32))
}

func (v *quorumWeight) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 1, math.MaxUint32, between("the sum of weights", 1, math.MaxUint32))
}

func (v *hysteresis) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 0, math.MaxUint32, "it is 0 or more, and less than quorum")
}

func (v *slowStart) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, time.Second, time.Hour)
}

func (v *drainLimit) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, time.Second, 168*time.Hour)
}
