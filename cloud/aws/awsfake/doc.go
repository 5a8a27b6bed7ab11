// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package awsfake is a part of one AWS region that runs in this process: EC2, STS,
// DynamoDB, SSM and Secrets Manager as servers for HTTP requests, a metadata
// service per instance, and a data plane that tells where packets go. It is for
// tests and for the demo, with the real SDK against it.
//
// It is strict where other doubles are not. An address has one holder, whatever
// was asked; AllowReassignment, limits of interfaces and subnets, and DryRun are
// honoured; requests must be signed by keys that have not expired, and what no
// policy allows is refused; what a describe, the metadata service and the packets
// show follows a change each with a lag of its own. It knows the actions that
// vicar uses, and those by which an administrator makes what vicar moves. What it
// does not know it refuses, rather than to accept it and do nothing.
//
// Its answers are those of the API reference of EC2 (2016-11-15), DynamoDB
// (2012-08-10), STS (2011-06-15), SSM (2014-11-06) and Secrets Manager (2017-10-17)
// as of 2026; where these say nothing, the comment at the place says what is
// assumed.
package awsfake
