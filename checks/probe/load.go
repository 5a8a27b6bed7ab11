// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/vicar-ha/vicar/track"
)

// loadLine is the longest line that a weight is looked for in.
const loadLine = 256

// The most that a weight may be.
const (
	maxLoad        = 65535
	maxLoadPercent = 1000
)

var (
	errNoLoad = errors.New("no weight")
	errAway   = errors.New("the server says that it is not there")
)

// full is the weight that a server has if nothing else is said.
var full = track.Load{Value: 100, Percent: true}

// readLoad is what the first line of an answer says that the server can carry: a
// weight (12), a part of the full weight (75%), or one of the words of HAProxy's
// agent-check. Several are separated by spaces or commas; a number says more than
// up or ready, and drain more than a number. What says that the server is down is
// an error.
func readLoad[T string | []byte](answer T) (track.Load, error) {
	line, _, _ := strings.Cut(string(answer[:min(len(answer), loadLine+1)]), "\n")
	if len(line) > loadLine {
		return track.Load{}, fmt.Errorf("%w: its first line is longer than %d bytes", errNoLoad, loadLine)
	}
	words := strings.FieldsFunc(line, func(c rune) bool { return c == ' ' || c == ',' || c == '\t' || c == '\r' })
	if len(words) == 0 {
		return track.Load{}, fmt.Errorf("%w in its first line", errNoLoad)
	}
	load, drained := full, false
	for _, w := range words {
		switch strings.ToLower(w) {
		case "up", "ready":
		case "drain":
			drained = true
		case "down", "fail", "stopped", "maint":
			return track.Load{}, fmt.Errorf("%w: %s", errAway, excerpt(line))
		default:
			var err error
			if load, err = readNumber(w); err != nil {
				return track.Load{}, fmt.Errorf("%w: its first line is %s", err, excerpt(line))
			}
		}
	}
	if drained {
		return track.Load{}, nil
	}
	return load, nil
}

// readNumber reads 12 or 75%.
func readNumber(s string) (track.Load, error) {
	digits, percent := strings.CutSuffix(s, "%")
	most := maxLoad
	if percent {
		most = maxLoadPercent
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	switch {
	case err != nil:
		return track.Load{}, errNoLoad
	case n > uint64(most):
		return track.Load{}, fmt.Errorf("%w up to %d", errNoLoad, most)
	}
	return track.Load{Value: int(n), Percent: percent}, nil
}
