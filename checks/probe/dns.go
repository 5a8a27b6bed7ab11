// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"

	"github.com/miekg/dns"

	"github.com/vicar-ha/vicar/checks"
)

var (
	errNotDNS    = errors.New("it answers with what is no DNS message")
	errOther     = errors.New("it answers another question")
	errNoRecord  = errors.New("no such record in the answer")
	errTruncated = errors.New("the answer is truncated")
)

// query asks a server for the records of a name, by TCP if that is wanted or an
// answer by UDP is truncated. Each look asks from a port of its own and with an
// identity of its own. EDNS is not used: some servers and firewalls stumble
// over it, and that is not what is asked.
type query struct {
	dialer *net.Dialer
	server string
	name   string
	kind   uint16
	tcp    bool
	expect *regexp.Regexp
}

func newDNS(k checks.DNS) (checks.Probe, error) {
	if _, err := hostOf(k.Server); err != nil {
		return nil, err
	}
	if _, ok := dns.IsDomainName(k.Name); !ok || k.Name == "" {
		return nil, fmt.Errorf("%q is no domain name", k.Name)
	}
	kind, ok := dns.StringToType[strings.ToUpper(k.Type)]
	if !ok {
		return nil, fmt.Errorf("%q is no type of DNS record", k.Type)
	}
	expect, err := compile(k.Expect)
	if err != nil {
		return nil, err
	}
	return &query{
		dialer: dialer(k.Bind), server: k.Server, name: dns.Fqdn(k.Name), kind: kind, tcp: k.TCP, expect: expect,
	}, nil
}

// Probe implements checks.Probe.
func (p *query) Probe(ctx context.Context) error {
	m := new(dns.Msg)
	m.SetQuestion(p.name, p.kind)
	network := "udp"
	if p.tcp {
		network = "tcp"
	}
	r, err := p.exchange(ctx, network, m)
	if err == nil && r.Truncated && !p.tcp {
		r, err = p.exchange(ctx, "tcp", m)
	}
	if err == nil {
		err = p.judge(r)
	}
	if err != nil {
		what := dns.TypeToString[p.kind] + " of " + strings.TrimSuffix(p.name, ".")
		return harmless(fmt.Errorf("asking %s for %s: %w", p.server, what, err))
	}
	return nil
}

// exchange asks once. A datagram that is no message, or has another identity or
// question, is not the answer, and the answer may yet come (RFC 5452 section
// 9.1). If it doesn't, the error says what came instead.
func (p *query) exchange(ctx context.Context, network string, m *dns.Msg) (*dns.Msg, error) {
	conn, err := dial(ctx, p.dialer, network, p.server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer until(ctx, conn)()
	c := &dns.Conn{Conn: conn}
	if err := c.WriteMsg(m); err != nil {
		return nil, cause(ctx, err)
	}
	var odd error // the last that was not the answer
	for range answerPieces {
		r, err := receive(ctx, c, m)
		if network == "udp" && (errors.Is(err, errNotDNS) || errors.Is(err, errOther)) {
			odd = err
			continue
		}
		if err != nil && odd != nil {
			err = fmt.Errorf("%w, then: %w", odd, err)
		}
		return r, err
	}
	return nil, fmt.Errorf("%w: %w", errTooMuch, odd)
}

// receive reads one message, the answer to m or not.
func receive(ctx context.Context, c *dns.Conn, m *dns.Msg) (*dns.Msg, error) {
	b, err := c.ReadMsgHeader(nil)
	switch {
	case errors.Is(err, dns.ErrShortRead):
		return nil, fmt.Errorf("%w: %w", errNotDNS, err)
	case errors.Is(err, io.EOF):
		return nil, errNoAnswer
	case err != nil:
		return nil, cause(ctx, err)
	}
	return parseAnswer(m, b)
}

// parseAnswer reads the answer to m: errOther if it is another's.
func parseAnswer(m *dns.Msg, b []byte) (*dns.Msg, error) {
	r := new(dns.Msg)
	if err := r.Unpack(b); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotDNS, err)
	}
	if r.Id != m.Id || !r.Response || r.Opcode != dns.OpcodeQuery {
		return nil, errOther
	}
	// Servers that don't like a question may leave it out.
	if len(r.Question) == 0 && r.Rcode != dns.RcodeSuccess {
		return r, nil
	}
	if len(r.Question) != 1 {
		return nil, errOther
	}
	asked, answered := m.Question[0], r.Question[0]
	if !strings.EqualFold(asked.Name, answered.Name) || asked.Qtype != answered.Qtype || asked.Qclass != answered.Qclass {
		return nil, errOther
	}
	return r, nil
}

// judge tells whether an answer is as expected: data of a record of the type,
// at the end of a chain of aliases or not, matches.
func (p *query) judge(r *dns.Msg) error {
	if r.Rcode != dns.RcodeSuccess {
		name, ok := dns.RcodeToString[r.Rcode]
		if !ok {
			name = fmt.Sprintf("RCODE %d", r.Rcode)
		}
		return errors.New(name)
	}
	var found []string
	for _, rr := range r.Answer {
		if p.kind != dns.TypeANY && rr.Header().Rrtype != p.kind {
			continue
		}
		data := strings.TrimPrefix(rr.String(), rr.Header().String())
		if p.expect == nil || p.expect.MatchString(data) {
			return nil
		}
		found = append(found, data)
	}
	switch {
	case r.Truncated:
		return errTruncated
	case len(found) == 0:
		return errNoRecord
	}
	return mismatch(strings.Join(found, ", "), p.expect)
}

// Close implements checks.Probe.
func (p *query) Close() error { return nil }
