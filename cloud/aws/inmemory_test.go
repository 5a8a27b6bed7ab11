// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
)

// overtaken is net/http when the answer comes before it knows that the request's
// body is at its end: it looks for more while the answer is read, and closes the
// connection if that fails.
type overtaken struct{ http.RoundTripper }

func (o overtaken) RoundTrip(r *http.Request) (*http.Response, error) {
	text, err := io.ReadAll(io.LimitReader(r.Body, r.ContentLength))
	if err != nil {
		return nil, err
	}
	sent := r.Clone(r.Context())
	sent.Body = io.NopCloser(bytes.NewReader(text))
	answer, err := o.RoundTripper.RoundTrip(sent)
	if err == nil {
		answer.Body = &overtaking{answer.Body, r.Body}
	}
	return answer, err
}

type overtaking struct {
	io.ReadCloser
	rest io.Reader
}

func (o *overtaking) Read(p []byte) (int, error) {
	if n, err := io.Copy(io.Discard, o.rest); n > 0 || err != nil {
		return 0, net.ErrClosed
	}
	return o.ReadCloser.Read(p)
}

// TestOvertaken: an answer that comes early is read to its end.
func TestOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		meta := f.Transport(awsfake.ClusterNode(1))
		s := f.session(t, 1, Config{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Host == awsfake.IMDSAddress || r.Body == nil {
				return meta.RoundTrip(r)
			}
			return overtaken{meta}.RoundTrip(r)
		})})
		p, err := NewSecondary(s, SecondaryConfig{Interface: at(1)})
		if err != nil {
			t.Fatal(err)
		}
		if _, f := p.nic(t.Context()); !f.OK {
			t.Errorf("found %+v", f)
		}
	})
}
