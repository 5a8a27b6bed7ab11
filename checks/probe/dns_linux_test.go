// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// dnsmasq starts dnsmasq on the server's port 53.
func (f *field) dnsmasq() {
	f.t.Helper()
	labtest.Need(f.t, "dnsmasq")
	args := []string{
		"--keep-in-foreground", "--conf-file=/dev/null", "--pid-file", "--user=root", "--log-facility=-",
		"--no-hosts", "--no-resolv", "--local=/example/",
		"--host-record=www.example,192.0.2.80,2001:db8::80", "--cname=alias.example,www.example",
		"--mx-host=example,mail.example,10", "--txt-record=text.example,v=spf1 -all",
	}
	for _, c := range "abcd" {
		args = append(args, "--txt-record=big.example,"+strings.Repeat(string(c), 250))
	}
	p := labtest.Start(f.t, f.server, "dnsmasq", args...)
	up := f.make(checks.DNS{Server: net.JoinHostPort(server4, "53"), Name: "www.example", Type: "A"})
	labtest.Eventually(f.t, plenty, "dnsmasq answers", func() bool {
		if p.Ended() {
			f.t.Fatalf("dnsmasq has ended: %s", p.Output)
		}
		return f.look(up, plenty) == nil
	})
}

func TestDNS(t *testing.T) {
	f := newField(t)
	f.dnsmasq()
	at4, at6 := net.JoinHostPort(server4, "53"), net.JoinHostPort(server6, "53")
	www := func(server string) checks.DNS { return checks.DNS{Server: server, Name: "www.example", Type: "A"} }
	asking := "asking " + at4 + " for "
	f.table([]outcome{
		{name: "IPv4", kind: www(at4)},
		{name: "IPv6", kind: www(at6)},
		{name: "TCP", kind: checks.DNS{Server: at4, Name: "www.example", Type: "A", TCP: true}},
		{name: "TCP IPv6", kind: checks.DNS{Server: at6, Name: "www.example", Type: "A", TCP: true}},
		{name: "expected", kind: checks.DNS{Server: at4, Name: "www.example.", Type: "A", Expect: "^192\\.0\\.2\\.80$"}},
		{name: "AAAA", kind: checks.DNS{Server: at4, Name: "WWW.example", Type: "aaaa", Expect: "^2001:db8::80$"}},
		{name: "MX", kind: checks.DNS{Server: at4, Name: "example", Type: "MX", Expect: "^10 mail.example.$"}},
		{name: "TXT", kind: checks.DNS{Server: at4, Name: "text.example", Type: "TXT", Expect: "^\"v=spf1 -all\"$"}},
		{name: "alias", kind: checks.DNS{Server: at4, Name: "alias.example", Type: "A", Expect: "^192.0.2.80$"}},
		{name: "truncated", kind: checks.DNS{Server: at4, Name: "big.example", Type: "TXT", Expect: "d{250}"}},
		{name: "no such name", kind: checks.DNS{Server: at4, Name: "no.example", Type: "A"}, want: asking + "A of no.example: NXDOMAIN"},
		{name: "not served", kind: checks.DNS{Server: at4, Name: "www.invalid", Type: "A"}, want: asking + "A of www.invalid: REFUSED"},
		{name: "no such record", kind: checks.DNS{Server: at4, Name: "www.example", Type: "SRV"}, want: asking + "SRV of www.example: no such record in the answer", is: errNoRecord},
		{name: "other data", kind: checks.DNS{Server: at4, Name: "www.example", Type: "A", Expect: "^192.0.2.81$"}, want: asking + `A of www.example: its answer "192.0.2.80" does not match "^192.0.2.81$"`, is: errMismatch},
		{name: "refused", kind: www(net.JoinHostPort(server4, "5353")), want: "connection refused", is: syscall.ECONNREFUSED},
		{name: "refused TCP", kind: checks.DNS{Server: net.JoinHostPort(server4, "5353"), Name: "www.example", Type: "A", TCP: true}, want: "connection refused", is: syscall.ECONNREFUSED},
	})
	f.t.Run("mark and source", func(t *testing.T) {
		g := &field{t: t, node: f.node, server: f.server}
		port, visitors := g.receive(func(c net.PacketConn, b []byte, from net.Addr) { answerDNS(t, c, b, from, nil) })
		g.bindings(func(b checks.Bind, host string) checks.Kind {
			k := www(net.JoinHostPort(host, port))
			k.Bind = b
			return k
		}, visitors)
	})
	f.swallow("tcp dport 53")
	f.table([]outcome{
		{name: "truncated, no TCP", kind: checks.DNS{Server: at4, Name: "big.example", Type: "TXT"}, timeout: short, want: "no answer in time", is: context.DeadlineExceeded},
	})
	f.swallow("udp dport 53")
	f.table([]outcome{
		{name: "blackholed IPv4", kind: www(at4), timeout: short, want: asking + "A of www.example: no answer in time", is: context.DeadlineExceeded},
		{name: "blackholed IPv6", kind: www(at6), timeout: short, want: "no answer in time", is: context.DeadlineExceeded},
		{name: "blackholed TCP", kind: checks.DNS{Server: at4, Name: "www.example", Type: "A", TCP: true}, timeout: short, want: "no answer in time", is: context.DeadlineExceeded},
	})
}

