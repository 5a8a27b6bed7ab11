// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"errors"
	"fmt"
	"math"

	"github.com/vicar-ha/vicar/vip"
)

// The fields of a message.
const (
	messageKind     = 1 // number: vip.MessageKind
	messageResource = 2 // text
	messageTo       = 3 // text
	messageFlags    = 4 // number
	messagePriority = 5 // number
	messageToken    = 6 // bytes
)

const (
	flagAuto = 1 << iota
	flagPin
	flagForce
)

// encodeMessage is m without From, which the peer link tells.
func encodeMessage(m vip.PeerMessage) ([]byte, error) {
	if err := checkMessage(m); err != nil {
		return nil, fmt.Errorf("encoding a message: %w", err)
	}
	b := []byte{version}
	b = appendNumber(b, messageKind, uint64(m.Kind))
	b = appendBytes(b, messageResource, m.Resource)
	b = appendBytes(b, messageTo, m.To)
	b = appendNumber(b, messageFlags, bit(m.Auto, flagAuto)|bit(m.Pin, flagPin)|bit(m.Force, flagForce))
	b = appendNumber(b, messagePriority, uint64(m.Priority))
	return appendBytes(b, messageToken, m.Token), nil
}

func bit(set bool, of uint64) uint64 {
	if set {
		return of
	}
	return 0
}

// parseMessage reads what encodeMessage wrote.
func parseMessage(b []byte) (m vip.PeerMessage, err error) {
	err = fields(b, func(tag uint64, value []byte) (err error) {
		var n uint64
		switch tag {
		case messageKind:
			n, err = small(value)
			m.Kind = vip.MessageKind(n)
		case messageResource:
			m.Resource, err = text(value, maxName)
		case messageTo:
			m.To, err = text(value, maxNode)
		case messageFlags:
			n, err = whole(value)
			m.Auto, m.Pin, m.Force = n&flagAuto != 0, n&flagPin != 0, n&flagForce != 0
		case messagePriority:
			n, err = small(value)
			m.Priority = uint8(n) //nolint:gosec // small has seen to it
		case messageToken:
			m.Token = string(value)
		}
		return err
	})
	if err == nil {
		err = checkMessage(m)
	}
	if err != nil {
		return vip.PeerMessage{}, fmt.Errorf("parsing a message: %w", err)
	}
	return m, nil
}

// small is a number of eight bits.
func small(value []byte) (uint64, error) {
	n, err := whole(value)
	if err == nil && n > math.MaxUint8 {
		err = errValue
	}
	return n, err
}

var errKind = errors.New("the kind is not known")

func checkMessage(m vip.PeerMessage) error {
	switch m.Kind {
	case vip.AskHandover, vip.OrderHandover, vip.Handover:
	default:
		return fmt.Errorf("%w: %d", errKind, m.Kind)
	}
	if len(m.Resource) == 0 || len(m.Resource) > maxName || len(m.To) > maxNode || len(m.Token) > maxToken {
		return errLength
	}
	return nil
}
