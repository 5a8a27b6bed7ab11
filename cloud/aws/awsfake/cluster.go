// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"fmt"
	"net/netip"
)

// What a Cluster is made of. Nodes and tables count from 1; the client comes after
// the last node.
const (
	ClusterVPC    = "vpc-0000000000000000a"
	ClusterSubnet = "subnet-0000000000000000a"
	ClusterRole   = "vicar"
	ClusterTable  = "vicar-votes" // of DynamoDB; its key is "resource"
	ClusterTag    = "vip-cluster" // on what belongs to the cluster; its value is "web"
	internet      = "igw-0000000000000000a"
)

// ClusterNode is the instance of node n of a Cluster.
func ClusterNode(n int) string { return fmt.Sprintf("i-%017x", n) }

// ClusterInterface is the interface of node n of a Cluster.
func ClusterInterface(n int) string { return fmt.Sprintf("eni-%017x", n) }

// ClusterRoutes is route table n of a Cluster.
func ClusterRoutes(n int) string { return fmt.Sprintf("rtb-%017x", n) }

// ClusterEIP is Elastic IP n of a Cluster.
func ClusterEIP(n int) string { return fmt.Sprintf("eipalloc-%017x", n) }

// Cluster is a region with what a cluster of vicar's needs: nodes 192.0.2.11 and
// up in one subnet 192.0.2.0/24 and 2001:db8::/64, with their source/destination
// check off and a role that allows what vicar does; a client after them; route
// tables, the first of which is the subnet's; two Elastic IPs that belong to
// nothing, 203.0.113.1 and 203.0.113.2; a table of DynamoDB.
func Cluster(nodes, tables int) Config {
	cfg := Config{
		VPCs: []VPC{{ID: ClusterVPC, CIDRs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/56")}}},
		Subnets: []Subnet{{
			ID: ClusterSubnet, VPC: ClusterVPC, CIDR: netip.MustParsePrefix("192.0.2.0/24"), IPv6: netip.MustParsePrefix("2001:db8::/64"),
		}},
		Tables: []Table{{Name: ClusterTable, Key: "resource"}},
		Roles:  []Role{{Name: ClusterRole, Policy: clusterPolicy}},
	}
	tags := map[string]string{ClusterTag: "web"}
	for n := 1; n <= nodes+1; n++ {
		i := Instance{ID: ClusterNode(n), Role: ClusterRole, Tags: map[string]string{"Name": fmt.Sprintf("lb-%d", n), ClusterTag: "web"}}
		if n > nodes {
			i.Role, i.Tags, tags = "", map[string]string{"Name": "client"}, nil
		}
		cfg.Instances = append(cfg.Instances, i)
		cfg.Interfaces = append(cfg.Interfaces, Interface{
			ID: ClusterInterface(n), Subnet: ClusterSubnet, Instance: i.ID, NoCheck: true, Tags: tags,
			Primary: netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + n)}),
			IPv6:    []netip.Addr{netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", 0x10+n))},
		})
	}
	tags = map[string]string{ClusterTag: "web"}
	for n := 1; n <= tables; n++ {
		t := RouteTable{ID: ClusterRoutes(n), VPC: ClusterVPC, Tags: tags, Routes: []Route{{netip.MustParsePrefix("0.0.0.0/0"), internet}}}
		t.Main = n == 1
		cfg.RouteTables = append(cfg.RouteTables, t)
	}
	for n := 1; n <= 2; n++ {
		cfg.Addresses = append(cfg.Addresses, Address{Allocation: ClusterEIP(n), Public: netip.AddrFrom4([4]byte{203, 0, 113, byte(n)}), Tags: tags})
	}
	return cfg
}

const clusterPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "ec2:Describe*",
      "Resource": "*"
    },
    {
      "Effect": "Allow",
      "Action": [
        "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses", "ec2:AssignIpv6Addresses", "ec2:UnassignIpv6Addresses",
        "ec2:AssociateAddress", "ec2:DisassociateAddress", "ec2:CreateRoute", "ec2:DeleteRoute", "ec2:ReplaceRoute"
      ],
      "Resource": "*",
      "Condition": {"StringEquals": {"aws:ResourceTag/` + ClusterTag + `": "web"}}
    },
    {
      "Effect": "Allow",
      "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DescribeTable"],
      "Resource": "arn:aws:dynamodb:*:*:table/` + ClusterTable + `"
    }
  ]
}`
