// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bufio"
	"context"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// script is a server that says a banner, then one answer for each line that it
// hears. It notes the lines.
type script struct {
	banner  string
	answers map[string]string // by the line's verb; missing: hangs up

	mu    sync.Mutex
	lines []string
	done  chan struct{} // gets a value at the end of each connection
}

func newScript(banner string, answers map[string]string) *script {
	return &script{banner: banner, answers: answers, done: make(chan struct{}, 10)}
}

func (s *script) serve(c net.Conn) {
	defer func() { s.done <- struct{}{} }()
	_, _ = io.WriteString(c, s.banner)
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		s.mu.Lock()
		s.lines = append(s.lines, lines.Text())
		s.mu.Unlock()
		verb, _, _ := strings.Cut(lines.Text(), " ")
		answer, ok := s.answers[verb]
		if !ok {
			return
		}
		_, _ = io.WriteString(c, answer)
	}
}

func (s *script) heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// hangUp is no answer but the end.
const hangUp = "hang up"

// mute logs nothing.
type mute struct{}

func (mute) Printf(string, ...any) {}
func (mute) Println(...any)        {}

// mailServer is a real server on any port of the server.
func (f *field) mailServer() (port string) {
	f.t.Helper()
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return nil, nil }))
	s.Domain = "mail.example"
	s.ErrorLog = mute{}
	var l net.Listener
	labtest.OK(f.t, f.server.Do(func() (err error) {
		l, err = net.Listen("tcp", ":0")
		return err
	}))
	var done sync.WaitGroup
	done.Go(func() { _ = s.Serve(l) })
	f.t.Cleanup(func() {
		s.Close()
		done.Wait()
	})
	_, port, err := net.SplitHostPort(l.Addr().String())
	labtest.OK(f.t, err)
	return port
}

