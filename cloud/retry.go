// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"cmp"
	"context"
	"math/rand/v2"
	"time"
)

// Retry calls do until its error is nil or one that does not pass, or ctx has
// ended, with the waits of a take-over between the calls. Each call has attempt's
// time. It returns the last error of the cloud's.
func Retry(ctx context.Context, attempt time.Duration, do func(context.Context) error) error {
	retry := retries()
	var last error
	for {
		one, cancel := context.WithTimeout(ctx, attempt)
		err := do(one)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			// What the cloud has said tells more than that the time is over.
			return cmp.Or(last, err)
		}
		if !KindOf(err).Passing() {
			return err
		}
		last = err
		if limit := retry.step(); !pause(ctx, max(limit/16, rand.N(limit))) {
			return last
		}
	}
}
