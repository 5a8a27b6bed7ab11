// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/track"
)

const (
	// bodyLimit is how much of a body is read: what a pattern sees. A longer one
	// costs the connection.
	bodyLimit = 1 << 20
	// bufferLimit is how large a buffer is kept from one look to the next.
	bufferLimit = 64 << 10
	// headerLimit is of an answer's header.
	headerLimit = 64 << 10
)

// httpProbe asks a server for a page. It keeps the connection for several looks,
// of whatever version of HTTP.
type httpProbe struct {
	what    string // what is done, as errors begin
	status  []checks.StatusRange
	expect  *regexp.Regexp // or nil
	fresh   bool
	version int // that the answer must have: 1, 2, or 0 for any
	dynamic bool
	load    track.Load // the last look's, if dynamic

	server *httpServer
	conn   httpConn // kept, or nil
	tenure tenure   // the connection's
	page   bytes.Buffer
}

func newHTTP(k checks.HTTP) (checks.Probe, error) {
	p := &httpProbe{status: k.Status, fresh: k.Fresh, dynamic: k.Dynamic}
	if len(p.status) == 0 {
		p.status = []checks.StatusRange{{First: 200, Last: 299}}
	}
	request, err := httpRequest(k)
	if err != nil {
		return nil, err
	}
	p.what = request.Method + " " + request.URL.Redacted()
	switch k.Version {
	case "":
	case "1.1":
		p.version = 1
	case "2":
		p.version = 2
	default:
		return nil, fmt.Errorf("HTTP version %q: want 1.1 or 2", k.Version)
	}
	if k.Expect != "" {
		if p.expect, err = regexp.Compile(k.Expect); err != nil {
			return nil, fmt.Errorf("compiling the pattern of the body: %w", err)
		}
	}
	p.server, err = newHTTPServer(k, request, p.version)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// errHeader is a header that HTTP can't carry.
var errHeader = errors.New("name or value has characters that a header can't have")

// httpRequest is what each look sends, but for the body.
func httpRequest(k checks.HTTP) (*http.Request, error) {
	method := k.Method
	if method == "" {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(context.Background(), method, k.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	if r.URL.Scheme != "http" && r.URL.Scheme != "https" || r.URL.Hostname() == "" {
		return nil, fmt.Errorf("URL %s: want http://host or https://host", r.URL.Redacted())
	}
	r.Header.Set("User-Agent", "vicar")
	if u := r.URL.User; u != nil {
		password, _ := u.Password()
		r.SetBasicAuth(u.Username(), password)
	}
	for name, value := range k.Header {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("header %q: %w", name, errHeader)
		}
		r.Header.Set(name, value)
	}
	// net/http takes the host from the field and not from the header.
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
		r.Header.Del("Host")
	}
	if k.Host != "" {
		r.Host = k.Host
	}
	r.ContentLength = int64(len(k.Body))
	r.Close = k.Fresh
	return r, nil
}

// Probe implements checks.Probe.
func (p *httpProbe) Probe(ctx context.Context) error {
	if p.conn != nil && (p.tenure.over() || !p.conn.usable()) {
		p.drop()
	}
	kept := p.conn != nil
	if kept && p.tenure.looks == 1 {
		p.server.carrier.hasten(ctx)
	}
	doubt, err := p.look(ctx)
	// A server may close a connection between looks, and have renewed the
	// certificate that it showed at the beginning: only a new connection tells.
	if doubt && kept && ctx.Err() == nil {
		p.drop()
		_, err = p.look(ctx)
	}
	if p.fresh {
		p.drop()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.what, err)
	}
	return nil
}

