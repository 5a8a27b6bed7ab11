// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/pool"
)

// schedulerError says that the kernel lacks a scheduler's module.
type schedulerError struct {
	scheduler string
	err       error
}

func (e *schedulerError) Error() string {
	return fmt.Sprintf("the kernel has no scheduler %s: modprobe ip_vs_%s", e.scheduler, e.scheduler)
}

func (e *schedulerError) Unwrap() error { return e.err }

// hint explains an error that a user can do something about.
func hint(err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w (needs CAP_NET_ADMIN)", err)
	}
	return err
}

// explain says what an error of newService or setService means.
func (s service) explain(err error) error {
	switch {
	case errors.Is(err, unix.ENOENT):
		return &schedulerError{s.scheduler, err}
	case errors.Is(err, unix.EAFNOSUPPORT):
		return fmt.Errorf("%w (the kernel's IPVS has no IPv6)", err)
	}
	return hint(err)
}

// explainServer says what an error of newServer or setServer means.
func explainServer(k key, d pool.Destination, err error) error {
	mixed := familyOf(d.Address.Addr()) != k.family
	switch {
	case errors.Is(err, unix.EINVAL) && mixed:
		err = fmt.Errorf("%w (IPVS does not synchronise connections to a destination of the other family: do without the one or the other)", err)
	case errors.Is(err, unix.EINVAL) && d.Tunnel.Kind == pool.GUE && d.Tunnel.Port == 0:
		err = fmt.Errorf("%w (GUE wants a port)", err)
	case errors.Is(err, unix.EINVAL):
		err = fmt.Errorf("%w (IPVS takes unicast addresses only)", err)
	case errors.Is(err, unix.ERANGE):
		err = fmt.Errorf("%w (weight %d, thresholds %d and %d)", err, d.Weight, d.Lower, d.Upper)
	}
	return fmt.Errorf("destination %v: %w", d.Address, hint(err))
}

// problems are several errors on one line.
type problems []error

func (ps problems) Error() string {
	const most = 5
	var out []string
	for _, err := range ps[:min(len(ps), most)] {
		out = append(out, err.Error())
	}
	if left := len(ps) - most; left > 0 {
		out = append(out, fmt.Sprintf("and %d more", left))
	}
	return strings.Join(out, "; ")
}

func (ps problems) Unwrap() []error { return ps }

// summary is the errors in one, without those that are nil.
func summary(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	default:
		return problems(errs)
	}
}
