// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/vicar-ha/vicar/quorum"
)

var errToken = errors.New("no token of this version")

// tokenVersion begins a token.
const tokenVersion = "1"

// encodeToken is the ballot as Verdict.Token and a Handover carry it:
// version/counter/start/node, the start in hexadecimal. The node's name comes
// last, and may have any byte.
func encodeToken(b quorum.Ballot) string {
	return tokenVersion + "/" + strconv.FormatUint(b.Counter, 10) + "/" + strconv.FormatUint(b.Start, 16) + "/" + b.Node
}

// parseToken is the reverse. A ballot has one form only. The empty token is no
// ballot.
func parseToken(token string) (quorum.Ballot, error) {
	if token == "" {
		return quorum.Ballot{}, nil
	}
	parts := strings.SplitN(token, "/", 4)
	if len(parts) != 4 || parts[0] != tokenVersion || parts[3] == "" || len(parts[3]) > 255 {
		return quorum.Ballot{}, fmt.Errorf("parsing a token of %d bytes: %w", len(token), errToken)
	}
	counter, err1 := strconv.ParseUint(parts[1], 10, 64)
	start, err2 := strconv.ParseUint(parts[2], 16, 64)
	b := quorum.Ballot{Counter: counter, Start: start, Node: parts[3]}
	if err1 != nil || err2 != nil || counter == 0 || encodeToken(b) != token {
		return quorum.Ballot{}, fmt.Errorf("parsing a token of %d bytes: %w", len(token), errToken)
	}
	return b, nil
}
