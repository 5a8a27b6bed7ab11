// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"syscall"
	"time"

	"github.com/vicar-ha/vicar/checks"
)

const (
	// patienceMost is the longest that silence is listened to.
	patienceMost = 500 * time.Millisecond
	// grudge is how long a refusal is remembered.
	grudge = 2 * time.Second
	// datagramSize is how much of a reply is read; the rest is cut off.
	datagramSize = 4 << 10
)

// udp sends a datagram from a port of its own, so that only the target's
// answers to it come back.
//
// With a pattern the first reply decides: it can only be the target's, and
// waiting on after a wrong one would hide it behind a time-out.
//
// Without one any reply passes, and silence does after half of the time that
// the look has, 500 ms at most: a refusal (ICMP port unreachable) takes no
// longer than a packet's way there and back. Hosts limit how often they refuse
// (Linux: after six at once, one per second and address), so for two seconds
// after a refusal silence is taken for another.
type udp struct {
	dialer  *net.Dialer
	address string
	send    []byte
	expect  *regexp.Regexp

	refused time.Time // the last refusal's
}

func newUDP(k checks.UDP) (checks.Probe, error) {
	if _, err := hostOf(k.Address); err != nil {
		return nil, err
	}
	expect, err := compile(k.Expect)
	if err != nil {
		return nil, err
	}
	return &udp{dialer: dialer(k.Bind), address: k.Address, send: []byte(k.Send), expect: expect}, nil
}

// Probe implements checks.Probe.
func (p *udp) Probe(ctx context.Context) error {
	conn, err := dial(ctx, p.dialer, "udp", p.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if p.expect == nil {
		return p.provoke(ctx, conn)
	}
	defer until(ctx, conn)()
	reply, err := exchange(conn, p.send)
	if err != nil {
		return fmt.Errorf("asking %s: %w", p.address, cause(ctx, err))
	}
	if !p.expect.Match(reply) {
		return fmt.Errorf("asking %s: %w", p.address, mismatch(reply, p.expect))
	}
	return nil
}

// provoke sends and passes unless it is refused.
func (p *udp) provoke(ctx context.Context, conn net.Conn) error {
	quiet, cancel := context.WithTimeout(ctx, patience(ctx))
	defer cancel()
	defer until(quiet, conn)()
	_, err := exchange(conn, p.send)
	now := time.Now()
	switch {
	case err == nil:
		p.refused = time.Time{}
		return nil
	case ctx.Err() == nil && quiet.Err() != nil:
		if ago := now.Sub(p.refused); ago < grudge {
			return fmt.Errorf("sending to %s: %w %v ago, and silence since", p.address, syscall.ECONNREFUSED, ago.Round(time.Millisecond))
		}
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		p.refused = now
	}
	return fmt.Errorf("sending to %s: %w", p.address, cause(ctx, err))
}

// Close implements checks.Probe.
func (p *udp) Close() error { return nil }

// exchange sends a datagram, empty or not, and waits for the reply.
func exchange(conn net.Conn, payload []byte) ([]byte, error) {
	if _, err := conn.Write(payload); err != nil {
		return nil, err
	}
	buf := make([]byte, datagramSize)
	n, err := conn.Read(buf)
	if err != nil {
		return nil, err
	}
	return buf[:n], nil
}

// patience is how long silence is listened to in a look where it means that
// all is well: half of what is left, and not longer than patienceMost.
func patience(ctx context.Context) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		return patienceMost
	}
	return min(time.Until(end)/2, patienceMost)
}
