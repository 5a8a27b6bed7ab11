// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// errTime is a look that was not answered before its time was over. It is a
// context.DeadlineExceeded.
var errTime error = timeError{}

type timeError struct{}

func (timeError) Error() string        { return "no answer in time" }
func (timeError) Is(target error) bool { return target == context.DeadlineExceeded }

// opAlert is the operation of a net.OpError that is a TLS server's alert, which
// has no type to know it by.
const opAlert = "remote error"

// cause is what is left of a network error for people: without the package
// net's "dial tcp 192.0.2.1:80: connect:", which the look's own words repeat.
// What errors.Is and As find in it stays.
func cause(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		return errTime
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op != opAlert {
		err = op.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		err = call.Err
	}
	return err
}

// dial connects to address (host:port) and says so in the error.
func dial(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
	conn, err := d.DialContext(ctx, network, address)
	if err == nil {
		return conn, nil
	}
	where := address
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Addr != nil && op.Addr.String() != address {
		where = fmt.Sprintf("%s (%s)", address, op.Addr)
	}
	return nil, fmt.Errorf("connecting to %s: %w", where, cause(ctx, err))
}

// until makes reading and writing on c end with ctx. stop ends this.
func until(ctx context.Context, c interface{ SetDeadline(time.Time) error }) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
}
