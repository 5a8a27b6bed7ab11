// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/pool"
)

// lines is a log.
type lines struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

// take is what was logged since the last time, sorted, without time and level.
func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for line := range strings.Lines(l.out.String()) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), "msg=")
		all = append(all, line)
	}
	l.out.Reset()
	slices.Sort(all)
	return all
}

// That a service is programmed and is no more is logged once, with its reason, and nothing of what has
// not happened.
func TestTurnsAreLogged(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		web, mail := virtual("web", 100, pool.Server{}), virtual("mail", 101, pool.Server{})
		for _, v := range []*pool.Service{&web, &mail} {
			v.Servers, v.With = []pool.Server{{Destination: pool.Destination{Address: address(11), Weight: 1}, Name: "a"}}, "edge"
		}
		r := with(t, web, mail)
		var log lines
		r.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		r.start()
		log.take()
		step := func(what string, do func() error, want ...string) {
			t.Helper()
			if err := do(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			synctest.Wait()
			if diff := cmp.Diff(want, log.take()); diff != "" {
				t.Errorf("%s: %s", what, diff)
			}
		}
		acquire := func() error { return r.pool.Acquire(t.Context(), "edge") }
		release := func() error { return r.pool.Release(t.Context(), "edge") }
		step("acquire", acquire, `programmed pools="mail, web" reason="this node holds router edge"`)
		step("again", acquire)
		step("release", release, `"programmed no more" pools="mail, web" reason="this node does not hold router edge"`)
		step("again", release)
		no := errors.New("no")
		step("failing", func() error {
			r.plane.change(func(m *memory) { m.fails = func(pool.Virtual) error { return no } })
			_ = acquire()
			return nil
		}, `"not programmed as wanted; it is tried again" pool=mail plane=ipvs err="no\nno"`, `"not programmed as wanted; it is tried again" pool=web plane=ipvs err="no\nno"`)
		step("given up", func() error {
			r.plane.change(func(m *memory) { m.fails = nil })
			return release()
		})
		step("acquired", acquire, `programmed pools="mail, web" reason="this node holds router edge"`)
		step("reload", func() error {
			_, err := r.pool.Reload(t.Context(), []pool.Service{web}, nil)
			time.Sleep(time.Second)
			return err
		}, `"programmed no more" pools=mail reason="it is not configured any more"`)
		step("stop", r.stop, `"programmed no more" pools=web reason="the agent stops"`)
	})
}
