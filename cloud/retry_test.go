// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/cloud"
)

func TestRetry(t *testing.T) {
	says := func(k cloud.Kind) error { return &cloud.Error{Kind: k, Action: "x", Err: errors.New("so")} }
	for _, tt := range []struct {
		name    string
		answers []error // the last one again and again
		kind    cloud.Kind
		ok      bool
		calls   int           // 0: many
		least   time.Duration // that it takes
	}{
		{"at once", []error{nil}, 0, true, 1, 0},
		{"later", []error{says(cloud.Unavailable), says(cloud.Throttled), nil}, 0, true, 3, time.Millisecond},
		{"denied", []error{says(cloud.Denied)}, cloud.Denied, false, 1, 0},
		{"invalid later", []error{says(cloud.Unavailable), says(cloud.Invalid)}, cloud.Invalid, false, 2, time.Millisecond},
		{"never", []error{says(cloud.Throttled)}, cloud.Throttled, false, 0, time.Minute},
		{"no answer", []error{errors.New("connection refused")}, cloud.Unavailable, false, 0, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began, calls := time.Now(), 0
				err := cloud.Retry(ctx, 2*time.Second, func(ctx context.Context) error {
					if end, ok := ctx.Deadline(); !ok || time.Until(end) > 2*time.Second {
						t.Errorf("an attempt ends at %v", end)
					}
					calls++
					return tt.answers[min(calls, len(tt.answers))-1]
				})
				took := time.Since(began)
				if (err == nil) != tt.ok || err != nil && cloud.KindOf(err) != tt.kind {
					t.Errorf("it comes to %v", err)
				}
				if tt.calls > 0 && calls != tt.calls || tt.calls == 0 && calls < 20 || took < tt.least || took > time.Minute {
					t.Errorf("%d calls in %v", calls, took)
				}
			})
		})
	}
}

// TestRetryHangs: an attempt that does not end by itself is ended, and the next
// one made.
func TestRetryHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		err := cloud.Retry(t.Context(), time.Second, func(ctx context.Context) error {
			if calls++; calls == 3 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		if err != nil || calls != 3 {
			t.Errorf("%d calls: %v", calls, err)
		}
	})
}
