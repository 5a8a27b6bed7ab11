// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// inMemory sends requests with bodies that net/http knows to be in memory, in one
// piece. It sends a body of the SDK's own in a piece of its own, and then looks for
// more in it. If the answer is faster, the SDK has closed the body, which then fails
// with io.EOF, and net/http closes the connection before the answer is read:
// https://github.com/aws/aws-sdk-go-v2/issues/2737.
type inMemory struct{ http.RoundTripper }

// RoundTrip satisfies http.RoundTripper.
func (m inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return m.RoundTripper.RoundTrip(r)
	}
	text, err := io.ReadAll(r.Body)
	_ = r.Body.Close() // all of it has been read, or err says why not
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	sent := r.WithContext(r.Context())
	sent.Body = io.NopCloser(bytes.NewReader(text))
	return m.RoundTripper.RoundTrip(sent)
}

// CloseIdleConnections is for http.Client.
func (m inMemory) CloseIdleConnections() {
	if c, ok := m.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
