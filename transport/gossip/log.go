// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// logPeriod is how often lines of one class are let through.
	logPeriod = 10 * time.Second
	// maxClasses bounds what is remembered of what a stranger triggers.
	maxClasses = 64
	// maxLogText bounds a line: part of it may be a stranger's.
	maxLogText = 300
)

// limiter lets a line of a class through once in a period and says with the
// next how many were held back.
type limiter struct {
	period  time.Duration // zero: once for ever
	classes map[string]*heldBack
}

type heldBack struct {
	last time.Time
	more uint64
}

// pass tells whether a line may be written, and how many were not before it.
func (l *limiter) pass(now time.Time, class string) (more uint64, ok bool) {
	c := l.classes[class]
	if c == nil {
		if len(l.classes) >= maxClasses {
			class = "" // all others are one
			c = l.classes[class]
		}
		if c == nil {
			if l.classes == nil {
				l.classes = make(map[string]*heldBack)
			}
			l.classes[class] = &heldBack{last: now}
			return 0, true
		}
	}
	if l.period == 0 || now.Sub(c.last) < l.period {
		c.more++
		return 0, false
	}
	more, c.last, c.more = c.more, now, 0
	return more, true
}

// refusal is a line that says that a message of a stranger was dropped.
type refusal uint8

const (
	notRefused refusal = iota
	wrongKey
	wrongCluster
)

// refusals are the words by which memberlist's lines tell. It has no other way
// to learn of them; the tests use the real thing.
var refusals = [...]struct {
	words string
	is    refusal
}{
	{"installed keys could decrypt", wrongKey},
	{"with unacceptable label", wrongCluster},
	{"not encrypted", wrongKey},
	{"is encrypted", wrongKey},
}

// nothingSaid is how the line begins when a connection has ended before anything
// came: a monitor looked whether the port is open, or a peer died. A packet
// without a label is never that.
const nothingSaid = `discarding stream with unacceptable label ""`

// tempered are the levels of lines that memberlist takes more seriously than
// they are here.
var tempered = [...]struct {
	words string
	level slog.Level
}{
	// Another node did not hear this one: it was late, or the network was. What
	// came of it is said when a peer is gone.
	{"Refuting a", slog.LevelInfo},
	// NotifyConflict says it.
	{"Conflicting address for", slog.LevelDebug},
	{nothingSaid, slog.LevelDebug},
	// One of several ways to reach a node that does not answer.
	{"Failed fallback TCP ping", slog.LevelDebug},
}

// passing are lines about what a fault leaves behind for some seconds. They are
// taken as seriously as memberlist does only if they go on.
var passing = []string{
	// After a partition TCP may be the first to come through. An address whose UDP
	// is filtered is found out at each probe.
	"Was able to connect to ",
}

const (
	// lasting is how long a passing line must have come to be no passing one.
	lasting = 30 * time.Second
	// pause is how far apart such lines are at most: a cluster's nodes are probed
	// one after the other, each second one.
	pause = 20 * time.Second
)

// line is one of memberlist's.
type line struct {
	level   slog.Level
	class   string
	text    string
	from    string
	refused refusal
}

// parseLine reads a line like
//
//	2026/01/02 15:04:05 [ERR] memberlist: Decrypt packet failed: why from=192.0.2.1:7946
func parseLine(s string) line {
	s = strings.TrimSpace(s)
	s = strings.ToValidUTF8(s, "?")
	l := line{level: slog.LevelWarn}
	// package log's date and time
	if n := len("2026/01/02 15:04:05 "); len(s) > n && strings.Trim(s[:n], "0123456789/: ") == "" {
		s = s[n:]
	}
	if after, ok := strings.CutPrefix(s, "["); ok {
		if word, text, ok := strings.Cut(after, "] "); ok {
			if level, known := levels(word); known {
				l.level, s = level, text
			}
		}
	}
	l.text = strings.TrimPrefix(s, "memberlist: ")
	if i := strings.LastIndex(l.text, "from="); i >= 0 {
		l.from = strings.TrimSuffix(l.text[i+len("from="):], ")")
	}
	for _, t := range tempered {
		if strings.HasPrefix(l.text, t.words) {
			l.level = t.level
			break
		}
	}
	// What memberlist keeps with a node is bytes.
	l.text, _, _ = strings.Cut(l.text, " meta:(")
	l.class = l.text
	if i := strings.IndexAny(l.text, ":'\"0123456789="); i > 0 {
		l.class = l.text[:i]
	}
	for _, r := range refusals {
		// Without an address it is the answer to what this node sent.
		if l.from != "" && strings.Contains(l.text, r.words) && !strings.HasPrefix(l.text, nothingSaid) {
			l.refused = r.is
			break
		}
	}
	l.text, l.class = cut(l.text), cut(l.class)
	return l
}