// answerDNS answers a question with an address, after change.
func answerDNS(t *testing.T, c net.PacketConn, b []byte, from net.Addr, change func(*dns.Msg)) {
	var q dns.Msg
	if err := q.Unpack(b); err != nil {
		t.Errorf("the question is none: %v", err)
		return
	}
	r := new(dns.Msg)
	r.SetReply(&q)
	rr, err := dns.NewRR(q.Question[0].Name + " A 192.0.2.80")
	if err != nil {
		t.Error(err)
	}
	r.Answer = []dns.RR{rr}
	if change != nil {
		change(r)
	}
	out, err := r.Pack()
	if err != nil {
		t.Error(err)
	}
	_, _ = c.WriteTo(out, from)
}

// TestDNSOthers: what is no answer to the question is waited past.
func TestDNSOthers(t *testing.T) {
	f := newField(t)
	for name, change := range map[string]func(*dns.Msg){
		"identity": func(r *dns.Msg) { r.Id++ },
		"name":     func(r *dns.Msg) { r.Question[0].Name = "w.example." },
		"type":     func(r *dns.Msg) { r.Question[0].Qtype = dns.TypeMX },
		"class":    func(r *dns.Msg) { r.Question[0].Qclass = dns.ClassCHAOS },
		"question": func(r *dns.Msg) { r.Question = nil },
		"query":    func(r *dns.Msg) { r.Response = false },
		"opcode":   func(r *dns.Msg) { r.Opcode = dns.OpcodeNotify },
	} {
		for _, then := range []bool{false, true} {
			port, _ := f.receive(func(c net.PacketConn, b []byte, from net.Addr) {
				answerDNS(t, c, b, from, change)
				if then {
					answerDNS(t, c, b, from, nil)
				}
			})
			row := outcome{name: name + " alone", kind: checks.DNS{Server: net.JoinHostPort(server4, port), Name: "www.example", Type: "A"}}
			if then {
				row.name = name + " first"
			} else {
				row.timeout, row.want, row.is = short, "no answer in time", context.DeadlineExceeded
			}
			f.table([]outcome{row})
		}
	}
}

