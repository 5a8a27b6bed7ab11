// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package site

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// beat is how often a held connection asks.
const beat = 200 * time.Millisecond

// silence is how long an answer may take before the connection counts as broken: TCP
// repeats what was lost, and a failover is no break if the connection goes on.
const silence = 10 * time.Second

// Held are connections that last and are kept busy.
type Held struct {
	mu      sync.Mutex
	conns   map[net.Conn]string // by its server; broken ones are not there
	breaks  []Break
	ended   bool
	beats   map[string]int
	worst   time.Duration
	running sync.WaitGroup
}

// Break is a held connection that ended.
type Break struct {
	Server string
	At     time.Time
	Err    error // io.EOF if the server has closed it
}

// Hold makes n connections from different addresses, and keeps them busy until Close.
func (c *Client) Hold(ctx context.Context, target netip.AddrPort, n int) (*Held, error) {
	h := &Held{conns: make(map[net.Conn]string), beats: make(map[string]int)}
	err := c.Do(func() error {
		for i := range n {
			conn, err := dial(ctx, source(i), target)
			if err != nil {
				return fmt.Errorf("connection %d: %w", i+1, err)
			}
			r := bufio.NewReader(conn)
			name, _, err := question(conn, r)
			if err != nil {
				return errors.Join(fmt.Errorf("connection %d: %w", i+1, err), conn.Close())
			}
			h.mu.Lock()
			h.conns[conn] = name
			h.mu.Unlock()
			h.running.Go(func() { h.keep(conn, r, name) })
		}
		return nil
	})
	if err != nil {
		h.Close()
		return nil, fmt.Errorf("holding connections to %s: %w", target, err)
	}
	return h, nil
}

// question asks for the server's name.
func question(c net.Conn, r *bufio.Reader) (string, time.Duration, error) {
	begin := time.Now()
	_ = c.SetDeadline(begin.Add(silence))
	if _, err := io.WriteString(c, "?\n"); err != nil {
		return "", 0, err
	}
	line, err := r.ReadString('\n')
	if err != nil {
		return "", 0, err
	}
	return line[:len(line)-1], time.Since(begin), nil
}

// keep keeps a connection busy until its end.
func (h *Held) keep(c net.Conn, r *bufio.Reader, name string) {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		<-tick.C
		got, took, err := question(c, r)
		if err == nil && got != name {
			err = fmt.Errorf("%s answers now", got)
		}
		h.mu.Lock()
		if err == nil {
			h.beats[name]++
			h.worst = max(h.worst, took)
			h.mu.Unlock()
			continue
		}
		if _, there := h.conns[c]; there && !h.ended {
			h.breaks = append(h.breaks, Break{Server: name, At: time.Now(), Err: err})
		}
		delete(h.conns, c)
		h.mu.Unlock()
		_ = c.Close()
		return
	}
}

// Servers is how many connections each server has.
func (h *Held) Servers() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make(map[string]int)
	for _, name := range h.conns {
		out[name]++
	}
	return out
}

// Breaks are those that were broken so far.
func (h *Held) Breaks() []Break {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Break(nil), h.breaks...)
}

// Beats is how many answers a server has given to all of its connections.
func (h *Held) Beats(server string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.beats[server]
}

// Worst is the longest that an answer has taken.
func (h *Held) Worst() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.worst
}

// Finish ends the connections of a server from the client's side, with a reset: after it
// nobody waits for the last packets, as the kernel does for two minutes after another end.
func (h *Held) Finish(server string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c, name := range h.conns {
		if name == server {
			delete(h.conns, c)
			if t, ok := c.(*net.TCPConn); ok {
				_ = t.SetLinger(0)
			}
			_ = c.Close()
		}
	}
}

// Close ends all.
func (h *Held) Close() {
	h.mu.Lock()
	h.ended = true
	for c := range h.conns {
		_ = c.Close()
	}
	h.mu.Unlock()
	h.running.Wait()
}
