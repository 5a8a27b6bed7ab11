// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/vip"
)

// update writes the golden files. A change of them is a change of the format,
// which nodes of the version before must understand.
var update = flag.Bool("update", false, "write the golden files")

// messages are messages by the file that holds their bytes.
func messages() map[string]vip.PeerMessage {
	return map[string]vip.PeerMessage{
		"ask":       {Kind: vip.AskHandover, Resource: "router web", Priority: 150},
		"order":     {Kind: vip.OrderHandover, Resource: "sync group edge", To: "lb-2", Pin: true},
		"forced":    {Kind: vip.OrderHandover, Resource: "router web", To: "lb-2", Force: true},
		"auto":      {Kind: vip.OrderHandover, Resource: "router web", Auto: true},
		"handover":  {Kind: vip.Handover, Resource: "router web", Token: "\x00\xff" + strings.Repeat("t", 200), Pin: true},
		"unguarded": {Kind: vip.Handover, Resource: "router web"},
	}
}

// documents are nodes' states by the file that holds their bytes.
func documents() map[string]document {
	full := vip.NodeState{
		Version: "v1.2.3", Digest: "f31d87181f067dbb", Drained: true,
		Resources: []vip.ResourceState{
			{Name: "router mail", State: "Backup", Priority: 100, Unheard: true},
			{Name: "router web", State: "Active", Priority: 254, Term: 1 << 40, Pinned: true},
			{Name: "sync group edge", State: "Initialize"},
			{Name: "something new", Priority: 1},
		},
	}
	return map[string]document{
		"silent":  {},
		"nothing": {told: true},
		"witness": {told: true, state: vip.NodeState{Version: "v1.2.3", Digest: "f31d87181f067dbb", Witness: true}, report: []byte{0, 1, 2, 255}},
		"unready": {told: true, state: vip.NodeState{Resources: []vip.ResourceState{{Name: "router web", State: "Backup", Priority: 1, Unready: true}}}},
		"taking":  {told: true, state: vip.NodeState{Resources: []vip.ResourceState{{Name: "router web", State: "Active", Priority: 150, Term: 7, Taking: true}}}},
		"yields":  {told: true, state: vip.NodeState{Resources: []vip.ResourceState{{Name: "router web", State: "Backup", Priority: 1, Yields: true}}}},
		"report":  {report: []byte("of the guard alone")},
		"full":    {told: true, state: full, report: []byte("report")},
	}
}

