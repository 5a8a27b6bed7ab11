// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"

	"github.com/vicar-ha/vicar/checks"
)

// Reply codes of RFC 5321 section 4.2.3.
const (
	smtpReady = 220
	smtpOK    = 250
)

// mail is polite: it waits for the banner, says who it is, takes its leave and
// waits for the answer, so that the server doesn't log a lost connection.
type mail struct {
	dialer  *net.Dialer
	address string
	hello   string
	expect  *regexp.Regexp
}

func newSMTP(k checks.SMTP) (checks.Probe, error) {
	if _, err := hostOf(k.Address); err != nil {
		return nil, err
	}
	expect, err := compile(k.Expect)
	if err != nil {
		return nil, err
	}
	hello := k.Hello
	if hello == "" {
		if hello, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("finding this host's name for HELO: %w", err)
		}
	}
	if strings.ContainsFunc(hello, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("the name for HELO, %q, is none", hello)
	}
	return &mail{dialer: dialer(k.Bind), address: k.Address, hello: hello, expect: expect}, nil
}

// Probe implements checks.Probe.
func (p *mail) Probe(ctx context.Context) error {
	conn, err := dial(ctx, p.dialer, "tcp", p.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer until(ctx, conn)()
	s := &smtpSession{conn: conn, replies: newReplies(conn)}
	if phase, err := p.talk(s); err != nil {
		return harmless(fmt.Errorf("%s %s: %w", phase, p.address, cause(ctx, err)))
	}
	return nil
}

// talk has the conversation and says in which phase it failed.
func (p *mail) talk(s *smtpSession) (phase string, err error) {
	phase = "waiting for the banner of"
	banner, err := s.replies.next()
	if err == nil && banner.code != smtpReady {
		err = &smtpError{banner}
	}
	if err == nil && p.expect != nil && !p.expect.MatchString(banner.text) {
		err = mismatch(banner.text, p.expect)
	}
	if err != nil {
		s.leave()
		return phase, err
	}
	phase = "saying EHLO to"
	answer, err := s.ask("EHLO " + p.hello)
	if err == nil && answer.code/100 == 5 {
		// RFC 5321 section 3.2: a server may not know EHLO.
		phase = "saying HELO to"
		answer, err = s.ask("HELO " + p.hello)
	}
	if err == nil && answer.code != smtpOK {
		err = &smtpError{answer}
	}
	if err != nil {
		s.leave()
		return phase, err
	}
	// Whatever the answer to QUIT is, or its absence by a server that hangs up,
	// the service has been seen to work.
	if _, err := s.ask("QUIT"); errors.Is(err, os.ErrDeadlineExceeded) {
		return "saying QUIT to", err
	}
	return "", nil
}

// Close implements checks.Probe.
func (p *mail) Close() error { return nil }

// smtpError is a reply that refuses.
type smtpError struct{ reply smtpReply }

func (e *smtpError) Error() string { return "it answers " + excerpt(e.reply.text) }

// smtpSession is a conversation with a server.
type smtpSession struct {
	conn    io.Writer
	replies *smtpReplies
}

// ask says a line and waits for the answer.
func (s *smtpSession) ask(line string) (smtpReply, error) {
	if _, err := io.WriteString(s.conn, line+"\r\n"); err != nil {
		return smtpReply{}, err
	}
	return s.replies.next()
}

// leave says QUIT where the answer doesn't matter.
func (s *smtpSession) leave() { _, _ = io.WriteString(s.conn, "QUIT\r\n") }

// What is read of a server: RFC 5321 section 4.5.3.1.5 allows 512 octets in a
// line of a reply. The second limit is for all that is read in a look.
const (
	smtpLineSize  = 2 << 10
	smtpTotalSize = 64 << 10
)

var errNoSMTP = errors.New("it doesn't speak SMTP")

// smtpReply is an answer of a server.
type smtpReply struct {
	code int
	text string // all lines as they came, codes included, joined by \n
}

// smtpReplies reads a server's replies.
type smtpReplies struct {
	limit io.LimitedReader
	lines *bufio.Reader
}

func newReplies(r io.Reader) *smtpReplies {
	s := &smtpReplies{limit: io.LimitedReader{R: r, N: smtpTotalSize}}
	s.lines = bufio.NewReaderSize(&s.limit, smtpLineSize)
	return s
}

// next reads a reply of one or more lines (RFC 5321 section 4.2.1).
func (s *smtpReplies) next() (smtpReply, error) {
	var all []string
	var reply smtpReply
	for {
		line, err := s.line()
		if err != nil {
			return smtpReply{}, err
		}
		code, last, ok := parseReplyLine(line)
		if !ok || len(all) > 0 && code != reply.code {
			return smtpReply{}, fmt.Errorf("%w: %s", errNoSMTP, excerpt(line))
		}
		reply.code = code
		all = append(all, line)
		if last {
			reply.text = strings.Join(all, "\n")
			return reply, nil
		}
	}
}

// line reads a line without its end.
func (s *smtpReplies) line() (string, error) {
	b, err := s.lines.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull) || errors.Is(err, io.EOF) && s.limit.N <= 0:
		return "", fmt.Errorf("%w: %s", errTooMuch, excerpt(b))
	case errors.Is(err, io.EOF) && len(b) == 0:
		return "", errNoAnswer
	case errors.Is(err, io.EOF):
		return "", fmt.Errorf("it closes the connection after %s", excerpt(b))
	case err != nil:
		return "", err
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// parseReplyLine reads "220 text", "220-text" or "220", whose code is 200 to
// 599 (RFC 5321 section 4.2).
func parseReplyLine(line string) (code int, last, ok bool) {
	if len(line) < 3 {
		return 0, false, false
	}
	for i := range 3 {
		if line[i] < '0' || line[i] > '9' {
			return 0, false, false
		}
		code = code*10 + int(line[i]-'0')
	}
	more := len(line) > 3 && line[3] == '-'
	if code < 200 || code > 599 || len(line) > 3 && line[3] != ' ' && !more {
		return 0, false, false
	}
	return code, !more, true
}
