// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package site

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// crowd makes the connections of a Load. One thread does it all with few system
// calls, which are dear in user-mode-linux.
type crowd struct {
	load  Load
	tally *Tally
	begun int
	open  []visit
}

// visit is a connection under way.
type visit struct {
	fd    int
	from  netip.Addr
	until time.Time
	mute  bool // it has yet to ask
}

// run makes all of them. It is called on a thread in the client's namespace.
func (c *crowd) run(ctx context.Context) error {
	for c.begun < c.load.Connections || len(c.open) > 0 {
		for len(c.open) < max(c.load.Parallel, 1) && c.begun < c.load.Connections && ctx.Err() == nil {
			c.begin(source(c.begun % max(c.load.Sources, 1)))
			c.begun++
		}
		if err := ctx.Err(); err != nil {
			for _, v := range c.open {
				_ = unix.Close(v.fd)
			}
			return err
		}
		c.step()
	}
	return nil
}

// begin begins a connection.
func (c *crowd) begin(from netip.Addr) {
	kind := unix.SOCK_STREAM
	if c.load.UDP {
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		c.tally.add(from, "", err)
		return
	}
	v := visit{fd: fd, from: from, until: time.Now().Add(patience), mute: !c.load.Greeted && !c.load.UDP}
	if err = unix.Bind(fd, &unix.SockaddrInet4{Addr: from.As4()}); err == nil {
		err = unix.Connect(fd, &unix.SockaddrInet4{Addr: c.load.Target.Addr().As4(), Port: int(c.load.Target.Port())})
	}
	if err == nil && c.load.UDP {
		_, err = unix.Write(fd, []byte("?"))
	}
	if err != nil && err != unix.EINPROGRESS {
		c.end(v, "", err)
		return
	}
	c.open = append(c.open, v)
}

// step waits until some connection can go on, and lets those that can.
func (c *crowd) step() {
	polls := make([]unix.PollFd, len(c.open))
	for i, v := range c.open {
		polls[i] = unix.PollFd{Fd: int32(v.fd), Events: unix.POLLIN}
		if v.mute {
			polls[i].Events = unix.POLLOUT
		}
	}
	_, _ = unix.Poll(polls, int(patience.Milliseconds()/50))
	now := time.Now()
	open := c.open[:0]
	for i, v := range c.open {
		switch {
		case now.After(v.until):
			c.end(v, "", unix.ETIMEDOUT)
		case polls[i].Revents == 0:
			open = append(open, v)
		case v.mute:
			v.mute = false
			if _, err := unix.Write(v.fd, []byte("?\n")); err != nil {
				c.end(v, "", err)
				continue
			}
			open = append(open, v)
		default:
			var buffer [64]byte
			n, err := unix.Read(v.fd, buffer[:])
			if err == unix.EAGAIN { // something else has happened
				open = append(open, v)
				continue
			}
			c.end(v, strings.TrimSuffix(string(buffer[:max(n, 0)]), "\n"), err)
		}
	}
	c.open = open
}

// end counts a connection and ends it. One that the server has not closed is reset,
// so that it leaves nothing to wait for.
func (c *crowd) end(v visit, name string, err error) {
	if err == nil && name == "" {
		err = unix.ECONNRESET // closed before it has told its name
	}
	c.tally.add(v.from, name, err)
	if !c.load.Greeted && !c.load.UDP {
		_ = unix.SetsockoptLinger(v.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	_ = unix.Close(v.fd)
}
