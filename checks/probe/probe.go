// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"

	"github.com/vicar-ha/vicar/checks"
)

// Maker makes probes, which share through it what they can: all process probes
// have one picture of the host's processes.
type Maker struct{ processes *processes }

// NewMaker is a Maker that has made nothing yet. It holds nothing once the
// probes that it made are closed.
func NewMaker() *Maker { return &Maker{newProcesses()} }

// New is a probe that shares nothing.
func New(k checks.Kind) (checks.Probe, error) { return NewMaker().New(k) }

// New is the probe of a kind. Patterns and names are read here, once, and the
// files of certificates for the first time; nothing is looked at. The error names what is wrong.
func (m *Maker) New(k checks.Kind) (checks.Probe, error) {
	p, err := m.build(k)
	if err != nil {
		return nil, fmt.Errorf("making a check of kind %s: %w", kindName(k), err)
	}
	return p, nil
}

func (m *Maker) build(k checks.Kind) (checks.Probe, error) {
	switch k := k.(type) {
	case checks.ICMP:
		return newICMP(k)
	case checks.TCP:
		return newTCP(k)
	case checks.UDP:
		return newUDP(k)
	case checks.HTTP:
		return newHTTP(k)
	case checks.GRPC:
		return newGRPC(k)
	case checks.DNS:
		return newDNS(k)
	case checks.SMTP:
		return newSMTP(k)
	case checks.Handshake:
		return newHandshake(k)
	case checks.Exec:
		return newExec(k)
	case checks.Process:
		return newProcess(k, m.processes)
	case checks.File:
		return newFile(k)
	case checks.Interface:
		return newInterface(k)
	}
	return nil, fmt.Errorf("%w %T", errNoProbe, k)
}

// errNoProbe is a kind that this package does not know.
var errNoProbe = errors.New("no probe for")

// kindName is the kind's name, of nil too.
func kindName(k checks.Kind) string {
	if k == nil {
		return "none"
	}
	return k.Kind()
}