func TestSMTP(t *testing.T) {
	f := newField(t)
	genuine := f.mailServer()
	good := map[string]string{"EHLO": "250-mail\r\n250 8BITMIME\r\n", "HELO": "250 mail\r\n", "QUIT": "221 bye\r\n"}
	with := func(verb, answer string) map[string]string {
		all := maps.Clone(good)
		all[verb] = answer
		if answer == hangUp {
			delete(all, verb)
		}
		return all
	}
	port := func(banner string, answers map[string]string) string {
		p, _ := f.listen(newScript(banner, answers).serve)
		return net.JoinHostPort(server4, p)
	}
	const ready = "220 mail.example ESMTP\r\n"
	quiet, _ := f.listen(hush)
	lost, _ := f.listen(hush)
	f.swallow("tcp dport " + lost)
	closed := net.JoinHostPort(server4, f.free())
	slow := port(ready, map[string]string{"EHLO": ""})
	busy := port("421-4.3.2 Too busy\r\n421 4.3.2 Come later\x1b[2J\r\n", good)
	f.table([]outcome{
		{name: "real IPv4", kind: checks.SMTP{Address: net.JoinHostPort(server4, genuine)}},
		{name: "real IPv6", kind: checks.SMTP{Address: net.JoinHostPort(server6, genuine), Hello: "node.example"}},
		{name: "real, expected", kind: checks.SMTP{Address: net.JoinHostPort(server4, genuine), Expect: "^220 mail.example ESMTP"}},
		{name: "real, other banner", kind: checks.SMTP{Address: net.JoinHostPort(server4, genuine), Expect: "Postfix"}, want: `: its answer "220 mail.example ESMTP Service Ready" does not match "Postfix"`, is: errMismatch},
		{name: "banner of lines", kind: checks.SMTP{Address: port("220-mail\r\n220-of many\r\n220 lines\r\n", good), Expect: "(?m)^220 lines$"}},
		{name: "HELO only", kind: checks.SMTP{Address: port(ready, with("EHLO", "502 5.5.1 What?\r\n"))}},
		{name: "hangs up on QUIT", kind: checks.SMTP{Address: port(ready, with("QUIT", hangUp))}},
		{name: "doesn't like QUIT", kind: checks.SMTP{Address: port(ready, with("QUIT", "500 no\r\n"))}},
		{name: "busy", kind: checks.SMTP{Address: busy}, want: "waiting for the banner of " + busy + `: it answers "421-4.3.2 Too busy\n421 4.3.2 Come later\x1b[2J"`},
		{name: "no service", kind: checks.SMTP{Address: port("554 5.7.1 no service\r\n", good)}, want: `it answers "554 5.7.1 no service"`},
		{name: "not SMTP", kind: checks.SMTP{Address: port("SSH-2.0-OpenSSH_9.2p1\r\n", good)}, want: `it doesn't speak SMTP: "SSH-2.0-OpenSSH_9.2p1"`, is: errNoSMTP},
		{name: "endless line", kind: checks.SMTP{Address: port("220 "+strings.Repeat("x", smtpLineSize), good)}, want: "answers without end", is: errTooMuch},
		{name: "endless banner", kind: checks.SMTP{Address: port(strings.Repeat("220-x\r\n", smtpTotalSize/7+1), good)}, want: "answers without end", is: errTooMuch},
		{name: "EHLO refused", kind: checks.SMTP{Address: port(ready, with("EHLO", "421 4.4.2 later\r\n"))}, want: `: it answers "421 4.4.2 later"`},
		{name: "HELO refused", kind: checks.SMTP{Address: port(ready, map[string]string{"EHLO": "500 a\r\n", "HELO": "550 b\r\n", "QUIT": "221 c\r\n"})}, want: `: it answers "550 b"`},
		{name: "hangs up on EHLO", kind: checks.SMTP{Address: port(ready, with("EHLO", hangUp))}, want: "saying EHLO to ", is: errNoAnswer},
		{name: "slow banner", kind: checks.SMTP{Address: net.JoinHostPort(server4, quiet)}, timeout: short, want: "waiting for the banner of " + net.JoinHostPort(server4, quiet) + ": no answer in time", is: context.DeadlineExceeded},
		{name: "slow EHLO", kind: checks.SMTP{Address: slow}, timeout: short, want: "saying EHLO to " + slow + ": no answer in time", is: context.DeadlineExceeded},
		{name: "slow QUIT", kind: checks.SMTP{Address: port(ready, map[string]string{"EHLO": "250 a\r\n", "QUIT": ""})}, timeout: short, want: "saying QUIT to ", is: context.DeadlineExceeded},
		{name: "refused", kind: checks.SMTP{Address: closed}, want: "connecting to " + closed + ": connection refused", is: syscall.ECONNREFUSED},
		{name: "blackholed", kind: checks.SMTP{Address: net.JoinHostPort(server4, lost)}, timeout: short, want: "no answer in time", is: context.DeadlineExceeded},
	})
	bound, visitors := f.listen(newScript(ready, good).serve)
	f.bindings(func(b checks.Bind, host string) checks.Kind {
		return checks.SMTP{Bind: b, Address: net.JoinHostPort(host, bound)}
	}, visitors)
}

// TestSMTPPolite: what the server hears, in this order, and nothing else.
func TestSMTPPolite(t *testing.T) {
	f := newField(t)
	for _, c := range []struct {
		name, banner, ehlo string
		want               []string
	}{
		{"passing", "220 a\r\n", "250 a\r\n", []string{"EHLO node.example", "QUIT"}},
		{"no EHLO", "220 a\r\n", "500 a\r\n", []string{"EHLO node.example", "HELO node.example", "QUIT"}},
		{"refused", "554 a\r\n", "", []string{"QUIT"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &field{t: t, node: f.node, server: f.server}
			s := newScript(c.banner, map[string]string{"EHLO": c.ehlo, "HELO": "250 a\r\n", "QUIT": "221 a\r\n"})
			port, _ := g.listen(s.serve)
			_ = g.look(g.make(checks.SMTP{Address: net.JoinHostPort(server4, port), Hello: "node.example"}), plenty)
			<-s.done
			if got := s.heard(); !slices.Equal(got, c.want) {
				t.Errorf("the server heard %q, want %q", got, c.want)
			}
		})
	}
}
