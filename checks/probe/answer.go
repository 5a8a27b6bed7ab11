// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
)

// What is read of an answer before it is given up: so much, in so many pieces.
// The pattern is tried after each piece, so without the second limit a server
// that drips bytes would cost a core.
const (
	answerSize   = 64 << 10
	answerPieces = 1 << 10
)

// excerptSize is how much of an answer an error shows.
const excerptSize = 80

var (
	errMismatch = errors.New("does not match")
	errTooMuch  = errors.New("answers without end")
	errNoAnswer = errors.New("closes the connection without an answer")
)

// compile is the pattern of an Expect, nil if there is none.
func compile(expect string) (*regexp.Regexp, error) {
	if expect == "" {
		return nil, nil
	}
	re, err := regexp.Compile(expect)
	if err != nil {
		return nil, fmt.Errorf("reading the expected pattern: %w", err)
	}
	return re, nil
}

// mismatch is an answer that is not what was expected.
func mismatch[T string | []byte](answer T, re *regexp.Regexp) error {
	return fmt.Errorf("its answer %s %w %s", excerpt(answer), errMismatch, strconv.Quote(re.String()))
}

// readMatch reads until what has arrived matches. What follows is not waited
// for, so that a $ in the pattern is the end of what has arrived, and of lines
// with (?m).
func readMatch(ctx context.Context, r io.Reader, re *regexp.Regexp) error {
	buf := make([]byte, 0, 512)
	for range answerPieces {
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, min(4*cap(buf), answerSize)), buf...)
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case n > 0 && re.Match(buf):
			return nil
		case errors.Is(err, io.EOF) && len(buf) == 0:
			return errNoAnswer
		case errors.Is(err, io.EOF):
			return mismatch(buf, re)
		case err != nil && len(buf) > 0:
			return fmt.Errorf("%w, then: %w", mismatch(buf, re), cause(ctx, err))
		case err != nil:
			return cause(ctx, err)
		case len(buf) == answerSize:
			return fmt.Errorf("%w: %w", errTooMuch, mismatch(buf, re))
		}
	}
	return fmt.Errorf("%w: %w", errTooMuch, mismatch(buf, re))
}

// excerpt is the beginning of what a server has sent, safe to print.
func excerpt[T string | []byte](b T) string {
	if len(b) > excerptSize {
		return strconv.Quote(string(b[:excerptSize])) + "..."
	}
	return strconv.Quote(string(b))
}

// hostOf is the host of a host:port.
func hostOf(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	switch {
	case err != nil:
		return "", fmt.Errorf("reading the address: %w", err)
	case host == "" || port == "":
		return "", fmt.Errorf("reading the address: %q lacks a host or a port", address)
	}
	return host, nil
}
