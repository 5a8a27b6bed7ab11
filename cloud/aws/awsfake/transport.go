// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
)

// Transport is the network of an instance without sockets: requests to the address
// of the metadata service reach the instance's own, and all others the region. It is
// for simulations, whose time is not the clock's.
func (w *World) Transport(instance string) http.RoundTripper {
	return &transport{world: w, metadata: w.IMDS(instance)}
}

type transport struct {
	world    *World
	metadata http.Handler
}

// RoundTrip sends a request. It ends with the request's context.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	handler := http.Handler(t.world)
	if host := r.URL.Hostname(); host == IMDSAddress || host == "fd00:ec2::254" {
		handler = t.metadata
	}
	served := r.Clone(r.Context())
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		r.Body.Close() //nolint:errcheck // it was read
		if err != nil {
			return nil, err
		}
	}
	served.Body, served.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if served.Host == "" {
		served.Host = r.URL.Host
	}
	served.RequestURI = r.URL.RequestURI()
	result := make(chan *recorder, 1)
	go func() {
		rec := &recorder{header: http.Header{}}
		defer func() {
			if p := recover(); p != nil {
				rec.aborted = true
				if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
			}
			result <- rec
		}()
		handler.ServeHTTP(rec, served)
	}()
	select {
	case rec := <-result:
		return rec.response(r)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// recorder is where a handler writes.
type recorder struct {
	header           http.Header
	status           int
	body             bytes.Buffer
	refused, aborted bool
}

func (rec *recorder) Header() http.Header { return rec.header }

func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status = status
	}
}

func (rec *recorder) Write(b []byte) (int, error) {
	rec.WriteHeader(http.StatusOK)
	return rec.body.Write(b)
}

// refuse is a connection that is not made.
func (rec *recorder) refuse() { rec.refused = true }

func (rec *recorder) response(r *http.Request) (*http.Response, error) {
	switch {
	case r.Context().Err() != nil:
		return nil, r.Context().Err()
	case rec.refused:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	case rec.aborted:
		return nil, io.ErrUnexpectedEOF
	}
	rec.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: http.StatusText(rec.status), StatusCode: rec.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: rec.header, Body: io.NopCloser(bytes.NewReader(rec.body.Bytes())), ContentLength: int64(rec.body.Len()), Request: r,
	}, nil
}