func TestDNSWrongAnswers(t *testing.T) {
	f := newField(t)
	ask := func(serve func(net.PacketConn, []byte, net.Addr)) checks.Kind {
		port, _ := f.receive(serve)
		return checks.DNS{Server: net.JoinHostPort(server4, port), Name: "www.example", Type: "A"}
	}
	changed := func(change func(*dns.Msg)) checks.Kind {
		return ask(func(c net.PacketConn, b []byte, from net.Addr) { answerDNS(t, c, b, from, change) })
	}
	sent := func(b string) checks.Kind {
		return ask(func(c net.PacketConn, _ []byte, from net.Addr) { _, _ = c.WriteTo([]byte(b), from) })
	}
	f.table([]outcome{
		{name: "garbage", kind: sent(strings.Repeat("\xff", 40)), timeout: short, want: "it answers with what is no DNS message", is: errNotDNS},
		{name: "short", kind: sent("x"), timeout: short, want: "it answers with what is no DNS message: dns: short read, then: no answer in time", is: errNotDNS},
		{name: "garbage before the answer", kind: ask(func(c net.PacketConn, b []byte, from net.Addr) {
			_, _ = c.WriteTo([]byte("x"), from)
			_, _ = c.WriteTo([]byte(strings.Repeat("\xff", 40)), from)
			answerDNS(t, c, b, from, nil)
		})},
		{name: "garbage without end", kind: ask(func(c net.PacketConn, _ []byte, from net.Addr) {
			for range 2 * answerPieces {
				_, _ = c.WriteTo([]byte("x"), from)
			}
		}), timeout: 10 * short, want: "it answers with what is no DNS message", is: errNotDNS},
		{name: "failure without a question", kind: changed(func(r *dns.Msg) { r.Rcode, r.Question, r.Answer = dns.RcodeFormatError, nil, nil }), want: "FORMERR"},
		{name: "server failure", kind: changed(func(r *dns.Msg) { r.Rcode, r.Answer = dns.RcodeServerFailure, nil }), want: "SERVFAIL"},
		{name: "unknown failure", kind: changed(func(r *dns.Msg) { r.Rcode, r.Answer = 12, nil }), want: "RCODE 12"},
	})
	port, _ := f.listen(func(c net.Conn) {
		_, _ = c.Write([]byte("\x00\x04abcd"))
		hush(c)
	})
	mute, _ := f.listen(func(c net.Conn) { _, _ = c.Read(make([]byte, 512)) })
	half, _ := f.listen(func(c net.Conn) {
		_, _ = c.Read(make([]byte, 512))
		_, _ = c.Write([]byte("\x00\x40abcd"))
	})
	tcp := func(port string) checks.Kind {
		return checks.DNS{Server: net.JoinHostPort(server4, port), Name: "www.example", Type: "A", TCP: true}
	}
	f.table([]outcome{
		{name: "TCP garbage", kind: tcp(port), want: "it answers with what is no DNS message", is: errNotDNS},
		{name: "TCP hangs up", kind: tcp(mute), want: "closes the connection without an answer", is: errNoAnswer},
		{name: "TCP half", kind: tcp(half), want: "unexpected EOF"},
	})
}

// FuzzDNSAnswer: no message panics, and an answer is to the question.
func FuzzDNSAnswer(f *testing.F) {
	m := new(dns.Msg)
	m.SetQuestion("www.example.", dns.TypeA)
	m.Id = 0x1234
	r := new(dns.Msg)
	r.SetReply(m)
	rr, err := dns.NewRR("www.example. A 192.0.2.80")
	if err != nil {
		f.Fatal(err)
	}
	r.Answer = []dns.RR{rr}
	good, err := r.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(good[:12])
	expect, err := compile("^192")
	if err != nil {
		f.Fatal(err)
	}
	p := &query{kind: dns.TypeA, expect: expect}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseAnswer(m, b)
		if err != nil {
			return
		}
		if r.Id != m.Id {
			t.Errorf("%x is taken for the answer to %x", r.Id, m.Id)
		}
		if p.judge(r) == nil && (r.Rcode != dns.RcodeSuccess || len(r.Answer) == 0) {
			t.Errorf("%v passes", r)
		}
	})
}
