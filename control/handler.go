// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

const (
	statusTimeout = 5 * time.Second
	reloadTimeout = time.Minute
	// maxInFlight bounds the requests that the HTTP listener answers at once,
	// so that a scraper gone mad doesn't keep the agent from its work.
	maxInFlight = 4
)

// socketHandler is what the Unix socket answers. A reload ends with run, not
// with its client: half of one would be nobody's wish.
func (s *Server) socketHandler(run context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/status", only(s.status, http.MethodGet, http.MethodHead))
	mux.HandleFunc("/v1/reload", only(func(w http.ResponseWriter, r *http.Request) {
		s.reload(run, w, r)
	}, http.MethodPost))
	s.moves(run, mux)
	mux.HandleFunc("/", notFound)
	return mux
}

// httpHandler is what the HTTP listener answers: reads only.
func (s *Server) httpHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/status", only(s.status, http.MethodGet, http.MethodHead))
	mux.HandleFunc("/metrics", only(s.metrics(), http.MethodGet, http.MethodHead))
	mux.HandleFunc("/{$}", only(index, http.MethodGet, http.MethodHead))
	mux.HandleFunc("/", notFound)
	return limited(mux)
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), statusTimeout)
	defer cancel()
	st, err := s.cfg.Backend.Status(ctx)
	if err != nil {
		fail(w, http.StatusServiceUnavailable, fmt.Errorf("asking the agent: %w", err))
		return
	}
	answer(w, http.StatusOK, st)
}

func (s *Server) reload(run context.Context, w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), reloadTimeout)
	defer cancel()
	defer context.AfterFunc(run, cancel)()
	if err := s.cfg.Backend.Reload(ctx); err != nil {
		failAs(w, err)
		return
	}
	answer(w, http.StatusOK, struct{}{})
}

func index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = fmt.Fprint(w, "vicar\n\n/v1/status  the agent's status, JSON\n/metrics    Prometheus metrics\n")
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	fail(w, http.StatusNotFound, errors.New("no such page"))
}

// only lets requests with one of methods through to h.
func only(h http.HandlerFunc, methods ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(methods, r.Method) {
			h(w, r)
			return
		}
		for _, m := range methods {
			w.Header().Add("Allow", m)
		}
		fail(w, http.StatusMethodNotAllowed, errors.New("method not allowed"))
	}
}

// limited answers at most maxInFlight requests at once and turns others away.
func limited(h http.Handler) http.Handler {
	seats := make(chan struct{}, maxInFlight)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case seats <- struct{}{}:
			defer func() { <-seats }()
			h.ServeHTTP(w, r)
		default:
			w.Header().Set("Retry-After", "1")
			fail(w, http.StatusServiceUnavailable, errors.New("too many requests at once"))
		}
	})
}

// answer writes v. A client that is gone is nobody's problem.
func answer(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		code, body = http.StatusInternalServerError, []byte(`{"error":"encoding the answer"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n'))
}
