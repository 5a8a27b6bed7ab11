// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrStuck is Watch's error when a look does not end, as when it waits for a
// file system that is gone.
var ErrStuck = errors.New("a look was told to end and goes on")

// endPatience is how long the end of Watch waits for looks. The probe of a
// program needs less to give up one that does not die.
const endPatience = 2 * time.Second

// rest waits until the jobs' goroutines have ended, for endPatience at most. The
// error says whose have not.
func (l *loop) rest() error {
	timer := time.NewTimer(endPatience)
	defer timer.Stop()
	for _, j := range l.working {
		select {
		case <-j.ended:
			continue
		case <-timer.C:
		}
		return l.stuck()
	}
	return nil
}

// stuck is an error with the names of the checks whose goroutines go on.
func (l *loop) stuck() error {
	var names []string
	for _, j := range l.working {
		if !j.over() {
			names = append(names, j.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return fmt.Errorf("check %s: %w", strings.Join(slices.Compact(names), ", "), ErrStuck)
}

// over tells whether its goroutine has ended.
func (j *job) over() bool {
	select {
	case <-j.ended:
		return true
	default:
		return false
	}
}
