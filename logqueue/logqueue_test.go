// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package logqueue

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is a log that somebody may read or not.
type pipe struct {
	bytes.Buffer
	reads chan struct{} // closed: they do
}

func (p *pipe) Write(b []byte) (int, error) {
	<-p.reads
	return p.Buffer.Write(b)
}

// What is logged is written in order, with attributes and groups, also what came
// before Run.
func TestOrder(t *testing.T) {
	var text bytes.Buffer
	q := New(slog.NewTextHandler(&text, nil), "tests", 10)
	log := slog.New(q)
	log.Info("first")
	go q.Run()
	log.With(slog.Int("a", 1)).WithGroup("g").Warn("second", slog.Int("b", 2))
	log.Debug("not enabled")
	q.Close()
	log.Info("late") // goes nowhere, and does no harm
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	if len(lines) != 2 || !strings.HasSuffix(lines[0], "msg=first") || !strings.HasSuffix(lines[1], "msg=second a=1 g.b=2") {
		t.Errorf("written is %q", lines)
	}
}

// A log that nobody reads holds nobody up; when somebody does, it tells how much
// was lost.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const room = 4
		p := &pipe{reads: make(chan struct{})}
		q := New(slog.NewTextHandler(p, nil), "tests", room)
		go q.Run()
		log, began := slog.New(q), time.Now()
		log.Info("held up")
		synctest.Wait()
		for range room + 3 {
			log.Info("more")
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("logging took %v", took)
		}
		close(p.reads)
		q.Close()
		if n := strings.Count(p.String(), "msg=more"); n != room {
			t.Errorf("%d records were kept, want %d", n, room)
		}
		if !strings.Contains(p.String(), `msg="log was too slow, records lost" about=tests count=3`) {
			t.Errorf("it does not tell what was lost:\n%s", p.String())
		}
	})
}

// Close does not wait for ever.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipe{reads: make(chan struct{})}
		q := New(slog.NewTextHandler(p, nil), "tests", 1)
		go q.Run()
		slog.New(q).Info("held up")
		synctest.Wait()
		began := time.Now()
		q.Close()
		if took := time.Since(began); took != patience {
			t.Errorf("it took %v, want %v", took, patience)
		}
		close(p.reads)
	})
}
