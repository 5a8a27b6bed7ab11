// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// nginx is a web server on the field's server. The ports are named.
type nginx struct {
	ports map[string]string
	ca    string
	dir   string
	certs *authority
}

// at is a URL on a port by its name.
func (n *nginx) at(scheme, host, port, path string) string {
	return scheme + "://" + net.JoinHostPort(host, n.ports[port]) + path
}

// listener is a server block of nginx.
type listener struct{ name, options, directives string }

// startNginx starts a server with ports that differ in what they want and show.
func startNginx(t *testing.T, f *field) *nginx {
	t.Helper()
	labtest.Need(t, "nginx")
	n := &nginx{ports: map[string]string{}, dir: t.TempDir(), certs: newAuthority(t)}
	n.ca = n.certs.file
	hosts := []string{server4, server6, "web.example"}
	cert := func(a *authority, name string, until time.Duration, hosts ...string) string {
		c, k := a.issue(name, -30*day, until, hosts...)
		return fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s;", c, k)
	}
	good := cert(n.certs, "good", 100*day, hosts...)
	var blocks strings.Builder
	for _, l := range []listener{
		{"plain", "", ""},
		{"h2c", "http2", ""},
		{"tls", "ssl", good},
		{"h2", "ssl http2", good},
		{"expired", "ssl", cert(n.certs, "expired", -3*day, hosts...)},
		{"other", "ssl", cert(n.certs, "other", 100*day, "other.example")},
		{"stranger", "ssl", cert(newAuthority(t), "stranger", 100*day, hosts...)},
		{"client", "ssl http2", good + "ssl_verify_client on; ssl_client_certificate " + n.ca + ";"},
	} {
		port := f.free()
		n.ports[l.name] = port
		fmt.Fprintf(&blocks, "server { listen %[1]s %[2]s; listen [::]:%[1]s %[2]s; %[3]s include locations; }\n", port, l.options, l.directives)
	}
	n.write(t, "locations", `
		location = /ok { return 200 "all is well\n"; }
		location = /echo { return 200 "$request_method $http_host $http_x_probe $http_user_agent $ssl_server_name $server_protocol"; }
		location = /sick { return 503 "not well\n"; }
		location = /moved { return 302 /ok; }
		location = /big { root .; }`)
	n.write(t, "big", strings.Repeat("x", 3<<20)+"end")
	n.write(t, "nginx.conf", `
		daemon off; master_process off; pid nginx.pid; error_log stderr;
		events {}
		http {
			access_log off; default_type text/plain; root `+n.dir+`;
			client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
			uwsgi_temp_path uwsgi; scgi_temp_path scgi;
			`+blocks.String()+`
		}`)
	p := labtest.Start(t, f.server, "nginx", "-p", n.dir, "-c", filepath.Join(n.dir, "nginx.conf"), "-e", "stderr")
	labtest.Eventually(t, plenty, "nginx answers", func() bool {
		if p.Ended() {
			t.Fatalf("nginx has ended: %s", p.Output)
		}
		return f.look(f.make(checks.HTTP{URL: n.at("http", server4, "plain", "/ok")}), plenty) == nil
	})
	return n
}

func (n *nginx) write(t *testing.T, name, content string) {
	t.Helper()
	labtest.OK(t, os.WriteFile(filepath.Join(n.dir, name), []byte(content), 0o600))
}

