// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"net/netip"
	"time"
)

// Config is what stands in the region at the start.
type Config struct {
	Region  string // "eu-central-1" if empty
	Account string // of what names none; "111122223333" if empty
	// Seed is that of all that is drawn: lags, faults that come at times, ids.
	Seed uint64

	VPCs        []VPC
	Subnets     []Subnet
	Instances   []Instance
	Interfaces  []Interface
	RouteTables []RouteTable
	Addresses   []Address
	Tables      []Table
	Secrets     []Secret
	Roles       []Role
	Users       []User
	// Types are instance types beside those that are known.
	Types map[string]Type

	Lags   Lags
	Limits Limits
	// Latency is what each answer takes, of the metadata service too.
	Latency Span
}

// Span is a duration that is drawn anew each time. Without Max it is Min.
type Span struct{ Min, Max time.Duration }

// Exactly is the span that is always d.
func Exactly(d time.Duration) Span { return Span{Min: d} }

// Lags are how long a change takes to be seen. Describes draw a lag each, so that
// one may show less than the one before it; the metadata service and the packets
// follow changes in their order.
type Lags struct {
	Describe Span // by describes, and reads of DynamoDB that are not consistent
	Metadata Span // by the metadata service
	Packets  Span // by the data plane
}

// VPC is a network. Routes within its CIDRs are local.
type VPC struct {
	ID    string
	CIDRs []netip.Prefix
	Tags  map[string]string
}

// Subnet is a part of a VPC in one zone.
type Subnet struct {
	ID, VPC string
	Zone    string // the region's first one if empty
	CIDR    netip.Prefix
	IPv6    netip.Prefix // optional
	Tags    map[string]string
}

// Instance is a virtual machine. Its interfaces name it.
type Instance struct {
	ID   string
	Type string // "m5.4xlarge" if empty
	Role string // of its profile; empty: it has none
	// Profile is the instance profile's name; the role's if it is empty.
	Profile string
	// HopLimit is how far an answer of the metadata service with a token goes; 1 if
	// it is 0. OptionalTokens admits requests without one, as IMDSv1 has them.
	HopLimit       int
	OptionalTokens bool
	State          string // Running if empty
	Tags           map[string]string

	signals signals
}

// The states of an instance.
const (
	Running    = "running"
	Stopped    = "stopped"
	Terminated = "terminated"
)

// Interface is a network interface. The first of an instance has Device 0.
type Interface struct {
	ID, Subnet string
	Account    string
	Instance   string // empty: attached to none
	Device     int
	MAC        string // made from the id if empty
	Primary    netip.Addr
	Secondary  []netip.Addr
	IPv6       []netip.Addr
	// NoCheck is the source/destination check switched off.
	NoCheck bool
	// Kept stays when its instance is terminated, and can be attached to another.
	Kept        bool
	Description string
	Groups      []string // security groups, which let through everything
	Tags        map[string]string
}

// RouteTable holds a VPC's routes. Those to its CIDRs are added by themselves.
type RouteTable struct {
	ID, VPC string
	Account string
	Main    bool // for subnets that no table names
	Subnets []string
	Routes  []Route
	Tags    map[string]string
}

// Route is one of a table's. Target is an interface, a gateway (igw-, nat-, tgw- ...)
// or "local".
type Route struct {
	Destination netip.Prefix
	Target      string
}

// Address is an Elastic IP; Interface and Private are what it belongs to.
type Address struct {
	Allocation string
	Public     netip.Addr
	Account    string
	Interface  string
	Private    netip.Addr
	Tags       map[string]string

	association string
}

// Table is a table of DynamoDB whose partition key is a string.
type Table struct {
	Name string
	Key  string
}

// Role is what instances are, and what others may assume.
type Role struct {
	Name    string
	Account string
	Policy  string // JSON as IAM has it; empty: nothing is allowed
	// Trust are the principals that may assume it, beside instances that have it:
	// names of roles and users, of any account.
	Trust []string
}

// User has keys that don't expire.
type User struct {
	Name    string
	Account string
	Key     string
	Secret  string
	Policy  string
}

// Type is what an instance type allows.
type Type struct {
	Interfaces int // at most
	IPv4, IPv6 int // per interface, the primary address with them
}

// knownTypes are those that AWS documents so.
func knownTypes() map[string]Type {
	return map[string]Type{
		"t3.micro":   {2, 2, 2},
		"t3.small":   {3, 4, 4},
		"t3.medium":  {3, 6, 6},
		"t4g.nano":   {2, 2, 2},
		"t4g.small":  {3, 4, 4},
		"m5.large":   {3, 10, 10},
		"m5.xlarge":  {4, 15, 15},
		"m5.4xlarge": {8, 30, 30},
	}
}
