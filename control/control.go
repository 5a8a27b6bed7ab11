// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package control is how a running agent is talked to: HTTP and JSON on a Unix
// socket that only the agent's user and group may use, and, if wanted, a
// read-only HTTP listener with the status and Prometheus metrics. It has the
// client of the socket too.
//
//	socket   GET  /v1/status   a status.Status
//	         POST /v1/reload   reads the configuration again and applies it
//	         POST /v1/handover a Handover; answers a HandoverResult
//	         POST /v1/drain    gives up what the node holds; answers what moved;
//	                           {"force": true} does so even if nobody takes it
//	         POST /v1/undrain
//	         GET  /v1/voters   a status.Guard
//	         POST /v1/voters/forget  {"node": "..."}
//	         POST /v1/pool/drain     a PoolDrain
//	http     GET  /            what there is
//	         GET  /v1/status
//	         GET  /metrics     Prometheus; docs/metrics.md
//
// An error is {"error": "..."} with a fitting HTTP status, and with its "kind" if
// it is one that clients tell apart.
package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// Backend is the agent as the control server sees it. Its methods are called
// by several goroutines at the same time and return soon after ctx ends.
type Backend interface {
	// Status tells how the agent is.
	Status(ctx context.Context) (status.Status, error)
	// Reload reads the configuration again and applies it, or changes nothing
	// and says why. ctx does not end when the client goes away.
	Reload(ctx context.Context) error
	// Handover makes a router change hands and returns when the other node holds
	// it, or why that did not come about: ErrUnknown, ErrRefused. It can be asked
	// of any node. ctx does not end when the client goes away.
	Handover(ctx context.Context, h Handover) (HandoverResult, error)
	// Drain makes this node give up what it holds and take no part in elections,
	// over restarts too, until it is called with false. It returns what moved. Again
	// is as once. Without force it is ErrRefused, and nothing changes, if no other
	// node is ready for what this one holds. ctx does not end when the client goes
	// away.
	Drain(ctx context.Context, on, force bool) ([]Moved, error)
	// Forget tells the guard that a node is gone for good, so that a change of the
	// voters doesn't wait for it: ErrNoGuard, ErrUnknown, or ErrRefused if that node
	// is there or nobody waits for it.
	Forget(ctx context.Context, node string) error
	// PoolDrain makes a server of a pool get no new connections, over restarts too,
	// until it is called with Drain false, and returns when the kernel does so. Again is
	// as once. It is ErrUnknown if there is no such service or server. ctx does not end
	// when the client goes away.
	PoolDrain(ctx context.Context, d PoolDrain) error
}

// Config is what a Server needs.
type Config struct {
	// Socket is the path of the Unix socket. Its directory exists.
	Socket string
	// HTTP is the host:port of the read-only listener; empty for none.
	HTTP    string
	Backend Backend
	Log     *slog.Logger // nil: nothing is logged
}

// Server answers on the control socket and the HTTP listener.
type Server struct {
	cfg   Config
	ready chan struct{}
	http  net.Addr // set before ready is closed
}

// New checks cfg and returns a Server that has not opened anything yet.
func New(cfg Config) (*Server, error) {
	if cfg.Backend == nil {
		return nil, errors.New("control: no backend")
	}
	if err := checkSocketPath(cfg.Socket); err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	if cfg.HTTP != "" {
		if _, _, err := net.SplitHostPort(cfg.HTTP); err != nil {
			return nil, fmt.Errorf("control: http address: %w", err)
		}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{cfg: cfg, ready: make(chan struct{})}, nil
}

// Ready is closed when both listeners are open.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// HTTPAddr is where the HTTP listener listens; nil if there is none. It is
// known once Ready is closed.
func (s *Server) HTTPAddr() net.Addr { return s.http }

// Run opens the socket and the listener and answers until ctx ends, which is
// no error. When it returns no request is being answered and the socket is
// removed. It is called once.
func (s *Server) Run(ctx context.Context) error {
	sock, err := listenSocket(ctx, s.cfg.Socket)
	if err != nil {
		return fmt.Errorf("opening the control socket: %w", err)
	}
	defer sock.remove()
	serve := []func(context.Context) error{
		func(ctx context.Context) error {
			return s.serve(ctx, sock, s.newServer(s.socketHandler(ctx), reloadTimeout+5*time.Second))
		},
	}
	if s.cfg.HTTP != "" {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", s.cfg.HTTP)
		if err != nil {
			_ = sock.Close()
			return fmt.Errorf("opening the control HTTP listener: %w", err)
		}
		s.http = l.Addr()
		serve = append(serve, func(ctx context.Context) error {
			return s.serve(ctx, l, s.newServer(s.httpHandler(), 15*time.Second))
		})
	}
	close(s.ready)
	return together(ctx, serve)
}

// together runs all of fns until the first returns, ends the others, waits for
// them and returns their errors.
func together(ctx context.Context, fns []func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(fns))
	var wg sync.WaitGroup
	for i, fn := range fns {
		wg.Go(func() {
			defer cancel()
			errs[i] = fn(ctx)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// newServer is an http.Server that no client can hold on to for long: every
// phase of a request has its limit.
func (s *Server) newServer(h http.Handler, write time.Duration) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      write,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
}

// serve answers on l until ctx ends, then lets running requests finish for a
// moment: their context has ended with ctx.
func (s *Server) serve(ctx context.Context, l net.Listener, srv *http.Server) error {
	var g gate
	srv.Handler = g.guard(srv.Handler)
	srv.BaseContext = func(net.Listener) context.Context { return ctx }
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	var err error
	select {
	case err = <-done:
		err = fmt.Errorf("serving %s: %w", l.Addr(), err)
		_ = srv.Close()
	case <-ctx.Done():
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if srv.Shutdown(end) != nil {
			_ = srv.Close()
		}
		if stopped := <-done; !errors.Is(stopped, http.ErrServerClosed) {
			err = fmt.Errorf("serving %s: %w", l.Addr(), stopped)
		}
	}
	g.close()
	return err
}

// gate makes serve able to wait for the handlers, which neither Close nor a
// Shutdown with a limit does.
type gate struct {
	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.inside.Add(1)
	}
	return !g.closed
}

// close lets nobody in any more and waits for those inside.
func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.inside.Wait()
}

func (g *gate) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.enter() {
			return
		}
		defer g.inside.Done()
		h.ServeHTTP(w, r)
	})
}