func messageBytes(t testing.TB, m vip.PeerMessage) []byte {
	t.Helper()
	b, err := encodeMessage(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func stateBytes(t testing.TB, d document) []byte {
	t.Helper()
	b, left := d.encode()
	if left > 0 {
		t.Fatalf("%d resources left out", left)
	}
	return b
}

// goldenBytes compares b with a file.
func goldenBytes(t *testing.T, name string, b []byte) {
	t.Helper()
	file := filepath.Join("testdata", "v1-"+name+".bin")
	if *update {
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, want) {
		t.Errorf("%s: got %x, want %x", file, b, want)
	}
}

func TestGolden(t *testing.T) {
	for name, m := range messages() {
		b := messageBytes(t, m)
		goldenBytes(t, "message-"+name, b)
		if got, err := parseMessage(b); err != nil || got != m {
			t.Errorf("%s: parsed %+v (%v), want %+v", name, got, err, m)
		}
	}
	for name, d := range documents() {
		b := stateBytes(t, d)
		goldenBytes(t, "state-"+name, b)
		if got, err := parseDocument(b); err != nil || !reflect.DeepEqual(got, d) {
			t.Errorf("%s: parsed %+v (%v), want %+v", name, got, err, d)
		}
	}
}

// A later version adds fields, kinds of prefixes' states, and to resources.
func TestNewerVersion(t *testing.T) {
	m := messages()["order"]
	b := appendBytes(messageBytes(t, m), 99, "what is new")
	if got, err := parseMessage(b); err != nil || got != m {
		t.Errorf("parsed %+v (%v), want %+v", got, err, m)
	}
	r := vip.ResourceState{Name: "router web", State: "Active", Priority: 7, Term: 300}
	longer := append(appendResource(nil, r), "what is new"...)
	odd := appendResource(nil, r)
	odd[len(odd)-5] = 200 // the state; the term has two bytes
	b = stateBytes(t, document{told: true})
	b = appendBytes(b, 77, "what is new")
	b = appendBytes(b, stateResource, longer)
	b = appendBytes(b, stateResource, odd)
	got, err := parseDocument(b)
	want := document{told: true, state: vip.NodeState{Resources: []vip.ResourceState{r, {Name: "router web", Priority: 7, Term: 300}}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("parsed %+v (%v), want %+v", got, err, want)
	}
}

func TestParseRefuses(t *testing.T) {
	field := func(tag uint64, v string) []byte { return appendBytes([]byte{version}, tag, v) }
	ask := slices.Clip(messageBytes(t, messages()["ask"])) // each append copies
	tests := map[string]struct {
		b    []byte
		want error
	}{
		"empty":              {nil, errLength},
		"version 0":          {[]byte{0}, errVersion},
		"a newer version":    {append([]byte{2}, ask[1:]...), errVersion},
		"no kind":            {field(messageResource, "router web"), errKind},
		"an unknown kind":    {append(field(messageResource, "router web"), messageKind, 1, 9), errKind},
		"no resource":        {field(messageKind, "\x01"), errLength},
		"a long resource":    {append(ask, field(messageResource, strings.Repeat("r", maxName+1))[1:]...), errValue},
		"a long node":        {append(ask, field(messageTo, strings.Repeat("n", maxNode+1))[1:]...), errValue},
		"a long token":       {append(ask, field(messageToken, strings.Repeat("t", maxToken+1))[1:]...), errLength},
		"no text":            {append(ask, field(messageTo, "\xff")[1:]...), errValue},
		"a large priority":   {append(ask, messagePriority, 2, 0x80, 0x02), errValue},
		"a number and more":  {append(ask, messageFlags, 2, 1, 1), errLength},
		"an endless number":  {append(ask, messageFlags, 1, 0x80), errLength},
		"an endless tag":     {append(ask, 0x80), errLength},
		"a field without it": {append(ask, messageTo), errLength},
		"a short field":      {append(ask, messageTo, 9, 'l'), errLength},
		"a huge field":       {append(ask, messageTo, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), errLength},
	}
	for name, tc := range tests {
		m, err := parseMessage(bytes.Clone(tc.b))
		if !errors.Is(err, tc.want) || m != (vip.PeerMessage{}) {
			t.Errorf("%s: %+v, %v, want %v", name, m, err, tc.want)
		}
	}
	resource := appendResource(nil, vip.ResourceState{Name: "router web", State: "Active"})
	states := map[string]struct {
		b    []byte
		want error
	}{
		"empty":               {nil, errLength},
		"a newer version":     {[]byte{2}, errVersion},
		"too long":            {append([]byte{version}, make([]byte, MaxState)...), errLength},
		"no text":             {field(stateVersion, "\xff"), errValue},
		"a long digest":       {field(stateDigest, strings.Repeat("d", maxText+1)), errValue},
		"an empty resource":   {[]byte{version, stateResource, 0}, errValue},
		"an unknown prefix":   {field(stateResource, "\x09"+string(resource[1:])), errValue},
		"a short resource":    {field(stateResource, string(resource[:len(resource)-2])), errLength},
		"no term":             {field(stateResource, string(resource[:len(resource)-1])), errLength},
		"a name cut short":    {field(stateResource, string(resource[:4])), errLength},
		"a name that is none": {field(stateResource, "\x00\x01\xff\x00\x00\x00\x00"), errValue},
	}
	for name, tc := range states {
		d, err := parseDocument(bytes.Clone(tc.b))
		if !errors.Is(err, tc.want) || d.told || d.state.Resources != nil {
			t.Errorf("%s: %+v, %v, want %v", name, d, err, tc.want)
		}
	}
}

func TestSendRefuses(t *testing.T) {
	for name, m := range map[string]vip.PeerMessage{
		"kind":     {Resource: "router web"},
		"resource": {Kind: vip.Handover},
		"name":     {Kind: vip.Handover, Resource: strings.Repeat("r", maxName+1)},
		"to":       {Kind: vip.OrderHandover, Resource: "router web", To: strings.Repeat("n", maxNode+1)},
		"token":    {Kind: vip.Handover, Resource: "router web", Token: strings.Repeat("t", maxToken+1)},
	} {
		if b, err := encodeMessage(m); err == nil || len(b) > 0 {
			t.Errorf("%s: no error, and %x", name, b)
		}
	}
}

// 500 routers with long names fit; of what doesn't fit the rest is told.
func TestStateIsBounded(t *testing.T) {
	d := document{told: true, state: vip.NodeState{Version: strings.Repeat("v", 300), Digest: "f31d87181f067dbb"}, report: bytes.Repeat([]byte("r"), 16<<10)}
	fill := func(n, name int) {
		d.state.Resources = nil
		for i := range n {
			d.state.Resources = append(d.state.Resources, vip.ResourceState{
				Name: fmt.Sprintf("router %0*d", name, i), State: "Active", Priority: 254, Term: 1 << 30, Pinned: true, Unheard: true,
			})
		}
	}
	fill(500, 63)
	b := stateBytes(t, d)
	t.Logf("500 routers with a report of %d bytes: %d bytes", len(d.report), len(b))
	for _, n := range []int{500, 5000} {
		fill(n, 253)
		b, left := d.encode()
		got, err := parseDocument(b)
		if err != nil || left == 0 || len(got.state.Resources)+left != n || len(b) > MaxState || len(b) < MaxState-300 {
			t.Errorf("%d routers: %d bytes, %d told, %d left out: %v", n, len(b), len(got.state.Resources), left, err)
		}
		if !bytes.Equal(got.report, d.report) || len(got.state.Version) != maxText {
			t.Errorf("%d routers: the report or the version is lost", n)
		}
	}
	d.report = make([]byte, MaxState)
	if b, _ := d.encode(); len(b) > MaxState {
		t.Errorf("with a report that is too long: %d bytes", len(b))
	}
}
