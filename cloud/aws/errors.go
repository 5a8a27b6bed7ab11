// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"

	"github.com/vicar-ha/vicar/cloud"
)

// codes are the kinds of AWS's error codes: those of EC2's query interface, of
// DynamoDB, STS, SSM and Secrets Manager. What ends in .NotFound is not listed. A code that says
// nothing by itself (InvalidParameterValue is a missing route with ReplaceRoute,
// and an address that another has with AssignPrivateIpAddresses) is looked into
// by who gets it.
var codes = map[string]cloud.Kind{
	"AccessDenied":                cloud.Denied,
	"AccessDeniedException":       cloud.Denied,
	"AuthFailure":                 cloud.Denied,
	"Blocked":                     cloud.Denied,
	"ExpiredToken":                cloud.Denied,
	"ExpiredTokenException":       cloud.Denied,
	"IncompleteSignature":         cloud.Denied,
	"InvalidAccessKeyId":          cloud.Denied,
	"InvalidClientTokenId":        cloud.Denied,
	"InvalidSecurity":             cloud.Denied,
	"InvalidSignatureException":   cloud.Denied,
	"MissingAuthenticationToken":  cloud.Denied,
	"OperationNotPermitted":       cloud.Denied,
	"OptInRequired":               cloud.Denied,
	"PendingVerification":         cloud.Denied,
	"RequestExpired":              cloud.Denied,
	"SignatureDoesNotMatch":       cloud.Denied,
	"UnauthorizedOperation":       cloud.Denied,
	"UnrecognizedClientException": cloud.Denied,

	"ParameterNotFound":         cloud.NotFound,
	"ResourceNotFoundException": cloud.NotFound,

	"AddressLimitExceeded":            cloud.Invalid,
	"ConditionalCheckFailedException": cloud.Conflict,
	"IncorrectState":                  cloud.Conflict,
	"InvalidIPAddress.InUse":          cloud.Conflict,
	"InvalidNetworkInterface.InUse":   cloud.Conflict,
	"Resource.AlreadyAssociated":      cloud.Conflict,
	"Resource.AlreadyAssigned":        cloud.Conflict,
	"RouteAlreadyExists":              cloud.Conflict,
	"TransactionConflictException":    cloud.Conflict,

	"InternalError":                cloud.Unavailable,
	"InternalFailure":              cloud.Unavailable,
	"InternalServerError":          cloud.Unavailable,
	"InternalServiceError":         cloud.Unavailable,
	"InsufficientAddressCapacity":  cloud.Unavailable,
	"InsufficientInstanceCapacity": cloud.Unavailable,
	"RequestTimeout":               cloud.Unavailable,
	"RequestTimeoutException":      cloud.Unavailable,
	"ServerInternal":               cloud.Unavailable,
	"ServiceUnavailable":           cloud.Unavailable,
	"Unavailable":                  cloud.Unavailable,
}

// stale are the codes of credentials that have ended before their time, or whose
// end has not been seen.
var stale = map[string]bool{"ExpiredToken": true, "ExpiredTokenException": true, "RequestExpired": true, "InvalidClientTokenId": true, "AuthFailure": true}

// code is the error code that AWS answered, or empty.
func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		// The query interface shows a code of the client's with a prefix at times.
		return strings.TrimPrefix(strings.TrimPrefix(e.ErrorCode(), "Client."), "Server.")
	}
	return ""
}

// kind sorts an error of the SDK.
func kind(err error) cloud.Kind {
	c, status := code(err), status(err)
	k, known := codes[c]
	_, throttled := retry.DefaultThrottleErrorCodes[c]
	switch {
	case known:
		return k
	case throttled || status == 429:
		return cloud.Throttled
	case strings.HasSuffix(c, ".NotFound") || status == 404:
		if _, ok := errors.AsType[*credentialsError](err); ok {
			return cloud.Denied // the machine has no role
		}
		return cloud.NotFound
	case c == "" || status >= 500:
		return cloud.Unavailable
	}
	return cloud.Invalid
}

// failed makes an error of this project of one of the SDK's. object is what the
// request was about.
func failed(err error, object string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*cloud.Error](err); ok {
		return err
	}
	if _, ok := errors.AsType[*credentialsError](err); ok {
		object = "" // it has not come to that
	}
	return &cloud.Error{Kind: kind(err), Action: action(err), Object: object, Err: said(err)}
}

// action is the innermost request that failed, as policies name it: assuming a
// role may have failed in the middle of another request.
func action(err error) string {
	found := ""
	for e, ok := errors.AsType[*smithy.OperationError](err); ok; e, ok = errors.AsType[*smithy.OperationError](e.Err) {
		service := strings.ToLower(e.ServiceID)
		if service == "ec2imds" {
			service = "imds"
		}
		found = service + ":" + e.OperationName
	}
	if found == "" {
		return "aws"
	}
	return found
}

// done looks at what came of a request: it remembers what was denied and what was
// done, for who looks whether a take-over would succeed, and has credentials renewed that were
// not accepted. object is what the request was about.
func (s *Session) done(err error, name, object string) error {
	if err == nil {
		s.tried.Done(name, nil)
		return nil
	}
	err = failed(err, object)
	if stale[code(err)] {
		s.own.expired()
		if s.role != nil {
			s.role.expired()
		}
	}
	if e, ok := errors.AsType[*cloud.Error](err); ok && e.Kind == cloud.Denied {
		s.tried.Done(name, e)
	}
	return err
}
