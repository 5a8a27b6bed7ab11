// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// Handover asks that a router changes hands.
type Handover struct {
	Router string `json:"router"` // its name; with its sync group, if it has one
	// To is the node that is to hold it, and to keep it until it fails; empty is
	// the best of those that don't.
	To string `json:"to,omitempty"`
	// Auto ends what an earlier To asked for, instead: the best node takes over.
	Auto bool `json:"auto,omitempty"`
	// Force hands it over also to a node that says that it could not take it over.
	Force bool `json:"force,omitempty"`
}

// HandoverResult is what came of a Handover.
type HandoverResult struct {
	From string        `json:"from"`    // the holder before
	To   string        `json:"to"`      // the holder now
	Took time.Duration `json:"took_ns"` // until it was elected
	// Held is after how long it had the addresses; 0 where that is not told, since the
	// nodes have no peer link.
	Held time.Duration `json:"held_ns,omitempty"`
	// Returns: From is the better one and takes it back, as preempt allows.
	Returns bool `json:"returns,omitempty"`
}

// Moved is a router that a drained node has given up.
type Moved struct {
	Router string `json:"router"`
	To     string `json:"to,omitempty"` // who has it now; empty: nobody that this node knows of
	// Took and Held are as in HandoverResult.
	Took time.Duration `json:"took_ns,omitempty"`
	Held time.Duration `json:"held_ns,omitempty"`
}

// The bodies of requests and answers.
type (
	drain struct {
		Force bool `json:"force,omitempty"`
	}
	drained struct {
		Moved []Moved `json:"moved"`
	}
	forget struct {
		Node string `json:"node"`
	}
)

const (
	moveTimeout = 30 * time.Second
	// maxRequest bounds what a client may send.
	maxRequest = 64 << 10
)

// moves adds what changes who holds what. A request goes on when its client
// goes away and ends with run, as a reload does.
func (s *Server) moves(run context.Context, mux *http.ServeMux) {
	post := func(path string, do func(context.Context, *http.Request) (any, error)) {
		mux.HandleFunc(path, only(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), moveTimeout)
			defer cancel()
			defer context.AfterFunc(run, cancel)()
			if result, err := do(ctx, r); err != nil {
				failAs(w, err)
			} else {
				answer(w, http.StatusOK, result)
			}
		}, http.MethodPost))
	}
	post("/v1/handover", s.handover)
	post("/v1/drain", s.drain)
	post("/v1/undrain", func(ctx context.Context, _ *http.Request) (any, error) { return s.drained(ctx, false, false) })
	post("/v1/voters/forget", s.forget)
	post("/v1/pool/drain", s.poolDrain)
	mux.HandleFunc("/v1/voters", only(s.voters, http.MethodGet, http.MethodHead))
}

func (s *Server) handover(ctx context.Context, r *http.Request) (any, error) {
	var h Handover
	if err := decode(r, &h); err != nil {
		return nil, err
	}
	switch {
	case h.Router == "":
		return nil, fmt.Errorf("%w: which router?", errRequest)
	case h.Auto && h.To != "":
		return nil, fmt.Errorf("%w: either a node or auto", errRequest)
	}
	return s.cfg.Backend.Handover(ctx, h)
}

// drain takes a request without a body too.
func (s *Server) drain(ctx context.Context, r *http.Request) (any, error) {
	var d drain
	if err := decode(r, &d); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return s.drained(ctx, true, d.Force)
}

func (s *Server) drained(ctx context.Context, on, force bool) (any, error) {
	moved, err := s.cfg.Backend.Drain(ctx, on, force)
	return drained{Moved: moved}, err
}

func (s *Server) forget(ctx context.Context, r *http.Request) (any, error) {
	var f forget
	if err := decode(r, &f); err != nil {
		return nil, err
	}
	if f.Node == "" {
		return nil, fmt.Errorf("%w: which node?", errRequest)
	}
	return struct{}{}, s.cfg.Backend.Forget(ctx, f.Node)
}

func (s *Server) voters(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), statusTimeout)
	defer cancel()
	st, err := s.cfg.Backend.Status(ctx)
	switch {
	case err != nil:
		fail(w, http.StatusServiceUnavailable, fmt.Errorf("asking the agent: %w", err))
	case st.Guard == nil:
		failAs(w, ErrNoGuard)
	default:
		answer(w, http.StatusOK, st.Guard)
	}
}

// errRequest marks a request that no client of this package makes.
var errRequest = errors.New("the request makes no sense")

func decode(r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxRequest))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", errRequest, err)
	}
	return nil
}

// Handover makes a router change hands and returns when it has.
func (c *Client) Handover(ctx context.Context, h Handover) (HandoverResult, error) {
	var result HandoverResult
	err := c.move(ctx, "/v1/handover", h, &result)
	return result, err
}

// Drain makes the node give up what it holds and take no part in elections, over
// restarts too, until it is called with false. It returns what moved. If no other
// node is ready to take it over that is ErrRefused, unless force is set.
func (c *Client) Drain(ctx context.Context, on, force bool) ([]Moved, error) {
	path, request := "/v1/undrain", any(nil)
	if on {
		path, request = "/v1/drain", drain{Force: force}
	}
	var d drained
	err := c.move(ctx, path, request, &d)
	return d.Moved, err
}

// Voters asks how the guard and its voters are; ErrNoGuard says that there are
// none.
func (c *Client) Voters(ctx context.Context) (status.Guard, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	var g status.Guard
	err := c.call(ctx, http.MethodGet, "/v1/voters", nil, &g)
	return g, err
}

// Forget tells that a node is gone for good, so that a change of the voters
// doesn't wait for it.
func (c *Client) Forget(ctx context.Context, node string) error {
	return c.move(ctx, "/v1/voters/forget", forget{Node: node}, nil)
}

// move makes a request that may take a while.
func (c *Client) move(ctx context.Context, path string, request, v any) error {
	ctx, cancel := context.WithTimeout(ctx, moveTimeout+time.Second)
	defer cancel()
	return c.call(ctx, http.MethodPost, path, request, v)
}
