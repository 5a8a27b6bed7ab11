// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vicar

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// Config is a configuration file, the same for all nodes but for the control
// socket and the place of the keys. What is left zero is left out, and vicar's defaults stand.
type Config struct {
	Cluster   string            `json:"cluster"`
	Nodes     map[string]Node   `json:"nodes"`
	Transport *Transport        `json:"transport,omitempty"`
	PeerLink  *PeerLink         `json:"peer_link,omitempty"`
	Guard     *Guard            `json:"guard,omitempty"`
	Routers   map[string]Router `json:"routers"`
	Checks    map[string]Check  `json:"checks,omitempty"`
	// SyncGroups have a list of routers, or a Block.
	SyncGroups map[string]any `json:"sync_groups,omitempty"`
	Hooks      []Block        `json:"hooks,omitempty"`
	// Pools are virtual services by name, and IPVS what they share.
	Pools   map[string]Block `json:"pools,omitempty"`
	IPVS    Block            `json:"ipvs,omitempty"`
	AWS     *AWS             `json:"aws,omitempty"`
	Control Control          `json:"control"`
}

// Block is a mapping as the file has it.
type Block map[string]any

// Check is a check as the file has it, such as {"file": "/run/ready"}.
type Check = Block

// Node is a node of the cluster.
type Node struct {
	Address  []netip.Addr `json:"address"`
	Priority int          `json:"priority,omitempty"`
	Witness  bool         `json:"witness,omitempty"`
}

// PeerLink is the encrypted link between the nodes.
type PeerLink struct {
	Port int `json:"port,omitempty"`
	// KeysFile is a file in the agent's directory with Keys; Start fills it in.
	KeysFile string   `json:"keys_file"`
	Keys     []string `json:"-"`
}

// Guard is what keeps a second node from holding the addresses.
type Guard struct {
	Kind     string   `json:"kind"`
	OnLoss   string   `json:"on_loss,omitempty"`
	MaxLease Duration `json:"max_lease,omitempty"`
	Fence    string   `json:"fence,omitempty"`
	Table    string   `json:"table,omitempty"`
}

// AWS says how addresses move in AWS.
type AWS struct {
	Region      string                `json:"region,omitempty"`
	Endpoints   map[string]string     `json:"endpoints,omitempty"`
	RouteTables []string              `json:"route_tables,omitempty"`
	Allocations map[netip.Addr]string `json:"allocations,omitempty"`
	Tag         map[string]string     `json:"tag,omitempty"`
	// Routes are what moves along with addresses: blocks with to and tables.
	Routes    map[netip.Addr][]Block `json:"routes,omitempty"`
	Release   bool                   `json:"release,omitempty"`
	Poll      Duration               `json:"poll,omitempty"`
	Readiness *Readiness             `json:"readiness,omitempty"`
}

// Readiness is how a standby looks whether it could take over.
type Readiness struct {
	Interval Duration `json:"interval,omitempty"`
	Weight   int      `json:"weight,omitempty"`
}

// Transport says how adverts travel.
type Transport struct {
	Kind   string `json:"kind"`
	TTLMin string `json:"ttl_min,omitempty"`
}

// Router is a virtual router.
type Router struct {
	VRID      int            `json:"vrid"`
	Version   int            `json:"version,omitempty"`
	Interval  Duration       `json:"advert_interval,omitempty"`
	Addresses []netip.Prefix `json:"addresses"`
	Exclude   []netip.Prefix `json:"exclude,omitempty"`
	Priority  map[string]int `json:"priority,omitempty"`
	Preempt   any            `json:"preempt,omitempty"`
	Checksum  string         `json:"checksum,omitempty"`
	Auth      *Auth          `json:"auth,omitempty"`
	Track     []Track        `json:"track,omitempty"`
	Damping   any            `json:"damping,omitempty"`
	Listen    Duration       `json:"listen,omitempty"`
	OnLoss    string         `json:"on_loss,omitempty"`
	// Move has words, and Blocks for programs.
	Move []any `json:"move,omitempty"`
}

// Track is what a check does to a router's priority, whatever the check's own
// weight is.
type Track struct {
	Check   string `json:"check"`
	Weight  Weight `json:"weight"`
	Reverse bool   `json:"reverse,omitempty"`
}

// Weight is added to a priority. 0 is a fault.
type Weight int

// MarshalJSON implements json.Marshaler.
func (w Weight) MarshalJSON() ([]byte, error) {
	if w == 0 {
		return []byte(`"fault"`), nil
	}
	return strconv.AppendInt(nil, int64(w), 10), nil
}

// Auth is version 2's plain-text authentication.
type Auth struct {
	Password string `json:"password"`
}

// Control says where the agent listens; Start fills the socket in.
type Control struct {
	Socket string `json:"socket"`
	HTTP   string `json:"http,omitempty"`
}

// Duration is written with its unit.
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// file is the file's text: JSON, which is YAML too.
func (c Config) file() ([]byte, error) {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing a configuration: %w", err)
	}
	return b, nil
}
