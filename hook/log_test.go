// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/vip"
)

// stuck is a log that takes nothing until it is free.
type stuck struct {
	slog.Handler
	free chan struct{}
}

func (s stuck) Handle(ctx context.Context, r slog.Record) error {
	<-s.free
	return s.Handler.Handle(ctx, r)
}

// TestStuckLog: a log that takes nothing any more loses lines, holds up no hook,
// and the end for a moment only.
func TestStuckLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		log := stuck{slog.NewTextHandler(&text, nil), make(chan struct{})}
		c := &crew{t: t, born: time.Now(), act: func(context.Context, told) error { return errors.New("refused") }, busy: make(map[subject]bool)}
		n, err := newNotifier(Config{Hooks: []Hook{listen("a", every...)}, Log: slog.New(log), Drain: time.Second}, c.build)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()
		const runs = 3 + logRoom
		var want []string
		for range runs {
			n.Tell(event(vip.BecameBackup))
			synctest.Wait()
			want = append(want, "a:backup")
		}
		if s := n.Status()[0]; s.Ran != runs || s.Failed != runs || s.Running {
			t.Errorf("the log is stuck, and the hook's status is %+v", s)
		}
		n.Tell(event(vip.Stopped))
		cancel()
		began := time.Now()
		if err := <-ended; err != nil || time.Since(began) != time.Second {
			t.Errorf("Run ended after %v: %v", time.Since(began), err)
		}
		if diff := cmp.Diff(append(want, "a:stop"), c.runs()); diff != "" {
			t.Error(diff)
		}
		close(log.free)
		synctest.Wait()
		written := strings.Count(text.String(), "hook failed")
		lost := fmt.Sprintf("records lost\" about=hooks count=%d\n", runs+1-written)
		if written < logRoom || strings.Count(text.String(), lost) != 1 {
			t.Errorf("%d of %d lines written, and no one that says %q", written, runs+1, lost)
		}
	})
}
