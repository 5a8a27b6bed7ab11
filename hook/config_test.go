// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

func TestInvalidHooks(t *testing.T) {
	on := []vip.EventKind{vip.BecameActive}
	const url = "http://127.0.0.1:9000/vip"
	for _, c := range []struct {
		name string
		hook Hook
		want string
	}{
		{"no event", Hook{Webhook: url, Timeout: time.Second}, "listens to no event"},
		{"another event", Hook{On: []vip.EventKind{"master"}, Webhook: url, Timeout: time.Second}, `no event "master"`},
		{"no timeout", Hook{On: on, Webhook: url}, "timeout 0s"},
		{"neither", Hook{On: on, Timeout: time.Second}, "a program or a URL"},
		{"both", Hook{On: on, Webhook: url, Exec: []string{"/bin/true"}, Timeout: time.Second}, "not both"},
		{"user of a webhook", Hook{On: on, Webhook: url, User: "nobody", Timeout: time.Second}, "a user is for programs"},
		{"header of a program", Hook{On: on, Exec: []string{"/bin/true"}, Header: map[string]string{"A": "b"}, Timeout: time.Second}, "for webhooks"},
		{"scheme", Hook{On: on, Webhook: "ftp://127.0.0.1/", Timeout: time.Second}, `scheme is "ftp"`},
		{"no host", Hook{On: on, Webhook: "http:///vip", Timeout: time.Second}, "no host"},
		{"no URL", Hook{On: on, Webhook: "http://127.0.0.1:x/secret", Timeout: time.Second}, "invalid port"},
		{"header name", Hook{On: on, Webhook: url, Header: map[string]string{"a b": "c"}, Timeout: time.Second}, "name of a header"},
		{"header value", Hook{On: on, Webhook: url, Header: map[string]string{"A": "b\r\nC: d"}, Timeout: time.Second}, "control characters"},
		{"relative program", Hook{On: on, Exec: []string{"true"}, Timeout: time.Second}, "absolute"},
		{"missing program", Hook{On: on, Exec: []string{"/nonexistent/hook"}, Timeout: time.Second}, "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(Config{Hooks: []Hook{{On: on, Webhook: url, Timeout: time.Second}, c.hook}})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "hook 2 (") {
				t.Errorf("the error is %v, not one about hook 2 with %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows the URL: %v", err)
			}
		})
	}
}

// TestName: what may be a secret in a URL is not in the log.
func TestName(t *testing.T) {
	for _, c := range []struct {
		hook Hook
		want string
	}{
		{Hook{Exec: []string{"/usr/local/bin/on-change", "--token", "x"}}, "/usr/local/bin/on-change"},
		{Hook{Webhook: "http://127.0.0.1:9000/vip"}, "http://127.0.0.1:9000/vip"},
		{Hook{Webhook: "https://user:pass@example.com/vip?token=x#y"}, "https://user:xxxxx@example.com/vip?..."},
		{Hook{Webhook: "://"}, "webhook"},
	} {
		if got := c.hook.name(); got != c.want {
			t.Errorf("%v is called %s, not %s", c.hook, got, c.want)
		}
	}
}
