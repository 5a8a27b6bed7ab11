// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"sync"
)

// late is a hook that could not be built, say because its program is missing.
// Each run tries again, and fails with the reason.
type late struct {
	hook  Hook
	build func(Hook) (runner, error)

	mu   sync.Mutex
	made runner
}

func (l *late) run(ctx context.Context, m message) error {
	r, err := l.runner()
	if err != nil {
		return err
	}
	return r.run(ctx, m)
}

func (l *late) runner() (runner, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made != nil {
		return l.made, nil
	}
	r, err := l.build(l.hook)
	if err == nil {
		l.made = r
	}
	return r, err
}

// tolerant builds what it can, and tells refused of the rest.
func tolerant(build func(Hook) (runner, error), refused func(Hook, error)) func(Hook) (runner, error) {
	return func(h Hook) (runner, error) {
		r, err := build(h)
		if err != nil {
			refused(h, err)
			return &late{hook: h, build: build}, nil
		}
		return r, nil
	}
}
