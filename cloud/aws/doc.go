// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package aws moves addresses in AWS: secondary private addresses of a network
// interface (Secondary), routes to one address in route tables (Route), and
// Elastic IPs (EIP). Each is a cloud.Provider on one Session.
//
// A Session knows which machine it is on by the metadata service (version 2
// alone), and keeps at hand what a take-over needs: credentials that are renewed
// in the background, connections to EC2 with TLS that are kept open, and the ids
// of the machine's interfaces. A Session may be made, and run, while nothing of
// AWS answers; what it does not know yet it asks for again.
//
// Requests are tried once. Whether to try again is for package cloud to say.
//
// Beside that: Policy is the least IAM policy that a configuration needs, Watch
// tells of interruptions and maintenance that the metadata service announces, and
// Tables are DynamoDB tables whose items are written if their version has not
// changed.
package aws
