// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"

	"github.com/vicar-ha/vicar/checks"
)

// New is the probe of a kind. Patterns, names and the files of certificates are
// read here, once; nothing is looked at. The error names what is wrong.
func New(k checks.Kind) (checks.Probe, error) {
	p, err := build(k)
	if err != nil {
		return nil, fmt.Errorf("making a check of kind %s: %w", kindName(k), err)
	}
	return p, nil
}

func build(k checks.Kind) (checks.Probe, error) {
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
		return newProcess(k)
	case checks.File:
		return newFile(k)
	case checks.Interface:
		return newInterface(k)
	}
	return nil, fmt.Errorf("no probe for %T", k)
}

// kindName is the kind's name, of nil too.
func kindName(k checks.Kind) string {
	if k == nil {
		return "none"
	}
	return k.Kind()
}
