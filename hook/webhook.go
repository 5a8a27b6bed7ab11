// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// webhook tells by HTTP. Each run has a connection of its own: events are rare,
// and what was kept open would be dead when it is needed.
type webhook struct {
	url    *url.URL
	header http.Header
	host   string // overrides the URL's, if not empty
	client *http.Client
}

const (
	maxAnswer  = 4 << 10  // bytes that are read of an answer that is no success
	maxExcerpt = 200      // bytes that are shown of it
	maxFields  = 64 << 10 // bytes of an answer's header
)

func newWebhook(h Hook) (*webhook, error) {
	u, err := h.webhookURL()
	if err != nil {
		return nil, err
	}
	header, err := h.httpHeader()
	if err != nil {
		return nil, err
	}
	host := header.Get("Host")
	header.Del("Host")
	return &webhook{url: u, header: header, host: host, client: &http.Client{
		// No proxy. The run's context is the limit of every part of it.
		Transport: &http.Transport{
			DialContext:            new(net.Dialer).DialContext,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxFields,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func (w *webhook) run(ctx context.Context, m message) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url.String(), bytes.NewReader(m.doc))
	if err != nil {
		return fmt.Errorf("making the request: %w", err)
	}
	req.Header, req.Host = w.header.Clone(), w.host
	resp, err := w.client.Do(req)
	if err != nil {
		// Without the URL, which the client puts in front and may be secret.
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return fmt.Errorf("posting the event: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 200 && resp.StatusCode <= 299 {
		return nil
	}
	return answerError(resp)
}

// answerError says what a server answered.
func answerError(resp *http.Response) error {
	said := fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	if resp.StatusCode >= 300 && resp.StatusCode <= 399 {
		return fmt.Errorf("posting the event: the server answered %s, and redirects are not followed", strings.TrimSpace(said))
	}
	// What can't be read is not shown; the status counts.
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	text := harmless(strings.Join(strings.Fields(string(body)), " "), maxExcerpt)
	if text == "" {
		return fmt.Errorf("posting the event: the server answered %s", strings.TrimSpace(said))
	}
	return fmt.Errorf("posting the event: the server answered %s: %q", strings.TrimSpace(said), text)
}
