// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"net"
	"regexp"

	"github.com/vicar-ha/vicar/checks"
)

// tcp connects, and talks if there is something to say or to hear.
//
// A connection on which nothing was said is reset, not closed: the side that
// closes keeps the connection's ports for a minute (TIME_WAIT), and at 1,000
// looks per second all 28,000 ports to a target would be gone in half a minute.
// Nothing is lost by it, as nothing was sent. A connection that was talked on is
// closed, for a reset may make the server forget what it has not read yet; that
// is good for up to 400 looks per second to one target.
//
// That a connection comes about says that the kernel there accepts it: a server
// that hangs shows only in an answer.
type tcp struct {
	dialer  *net.Dialer
	address string
	send    []byte
	expect  *regexp.Regexp
}

func newTCP(k checks.TCP) (checks.Probe, error) {
	if _, err := hostOf(k.Address); err != nil {
		return nil, err
	}
	expect, err := compile(k.Expect)
	if err != nil {
		return nil, err
	}
	return &tcp{dialer: dialer(k.Bind), address: k.Address, send: []byte(k.Send), expect: expect}, nil
}

// Probe implements checks.Probe.
func (p *tcp) Probe(ctx context.Context) error {
	conn, err := dial(ctx, p.dialer, "tcp", p.address)
	if err != nil {
		return err
	}
	if len(p.send) == 0 && p.expect == nil {
		reset(conn)
		return nil
	}
	defer conn.Close()
	defer until(ctx, conn)()
	if len(p.send) > 0 {
		if _, err := conn.Write(p.send); err != nil {
			return fmt.Errorf("sending to %s: %w", p.address, cause(ctx, err))
		}
	}
	if p.expect == nil {
		return nil
	}
	if err := readMatch(ctx, conn, p.expect); err != nil {
		return fmt.Errorf("waiting for the answer of %s: %w", p.address, err)
	}
	return nil
}

// Close implements checks.Probe.
func (p *tcp) Close() error { return nil }

// reset ends a connection at once and for both sides.
func reset(conn net.Conn) {
	if c, ok := conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	_ = conn.Close()
}