// cut bounds a text, at the border of a character.
func cut(s string) string {
	if len(s) <= maxLogText {
		return s
	}
	return strings.ToValidUTF8(s[:maxLogText], "")
}

func levels(word string) (slog.Level, bool) {
	switch word {
	case "DEBUG":
		return slog.LevelDebug, true
	case "INFO":
		return slog.LevelInfo, true
	case "WARN":
		return slog.LevelWarn, true
	case "ERR", "ERROR":
		// Of a peer or of the network: the link goes on.
		return slog.LevelWarn, true
	}
	return 0, false
}

// bridge takes memberlist's lines to slog.
type bridge struct {
	log    *slog.Logger
	count  func(r refusal, from string)
	mu     sync.Mutex
	limit  limiter
	trying map[string]spell // by the text of passing lines
	spoken limiter          // of refusals, once per address
}

func newBridge(log *slog.Logger, count func(r refusal, from string)) *bridge {
	return &bridge{log: log, count: count, limit: limiter{period: logPeriod}}
}

// Write takes one line: package log writes each with one call.
func (b *bridge) Write(p []byte) (int, error) {
	l := parseLine(string(p))
	ctx := context.Background()
	if l.refused != notRefused {
		b.refused(l.refused, host(l.from))
		return len(p), nil
	}
	now := time.Now()
	b.mu.Lock()
	if b.passes(l.text, now) {
		l.level = slog.LevelDebug
	}
	if !b.log.Enabled(ctx, l.level) {
		b.mu.Unlock()
		return len(p), nil
	}
	more, ok := b.limit.pass(now, l.class)
	b.mu.Unlock()
	if !ok {
		return len(p), nil
	}
	attrs := []slog.Attr{slog.String("text", l.text)}
	if more > 0 {
		attrs = append(attrs, slog.Uint64("more", more))
	}
	b.log.LogAttrs(ctx, l.level, "peer link", attrs...)
	return len(p), nil
}

// spell is a time in which a line has come again and again.
type spell struct{ from, last time.Time }

// passes tells whether a line is about what may be over soon. The caller holds mu.
func (b *bridge) passes(text string, now time.Time) bool {
	if !slices.ContainsFunc(passing, func(words string) bool { return strings.HasPrefix(text, words) }) {
		return false
	}
	maps.DeleteFunc(b.trying, func(_ string, s spell) bool { return now.Sub(s.last) > pause })
	s, found := b.trying[text]
	if !found {
		if len(b.trying) >= maxClasses {
			return false
		}
		s.from = now
	}
	s.last = now
	if b.trying == nil {
		b.trying = make(map[string]spell)
	}
	b.trying[text] = s
	return now.Sub(s.from) < lasting
}

// host is an address without its port, which is a new one with each connection.
func host(addr string) string {
	if i := strings.LastIndexByte(addr, ':'); i > 0 {
		addr = addr[:i]
	}
	return strings.Trim(addr, "[]")
}

// forget has refusals said again.
func (b *bridge) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spoken = limiter{}
}

// refused counts a refusal, and says it once per address until the keys change.
func (b *bridge) refused(r refusal, from string) {
	b.count(r, from)
	b.mu.Lock()
	_, ok := b.spoken.pass(time.Now(), string(rune('0'+r))+from)
	b.mu.Unlock()
	if !ok {
		return
	}
	ctx, attr := context.Background(), slog.String("from", from)
	switch r {
	case wrongKey:
		b.log.LogAttrs(ctx, slog.LevelWarn, "peer refused: it has none of our keys", attr)
	case wrongCluster:
		b.log.LogAttrs(ctx, slog.LevelWarn, "peer refused: it is of another cluster", attr)
	case notRefused:
	}
}
