// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// FuzzForm sends any form, as one who may do all; the answer is XML, and the world
// stays possible.
func FuzzForm(f *testing.F) {
	const version = "&Version=2016-11-15"
	for _, form := range []string{
		"Action=AssignPrivateIpAddresses&NetworkInterfaceId=" + ClusterInterface(1) + "&PrivateIpAddress.1=192.0.2.100&AllowReassignment=true" + version,
		"Action=UnassignPrivateIpAddresses&NetworkInterfaceId=" + ClusterInterface(1) + "&PrivateIpAddress.1=192.0.2.11" + version,
		"Action=AssignIpv6Addresses&NetworkInterfaceId=" + ClusterInterface(1) + "&Ipv6Addresses.1=2001:db8::1:1" + version,
		"Action=AssociateAddress&AllocationId=" + ClusterEIP(1) + "&NetworkInterfaceId=" + ClusterInterface(2) + "&PrivateIpAddress=192.0.2.12" + version,
		"Action=DisassociateAddress&AssociationId=eipassoc-1" + version,
		"Action=CreateRoute&RouteTableId=" + ClusterRoutes(1) + "&DestinationCidrBlock=198.51.100.7%2F32&NetworkInterfaceId=" + ClusterInterface(1) + version,
		"Action=ReplaceRoute&RouteTableId=" + ClusterRoutes(1) + "&DestinationIpv6CidrBlock=2001:db8:1::7%2F128&GatewayId=igw-1" + version,
		"Action=DescribeNetworkInterfaces&Filter.1.Name=subnet-id&Filter.1.Value.1=*&Filter.01.Name=x&MaxResults=5&NextToken=page-5" + version,
		"Action=DescribeRouteTables&Filter.2.Name=route.state&Filter.2.Value.1=black*&RouteTableId.1=rtb-1" + version,
		"Action=DescribeInstances&InstanceId.0=x&InstanceId.-1=y" + version,
		"%zz", "a=1&a=2", "",
	} {
		f.Add(form)
	}
	w := newWorld(f, Cluster(2, 1))
	w.SetLimits(Unlimited())
	who := w.profile(ClusterNode(1), w.identity.roles[ClusterRole])
	ok(f, w.SetPolicy(ClusterRole, allowing("*", "*")))
	f.Fuzz(func(t *testing.T, form string) {
		for _, s := range []service{ec2{}, sts{}} {
			e := &exchange{http: httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form)), body: []byte(form), service: s}
			_, unread := s.read(e)
			if unread == nil {
				re := s.answer(w, e, who)
				unread = &re
			}
			if err := wellFormed(unread.body); err != nil || unread.status < 200 || unread.code == "InternalError" || unread.code == "InternalFailure" {
				t.Errorf("answered with %d %s: %v\n%s", unread.status, unread.code, err, unread.body)
			}
		}
		if err := w.Check(); err != nil {
			t.Error(err)
		}
	})
}

