// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	// askPeriod is how often a suspect is asked.
	askPeriod = 500 * time.Millisecond
	// closeStart is a difference of age that messages on their way may hide.
	// Within it the smaller id counts as the earlier.
	closeStart = 2 * time.Second
)

// DuplicateError says that another node runs under this node's name, and began
// before it.
type DuplicateError struct {
	Name  string
	Addr  netip.AddrPort // where the other has answered this node
	By    string         // or the peer that hears from both
	Start uint64         // of the other
	Age   time.Duration  // of the other
}

func (e *DuplicateError) Error() string {
	met := fmt.Sprintf("it answers at %v", e.Addr)
	if e.By != "" {
		met = e.By + " hears from both"
	}
	return fmt.Sprintf("another node is called %s: %s, and it has run for %v; each node needs a name of its own",
		e.Name, met, e.Age.Round(time.Second))
}

// question is the last one that was asked of a suspect. Only its answer counts:
// a recording has another nonce.
type question struct {
	nonce uint64
	open  bool
}

// who is the payload of kindWho and kindHere.
type who struct {
	nonce uint64
	age   time.Duration
	addr  netip.AddrPort // of the sender
}

var errWho = errors.New("the question who runs under a name is cut off or wrong")

func (w who) bytes() []byte {
	b := binary.BigEndian.AppendUint64(nil, w.nonce)
	b = binary.BigEndian.AppendUint64(b, uint64(w.age))
	b, _ = w.addr.AppendBinary(b) // never fails
	return b
}

func parseWho(b []byte) (who, error) {
	if len(b) < 16 {
		return who{}, errWho
	}
	w := who{nonce: binary.BigEndian.Uint64(b), age: time.Duration(binary.BigEndian.Uint64(b[8:]))}
	if err := w.addr.UnmarshalBinary(b[16:]); err != nil || !w.addr.IsValid() || w.age < 0 || w.addr.Addr().Zone() != "" {
		return who{}, errWho
	}
	return w, nil
}

// suspect has the node at an address asked whether it runs under this name. It
// may be this node's former life, which does not answer.
func (l *Link) suspect(addr netip.AddrPort) {
	select {
	case l.suspects <- addr:
	default:
	}
}

// ask asks suspects, and answers them, until ctx ends.
func (l *Link) ask(ctx context.Context, list *memberlist.Memberlist) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		select {
		case <-ctx.Done():
			return
		case addr := <-l.suspects:
			var b [8]byte
			_, _ = rand.Read(b[:]) // never fails: it ends the program instead
			nonce := binary.BigEndian.Uint64(b[:])
			l.mu.Lock()
			l.asked = question{nonce: nonce, open: true}
			l.mu.Unlock()
			l.sendWho(list, kindWho, nonce, addr)
		}
		pause.Reset(askPeriod)
	}
}

func (l *Link) sendWho(list *memberlist.Memberlist, k kind, nonce uint64, to netip.AddrPort) {
	w := who{nonce: nonce, age: l.age(), addr: l.sockets.advertised}
	f := frame{kind: k, start: l.start, from: l.name, to: l.name, payload: w.bytes()}
	err := list.SendToAddress(memberlist.Address{Addr: to.String(), Name: l.cfg.Node}, f.append(nil))
	if err != nil {
		l.cfg.Log.LogAttrs(context.Background(), slog.LevelDebug, "namesake not asked", slog.Any("err", err))
	}
}

// answer takes a question or an answer of another node with this name.
func (l *Link) answer(f *frame) {
	w, err := parseWho(f.payload)
	if err != nil || string(f.from) != l.cfg.Node {
		l.counts.malformed.Add(1)
		return
	}
	if f.start == l.start {
		return // by a path that leads back here
	}
	l.mu.Lock()
	list := l.list
	answered := f.kind == kindHere && l.asked.open && l.asked.nonce == w.nonce
	if answered {
		l.asked.open = false
	}
	l.mu.Unlock()
	if f.kind == kindWho {
		if list != nil {
			l.sendWho(list, kindHere, w.nonce, w.addr)
		}
		l.suspect(w.addr) // and ask back: the question may be a recording
		return
	}
	if answered {
		l.met(f.start, w)
	}
}

// met decides which of two nodes with one name came later.
func (l *Link) met(start uint64, w who) {
	l.counts.duplicate.Add(1)
	if cameLater(l.age(), w.age, l.start, start) {
		l.fail(&DuplicateError{Name: l.cfg.Node, Addr: w.addr, Start: start, Age: w.age})
		return
	}
	l.trouble(TroubleName, l.cfg.Node)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.say(slog.LevelError, "another node has taken this node's name", "namesake", slog.String("address", w.addr.String()))
}

// fail ends Run.
func (l *Link) fail(err error) {
	select {
	case l.failed <- err:
	default:
	}
}
