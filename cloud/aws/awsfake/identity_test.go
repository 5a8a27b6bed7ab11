// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	ec2api "github.com/aws/aws-sdk-go-v2/service/ec2"
	stsapi "github.com/aws/aws-sdk-go-v2/service/sts"
)

// with is the machine with other credentials.
func (m machine) with(p sdk.CredentialsProvider) machine {
	cfg := m.config
	cfg.Credentials = p
	return machine{ec2api.NewFromConfig(cfg), m.imds, stsapi.NewFromConfig(cfg), dynamodb.NewFromConfig(cfg), cfg}
}

func (m machine) describe(ctx context.Context) error {
	_, err := m.DescribeNetworkInterfaces(ctx, &ec2api.DescribeNetworkInterfacesInput{MaxResults: sdk.Int32(5)})
	return err
}

func (m machine) whoami(ctx context.Context) error {
	_, err := m.sts.GetCallerIdentity(ctx, &stsapi.GetCallerIdentityInput{})
	return err
}

func (m machine) get(ctx context.Context) error {
	_, err := m.tables.GetItem(ctx, &dynamodb.GetItemInput{TableName: sdk.String(ClusterTable), Key: map[string]types.AttributeValue{"resource": str("web")}})
	return err
}

// TestSignatures: what is wrong with a request's keys each service says in its own
// way.
func TestSignatures(t *testing.T) {
	for _, tc := range []struct {
		name             string
		spoil            func(c *sdk.Credentials)
		ec2, sts, dynamo string
		statuses         [3]int
	}{
		{"good", func(*sdk.Credentials) {}, "", "", "", [3]int{}},
		{"unknown key", func(c *sdk.Credentials) { c.AccessKeyID = "AKIA" }, "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", [3]int{401, 403, 400}},
		{"wrong secret", func(c *sdk.Credentials) { c.SecretAccessKey += "x" }, "AuthFailure", "SignatureDoesNotMatch", "InvalidSignatureException", [3]int{401, 403, 400}},
		{"no token", func(c *sdk.Credentials) { c.SessionToken = "" }, "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", [3]int{401, 403, 400}},
		{"expired", nil, "RequestExpired", "ExpiredToken", "ExpiredTokenException", [3]int{400, 403, 400}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, Cluster(1, 1))
			m, ctx := on(w, 1), t.Context()
			c, err := m.config.Credentials.Retrieve(ctx)
			ok(t, err)
			if tc.spoil == nil {
				w.Expire(ClusterNode(1), true)
			} else {
				tc.spoil(&c)
			}
			bad := m.with(credentials.StaticCredentialsProvider{Value: c})
			for i, call := range []func(context.Context) error{bad.describe, bad.whoami, bad.get} {
				err := call(ctx)
				want(t, err, []string{tc.ec2, tc.sts, tc.dynamo}[i])
				if status(err) != tc.statuses[i] {
					t.Errorf("answered with status %d, want %d", status(err), tc.statuses[i])
				}
			}
			// New credentials are good again.
			ok(t, m.with(on(w, 1).config.Credentials).describe(ctx))
		})
	}
}

