// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	ec2api "github.com/aws/aws-sdk-go-v2/service/ec2"
)

// TestPolicies are statements of the documentation of IAM.
func TestPolicies(t *testing.T) {
	const eni = "arn:aws:ec2:eu-central-1:111122223333:network-interface/eni-1"
	for _, tc := range []struct {
		doc        string
		statements string
		allowed    bool
	}{
		{"by default all is denied", ``, false},
		{"an allow overrides it", `{"Effect": "Allow", "Action": "ec2:AssignPrivateIpAddresses", "Resource": "*"}`, true},
		{"a deny overrides any allow", `{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "ec2:Assign*", "Resource": "*"}`, false},
		{"actions are not case-sensitive", `{"Effect": "Allow", "Action": "EC2:assignprivateipaddresses", "Resource": "*"}`, true},
		{"resources are", `{"Effect": "Allow", "Action": "ec2:*", "Resource": "arn:aws:ec2:eu-central-1:111122223333:network-interface/ENI-1"}`, false},
		{"the resource itself", `{"Effect": "Allow", "Action": ["ec2:AssignPrivateIpAddresses"], "Resource": ["` + eni + `"]}`, true},
		{"all of a kind", `{"Effect": "Allow", "Action": "ec2:*", "Resource": "arn:aws:ec2:*:*:network-interface/*"}`, true},
		{"a question mark is one character", `{"Effect": "Allow", "Action": "ec2:*", "Resource": "arn:aws:ec2:*:*:network-interface/eni-?"}`, true},
		{"another one", `{"Effect": "Allow", "Action": "ec2:*", "Resource": "arn:aws:ec2:*:*:network-interface/eni-2"}`, false},
		{"another action", `{"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}`, false},
		{"StringEquals on a tag", `{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/Cluster": "web"}}}`, true},
		{"any of its values", `{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/cluster": ["db", "web"]}}}`, true},
		{"another value", `{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/cluster": "w*"}}}`, false},
		{"StringLike", `{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringLike": {"aws:ResourceTag/cluster": "w*"}}}`, true},
		{"a key that is not there", `{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/owner": "x"}}}`, false},
		{"is not equal to anything", `{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:ResourceTag/owner": "x"}}}, {"Effect": "Allow", "Action": "*", "Resource": "*"}`, false},
		{"all keys must match", `{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/cluster": "web", "aws:RequestedRegion": "us-east-1"}}}`, false},
		{"ForAllValues passes what is not there", `{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["web"]}}}`, true},
	} {
		t.Run(tc.doc, func(t *testing.T) {
			p, err := parsePolicy(`{"Version": "2012-10-17", "Statement": [` + tc.statements + `]}`)
			ok(t, err)
			a := access{action: "ec2:AssignPrivateIpAddresses", resource: eni, keys: map[string][]string{
				"aws:resourcetag/cluster": {"web"}, "aws:requestedregion": {"eu-central-1"},
			}}
			if got := allows([]*policy{p}, a); got != tc.allowed {
				t.Errorf("allowed: %t", got)
			}
		})
	}
}

// TestPoliciesNotKnown: what this package would not evaluate it does not take.
func TestPoliciesNotKnown(t *testing.T) {
	for _, statement := range []string{
		`{"Effect": "Allow", "NotAction": "ec2:*", "Resource": "*"}`,
		`{"Effect": "Allow", "Action": "ec2:*", "Resource": "*", "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01"}}}`,
		`{"Effect": "Permit", "Action": "ec2:*", "Resource": "*"}`,
		`{"Effect": "Allow", "Action": "ec2:*"}`,
		`{"Effect": "Allow", "Action": "ec2:*", "Resource": "network-interface/eni-1"}`,
		`{"Effect": "Allow", "Action": 1, "Resource": "*"}`,
	} {
		if _, err := parsePolicy(`{"Version": "2012-10-17", "Statement": ` + statement + `}`); err == nil {
			t.Errorf("taken: %s", statement)
		}
	}
	if _, err := parsePolicy(`{"Statement": []}`); err == nil {
		t.Error("taken without a version")
	}
}

// TestPermissions: an Elastic IP needs the permission for the interface and the
// instance too; DryRun says what lacks.
func TestPermissions(t *testing.T) {
	w := newWorld(t, Cluster(1, 1))
	m := on(w, 1)
	in := &ec2api.AssociateAddressInput{AllocationId: sdk.String(ClusterEIP(1)), NetworkInterfaceId: sdk.String(ClusterInterface(1)), DryRun: sdk.Bool(true)}
	statement := func(resources ...string) string {
		return `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ec2:AssociateAddress", "Resource": ["` + strings.Join(resources, `","`) + `"]}}`
	}
	resources := []string{"arn:aws:ec2:*:*:elastic-ip/" + ClusterEIP(1), "arn:aws:ec2:*:*:network-interface/*", "arn:aws:ec2:*:*:instance/*"}
	ok(t, w.SetPolicy(ClusterRole, ""))
	for n := range 3 {
		if n > 0 {
			ok(t, w.SetPolicy(ClusterRole, statement(resources[:n]...)))
		}
		_, err := m.AssociateAddress(t.Context(), in)
		want(t, err, "UnauthorizedOperation")
		kind := strings.Split(resources[n], ":")[5]
		kind = kind[:strings.Index(kind, "/")]
		const reason = "because no identity-based policy allows the ec2:AssociateAddress action"
		if status(err) != 403 || !strings.Contains(err.Error(), ":"+kind+"/") || !strings.Contains(err.Error(), reason) {
			t.Errorf("without %s it answers %v", kind, err)
		}
	}
	ok(t, w.SetPolicy(ClusterRole, statement(resources...)))
	_, err := m.AssociateAddress(t.Context(), in)
	want(t, err, "DryRunOperation")
	ok(t, w.SetPolicy(ClusterRole, ""))
	want(t, m.describe(t.Context()), "UnauthorizedOperation")
	want(t, m.get(t.Context()), "AccessDeniedException")
	ok(t, m.whoami(t.Context())) // needs no permission
}
