// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	// statePeriod is how often State is asked, and told again to whom it did not
	// reach.
	statePeriod = time.Second
	// maxUntold bounds how many are remembered in one period.
	maxUntold = 64
)

// Send sends a message to a configured node, at once and without a receipt: to
// each of its addresses, whether it has joined or not. It fails if it left by
// none, and does not wait for a slow network.
func (l *Link) Send(to string, ch Channel, payload []byte) error {
	if len(payload) > MaxPayload {
		return fmt.Errorf("sending %d bytes to %s: %w, %d bytes", len(payload), to, ErrTooLong, MaxPayload)
	}
	f := frame{kind: kindDirect, channel: ch, payload: payload}
	if err := l.post(to, &f); err != nil {
		return fmt.Errorf("sending to %s: %w", to, err)
	}
	return nil
}

// post completes a frame and sends it to all addresses of a peer.
func (l *Link) post(to string, f *frame) error {
	var room [4]netip.AddrPort
	paths := room[:0]
	l.mu.Lock()
	running := l.list != nil
	if p := l.peers[to]; p != nil {
		paths = l.paths(paths, to, p)
		if f.kind == kindDirect {
			p.sent++
			f.number = p.sent
		}
	}
	l.mu.Unlock()
	if !running {
		return ErrNotRunning
	}
	if len(paths) == 0 {
		return ErrNoAddress
	}
	f.start, f.from, f.to, f.copies = l.start, l.name, []byte(to), byte(min(len(paths), math.MaxUint8))
	buffer := l.buffers.Get().(*[]byte)
	defer l.buffers.Put(buffer)
	*buffer = (*l.ciphers.Load()).pack((*buffer)[:0], l.cfg.Cluster, f)
	var errs []error
	for _, a := range paths {
		if err := l.sockets.write(*buffer, a); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == len(paths) {
		return errors.Join(errs...)
	}
	return nil
}

// Announce has State asked now, and what is new told to the members.
func (l *Link) Announce() { wake(l.kick) }

// tell tells the members this node's state when it has changed, and those that
// are new. What is lost comes again with memberlist's own exchange, each 30 s.
func (l *Link) tell(ctx context.Context, list *memberlist.Memberlist) {
	if l.cfg.State == nil {
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	tick := time.NewTicker(statePeriod)
	defer tick.Stop()
	told := map[string]uint64{} // the members' starts, by name
	failed := make(chan string, maxUntold)
	var last []byte
	for {
		state := l.state()
		for _, name := range l.unaware(told, !bytes.Equal(state, last)) {
			f := l.stateFrame(state)
			wg.Go(func() {
				if err := l.tellOne(list, name, f); err != nil {
					l.cfg.Log.LogAttrs(ctx, slog.LevelDebug, "state not told", slog.String("peer", name), slog.Any("err", err))
					select {
					case failed <- name:
					default:
					}
				}
			})
		}
		last = state
		select {
		case <-ctx.Done():
			return
		case <-l.kick:
		case <-tick.C:
		}
		for range len(failed) {
			delete(told, <-failed)
		}
	}
}

// tellOne tells a member the state at all of its addresses at once: the one that
// memberlist uses may be dead, which it is long in finding out. It fails if no
// address took it.
func (l *Link) tellOne(list *memberlist.Memberlist, name string, state []byte) error {
	l.mu.Lock()
	var paths []netip.AddrPort
	if p := l.peers[name]; p != nil {
		paths = l.paths(nil, name, p)
	}
	l.mu.Unlock()
	errs := make([]error, len(paths))
	var wg sync.WaitGroup
	for i, a := range paths {
		wg.Go(func() {
			errs[i] = list.SendReliable(&memberlist.Node{Name: name, Addr: a.Addr().AsSlice(), Port: a.Port()}, state)
		})
	}
	wg.Wait()
	if slices.Contains(errs, nil) {
		return nil
	}
	return errors.Join(errs...)
}

// unaware are the members that don't know the state.
func (l *Link) unaware(told map[string]uint64, changed bool) []string {
	var list []string
	members := l.Members()
	for _, m := range members {
		if start, ok := told[m.Name]; m.Configured && (changed || !ok || start != m.Start) {
			list = append(list, m.Name)
			told[m.Name] = m.Start
		}
	}
	for name := range told {
		if !slices.ContainsFunc(members, func(m Member) bool { return m.Name == name }) {
			delete(told, name)
		}
	}
	return list
}

// state is this node's state, or none if it is too long.
func (l *Link) state() []byte {
	if l.cfg.State == nil {
		return nil
	}
	state := l.cfg.State()
	if len(state) > maxState {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.say(slog.LevelError, "state too long to be told", "state", slog.Int("bytes", len(state)), slog.Int("limit", maxState))
		return nil
	}
	return state
}

// stateFrame has a version that grows with time, since two exchanges may
// overtake each other.
func (l *Link) stateFrame(state []byte) []byte {
	version := uint64(max(l.age(), 1))
	f := frame{kind: kindState, start: l.start, number: version, from: l.name, payload: state}
	return f.append(nil)
}
