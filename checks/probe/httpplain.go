// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
)

// errNotHTTP is a server that speaks something else.
var errNotHTTP = errors.New("malformed HTTP answer")

// plainConn speaks HTTP/1.1 without TLS, one question after the other. net/http
// would have two goroutines for it, which at a thousand checks is most of what
// looks cost.
type plainConn struct {
	conn     net.Conn
	question []byte        // as it is sent
	request  *http.Request // that it was made from
	limit    io.LimitedReader
	reader   *bufio.Reader
	asked    bool // once or more
	spoilt   bool // no other question can follow
}

func newPlainConn(c net.Conn, r *http.Request, question []byte) *plainConn {
	p := &plainConn{conn: c, question: question, request: r, limit: io.LimitedReader{R: c}}
	p.reader = bufio.NewReader(&p.limit)
	return p
}

// usable implements httpConn. What a server says without being asked, and be it
// that it closes the connection, is not the answer to the next question.
func (p *plainConn) usable() bool {
	return !p.spoilt && (!p.asked || p.reader.Buffered() == 0 && idle(p.conn))
}

// ask implements httpConn.
func (p *plainConn) ask(ctx context.Context) (*http.Response, error) {
	p.asked = true
	stop := until(ctx, p.conn)
	resp, err := p.exchange()
	if err != nil {
		p.spoilt = true
		stop()
		return nil, err
	}
	p.spoilt = resp.Close || resp.StatusCode == http.StatusSwitchingProtocols
	resp.Body = &plainBody{ReadCloser: resp.Body, conn: p, stop: stop}
	return resp, nil
}

// exchange sends the question and reads the answer's header, and those of the
// interim answers before it (RFC 9110 section 15.2).
func (p *plainConn) exchange() (*http.Response, error) {
	if _, err := p.conn.Write(p.question); err != nil {
		return nil, err
	}
	p.limit.N = headerLimit
	for {
		resp, err := p.header()
		switch {
		case err != nil && p.limit.N <= 0:
			return nil, fmt.Errorf("%w: a header of more than %d KiB", errNotHTTP, headerLimit>>10)
		case err != nil:
			return nil, err
		case resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols:
			p.limit.N = math.MaxInt64
			return resp, nil
		}
	}
}

// header reads a header. What doesn't begin as one is shown: it tells which
// protocol it is.
func (p *plainConn) header() (*http.Response, error) {
	begin, err := p.reader.Peek(len("HTTP/"))
	if len(begin) > 0 && !bytes.HasPrefix([]byte("HTTP/"), begin) {
		begin, _ = p.reader.Peek(p.reader.Buffered())
		return nil, fmt.Errorf("%w: it begins with %s", errNotHTTP, excerpt(begin))
	}
	if err != nil {
		return nil, err
	}
	return http.ReadResponse(p.reader, p.request)
}

// Close implements httpConn.
func (p *plainConn) Close() error { return p.conn.Close() }

// plainBody ends the look's hold on the connection.
type plainBody struct {
	io.ReadCloser
	conn *plainConn
	stop func() bool
}

func (b *plainBody) Close() error {
	// The underlying Close would read on to the end, which may never come; a
	// connection with a rest is not used again.
	if !b.stop() {
		b.conn.spoilt = true // its deadline is being set
	}
	return nil
}
