// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/vicar-ha/vicar/cloud"
)

// answered is an error as the SDK returns it for an answer of AWS.
func answered(service, operation, code string, status int) error {
	return &smithy.OperationError{
		ServiceID: service, OperationName: operation,
		Err: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
			Err:      &smithy.GenericAPIError{Code: code, Message: "what AWS says"},
		},
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		code   string
		status int
		want   cloud.Kind
	}{
		{"UnauthorizedOperation", 403, cloud.Denied},
		{"Client.UnauthorizedOperation", 403, cloud.Denied},
		{"AccessDenied", 403, cloud.Denied},
		{"AccessDeniedException", 400, cloud.Denied},
		{"AuthFailure", 401, cloud.Denied},
		{"RequestExpired", 400, cloud.Denied},
		{"ExpiredToken", 403, cloud.Denied},
		{"UnrecognizedClientException", 400, cloud.Denied},
		{"InvalidRouteTableID.NotFound", 400, cloud.NotFound},
		{"InvalidNetworkInterfaceID.NotFound", 400, cloud.NotFound},
		{"InvalidAssociationID.NotFound", 400, cloud.NotFound},
		{"ResourceNotFoundException", 400, cloud.NotFound},
		{"ParameterNotFound", 400, cloud.NotFound},
		{"Resource.AlreadyAssociated", 400, cloud.Conflict},
		{"RouteAlreadyExists", 400, cloud.Conflict},
		{"InvalidIPAddress.InUse", 400, cloud.Conflict},
		{"ConditionalCheckFailedException", 400, cloud.Conflict},
		{"RequestLimitExceeded", 503, cloud.Throttled},
		{"Server.RequestLimitExceeded", 503, cloud.Throttled},
		{"Throttling", 400, cloud.Throttled},
		{"ThrottlingException", 400, cloud.Throttled},
		{"ProvisionedThroughputExceededException", 400, cloud.Throttled},
		{"", 429, cloud.Throttled},
		{"InternalError", 500, cloud.Unavailable},
		{"Unavailable", 503, cloud.Unavailable},
		{"ServiceUnavailable", 503, cloud.Unavailable},
		{"InternalServerError", 500, cloud.Unavailable},
		{"InternalServiceError", 500, cloud.Unavailable},
		{"SomethingNew", 502, cloud.Unavailable},
		{"InvalidParameterValue", 400, cloud.Invalid},
		{"MissingParameter", 400, cloud.Invalid},
		{"PrivateIpAddressLimitExceeded", 400, cloud.Invalid},
		{"RouteLimitExceeded", 400, cloud.Invalid},
		{"ValidationException", 400, cloud.Invalid},
		{"SomethingNew", 400, cloud.Invalid},
	} {
		t.Run(fmt.Sprintf("%s %d", c.code, c.status), func(t *testing.T) {
			err := failed(answered("EC2", "ReplaceRoute", c.code, c.status), "rtb-1 198.51.100.7/32")
			if k := cloud.KindOf(err); k != c.want {
				t.Errorf("it is %v, want %v", k, c.want)
			}
			e, ok := errors.AsType[*cloud.Error](err)
			if !ok || e.Action != "ec2:ReplaceRoute" || e.Object != "rtb-1 198.51.100.7/32" {
				t.Errorf("it is %#v", e)
			}
		})
	}
}

func TestKindsWithoutAnswer(t *testing.T) {
	sent := &smithy.OperationError{ServiceID: "EC2", OperationName: "ReplaceRoute", Err: &smithyhttp.RequestSendError{Err: errors.New("connection refused")}}
	noRole := &smithy.OperationError{
		ServiceID: "EC2", OperationName: "ReplaceRoute",
		Err: &credentialsError{name: ownName, err: &smithy.OperationError{
			ServiceID: "ec2imds", OperationName: "GetMetadata",
			Err: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: 404}}, Err: errors.New("no role")},
		}},
	}
	assumed := &smithy.OperationError{
		ServiceID: "EC2", OperationName: "ReplaceRoute",
		Err: &credentialsError{name: "arn:aws:iam::1:role/owner", err: answered("STS", "AssumeRole", "AccessDenied", 403)},
	}
	for _, c := range []struct {
		name   string
		err    error
		want   cloud.Kind
		action string
	}{
		{"no connection", sent, cloud.Unavailable, "ec2:ReplaceRoute"},
		{"late", context.DeadlineExceeded, cloud.Unavailable, "aws"},
		{"no role", noRole, cloud.Denied, "imds:GetMetadata"},
		{"a role that may not be assumed", assumed, cloud.Denied, "sts:AssumeRole"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := failed(c.err, "")
			e, ok := errors.AsType[*cloud.Error](err)
			if !ok || e.Kind != c.want || e.Action != c.action {
				t.Errorf("it is %v", err)
			}
			if again := failed(err, "other"); again.Error() != err.Error() {
				t.Errorf("made again, it is %v", again)
			}
		})
	}
}

func TestTogether(t *testing.T) {
	denied := failed(answered("EC2", "ReplaceRoute", "UnauthorizedOperation", 403), "rtb-1")
	busy := failed(answered("EC2", "ReplaceRoute", "RequestLimitExceeded", 503), "rtb-2")
	for _, c := range []struct {
		name string
		errs []error
		want cloud.Kind
	}{
		{"one", []error{nil, denied}, cloud.Denied},
		{"something may come of it", []error{denied, busy}, cloud.Throttled},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := together(c.errs)
			if cloud.KindOf(err) != c.want || !errors.Is(err, denied) {
				t.Errorf("together %v are %v", c.errs, err)
			}
		})
	}
	if err := together([]error{nil, nil}); err != nil {
		t.Errorf("nothing is %v", err)
	}
}
