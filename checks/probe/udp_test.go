// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// line is a connection to somebody who takes what is sent and refuses or is
// silent.
type line struct {
	net.Conn
	refuses bool
}

func (l *line) Write(b []byte) (int, error) { return len(b), nil }

func (l *line) Read(b []byte) (int, error) {
	if l.refuses {
		return 0, &net.OpError{Op: "read", Err: syscall.ECONNREFUSED}
	}
	return l.Conn.Read(b)
}

func newLine(t *testing.T, refuses bool) *line {
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	return &line{a, refuses}
}

func TestUDPPatience(t *testing.T) {
	for _, c := range []struct {
		name          string
		timeout, want time.Duration
	}{
		{"half", 600 * time.Millisecond, 300 * time.Millisecond},
		{"not for ever", time.Minute, 500 * time.Millisecond},
		{"no deadline", 0, 500 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				if c.timeout > 0 {
					ctx, cancel = context.WithTimeout(t.Context(), c.timeout)
				}
				defer cancel()
				begun := time.Now()
				if err := new(udp).provoke(ctx, newLine(t, false)); err != nil {
					t.Errorf("got %v after silence, want success", err)
				}
				if took := time.Since(begun); took != c.want {
					t.Errorf("listened for %v, want %v", took, c.want)
				}
			})
		})
	}
}

func TestUDPGrudge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &udp{address: "192.0.2.1:9"}
		ctx := t.Context()
		if err := p.provoke(ctx, newLine(t, false)); err != nil {
			t.Fatalf("silence at first: %v", err)
		}
		if err := p.provoke(ctx, newLine(t, true)); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("got %v, want a refusal", err)
		}
		err := p.provoke(ctx, newLine(t, false))
		want(t, err, "sending to 192.0.2.1:9: connection refused 500ms ago, and silence since")
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%v is no refusal", err)
		}
		time.Sleep(grudge - 500*time.Millisecond)
		if err := p.provoke(ctx, newLine(t, false)); err != nil {
			t.Errorf("got %v two seconds after a refusal, want success", err)
		}
	})
}

func TestUDPCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		if err := new(udp).provoke(ctx, newLine(t, false)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}
