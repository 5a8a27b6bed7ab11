// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package site

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// hands are how many attempts may be under way at once.
const hands = 16

// Attempt is a connection that was tried.
type Attempt struct {
	Begin, End time.Time
	Server     string // who has served it
	Err        error
}

// Attempts tries a connection every so often until ctx ends, from one address after the
// other, and returns all attempts in the order in which they began. While all hands
// are busy it tries none.
func (c *Client) Attempts(ctx context.Context, target netip.AddrPort, every time.Duration) ([]Attempt, error) {
	var mu sync.Mutex
	var all []Attempt
	turns := make(chan int)
	var group errgroup.Group
	for range hands {
		group.Go(func() error {
			return c.Do(func() error {
				for n := range turns {
					a := Attempt{Begin: time.Now()}
					a.Server, a.Err = ask(context.WithoutCancel(ctx), source(n), target)
					a.End = time.Now()
					mu.Lock()
					all = append(all, a)
					mu.Unlock()
				}
				return nil
			})
		})
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		select {
		case <-tick.C:
			select {
			case turns <- n:
			default:
			}
		case <-ctx.Done():
		}
	}
	close(turns)
	err := group.Wait()
	slices.SortFunc(all, func(a, b Attempt) int { return a.Begin.Compare(b.Begin) })
	return all, err
}
