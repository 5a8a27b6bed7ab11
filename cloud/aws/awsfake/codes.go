// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import "net/http"

// codes are what a service calls the errors of a request's signature, and with
// which status it answers them.
type codes struct {
	service              string
	status               int // of those that have none of their own
	missing, incomplete  string
	unknown, unknownText string

	expired, expiredText   string
	expiredStatus          int
	stale                  string // the request's time is not now
	staleStatus            int
	mismatch, mismatchText string
	mismatchStatus         int
}

const wrongSignature = "The request signature we calculated does not match the signature you provided. " +
	"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

// codesOf is how a service says it. EC2 does not tell a wrong secret from a key that
// it does not know, and calls a token that has ended RequestExpired.
func codesOf(s service) codes {
	switch s := s.(type) {
	case dynamo, keeper:
		name := "dynamodb"
		if k, ok := s.(keeper); ok {
			name = k.name
		}
		return codes{
			service: name, status: http.StatusBadRequest, missing: "MissingAuthenticationTokenException", incomplete: "IncompleteSignatureException",
			unknown: "UnrecognizedClientException", unknownText: "The security token included in the request is invalid.",
			expired: "ExpiredTokenException", expiredText: "The security token included in the request is expired", expiredStatus: http.StatusBadRequest,
			stale: "InvalidSignatureException", staleStatus: http.StatusBadRequest,
			mismatch: "InvalidSignatureException", mismatchText: wrongSignature, mismatchStatus: http.StatusBadRequest,
		}
	case sts:
		return codes{
			service: "sts", status: http.StatusForbidden, missing: "MissingAuthenticationToken", incomplete: "IncompleteSignature",
			unknown: "InvalidClientTokenId", unknownText: "The security token included in the request is invalid.",
			expired: "ExpiredToken", expiredText: "The security token included in the request is expired", expiredStatus: http.StatusForbidden,
			stale: "SignatureDoesNotMatch", staleStatus: http.StatusForbidden,
			mismatch: "SignatureDoesNotMatch", mismatchText: wrongSignature, mismatchStatus: http.StatusForbidden,
		}
	}
	return codes{
		service: "ec2", status: http.StatusUnauthorized, missing: "AuthFailure", incomplete: "IncompleteSignature",
		unknown: "AuthFailure", unknownText: "AWS was not able to validate the provided access credentials",
		expired: "RequestExpired", expiredText: "Request has expired.", expiredStatus: http.StatusBadRequest,
		stale: "RequestExpired", staleStatus: http.StatusBadRequest,
		mismatch: "AuthFailure", mismatchText: "AWS was not able to validate the provided access credentials", mismatchStatus: http.StatusUnauthorized,
	}
}