func TestHTTP(t *testing.T) {
	f := newField(t)
	n := startNginx(t, f)
	plain := func(path string) string { return n.at("http", server4, "plain", path) }
	status := func(first, last int) []checks.StatusRange { return []checks.StatusRange{{First: first, Last: last}} }
	refused, dropped := f.free(), f.free()
	f.swallow("tcp dport " + dropped)
	f.table([]outcome{
		{name: "passing", kind: checks.HTTP{URL: plain("/ok")}},
		{name: "passing IPv6", kind: checks.HTTP{URL: n.at("http", server6, "plain", "/ok")}},
		{name: "passing fresh", kind: checks.HTTP{URL: plain("/ok"), Fresh: true}},
		{name: "body", kind: checks.HTTP{URL: plain("/ok"), Expect: `^all is w.ll\n$`}},
		{
			name: "wrong body", kind: checks.HTTP{URL: plain("/ok"), Expect: "sick|dead"},
			want: "GET " + plain("/ok") + `: the body does not match /sick|dead/ (begins with "all is well\n")`,
		},
		{name: "wrong status", kind: checks.HTTP{URL: plain("/sick")}, want: "GET " + plain("/sick") + ": status 503 Service Unavailable, want 200 to 299"},
		{name: "wanted status", kind: checks.HTTP{URL: plain("/sick"), Status: status(500, 503)}},
		{name: "not found", kind: checks.HTTP{URL: plain("/none")}, want: "status 404 Not Found"},
		{
			name: "no status of two",
			kind: checks.HTTP{URL: plain("/ok"), Status: append(status(204, 204), status(300, 399)...)},
			want: "status 200 OK, want 204 or 300 to 399",
		},
		{name: "redirect", kind: checks.HTTP{URL: plain("/moved")}, want: "status 302 Found, want 200 to 299"},
		{name: "wanted redirect", kind: checks.HTTP{URL: plain("/moved"), Status: status(302, 302)}},
		{name: "HEAD", kind: checks.HTTP{URL: plain("/ok"), Method: "HEAD"}},
		{
			name: "method, host, header",
			kind: checks.HTTP{
				URL: plain("/echo"), Method: "DELETE", Host: "web.example", Header: map[string]string{"x-probe": "one"},
				Expect: `^DELETE web\.example one vicar - HTTP/1\.1$|^DELETE web\.example one vicar  HTTP/1\.1$`,
			},
		},
		{name: "host by header", kind: checks.HTTP{URL: plain("/echo"), Header: map[string]string{"host": "web.example"}, Expect: `^GET web\.example`}},
		{name: "agent", kind: checks.HTTP{URL: plain("/echo"), Header: map[string]string{"User-Agent": "me"}, Expect: ` me `}},
		{name: "big body", kind: checks.HTTP{URL: plain("/big")}},
		{name: "beginning of a big body", kind: checks.HTTP{URL: plain("/big"), Expect: "^xxx"}},
		{
			name: "end of a big body", kind: checks.HTTP{URL: plain("/big"), Expect: "end"},
			want: `does not match /end/ (begins with "xxxxx`,
		},
		{
			name: "refused", kind: checks.HTTP{URL: "http://" + server4 + ":" + refused + "/ok"},
			want: "GET http://" + server4 + ":" + refused + "/ok: connecting to " + server4 + ":" + refused + ": connection refused",
			is:   syscall.ECONNREFUSED,
		},
		{
			name: "dropped", kind: checks.HTTP{URL: "http://" + server4 + ":" + dropped + "/ok"}, timeout: short,
			want: "connecting to " + server4 + ":" + dropped + ": no answer in time", is: context.DeadlineExceeded,
		},
		{name: "HTTP/2 without TLS", kind: checks.HTTP{URL: n.at("http", server4, "h2c", "/echo"), Version: "2", Expect: "HTTP/2.0$"}},
		{name: "HTTP/2 without TLS IPv6", kind: checks.HTTP{URL: n.at("http", server6, "h2c", "/echo"), Version: "2", Expect: "HTTP/2.0$"}},
		{name: "HTTP/2 without TLS, wrong status", kind: checks.HTTP{URL: n.at("http", server4, "h2c", "/sick"), Version: "2"}, want: "status 503"},
		{name: "HTTP/2 to a server of HTTP/1.1", kind: checks.HTTP{URL: plain("/ok"), Version: "2"}, want: "GET " + plain("/ok") + ": "},
		{name: "HTTP/1.1 to a server of HTTP/2", kind: checks.HTTP{URL: n.at("http", server4, "h2c", "/ok")}, want: "/ok: "},
	})
}

