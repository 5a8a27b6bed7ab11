// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"

	"github.com/vicar-ha/vicar/status"
)

// ErrNoAgent says that no agent answered on the socket.
var ErrNoAgent = errors.New("no agent answers")

// NoAgentError is an ErrNoAgent with its circumstances.
type NoAgentError struct {
	Socket string
	Err    error // of the connection
}

// Error says what is the matter and what to do about it.
func (e *NoAgentError) Error() string {
	head := "no agent answers at " + e.Socket
	switch {
	case errors.Is(e.Err, fs.ErrNotExist):
		return head + ": there is no such socket: is the agent running? (systemctl status vicar)"
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return head + ": an agent was there and is gone: see why it ended (systemctl status vicar)"
	case errors.Is(e.Err, fs.ErrPermission):
		return head + ": you lack permission: the socket is for its owner and group (try it as root)"
	case errors.Is(e.Err, context.DeadlineExceeded):
		return head + ": something listens there but says nothing: does the agent hang? (systemctl status vicar)"
	default:
		return head + ": " + e.Err.Error()
	}
}

// Is makes every NoAgentError an ErrNoAgent.
func (e *NoAgentError) Is(target error) bool { return target == ErrNoAgent }

// Unwrap is the cause.
func (e *NoAgentError) Unwrap() error { return e.Err }

// AnswerError is an error that the agent answered with.
type AnswerError struct {
	Code    int // HTTP status
	Message string
}

// Error is the agent's own message.
func (e *AnswerError) Error() string { return e.Message }

// Is tells whether the agent meant ErrInvalid.
func (e *AnswerError) Is(target error) bool {
	return target == ErrInvalid && e.Code == http.StatusUnprocessableEntity
}

// Client talks to an agent. It keeps no connection between calls and may be
// used by several goroutines.
type Client struct {
	socket string
	http   http.Client
}

// Dial returns a client for the agent at socket. It does not connect: each
// call does, so that a Client outlives the agent's restart.
func Dial(socket string) *Client {
	var d net.Dialer
	return &Client{socket: socket, http: http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", socket)
		},
	}}}
}

// Status asks how the agent is.
func (c *Client) Status(ctx context.Context) (status.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	var st status.Status
	err := c.call(ctx, http.MethodGet, "/v1/status", &st)
	return st, err
}

// Reload makes the agent read its configuration again and returns when it is
// in force, or why it is not.
func (c *Client) Reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	return c.call(ctx, http.MethodPost, "/v1/reload", nil)
}

// maxAnswer bounds what a Client reads: some 2,000 routers' status.
const maxAnswer = 64 << 20

// call makes one request and decodes its answer into v, unless v is nil.
func (c *Client) call(ctx context.Context, method, path string, v any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://vicar"+path, nil)
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return err
		}
		return &NoAgentError{Socket: c.socket, Err: err}
	}
	defer res.Body.Close()
	body := json.NewDecoder(io.LimitReader(res.Body, maxAnswer))
	if res.StatusCode != http.StatusOK {
		var f failure
		if err := body.Decode(&f); err != nil || f.Error == "" {
			f.Error = "the agent answered " + res.Status
		}
		return &AnswerError{Code: res.StatusCode, Message: f.Error}
	}
	if v == nil {
		return nil
	}
	if err := body.Decode(v); err != nil {
		return fmt.Errorf("reading the agent's answer: %w", err)
	}
	return nil
}
