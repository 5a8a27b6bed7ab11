// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestTrials: what was never tried is neither good nor wrong, and a refusal does
// not stand for good.
func TestTrials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tried Trials
		look := func() Finding {
			return tried.Finding("it", "do", func(what string, err error) Finding { return Finding{What: what, Problem: err.Error()} })
		}
		want := func(when string, want Finding) {
			t.Helper()
			if want.What = "it"; look() != want {
				t.Errorf("%s: got %+v, want %+v", when, look(), want)
			}
		}
		no := errors.New("no")
		want("never tried", Finding{OK: true, Untried: true})
		tried.Done("other", no)
		want("another refused", Finding{OK: true, Untried: true})
		tried.Done("do", no)
		want("refused", Finding{Problem: "no"})
		time.Sleep(RefusedFor - time.Second)
		want("refused some time ago", Finding{Problem: "no"})
		time.Sleep(time.Minute)
		want("refused long ago", Finding{OK: true, Untried: true, Problem: "refused 10m0s ago, and not tried since"})
		tried.Done("do", no)
		tried.Done("do", no) // by another router, at the same time
		time.Sleep(2*RefusedFor - time.Second)
		want("refused again", Finding{Problem: "no"})
		time.Sleep(time.Second)
		want("refused again, long ago", Finding{OK: true, Untried: true, Problem: "refused 20m0s ago, and not tried since"})
		for range 20 {
			time.Sleep(refusedMost)
			tried.Done("do", no)
		}
		time.Sleep(refusedMost - time.Second)
		want("refused each time", Finding{Problem: "no"})
		time.Sleep(time.Second)
		want("refused each time, a day ago", Finding{OK: true, Untried: true, Problem: "refused 24h0m0s ago, and not tried since"})
		tried.Done("do", nil)
		want("done", Finding{OK: true})
		tried.Done("do", no)
		time.Sleep(RefusedFor)
		want("refused after it was done", Finding{OK: true, Untried: true, Problem: "refused 10m0s ago, and not tried since"})
		tried.Done("do", nil)
		tried.Forget()
		want("done, and refusals forgotten", Finding{OK: true})
		tried.Done("do", no)
		tried.Forget()
		want("a refusal forgotten", Finding{OK: true, Untried: true})
	})
}
