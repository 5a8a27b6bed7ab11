// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"errors"
	"net/http"
)

// What a Backend's error may be. It survives the way through the socket: a
// Client's error is what the Backend's was.
var (
	// ErrInvalid marks the error of a Reload that was refused because the new
	// configuration is not valid.
	ErrInvalid = errors.New("the configuration is not valid")
	// ErrUnknown marks that there is no router, node, service or server of that name.
	ErrUnknown = errors.New("there is none of that name")
	// ErrRefused marks what can't be done as things are.
	ErrRefused = errors.New("that can't be done now")
	// ErrNoGuard says that the configuration has no guard.
	ErrNoGuard = errors.New("the configuration has no guard, and so no voters (guard.kind: quorum)")
)

// kinds are the errors that survive, by the word for them on the socket.
var kinds = []struct {
	word string
	err  error
	code int
}{
	{"invalid", ErrInvalid, http.StatusUnprocessableEntity},
	{"unknown", ErrUnknown, http.StatusNotFound},
	{"refused", ErrRefused, http.StatusConflict},
	{"no_guard", ErrNoGuard, http.StatusConflict},
	{"request", errRequest, http.StatusBadRequest},
}

// failure is the body of every answer that is no success.
type failure struct {
	Error string `json:"error"`
	Kind  string `json:"kind,omitempty"` // one of kinds
}

func fail(w http.ResponseWriter, code int, err error) {
	answer(w, code, failure{Error: err.Error()})
}

// failAs answers with the kind of err.
func failAs(w http.ResponseWriter, err error) {
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			answer(w, k.code, failure{Error: err.Error(), Kind: k.word})
			return
		}
	}
	fail(w, http.StatusInternalServerError, err)
}

// AnswerError is an error that the agent answered with.
type AnswerError struct {
	Code    int    // HTTP status
	Kind    string // what it is, as Is tells; empty: nothing in particular
	Message string
}

// Error is the agent's own message.
func (e *AnswerError) Error() string { return e.Message }

// Is tells whether the agent meant ErrInvalid, ErrUnknown, ErrRefused or
// ErrNoGuard.
func (e *AnswerError) Is(target error) bool {
	for _, k := range kinds {
		if target == k.err {
			return e.Kind == k.word
		}
	}
	return false
}
