// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
)

// TestSaid: what people read says what the cloud has said, and not how the SDK
// is built.
func TestSaid(t *testing.T) {
	api := func(status int, code, message string) error {
		return &smithy.OperationError{ServiceID: "EC2", OperationName: "ReplaceRoute", Err: &awshttp.ResponseError{
			RequestID: "01234567-89ab",
			ResponseError: &smithyhttp.ResponseError{
				Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
				Err:      &smithy.GenericAPIError{Code: code, Message: message},
			},
		}}
	}
	sent := func(err error) error {
		return &smithy.OperationError{ServiceID: "EC2", OperationName: "ReplaceRoute", Err: &smithyhttp.RequestSendError{
			Err: &url.Error{Op: "Post", URL: "https://ec2.eu-central-1.amazonaws.com/", Err: err},
		}}
	}
	imds := func(err error) error {
		return &smithy.OperationError{ServiceID: "EC2", OperationName: "ReplaceRoute", Err: &credentialsError{name: ownName, err: &smithy.OperationError{
			ServiceID: "ec2imds", OperationName: "GetMetadata", Err: err,
		}}}
	}
	const user = "User: arn:aws:sts::111122223333:assumed-role/vicar/i-0 is not authorized to perform: ec2:ReplaceRoute on resource: arn:aws:ec2:eu-central-1:111122223333:route-table/rtb-1 "
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{
			"no policy allows it", api(403, "UnauthorizedOperation", "You are not authorized to perform this operation. "+user+"because no identity-based policy allows the ec2:ReplaceRoute action. Encoded authorization failure message: abc"),
			"ec2:ReplaceRoute of rtb-1: denied: no identity-based policy allows the ec2:ReplaceRoute action (UnauthorizedOperation)",
		},
		{
			"a policy denies it", api(400, "AccessDeniedException", user+"with an explicit deny in a service control policy"),
			"ec2:ReplaceRoute of rtb-1: denied: there is an explicit deny in a service control policy (AccessDeniedException)",
		},
		{
			"denied without a reason", api(403, "UnauthorizedOperation", "You are not authorized to perform this operation."),
			"ec2:ReplaceRoute of rtb-1: denied: You are not authorized to perform this operation. (UnauthorizedOperation)",
		},
		{
			"another answer", api(400, "InvalidRouteTableID.NotFound", "The routeTable ID 'rtb-1' does not exist"),
			"ec2:ReplaceRoute of rtb-1: not_found: The routeTable ID 'rtb-1' does not exist (InvalidRouteTableID.NotFound)",
		},
		{"no message", api(400, "RouteLimitExceeded", ""), "ec2:ReplaceRoute of rtb-1: invalid: RouteLimitExceeded"},
		{
			"EC2 fails", api(503, "InternalError", "An internal error has occurred"),
			"ec2:ReplaceRoute of rtb-1: unavailable: An internal error has occurred (InternalError, request 01234567-89ab)",
		},
		{
			"no way", sent(&net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}, Err: syscall.ECONNREFUSED}),
			"ec2:ReplaceRoute of rtb-1: unavailable: dial tcp 192.0.2.1:443: connection refused",
		},
		{"no answer", sent(context.DeadlineExceeded), "ec2:ReplaceRoute of rtb-1: unavailable: no answer in time from ec2.eu-central-1.amazonaws.com"},
		{"late", &smithy.CanceledError{Err: context.DeadlineExceeded}, "aws of rtb-1: unavailable: no answer in time"},
		{
			"no role", imds(&smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: 404}}, Err: errors.New("request to EC2 IMDS failed")}),
			"imds:GetMetadata: denied: the instance has no instance profile, or its role is gone",
		},
		{
			"no metadata", imds(&smithyhttp.RequestSendError{Err: &url.Error{Op: "Put", URL: "http://169.254.169.254/latest/api/token", Err: context.DeadlineExceeded}}),
			"imds:GetMetadata: unavailable: no answer in time from 169.254.169.254",
		},
		{"something else", errors.New("no region"), "aws of rtb-1: unavailable: no region"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := failed(c.err, "rtb-1")
			if err.Error() != c.want {
				t.Errorf("it says\n%s, want\n%s", err, c.want)
			}
			if !errors.Is(err, c.err) && code(err) != code(c.err) {
				t.Error("the SDK's error is lost")
			}
		})
	}
}

// TestMetadataSilent: that the metadata service does not answer is said by who does
// not, though the SDK keeps the cause to itself.
func TestMetadataSilent(t *testing.T) {
	for effect, want := range map[awsfake.Effect]string{awsfake.Refuse: "connection refused", awsfake.Blackhole: "no answer in time from 169.254.169.254"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t, 1, nil)
			f.Inject(awsfake.Fault{Service: "imds", Effect: effect})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			p := f.secondary(t, 1, false)
			found := wrong(p.Examine(ctx, objects(t, p, prefixes("192.0.2.100/24")...)))
			if len(found) == 0 {
				t.Fatal("nothing is wrong")
			}
			for _, g := range found {
				if strings.HasPrefix(g.Problem, "imds:") && (!strings.HasSuffix(g.Problem, want) || strings.Contains(g.Problem, "operation error")) {
					t.Errorf("%+v, want %s", g, want)
				}
			}
			if g := found[0]; g.What != "the metadata service" || !strings.HasPrefix(g.Problem, "imds:") {
				t.Errorf("%+v", g)
			}
		})
	}
}
