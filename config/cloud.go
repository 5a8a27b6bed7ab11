// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"time"
)

// MoverKind is a means by which an address moves.
type MoverKind string

// The kinds of movers.
const (
	MoveKernel         MoverKind = "kernel"           // onto the router's interface
	MoveAWSSecondaryIP MoverKind = "aws-secondary-ip" // a secondary private address of the node's interface
	MoveAWSRoute       MoverKind = "aws-route"        // a /32 or /128 in route tables
	MoveAWSEIP         MoverKind = "aws-eip"          // an Elastic IP
	MoveExec           MoverKind = "exec"             // a program, for clouds that have no mover yet
)

// Mover is one of the means by which a router's addresses move. They are acquired in
// the file's order.
type Mover struct {
	Kind    MoverKind
	Exec    []string      `json:",omitempty"` // of MoveExec; the first is an absolute path
	Timeout time.Duration `json:",omitempty"` // of MoveExec: for one call
	Release bool          `json:",omitempty"` // of MoveExec: it is told when a node gives up in order
}

// AWSRoute is a destination that follows the holder of an address.
type AWSRoute struct {
	To     netip.Prefix // of either family, without bits behind the prefix length
	Tables []string     // never empty, by id
}

// AWS says how addresses move in AWS. Regions, endpoints and roles that are empty
// are what the machine's metadata and the SDK's usual places say.
type AWS struct {
	Region  string `json:",omitempty"`
	Account string `json:",omitempty"` // of the nodes, for their policy; empty: any
	// The endpoints are URLs, for VPC endpoints with names of their own, and tests.
	EC2Endpoint            string `json:",omitempty"`
	IMDSEndpoint           string `json:",omitempty"`
	DynamoDBEndpoint       string `json:",omitempty"`
	STSEndpoint            string `json:",omitempty"`
	SSMEndpoint            string `json:",omitempty"`
	SecretsManagerEndpoint string `json:",omitempty"`
	Proxy                  string `json:",omitempty"` // an http URL
	Role                   string `json:",omitempty"` // ARN, assumed for route tables: of a shared VPC's owner
	// RouteTables are the ids of those that aws-route writes to; never empty with it.
	RouteTables []string `json:",omitempty"`
	// Routes are the destinations that move along with addresses of aws-route.
	Routes map[netip.Addr][]AWSRoute `json:",omitempty"`
	// Interfaces are the nodes' (eni-...), where the file says so; else it is the one
	// that has the router's interface's address, as the metadata shows it.
	Interfaces map[string]string `json:",omitempty"`
	// Tag is one that the nodes' interfaces have, by which the policy permits to write
	// to them. The key is empty without it.
	TagKey   string `json:",omitempty"`
	TagValue string `json:",omitempty"`
	// Allocations are the Elastic IPs (eipalloc-...) by the private address that they
	// belong to; every address of an aws-eip router has one.
	Allocations map[netip.Addr]string `json:",omitempty"`
	// IPv6 is how an IPv6 address of aws-secondary-ip moves: assigned (unassigned
	// from the former holder first, with a gap) where the file asks for that; else
	// such a router is an error that names aws-route.
	IPv6Assign bool `json:",omitempty"`
	// Release gives AWS's objects back when a node gives up in order; else the
	// successor takes them.
	Release bool          `json:",omitempty"`
	Poll    time.Duration // how often a holder looks whether somebody took an object
	// Readiness: how often a standby looks whether it could take over, and what its
	// priority loses while it could not.
	Readiness       time.Duration
	ReadinessWeight int // negative
}
