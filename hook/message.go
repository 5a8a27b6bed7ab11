// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vicar-ha/vicar/vip"
)

// documentVersion is the version of the document. Fields are added within it,
// never changed.
const documentVersion = 1

// document is what a hook is told.
type document struct {
	Version int `json:"version"`
	vip.Event
	Skipped int `json:"skipped"`
}

// message is a delivery in the forms in which hooks take it.
type message struct {
	doc []byte   // the document and a line feed
	env []string // NAME=value
}

func newMessage(d delivery) (message, error) {
	e := *d.event
	if e.Addresses == nil {
		e.Addresses = []netip.Prefix{}
	}
	doc, err := json.Marshal(document{documentVersion, e, d.skipped})
	if err != nil {
		return message{}, fmt.Errorf("encoding the event: %w", err)
	}
	return message{append(doc, '\n'), environment(&e)}, nil
}

// environment is the event for a shell script's use.
func environment(e *vip.Event) []string {
	var peer string
	if e.Peer.IsValid() {
		peer = e.Peer.String()
	}
	env := []string{
		"VICAR_EVENT=" + string(e.Kind),
		"VICAR_ROUTER=" + e.Router,
		"VICAR_POOL=" + e.Pool,
		"VICAR_SERVER=" + e.Server,
		"VICAR_STATE=" + e.State,
		"VICAR_PREVIOUS=" + e.From,
		"VICAR_TERM=" + strconv.FormatUint(e.Term, 10),
		"VICAR_PRIORITY=" + strconv.Itoa(e.Priority),
		"VICAR_NODE=" + e.Node,
		"VICAR_CLUSTER=" + e.Cluster,
		"VICAR_PEER=" + peer,
		"VICAR_REASON=" + e.Reason,
	}
	for i := range env {
		env[i] = harmless(env[i], maxValue)
	}
	return env
}

// maxValue is how long a variable may be. A reason may quote a server.
const maxValue = 1024

// harmless is s without control characters, whatever it was, and not longer
// than limit bytes.
func harmless(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
