// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"maps"
	"slices"
	"time"
)

// Request is one that has come in.
type Request struct {
	At      time.Time
	Service string // "ec2", "sts", "dynamodb", "ssm", "secretsmanager" or "imds"
	Action  string // of the metadata service, the path
	Caller  string // the instance or user whose keys signed it; empty: not known
	Write   bool   // it changes something
	DryRun  bool
	// Params are what was asked for: "NetworkInterfaceId", "PrivateIpAddress.1"; of
	// DynamoDB, the strings of the request by their path: "Key.id.S".
	Params map[string]string
	// Code is what was answered: empty for success, "InvalidParameterValue". It is
	// the answer even where it was lost on its way; "none" where there was none.
	Code string

	id int
}

// Objects are the values of the parameters, in their order.
func (r Request) Objects() []string {
	var vs []string
	for _, k := range slices.Sorted(maps.Keys(r.Params)) {
		vs = append(vs, r.Params[k])
	}
	return vs
}

// none is the code of what was not answered.
const none = "none"

// note logs a request, and returns it with its number.
func (w *World) note(r Request) Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serial++
	r.At, r.Code, r.id = time.Now(), none, int(w.serial)
	w.requests = append(w.requests, r)
	return r
}

// answered notes the code of an answer.
func (w *World) answered(id int, code string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for n := len(w.requests) - 1; n >= 0; n-- {
		if w.requests[n].id == id {
			w.requests[n].Code = code
			return
		}
	}
}

// Requests are those since the start, or the last Forget, oldest first.
func (w *World) Requests() []Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.requests)
}

// Count counts requests of an action, "" of all; a * matches anything. Those of the
// metadata service are not among them.
func (w *World) Count(action string) int {
	n := 0
	for _, r := range w.Requests() {
		if r.Service != "imds" && (action == "" || glob(action, r.Action)) {
			n++
		}
	}
	return n
}

// Forget empties the log.
func (w *World) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = nil
}