func TestHTTPS(t *testing.T) {
	f := newField(t)
	n := startNginx(t, f)
	trust := checks.TLS{CA: n.ca}
	url := func(port, path string) string { return n.at("https", server4, port, path) }
	cert, key := n.certs.issue("visitor", -day, day)
	handshake := func(port string) string {
		return "TLS handshake with " + net.JoinHostPort(server4, n.ports[port]) + ": "
	}
	f.table([]outcome{
		{name: "passing", kind: checks.HTTP{TLS: trust, URL: url("tls", "/ok")}},
		{name: "passing IPv6", kind: checks.HTTP{TLS: trust, URL: n.at("https", server6, "tls", "/ok")}},
		{name: "HTTP/2 offered", kind: checks.HTTP{TLS: trust, URL: url("h2", "/echo"), Expect: "HTTP/2.0$"}},
		{name: "HTTP/2 required", kind: checks.HTTP{TLS: trust, URL: url("h2", "/echo"), Version: "2", Expect: "HTTP/2.0$"}},
		{name: "HTTP/1.1 required", kind: checks.HTTP{TLS: trust, URL: url("h2", "/echo"), Version: "1.1", Expect: "HTTP/1.1$"}},
		{
			name: "HTTP/2 not offered", kind: checks.HTTP{TLS: trust, URL: url("tls", "/ok"), Version: "2"},
			want: "/ok: TLS handshake for HTTP/2 with " + net.JoinHostPort(server4, n.ports["tls"]) + ": remote error: tls: no application protocol",
		},
		{name: "HTTP/2 wrong status", kind: checks.HTTP{TLS: trust, URL: url("h2", "/sick")}, want: "status 503 Service Unavailable"},
		{
			name: "server name", kind: checks.HTTP{TLS: checks.TLS{CA: n.ca, ServerName: "web.example"}, URL: url("tls", "/echo"), Expect: " web.example "},
		},
		{
			name: "wrong name", kind: checks.HTTP{TLS: trust, URL: url("other", "/ok")},
			want: handshake("other") + "certificate of " + server4 + ": ",
		},
		{name: "name that is right", kind: checks.HTTP{TLS: checks.TLS{CA: n.ca, ServerName: "other.example"}, URL: url("other", "/ok")}},
		{name: "unknown authority", kind: checks.HTTP{TLS: trust, URL: url("stranger", "/ok")}, want: "unknown authority"},
		{name: "the system's authorities", kind: checks.HTTP{URL: url("tls", "/ok")}, want: "unknown authority"},
		{name: "insecure", kind: checks.HTTP{TLS: checks.TLS{Insecure: true}, URL: url("stranger", "/ok")}},
		{name: "expired", kind: checks.HTTP{TLS: trust, URL: url("expired", "/ok")}, want: handshake("expired") + "certificate of " + server4 + " expired "},
		{name: "expired, insecure", kind: checks.HTTP{TLS: checks.TLS{Insecure: true}, URL: url("expired", "/ok")}},
		{name: "valid long enough", kind: checks.HTTP{TLS: checks.TLS{CA: n.ca, Valid: 90 * day}, URL: url("h2", "/ok")}},
		{name: "not valid long enough", kind: checks.HTTP{TLS: checks.TLS{CA: n.ca, Valid: 110 * day}, URL: url("h2", "/ok")}, want: " expires in "},
		{name: "client certificate missing", kind: checks.HTTP{TLS: trust, URL: url("client", "/ok")}, want: "status 400 Bad Request"},
		{name: "client certificate", kind: checks.HTTP{TLS: checks.TLS{CA: n.ca, Certificate: cert, Key: key}, URL: url("client", "/ok")}},
		{name: "no TLS", kind: checks.HTTP{TLS: trust, URL: n.at("https", server4, "plain", "/ok")}, want: handshake("plain")},
		{name: "TLS unasked", kind: checks.HTTP{URL: n.at("http", server4, "tls", "/ok")}, want: "status 400 Bad Request"},
	})
}

func TestHTTPBindings(t *testing.T) {
	f := newField(t)
	port, visitors := f.listen(answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
	f.bindings(func(b checks.Bind, host string) checks.Kind {
		return checks.HTTP{Bind: b, URL: "http://" + net.JoinHostPort(host, port) + "/"}
	}, visitors)
}

// answer is a server that says something to each request, whole requests being
// read at once.
func answer(s string) func(net.Conn) {
	return func(c net.Conn) {
		b := make([]byte, 4096)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
			if _, err := c.Write([]byte(s)); err != nil {
				return
			}
		}
	}
}

