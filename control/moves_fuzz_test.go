// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
)

// FuzzRequest sends any body to what changes who holds what. A request that is
// carried out says what to do, and one that is refused says why.
func FuzzRequest(f *testing.F) {
	paths := []string{"/v1/handover", "/v1/drain", "/v1/undrain", "/v1/voters/forget", "/v1/reload", "/v1/pool/drain"}
	for n, body := range []string{
		`{"router":"web","to":"lb-2"}`, ``, `{}`, `{"node":"lb-3"}`, `null`,
		`{"router":"web","auto":true}`, `{"router":"web","to":"lb-2","auto":true}`, `{"router":"web","too":"lb-2"}`,
		`{"router":7}`, `{"router":"web"} {"router":"mail"}`, `[]`, `{"node":""}`, `{"force":true}`,
		`{"service":"web","server":"198.51.100.11:80","drain":true}`, `{"service":"web"}`,
	} {
		for i := range paths {
			f.Add(uint8(n+i), []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		path := paths[int(which)%len(paths)]
		var asked any
		s := &Server{cfg: Config{Backend: &backend{
			handover: func(_ context.Context, h Handover) (HandoverResult, error) {
				asked = h
				return HandoverResult{}, nil
			},
			drain: func(_ context.Context, on, _ bool) ([]Moved, error) {
				asked = on
				return nil, nil
			},
			forget: func(_ context.Context, node string) error {
				asked = node
				return nil
			},
			pool: func(_ context.Context, d PoolDrain) error {
				asked = d
				return nil
			},
			reload: func(context.Context) error {
				asked = true
				return nil
			},
		}}}
		w := httptest.NewRecorder()
		s.socketHandler(t.Context()).ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body)))
		if (w.Code == http.StatusOK) != (asked != nil) {
			t.Errorf("%s %q: answered %d, asked %v", path, body, w.Code, asked)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %q: the answer is no JSON: %q", path, body, w.Body)
		}
		switch asked := asked.(type) {
		case Handover:
			if asked.Router == "" || asked.Auto && asked.To != "" {
				t.Errorf("%q: a handover of %+v", body, asked)
			}
		case PoolDrain:
			if asked.Service == "" || asked.Server == "" {
				t.Errorf("%q: %+v is to be drained", body, asked)
			}
		case string:
			if asked == "" {
				t.Errorf("%q: nobody is to be forgotten", body)
			}
		case bool:
			if want := path != "/v1/undrain"; asked != want {
				t.Errorf("%s %q: asked %v", path, body, asked)
			}
		}
	})
}