func wellFormed(text []byte) error {
	d := xml.NewDecoder(strings.NewReader(string(text)))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// FuzzDynamo sends any request; the answer is JSON, and an item that is read back is
// the one that was written.
func FuzzDynamo(f *testing.F) {
	for _, body := range []string{
		`{"TableName":"vicar-votes","Item":{"resource":{"S":"web"},"v":{"N":"1"}},"ConditionExpression":"attribute_not_exists(#v)","ExpressionAttributeNames":{"#v":"v"}}`,
		`{"TableName":"vicar-votes","Item":{"resource":{"S":"web"},"v":{"N":"2"}},"ConditionExpression":"#v = :was","ExpressionAttributeNames":{"#v":"v"},"ExpressionAttributeValues":{":was":{"N":"1"}}}`,
		`{"TableName":"vicar-votes","Key":{"resource":{"S":"web"}},"UpdateExpression":"SET #v = #v + :one REMOVE #r","ExpressionAttributeNames":{"#v":"v","#r":"r"},"ExpressionAttributeValues":{":one":{"N":"1e3"}}}`,
		`{"TableName":"vicar-votes","Item":{"resource":{"S":"web"},"m":{"M":{"a":{"L":[{"BOOL":true}]}}},"b":{"B":"AP8="}},"ReturnValues":"ALL_OLD"}`,
		`{"TableName":"vicar-votes","Key":{"resource":{"S":"web"}},"ConsistentRead":true}`,
		`{"TableName":"vicar-votes","Item":{"resource":{"N":"1"}}}`, `{`, `[]`, `null`,
	} {
		f.Add(body)
	}
	w := newWorld(f, Cluster(1, 1))
	who := w.profile(ClusterNode(1), w.identity.roles[ClusterRole])
	f.Fuzz(func(t *testing.T, body string) {
		for _, action := range []string{"PutItem", "UpdateItem", "GetItem", "DescribeTable"} {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
			r.Header.Set("X-Amz-Target", dynamoTarget+action)
			e := &exchange{http: r, body: []byte(body), service: dynamo{}}
			_, unread := dynamo{}.read(e)
			if unread == nil {
				re := dynamo{}.answer(w, e, who)
				unread = &re
			}
			if !json.Valid(unread.body) || unread.status >= 500 {
				t.Errorf("%s is answered with %d %s", action, unread.status, unread.body)
			}
		}
	})
}

// FuzzCondition reads any condition; its negation is the contrary.
func FuzzCondition(f *testing.F) {
	for _, text := range []string{
		"attribute_not_exists(#v)", "#v = :was", "#v <> :was", "NOT (#v < :was OR #v >= :was) AND attribute_exists(#x)", "#v=:was AND", "((((", "#v = #v", ":was = :was",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		x := &scope{names: map[string]string{"#v": "v", "#x": "x"}, values: item{":was": {kind: "N", text: "1"}}, used: map[string]bool{}}
		on := item{"v": {kind: "N", text: "1.0"}}
		holds, err := x.condition(text, on)
		if err != nil || text == "" {
			return
		}
		contrary, err := x.condition("NOT ("+text+")", on)
		if err == nil && contrary == holds {
			t.Errorf("%q and its contrary are both %t", text, holds)
		}
	})
}

// FuzzPolicy reads any policy: what denies itself allows nothing.
func FuzzPolicy(f *testing.F) {
	f.Add(clusterPolicy, "ec2:ReplaceRoute", "*")
	f.Add(allowing("ec2:*", "*"), "ec2:x", "arn:aws:ec2:::x")
	f.Add(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"]}]}`, "a", "b")
	f.Fuzz(func(t *testing.T, text, action, resource string) {
		p, err := parsePolicy(text)
		if err != nil {
			return
		}
		deny, err := parsePolicy(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`)
		ok(t, err)
		a := access{action: action, resource: resource, keys: map[string][]string{}}
		if allows([]*policy{p, deny}, a) {
			t.Error("allowed against a deny")
		}
	})
}

// FuzzGlob compares the matching with the obvious one.
func FuzzGlob(f *testing.F) {
	f.Add("ec2:*", "ec2:AssociateAddress")
	f.Add("a*b*?", "aXbYbZ")
	f.Add("**", "")
	var obvious func(p, s string) bool
	obvious = func(p, s string) bool {
		switch {
		case p == "":
			return s == ""
		case p[0] == '*':
			return obvious(p[1:], s) || s != "" && obvious(p, s[1:])
		}
		return s != "" && (p[0] == '?' || p[0] == s[0]) && obvious(p[1:], s[1:])
	}
	f.Fuzz(func(t *testing.T, p, s string) {
		if len(p) > 12 || len(s) > 12 {
			return
		}
		if got := glob(p, s); got != obvious(p, s) {
			t.Errorf("glob(%q, %q) = %t", p, s, got)
		}
	})
}

// FuzzSignature reads any header: what it has been read from has its parts.
func FuzzSignature(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-central-1/ec2/aws4_request, SignedHeaders=content-length;host;x-amz-date, Signature=00ff")
	f.Add("AWS4-HMAC-SHA256 Credential=////, SignedHeaders=host, Signature=")
	f.Fuzz(func(t *testing.T, header string) {
		s, err := parseSignature(header)
		if err != nil {
			return
		}
		if s.key == "" || !slices.Contains(s.headers, "host") || !strings.Contains(header, s.value) {
			t.Errorf("read %+v", s)
		}
		r := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
		if len(s.sign(r, nil, "secret")) != 64 {
			t.Error("no signature is made")
		}
	})
}
