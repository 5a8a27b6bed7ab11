// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "write what comes out to testdata")

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

var everything = Uses{
	Cluster: "web", Region: "eu-central-1", Account: "111122223333", TagKey: "vip-cluster", TagValue: "web",
	SecondaryIPs: true, IPv6: true, Routes: true, EIPs: true, Release: true,
	RouteTables: []string{"rtb-1", "rtb-2"}, Allocations: []string{"eipalloc-1"}, Tables: []string{"vicar-votes"},
}

func TestPolicy(t *testing.T) {
	for _, c := range []struct {
		name string
		uses Uses
	}{
		{"everything", everything},
		{"secondary-ip", Uses{Region: "eu-central-1", Account: "111122223333", SecondaryIPs: true, Interfaces: []string{"eni-1", "eni-2"}}},
		{"route", Uses{Region: "cn-north-1", Routes: true, RouteTables: []string{"rtb-1"}}},
		{"route-of-shared-vpc", Uses{
			Region: "eu-central-1", Account: "111122223333", Routes: true, RouteTables: []string{"rtb-1"},
			Role: "arn:aws:iam::444455556666:role/vicar-routes", Tables: []string{"vicar-votes"},
		}},
		{"keys", Uses{Region: "eu-central-1", KeysFrom: parameterARN}},
		{"keys-kms", Uses{Region: "eu-central-1", Tables: []string{"vicar-votes"}, KeysFrom: secretARN, KeysKMS: customerKey}},
		{"eip", Uses{EIPs: true, Allocations: []string{"eipalloc-1", "eipalloc-2"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			golden(t, "policy-"+c.name+".json", c.uses.Policy().JSON())
			if p, ok := c.uses.RolePolicy(); ok {
				golden(t, "policy-"+c.name+".role.json", p.JSON())
			} else if c.uses.Role != "" {
				t.Error("the role has no policy")
			}
		})
	}
}

func TestLacking(t *testing.T) {
	shared := everything
	shared.Role = "arn:aws:iam::444455556666:role/vicar-routes"
	for _, c := range []struct {
		name   string
		uses   Uses
		action string
		sid    string // of all that have it
		ofRole bool
	}{
		{"a write", everything, "ec2:AssignPrivateIpAddresses", "SecondaryIPs", false},
		{"a write to several", everything, "ec2:AssociateAddress", "ElasticIPs ElasticIPsInterfaces ElasticIPsInstances", false},
		{"a describe", everything, "ec2:DescribeRouteTables", "Read", false},
		{"a vote", everything, "dynamodb:PutItem", "Tables", false},
		{"the owner's", shared, "ec2:ReplaceRoute", "Routes", true},
		{"the role", shared, "sts:AssumeRole", "Owner", false},
		{"what is not used", everything, "ec2:RunInstances", "", false},
		{"a describe of the owner's", shared, "ec2:DescribeRouteTables", "Read", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, ofRole := c.uses.Lacking(c.action)
			var sids []string
			for _, s := range p.Statement {
				sids = append(sids, s.Sid)
			}
			if got := strings.Join(sids, " "); got != c.sid || ofRole != c.ofRole {
				t.Errorf("lacking: %q of the role: %v", got, ofRole)
			}
		})
	}
}
