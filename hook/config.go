// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// Config is what a Notifier is made of.
type Config struct {
	Hooks []Hook
	Log   *slog.Logger // nil: none
	// Drain is how long Run goes on telling what waits when it has to end; 0: 5 s.
	Drain time.Duration
	// Tolerant makes New take hooks that can't be built, say because a program is
	// missing or may be changed by others. It logs them; each run tries again. An
	// agent should not stay away from elections for that.
	Tolerant bool
	// Parallel is how many hooks run at the same time, of all routers and pools; 0: 32.
	Parallel int
}

// Hook is somebody who is told. Exec or Webhook is set.
type Hook struct {
	On      []vip.EventKind // never empty
	Routers []string        // none: all
	Pools   []string        // none: all
	Exec    []string        // argv; the first is an absolute path
	User    string          // who runs Exec; empty: the agent's own user
	Webhook string          // URL
	Header  map[string]string
	Timeout time.Duration // of one run
}

const (
	defaultDrain    = 5 * time.Second
	defaultParallel = 32
)

func (c Config) withDefaults() (Config, error) {
	if c.Drain < 0 || c.Parallel < 0 {
		return c, fmt.Errorf("drain %v or parallel %d is below 0", c.Drain, c.Parallel)
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	c.Drain = cmp.Or(c.Drain, defaultDrain)
	c.Parallel = cmp.Or(c.Parallel, defaultParallel)
	return c, nil
}

// listens tells whether the hook is to be told of e.
func (h *Hook) listens(e *vip.Event) bool {
	name, of := e.Router, h.Routers
	if e.Pool != "" {
		name, of = e.Pool, h.Pools
	}
	return slices.Contains(h.On, e.Kind) && (len(of) == 0 || slices.Contains(of, name))
}

// name is what the hook is called in the log and the status: the program or the
// URL, without its password and query, which may be a secret.
func (h *Hook) name() string {
	if len(h.Exec) > 0 {
		return h.Exec[0]
	}
	u, err := url.Parse(h.Webhook)
	if err != nil {
		return "webhook"
	}
	u.Fragment, u.RawFragment = "", ""
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	return u.Redacted()
}

// sameTarget tells whether both hooks run the same program or post to the same
// URL.
func (h *Hook) sameTarget(o *Hook) bool {
	return h.Webhook == o.Webhook && slices.Equal(h.Exec, o.Exec)
}

func (h Hook) clone() Hook {
	h.On, h.Routers, h.Pools, h.Exec = slices.Clone(h.On), slices.Clone(h.Routers), slices.Clone(h.Pools), slices.Clone(h.Exec)
	h.Header = maps.Clone(h.Header)
	return h
}

// validate reports all that is wrong with what is the same for programs and
// webhooks.
func (h *Hook) validate() error {
	var errs []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	need(len(h.On) > 0, "it listens to no event")
	for _, kind := range h.On {
		need(known(kind), "there is no event %q", string(kind))
	}
	need(h.Timeout > 0, "the timeout %v is not above 0", h.Timeout)
	need((len(h.Exec) > 0) != (h.Webhook != ""), "it needs a program or a URL, and not both")
	need(h.User == "" || len(h.Exec) > 0, "a user is for programs")
	need(len(h.Header) == 0 || h.Webhook != "", "a header is for webhooks")
	return errors.Join(errs...)
}

func known(kind vip.EventKind) bool {
	return isState(kind) || kind == vip.TookOver || kind == vip.GivesUp
}

// isState tells whether the event is a new state. The others say how far the
// addresses are.
func isState(kind vip.EventKind) bool {
	switch kind {
	case vip.BecameActive, vip.BecameBackup, vip.Faulted, vip.Stopped,
		vip.QuorumUp, vip.QuorumDown, vip.ServerUp, vip.ServerDown:
		return true
	default:
		return false
	}
}

// webhookURL checks the URL of a webhook.
func (h *Hook) webhookURL() (*url.URL, error) {
	u, err := url.Parse(h.Webhook)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the URL: %w", errors.Unwrap(err)) // without the URL, which may be secret
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the URL's scheme is %q, not http or https", u.Scheme)
	case u.Hostname() == "":
		return nil, errors.New("the URL has no host")
	}
	return u, nil
}

// httpHeader checks the header fields of a webhook.
func (h *Hook) httpHeader() (http.Header, error) {
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"vicar"}}
	for _, name := range slices.Sorted(maps.Keys(h.Header)) {
		value := h.Header[name]
		if name == "" || strings.ContainsFunc(name, notToken) {
			return nil, fmt.Errorf("%q can't be the name of a header", name)
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return nil, fmt.Errorf("the value of header %s has control characters", name)
		}
		header.Set(name, value)
	}
	return header, nil
}

// notToken tells whether r can't be in a token (RFC 9110 section 5.6.2).
func notToken(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
