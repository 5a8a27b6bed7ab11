// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"bytes"
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
	err := c.call(ctx, http.MethodGet, "/v1/status", nil, &st)
	return st, err
}

// Reload makes the agent read its configuration again and returns when it is
// in force, or why it is not.
func (c *Client) Reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	return c.call(ctx, http.MethodPost, "/v1/reload", nil, nil)
}

// maxAnswer bounds what a Client reads: some 2,000 routers' status.
const maxAnswer = 64 << 20

// call makes one request, with a body unless request is nil, and decodes its
// answer into v, unless v is nil.
func (c *Client) call(ctx context.Context, method, path string, request, v any) error {
	var body []byte
	if request != nil {
		var err error
		if body, err = json.Marshal(request); err != nil {
			return fmt.Errorf("encoding the request: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://vicar"+path, bytes.NewReader(body))
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
	answer := json.NewDecoder(io.LimitReader(res.Body, maxAnswer))
	if res.StatusCode != http.StatusOK {
		var f failure
		if err := answer.Decode(&f); err != nil || f.Error == "" {
			f.Error = "the agent answered " + res.Status
		}
		if res.StatusCode == http.StatusNotFound && f.Kind == "" {
			f.Error = "the agent doesn't know this command: it runs an older version than this one (see vicar status): restart it"
		}
		return &AnswerError{Code: res.StatusCode, Kind: f.Kind, Message: f.Error}
	}
	if v == nil {
		return nil
	}
	if err := answer.Decode(v); err != nil {
		return fmt.Errorf("reading the agent's answer: %w", err)
	}
	return nil
}