// look looks once, on the connection that there is or a new one, and drops it
// if it can't be used again. doubt says that the error may be the connection's
// and not the server's.
func (p *httpProbe) look(ctx context.Context) (doubt bool, err error) {
	if p.conn == nil {
		if p.conn, err = p.server.connect(ctx); err != nil {
			return false, err
		}
		p.tenure = newTenure()
	}
	p.tenure.looks++
	resp, err := p.conn.ask(ctx)
	if err != nil {
		p.drop()
		return true, p.server.files.explain(answerError(ctx, err))
	}
	defer resp.Body.Close()
	if resp.TLS != nil {
		if err := p.server.kept.stillValid(resp.TLS, time.Now()); err != nil {
			p.drop()
			return true, err
		}
	}
	return p.judge(ctx, resp)
}

// judge judges an answer and drops the connection if it doesn't end with the
// answer's body. doubt is look's.
func (p *httpProbe) judge(ctx context.Context, resp *http.Response) (doubt bool, err error) {
	wrong := p.judgeStatus(resp.StatusCode)
	if p.version != 0 && resp.ProtoMajor != p.version {
		p.drop()
		return false, fmt.Errorf("the server answers by HTTP/%d, want HTTP/%d", resp.ProtoMajor, p.version)
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		p.drop() // what follows is not HTTP
		return false, wrong
	}
	whole, err := p.read(ctx, resp.Body)
	if !whole {
		p.drop()
	}
	switch {
	case wrong != nil:
		// A server that waits for a question no longer may say so just when one
		// comes (RFC 9110 section 15.5.9).
		return resp.StatusCode == http.StatusRequestTimeout, wrong
	case err != nil:
		return true, err
	}
	return false, p.judgeBody()
}

// read reads the body up to bodyLimit, and keeps it if it matters. whole says that
// this was all.
func (p *httpProbe) read(ctx context.Context, body io.Reader) (whole bool, err error) {
	if p.page.Cap() > bufferLimit {
		p.page = bytes.Buffer{}
	}
	p.page.Reset()
	limited := io.LimitedReader{R: body, N: bodyLimit + 1}
	if p.expect != nil || p.dynamic {
		_, err = p.page.ReadFrom(&limited)
	} else {
		_, err = io.Copy(io.Discard, &limited)
	}
	if err != nil {
		return false, fmt.Errorf("reading the body: %w", answerError(ctx, err))
	}
	return limited.N > 0, nil
}

func (p *httpProbe) judgeStatus(code int) error {
	for _, r := range p.status {
		if code >= r.First && code <= r.Last {
			return nil
		}
	}
	return &statusError{code, p.status}
}

func (p *httpProbe) judgeBody() (err error) {
	page := p.page.Bytes()
	page = page[:min(len(page), bodyLimit)]
	if p.expect != nil && !p.expect.Match(page) {
		return fmt.Errorf("the body does not match /%s/ (begins with %s)", p.expect, excerpt(page))
	}
	if p.dynamic {
		p.load, err = readLoad(page)
	}
	return err
}

// Weight implements checks.Weigher.
func (p *httpProbe) Weight() *track.Load {
	if !p.dynamic {
		return nil
	}
	return new(p.load)
}

// drop closes the connection, if there is one.
func (p *httpProbe) drop() {
	if p.conn != nil {
		_ = p.conn.Close() // nothing is lost with it
		p.conn = nil
	}
}

// Close implements checks.Probe.
func (p *httpProbe) Close() error {
	p.drop()
	return nil
}

// statusError is an answer with a status that doesn't pass.
type statusError struct {
	code int
	want []checks.StatusRange
}

func (e *statusError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "status %d", e.code)
	if text := http.StatusText(e.code); text != "" {
		b.WriteString(" " + text)
	}
	for i, r := range e.want {
		word := " or"
		if i == 0 {
			word = ", want"
		}
		fmt.Fprintf(&b, "%s %d", word, r.First)
		if r.Last != r.First {
			fmt.Fprintf(&b, " to %d", r.Last)
		}
	}
	return b.String()
}

// errHungUp is a connection that ended before the answer did.
var errHungUp = errors.New("the server closed the connection")

// answerError is what kept an answer from coming, for people.
func answerError(ctx context.Context, err error) error {
	if ctx.Err() == nil && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		return errHungUp
	}
	return harmless(cause(ctx, err))
}
