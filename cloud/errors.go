// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"errors"
	"fmt"
)

// Kind is what sort of answer an error is. It decides whether it is worth trying
// again.
type Kind uint8

// The kinds. What no Error is, is Unavailable.
const (
	Unavailable Kind = iota // the cloud can't be reached, or fails by itself
	Denied                  // not permitted; the credentials are missing or have expired
	NotFound                // an object that the configuration names is not there
	Conflict                // another has it
	Throttled               // too many requests
	Invalid                 // the request can't be right
)

var kindNames = [...]string{"unavailable", "denied", "not_found", "conflict", "throttled", "invalid"}

// String is the kind as status, logs and metrics show it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Passing tells whether the same request may succeed a moment later.
func (k Kind) Passing() bool { return k == Unavailable || k == Throttled || k == Conflict }

// Error is what a cloud has answered.
type Error struct {
	Kind   Kind
	Action string // as the cloud names it: "ec2:ReplaceRoute"
	Object string // what it was about, or empty
	Err    error
}

func (e *Error) Error() string {
	if e.Object == "" {
		return fmt.Sprintf("%s: %s: %v", e.Action, e.Kind, e.Err)
	}
	return fmt.Sprintf("%s of %s: %s: %v", e.Action, e.Object, e.Kind, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of an error.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Unavailable
}

// Partial is a Take, or a Yield, of which a part was done.
type Partial struct {
	Done []Object
	Err  error // of the others
}

func (e *Partial) Error() string { return fmt.Sprintf("%d done, others not: %v", len(e.Done), e.Err) }

func (e *Partial) Unwrap() error { return e.Err }

// ErrSuperseded is a write that was not made since this node may not write any
// more.
var ErrSuperseded = errors.New("this node may not write any more")
