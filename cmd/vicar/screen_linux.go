// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/status"
)

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// screen is a terminal's alternate screen, drawn over without being cleared, so
// that it doesn't flicker.
type screen struct {
	out, in *os.File
	colours paint
	before  *unix.Termios // of in; nil if it is no terminal
	cancel  context.CancelFunc
	keys    sync.WaitGroup
}

const (
	screenOpen  = "\x1b[?1049h\x1b[?25l\x1b[?7l" // alternate screen, no cursor, long lines are cut
	screenClose = "\x1b[?7h\x1b[?25h\x1b[?1049l"
)

// openScreen takes the terminal until close. quit is called when q is pressed.
func openScreen(ctx context.Context, out, in *os.File, colours paint, quit func()) (*screen, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &screen{out: out, in: in, colours: colours, cancel: cancel}
	if old, err := unix.IoctlGetTermios(int(in.Fd()), unix.TCGETS); err == nil {
		raw := *old
		raw.Lflag &^= unix.ICANON | unix.ECHO // keys at once, unseen; Ctrl-C stays a signal
		raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 0, 2
		if err := unix.IoctlSetTermios(int(in.Fd()), unix.TCSETS, &raw); err != nil {
			cancel()
			return nil, fmt.Errorf("setting up the terminal: %w", err)
		}
		s.before = old
		s.keys.Go(func() { s.read(ctx, quit) })
	}
	_, err := out.WriteString(screenOpen)
	if err != nil {
		s.close()
		return nil, fmt.Errorf("writing the output: %w", err)
	}
	return s, nil
}

// read waits for q. A read returns after 0.2 s with nothing (VTIME).
func (s *screen) read(ctx context.Context, quit func()) {
	key := make([]byte, 1)
	for ctx.Err() == nil {
		n, err := unix.Read(int(s.in.Fd()), key)
		if err != nil && err != unix.EINTR {
			return
		}
		if n == 1 && (key[0] == 'q' || key[0] == 'Q') {
			quit()
			return
		}
	}
}

func (s *screen) close() {
	s.cancel()
	s.keys.Wait()
	if s.before != nil {
		_ = unix.IoctlSetTermios(int(s.in.Fd()), unix.TCSETS, s.before)
	}
	_, _ = s.out.WriteString(screenClose)
}

// show draws a status, or why there is none.
func (s *screen) show(st status.Status, err error) error {
	var text string
	if err != nil {
		text = s.colours.text(red, err.Error()) + "\n"
	} else {
		text = renderStatus(st, s.colours)
	}
	height := 0
	if size, err := unix.IoctlGetWinsize(int(s.out.Fd()), unix.TIOCGWINSZ); err == nil {
		height = int(size.Row)
	}
	if _, err := s.out.WriteString(frame(text+"\nq to quit\n", height)); err != nil {
		return fmt.Errorf("writing the output: %w", err)
	}
	return nil
}

// frame makes of text what draws it over the frame before: in one write, each
// line cleared behind its end. What doesn't fit in height lines is left out.
func frame(text string, height int) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if height > 0 && len(lines) > height {
		lines = lines[:height]
	}
	return "\x1b[H" + strings.Join(lines, "\x1b[K\r\n") + "\x1b[K\x1b[J"
}
