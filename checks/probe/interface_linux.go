// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ask calls f with a socket for ioctls about interfaces.
func ask(f func(fd int) error) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return f(fd)
}

// readLink reads an interface's flags (netdevice(7)).
func readLink(name string) (linkState, error) {
	r, err := unix.NewIfreq(name)
	if err != nil {
		return linkState{}, errNoInterface // no name that an interface can have
	}
	err = ask(func(fd int) error { return unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, r) })
	if errors.Is(err, unix.ENODEV) {
		return linkState{}, errNoInterface
	}
	if err != nil {
		return linkState{}, fmt.Errorf("can't be asked for its state: %w", err)
	}
	flags := r.Uint16()
	return linkState{up: flags&unix.IFF_UP != 0, running: flags&unix.IFF_RUNNING != 0}, nil
}

// readIndex reads an interface's index.
func readIndex(name string) (uint32, error) {
	r, err := unix.NewIfreq(name)
	if err != nil {
		return 0, errNoInterface
	}
	err = ask(func(fd int) error { return unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, r) })
	if errors.Is(err, unix.ENODEV) {
		return 0, errNoInterface
	}
	if err != nil {
		return 0, fmt.Errorf("can't be asked for its index: %w", err)
	}
	return r.Uint32(), nil
}

// hasAddress tells whether an interface has an address, and may use it.
func hasAddress(name string, a netip.Addr) error {
	index, err := readIndex(name)
	if err != nil {
		return err
	}
	family := unix.AF_INET
	if a.Is6() {
		family = unix.AF_INET6
	}
	list, err := syscall.NetlinkRIB(unix.RTM_GETADDR, family)
	if err != nil {
		return fmt.Errorf("can't be asked for its addresses: %w", bare(err))
	}
	for kind, body := range messages(list).all {
		have, ok := parseAddress(body)
		if kind != unix.RTM_NEWADDR || !ok || have.address != a || have.index != index {
			continue
		}
		switch {
		case have.flags&unix.IFA_F_DADFAILED != 0:
			return &addressError{a, "another host has it too"}
		case have.flags&unix.IFA_F_TENTATIVE != 0 && have.flags&unix.IFA_F_OPTIMISTIC == 0:
			return &addressError{a, "may not use it yet"}
		}
		return nil
	}
	return &addressError{address: a}
}

// linkSettings is the head of struct ethtool_link_settings of linux/ethtool.h;
// bit masks of link modes follow it.
type linkSettings struct {
	cmd   uint32
	speed uint32 // Mbit/s
	_     [7]uint8
	words int8 // of each mask, in 32 bits
	_     [4]uint8
	_     [7]uint32
	_     [3 * 127]uint32 // the masks
}

// ethtoolRequest is the struct ifreq of an ethtool command.
type ethtoolRequest struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [16]byte // struct ifreq is larger
}

// readSpeed reads an interface's speed in Mbit/s.
func readSpeed(name string) (int, error) {
	settings := linkSettings{cmd: unix.ETHTOOL_GLINKSETTINGS}
	request := ethtoolRequest{data: unsafe.Pointer(&settings)}
	copy(request.name[:unix.IFNAMSIZ-1], name)
	err := ask(func(fd int) error {
		// The first call says how long the masks are: as a negative number.
		for range 2 {
			_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
			if errno != 0 {
				return errno
			}
			if settings.words > 0 {
				return nil
			}
			settings.cmd, settings.words = unix.ETHTOOL_GLINKSETTINGS, -settings.words
		}
		return nil
	})
	const unknown = 1<<32 - 1 // SPEED_UNKNOWN
	switch {
	case errors.Is(err, unix.ENODEV):
		return 0, errNoInterface
	case errors.Is(err, unix.EOPNOTSUPP):
		return 0, errUnknownSpeed
	case err != nil:
		return 0, fmt.Errorf("can't be asked for its speed: %w", err)
	case settings.speed == 0 || settings.speed == unknown:
		return 0, errUnknownSpeed
	}
	return int(settings.speed), nil
}