// answerAndClose says something to the first request and hangs up.
func answerAndClose(s string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = c.Write([]byte(s))
	}
}

// Servers that do badly.
func TestHTTPAwkward(t *testing.T) {
	f := newField(t)
	head := "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"
	flood := func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
		for b := []byte(strings.Repeat("y", 64<<10)); ; {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}
	for _, c := range []struct {
		name  string
		serve func(net.Conn)
		kind  checks.HTTP
		want  string
		slow  bool
	}{
		{name: "silent", serve: hush, want: "/: no answer in time", slow: true},
		{name: "half a header", serve: answer("HTTP/1.1 200 OK\r\nX: "), want: "/: no answer in time", slow: true},
		{name: "half a body", serve: answer(head + "half"), want: "/: reading the body: no answer in time", slow: true},
		{name: "half a body, wrong status", serve: answer("HTTP/1.1 500 No\r\nContent-Length: 20\r\n\r\nhalf"), want: "/: status 500 Internal", slow: true},
		{name: "hangs up", serve: answerAndClose(""), want: "/: the server closed the connection"},
		{name: "hangs up in the header", serve: answerAndClose("HTTP/1.1 200 OK\r\nX: "), want: "/: the server closed the connection"},
		{name: "hangs up in the body", serve: answerAndClose(head + "half"), want: "/: reading the body: the server closed the connection"},
		{name: "body until the end", serve: answerAndClose("HTTP/1.0 200 OK\r\n\r\nwhole"), kind: checks.HTTP{Expect: "^whole$"}},
		{name: "endless body", serve: flood},
		{name: "endless body, pattern", serve: flood, kind: checks.HTTP{Expect: "z"}, want: `/z/ (begins with "yyy`},
		{name: "no HTTP", serve: answer("220 mail.example\x1b[31m ESMTP\r\n"), want: "malformed HTTP"},
		{name: "endless header", serve: answer("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20)), want: "/: "},
		{name: "status of its own", serve: answer("HTTP/1.1 599 \x1b[31mevil\r\nContent-Length: 0\r\n\r\n"), want: "/: status 599, want 200 to 299"},
		{name: "interim answers", serve: answer("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 204 No\r\n\r\n")},
		{
			name: "another protocol", serve: answer("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
			kind: checks.HTTP{Status: []checks.StatusRange{{First: 101, Last: 101}}},
		},
		{name: "body with control characters", serve: answer("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n\x1b[2J\r\n"), kind: checks.HTTP{Expect: "ok"}, want: `(begins with "\x1b[2J\r\n")`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &field{t: t, node: f.node, server: f.server}
			port, _ := g.listen(c.serve)
			timeout := plenty
			if c.slow {
				timeout = short
			}
			k := c.kind
			k.URL = "http://" + net.JoinHostPort(server4, port) + "/"
			err := g.look(g.make(k), timeout)
			want(t, err, c.want)
			if c.slow && !strings.Contains(c.name, "status") != errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%q: is it a time-out?", err)
			}
			if err != nil && (strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 600) {
				t.Errorf("%q is not fit to print", err)
			}
		})
	}
}

// A probe in a process of its own on the host, as the agent would run it.
func TestHTTPElsewhere(t *testing.T) {
	f := newField(t)
	port, visitors := f.listen(answer("HTTP/1.1 204 No\r\n\r\n"))
	k := checks.HTTP{URL: "http://" + net.JoinHostPort(server4, port) + "/", Bind: checks.Bind{Source: netip.MustParseAddr(node4b)}}
	r := newRemote(t, f.node, k)
	for range 3 {
		want(t, r.look(plenty), "")
	}
	if got := visitors.last().String(); got != node4b {
		t.Errorf("the server sees %s, want %s", got, node4b)
	}
	f.swallow("tcp dport " + port)
	if err := r.look(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a time-out", err)
	}
	f.run(f.server, "nft", "flush", "ruleset")
	want(t, r.look(plenty), "") // at once on a new connection
}
