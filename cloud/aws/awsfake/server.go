// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// longestBody is what a request may have.
const longestBody = 1 << 20

// reply is an answer.
type reply struct {
	status  int
	code    string // of an error; empty for success
	headers map[string]string
	body    []byte
}

// exchange is a request on its way, with the service that answers.
type exchange struct {
	request   Request
	http      *http.Request
	body      []byte
	signature signature
	signed    error // why the signature can't be read
	params    params
	service   service
}

// service is one of EC2, STS, DynamoDB, SSM and Secrets Manager.
type service interface {
	// read finds out what is asked; an answer instead is that it can't be told.
	read(e *exchange) (Request, *reply)
	// answer does it. The signature has been found good, and the principal's.
	answer(w *World, e *exchange, who *keyPair) reply
	// fail is an error as this service says it.
	fail(e failure) reply
}

// failure is an error of an API.
type failure struct {
	status        int
	code, message string
	detail        any // of DynamoDB: what the answer has beside it
}

func (f failure) Error() string { return f.code + ": " + f.message }

// ServeHTTP is all services: each signed request says which it is for.
func (w *World) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, longestBody))
	if err != nil {
		http.Error(rw, "the request is too long, or was cut off", http.StatusRequestEntityTooLarge)
		return
	}
	e := &exchange{http: r, body: body}
	e.signature, e.signed = parseSignature(r.Header.Get("Authorization"))
	e.service = serviceOf(e)
	request, unread := e.service.read(e)
	request.Caller = w.callerOf(e.signature.key)
	request = w.note(request)
	e.request = request
	w.serve(rw, r, request, func() reply {
		if unread != nil {
			return *unread
		}
		return w.answer(e)
	}, e.service.fail)
}

// serviceOf tells the service by the scope of the signature, and by the request's
// form where it has none.
func serviceOf(e *exchange) service {
	if k, ok := keeperOf(e); ok {
		return k
	}
	switch {
	case e.signature.service == "dynamodb" || e.http.Header.Get("X-Amz-Target") != "":
		return dynamo{}
	case e.signature.service == "sts":
		return sts{}
	}
	return ec2{}
}

func (w *World) callerOf(key string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.identity.keys[key]; c != nil {
		return c.caller
	}
	return ""
}

// serve answers a request as faults want it. One half of the latency passes before
// anything is done, the other one after it.
func (w *World) serve(rw http.ResponseWriter, r *http.Request, request Request, answer func() reply, fail func(failure) reply) {
	f, latency := w.strike(request)
	before, after := latency/2, latency-latency/2
	do := func() reply {
		re := answer()
		w.answered(request.id, re.code)
		return re
	}
	switch f.Effect {
	case Slow:
		after += f.Delay
	case Fail:
		after += f.Delay
		do = func() reply {
			re := fail(failure{status: orStatus(f.Status), code: orCode(f.Code), message: "An internal error has occurred"})
			w.answered(request.id, re.code)
			return re
		}
	case Refuse:
		refuse(rw)
	case Blackhole:
		w.hold(r.Context())
	case LoseResponse:
	case ApplyLate:
		before += f.Delay
	}
	re := w.do(r.Context(), before, request.Write, do)
	if f.Effect == LoseResponse {
		w.hold(r.Context())
	}
	w.wait(r.Context(), after)
	re.write(rw)
}

// do does what is asked after a while: a write even when nobody waits any more.
func (w *World) do(ctx context.Context, d time.Duration, write bool, f func() reply) reply {
	if d <= 0 || !write {
		w.wait(ctx, d)
		return f()
	}
	done := make(chan reply, 1)
	w.after(d, func() { done <- f() })
	select {
	case re := <-done:
		return re
	case <-ctx.Done():
	case <-w.done:
	}
	panic(http.ErrAbortHandler)
}

// hold never answers: it ends when nobody waits any more.
func (w *World) hold(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-w.done:
	}
	panic(http.ErrAbortHandler)
}

func orStatus(s int) int {
	if s == 0 {
		return http.StatusInternalServerError
	}
	return s
}

func orCode(c string) string {
	if c == "" {
		return "InternalError"
	}
	return c
}

// wait lets time pass. The request ends when nobody waits for it any more.
func (w *World) wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		panic(http.ErrAbortHandler)
	case <-w.done:
		panic(http.ErrAbortHandler)
	}
}

// refuse resets the connection.
func refuse(rw http.ResponseWriter) {
	if r, ok := rw.(interface{ refuse() }); ok {
		r.refuse()
	}
	if c, _, err := http.NewResponseController(rw).Hijack(); err == nil {
		if tcp, ok := c.(*net.TCPConn); ok {
			tcp.SetLinger(0) //nolint:errcheck // it only makes the end harder
		}
		c.Close() //nolint:errcheck // nobody is told
	}
	panic(http.ErrAbortHandler)
}

func (re reply) write(rw http.ResponseWriter) {
	for k, v := range re.headers {
		rw.Header().Set(k, v)
	}
	rw.WriteHeader(re.status)
	rw.Write(re.body) //nolint:errcheck // a client that has gone needs no answer
}

// answer checks who asks, and lets the service answer.
func (w *World) answer(e *exchange) reply {
	who, wrong := w.authenticate(e)
	if wrong != nil {
		return e.service.fail(*wrong)
	}
	return e.service.answer(w, e, who)
}

// authenticate finds whose request it is.
func (w *World) authenticate(e *exchange) (*keyPair, *failure) {
	codes := codesOf(e.service)
	if e.http.Header.Get("Authorization") == "" {
		return nil, &failure{status: codes.status, code: codes.missing, message: "Request must contain a signature that conforms to AWS standards"}
	}
	if e.signed != nil {
		return nil, &failure{status: http.StatusBadRequest, code: codes.incomplete, message: "The request signature does not conform to AWS standards"}
	}
	w.mu.Lock()
	c := w.identity.keys[e.signature.key]
	var expires time.Time
	if c != nil {
		expires = c.expires
	}
	w.mu.Unlock()
	now := time.Now()
	switch {
	case c == nil || e.http.Header.Get("X-Amz-Security-Token") != c.token:
		return nil, &failure{status: codes.status, code: codes.unknown, message: codes.unknownText}
	case !expires.IsZero() && now.After(expires):
		return nil, &failure{status: codes.expiredStatus, code: codes.expired, message: codes.expiredText}
	case !e.signature.fresh(e.http, now):
		return nil, &failure{status: codes.staleStatus, code: codes.stale, message: "Request has expired."}
	case e.signature.region != w.name || e.signature.service != strings.ToLower(codes.service) || e.signature.sign(e.http, e.body, c.secret) != e.signature.value:
		return nil, &failure{status: codes.mismatchStatus, code: codes.mismatch, message: codes.mismatchText}
	}
	return c, nil
}
