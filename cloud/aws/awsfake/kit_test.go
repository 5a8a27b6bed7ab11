// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ec2api "github.com/aws/aws-sdk-go-v2/service/ec2"
	stsapi "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// newWorld is a world that ends with the test, in no state that can't be.
func newWorld(t testing.TB, cfg Config) *World {
	t.Helper()
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Close()
		if err := w.Check(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// machine is the SDK on an instance, without retries.
type machine struct {
	*ec2api.Client

	imds   *imds.Client
	sts    *stsapi.Client
	tables *dynamodb.Client
	config sdk.Config
}

// on is the SDK on node n of a cluster, its requests without sockets.
func on(w *World, n int) machine {
	return over(&http.Client{Transport: w.Transport(ClusterNode(n))}, "http://aws.test", "http://"+IMDSAddress)
}

// over is the SDK of a machine that reaches EC2 and its metadata at these places.
func over(client *http.Client, region, metadata string) machine {
	m := imds.New(imds.Options{Endpoint: metadata, HTTPClient: client, Retryer: sdk.NopRetryer{}})
	cfg := sdk.Config{
		Region: "eu-central-1", HTTPClient: client, BaseEndpoint: &region, Retryer: func() sdk.Retryer { return sdk.NopRetryer{} },
		Credentials: sdk.NewCredentialsCache(ec2rolecreds.New(func(o *ec2rolecreds.Options) { o.Client = m })),
	}
	return machine{ec2api.NewFromConfig(cfg), m, stsapi.NewFromConfig(cfg), dynamodb.NewFromConfig(cfg), cfg}
}

// code is the code of an error of AWS, empty for none, "lost" for what is no answer.
func code(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return "lost"
}

// status is the HTTP status of an error of AWS.
func status(err error) int {
	if e, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); ok {
		return e.HTTPStatusCode()
	}
	return 0
}

// want checks the code of an answer.
func want(t testing.TB, err error, code1 string) {
	t.Helper()
	if got := code(err); got != code1 {
		t.Errorf("got %q (%v), want %q", got, err, code1)
	}
}

// ok stops the test at an error.
func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// holds checks who has an address.
func holds(t testing.TB, w *World, a, eni string) {
	t.Helper()
	if got, _ := w.Holder(addr(a)); got != eni {
		t.Errorf("%s is held by %q, want %q", a, got, eni)
	}
}

// assign assigns addresses to node n's interface, with or without reassignment.
func (m machine) assign(ctx context.Context, n int, steal bool, as ...string) error {
	_, err := m.AssignPrivateIpAddresses(ctx, &ec2api.AssignPrivateIpAddressesInput{
		NetworkInterfaceId: sdk.String(ClusterInterface(n)), PrivateIpAddresses: as, AllowReassignment: &steal,
	})
	return err
}

// assumed is the machine with the credentials of a role.
func (m machine) assumed(role string) machine {
	cfg := m.config
	cfg.Credentials = sdk.NewCredentialsCache(stscreds.NewAssumeRoleProvider(m.sts, role))
	return machine{ec2api.NewFromConfig(cfg), m.imds, stsapi.NewFromConfig(cfg), dynamodb.NewFromConfig(cfg), cfg}
}

// allowing is a policy of one statement.
func allowing(action, resource string) string {
	return fmt.Sprintf(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": %q, "Resource": %q}}`, action, resource)
}
