// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vicar-ha/vicar/cloud"
)

var asked = []cloud.Object{
	{ID: "198.51.100.7", Address: netip.MustParseAddr("198.51.100.7")},
	{ID: "2001:db8::7", Address: netip.MustParseAddr("2001:db8::7")},
}

var answers = []struct{ name, action, text, err string }{
	{"all", observe, `{"objects":[{"address":"2001:db8::7","mine":true,"holder":"a"},{"address":"198.51.100.7","mine":false,"dead":true}]}`, ""},
	{"error alone", observe, `{"error":{"kind":"throttled","message":"slow"}}`, ""},
	{"done", take, `{"done":["198.51.100.7","2001:db8::7"]}`, ""},
	{"part", yield, ` {"done":["198.51.100.7"],"error":{"kind":"conflict","message":"it is b's"}} `, ""},
	{"nothing done", take, `{"error":{"kind":"denied","message":""}}`, ""},
	{"findings", examine, `{"findings":[{"what":"route","ok":false,"problem":"gone","missing":"x:Y"},{"what":"link","ok":true}]}`, ""},
	{"no findings", examine, `{"findings":[]}`, ""},

	{"empty", observe, " \n", "there is none"},
	{"null", examine, "null", "not an object"},
	{"list", examine, "[]", "not an object"},
	{"cut", take, `{"done":[`, "unexpected EOF"},
	{"two", take, `{"done":["198.51.100.7","2001:db8::7"]}{}`, "something comes after"},
	{"unknown field", take, `{"done":["198.51.100.7","2001:db8::7"],"ok":true}`, `unknown field "ok"`},
	{"no address", take, `{"done":["web"]}`, "unable to parse IP"},
	{"one lacks", observe, `{"objects":[{"address":"198.51.100.7","mine":false}]}`, "nothing about 2001:db8::7"},
	{"twice", observe, `{"objects":[{"address":"198.51.100.7","mine":false},{"address":"198.51.100.7","mine":true}]}`, "198.51.100.7 twice"},
	{"other", observe, `{"objects":[{"address":"198.51.100.8","mine":false}]}`, "not asked about"},
	{"whose", observe, `{"objects":[{"address":"198.51.100.7","holder":"a"}]}`, "without saying whether"},
	{"not done", take, `{"done":["198.51.100.7"]}`, "2001:db8::7 not done, and no error"},
	{"done other", take, `{"done":["198.51.100.8"]}`, "not asked for"},
	{"another action's", take, `{"objects":[]}`, "does not fit"},
	{"done while observing", observe, `{"done":[]}`, "does not fit"},
	{"kind", take, `{"error":{"kind":"sorry","message":"no"}}`, `kind of error "sorry" is unknown`},
	{"empty finding", examine, `{"findings":[{"what":"route","ok":false}]}`, "without what was found"},
}

func TestParse(t *testing.T) {
	for _, tt := range answers {
		a, err := parse([]byte(tt.text), tt.action, asked)
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.err)
		}
		if tt.name == "all" {
			got := a.ownership()
			want := [2]cloud.Ownership{{Object: asked[0], Dead: true}, {Object: asked[1], Mine: true, Holder: "a"}}
			if [2]cloud.Ownership(got) != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range answers {
		f.Add(tt.action, []byte(tt.text))
	}
	f.Fuzz(func(t *testing.T, action string, text []byte) {
		a, err := parse(text, action, asked)
		if err != nil {
			return
		}
		if action == observe && a.Error == nil && len(a.ownership()) != len(asked) {
			t.Errorf("taken with %d objects of %d", len(a.ownership()), len(asked))
		}
		if a.Error != nil && (!utf8.ValidString(a.Error.Message) || strings.ContainsAny(a.Error.Message, "\x00\n\x1b") || len(a.Error.Message) > mostText+3) {
			t.Errorf("the message is %q", a.Error.Message)
		}
	})
}