// post sends a form that is signed, then changed.
func post(t *testing.T, w *World, form string, change func(*http.Request)) (int, string) {
	t.Helper()
	m := on(w, 1)
	c, err := m.config.Credentials.Retrieve(t.Context())
	ok(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://aws.test/", strings.NewReader(form))
	ok(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sum := sha256.Sum256([]byte(form))
	ok(t, v4.NewSigner().SignHTTP(t.Context(), c, r, hex.EncodeToString(sum[:]), "ec2", "eu-central-1", time.Now()))
	if change != nil {
		change(r)
	}
	res, err := w.Transport(ClusterNode(1)).RoundTrip(r)
	ok(t, err)
	body, err := io.ReadAll(res.Body)
	ok(t, err)
	return res.StatusCode, string(body)
}

// TestForms are requests as no SDK sends them.
func TestForms(t *testing.T) {
	const good = "Action=DescribeVpcs&Version=2016-11-15"
	for _, tc := range []struct {
		name, form string
		change     func(*http.Request)
		status     int
		code       string
	}{
		{"good", good, nil, 200, ""},
		{"the body is another one than was signed", good, func(r *http.Request) {
			r.Body = io.NopCloser(bytes.NewBufferString("Action=DescribeSubnets&Version=2016-11-15"))
		}, 401, "AuthFailure"},
		{"not signed", good, func(r *http.Request) { r.Header.Del("Authorization") }, 401, "AuthFailure"},
		{"signed in another way", good, func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 400, "IncompleteSignature"},
		{"of another time", good, func(r *http.Request) { r.Header.Set("X-Amz-Date", "20200101T000000Z") }, 400, "RequestExpired"},
		{"a host that was not signed", good, func(r *http.Request) { r.Host = "other.test" }, 401, "AuthFailure"},
		{"an action without DryRun", "Action=AssignPrivateIpAddresses&Version=2016-11-15&NetworkInterfaceId=eni-1&PrivateIpAddress.1=192.0.2.100&DryRun=true", nil, 400, "UnknownParameter"},
		{"a count of addresses", "Action=AssignPrivateIpAddresses&Version=2016-11-15&NetworkInterfaceId=eni-1&SecondaryPrivateIpAddressCount=1", nil, 400, "UnknownParameter"},
		{"a misspelled parameter", good + "&VpcIds.1=vpc-1", nil, 400, "UnknownParameter"},
		{"another version", "Action=DescribeVpcs&Version=2015-10-01", nil, 400, "InvalidParameterValue"},
		{"no version", "Action=DescribeVpcs", nil, 400, "InvalidParameterValue"},
		{"no boolean", good + "&DryRun=maybe", nil, 400, "InvalidParameterValue"},
		{"no form", "%zz", nil, 400, "MalformedQueryString"},
		{"a parameter twice", good + "&VpcId.1=a&VpcId.1=b", nil, 400, "MalformedQueryString"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, body := post(t, newWorld(t, Cluster(1, 1)), tc.form, tc.change)
			if got != tc.status || tc.code != "" && !strings.Contains(body, "<Response><Errors><Error><Code>"+tc.code+"</Code>") {
				t.Errorf("got %d %s, want %d %s", got, body, tc.status, tc.code)
			}
		})
	}
}

// TestCredentialsRenewed: the metadata service shows new keys before the former ones
// end, and the SDK takes them.
func TestCredentialsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Cluster(1, 1))
		m := on(w, 1)
		for range 48 {
			ok(t, m.describe(t.Context()))
			time.Sleep(30 * time.Minute)
		}
		if n := len(w.identity.keys); n < 4 || n > 6 {
			t.Errorf("%d keys in 24 hours", n)
		}
	})
}

func TestAssumeRole(t *testing.T) {
	cfg := Cluster(1, 1)
	cfg.Roles = append(cfg.Roles, Role{Name: "routes", Policy: clusterPolicy, Trust: []string{ClusterRole}}, Role{Name: "closed", Policy: clusterPolicy})
	w := newWorld(t, cfg)
	m, ctx := on(w, 1), t.Context()
	out, err := m.sts.GetCallerIdentity(ctx, &stsapi.GetCallerIdentityInput{})
	ok(t, err)
	if want := "arn:aws:sts::111122223333:assumed-role/vicar/" + ClusterNode(1); *out.Arn != want || *out.Account != "111122223333" {
		t.Errorf("got %s of %s, want %s", *out.Arn, *out.Account, want)
	}
	ok(t, m.assumed("arn:aws:iam::111122223333:role/routes").describe(ctx))
	want(t, m.assumed("arn:aws:iam::111122223333:role/closed").describe(ctx), "AccessDenied")
	want(t, m.assumed("arn:aws:iam::111122223333:role/none").describe(ctx), "AccessDenied")
	_, err = m.sts.AssumeRole(ctx, &stsapi.AssumeRoleInput{RoleArn: sdk.String("arn:aws:iam::111122223333:role/routes"), RoleSessionName: sdk.String("vicar"), DurationSeconds: sdk.Int32(7200)})
	want(t, err, "ValidationError") // a chain of roles lasts an hour at most
	w.Expire(ClusterNode(1), true)
	want(t, m.assumed("arn:aws:iam::111122223333:role/routes").describe(ctx), "ExpiredToken")
}

// TestUser is who has keys of its own.
func TestUser(t *testing.T) {
	cfg := Cluster(1, 1)
	cfg.Users = []User{{Name: "op", Key: "AKIA1", Secret: "s", Policy: allowing("ec2:Describe*", "*")}}
	w := newWorld(t, cfg)
	m := on(w, 1).with(credentials.NewStaticCredentialsProvider("AKIA1", "s", ""))
	ok(t, m.describe(t.Context()))
	want(t, m.assign(t.Context(), 1, false, "192.0.2.100"), "UnauthorizedOperation")
	if r := w.Requests()[0]; r.Caller != "op" || r.Action != "DescribeNetworkInterfaces" || r.Code != "" || r.Write {
		t.Errorf("logged %+v", r)
	}
}
