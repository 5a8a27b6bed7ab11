// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"log/slog"
	"strings"
)

// logFormat is a flag's value.
type logFormat string

// The log formats.
const (
	formatText logFormat = "text"
	formatJSON logFormat = "json"
)

// Set takes text or json.
func (f *logFormat) Set(s string) error {
	if v := logFormat(s); v == formatText || v == formatJSON {
		*f = v
		return nil
	}
	return errors.New("it is text or json")
}

// String is the format.
func (f *logFormat) String() string { return string(*f) }

// Type is what help calls the value.
func (*logFormat) Type() string { return "format" }

// logLevel is a flag's value.
type logLevel slog.Level

// Set takes a level's name.
func (l *logLevel) Set(s string) error {
	for _, known := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if s == logLevel(known).name() {
			*l = logLevel(known)
			return nil
		}
	}
	return errors.New("it is debug, info, warn or error")
}

func (l logLevel) name() string { return strings.ToLower(slog.Level(l).String()) }

// String is the level.
func (l *logLevel) String() string { return l.name() }

// Type is what help calls the value.
func (*logLevel) Type() string { return "level" }

func (f logFormat) handler(w io.Writer, level slog.Leveler) slog.Handler {
	opts := &slog.HandlerOptions{Level: level}
	if f == formatJSON {
		return slog.NewJSONHandler(w, opts)
	}
	return slog.NewTextHandler(w, opts)
}
