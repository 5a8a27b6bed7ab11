// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/pool"
)

// key is what a service of the kernel's is known by.
type key struct {
	family   uint16
	protocol pool.Protocol // the rest but the mark is zero with a mark
	addr     netip.Addr
	port     uint16
	mark     uint32
}

// String is the key as a frontend's.
func (k key) String() string {
	f := pool.Single(k.protocol, netip.AddrPortFrom(k.addr, k.port))
	f.Mark, f.Family = k.mark, 4
	if k.family == family6 {
		f.Family = 6
	}
	return f.String()
}

// append appends the attributes that say which service is meant.
func (k key) append(b []byte) []byte {
	b = append16(b, serviceFamily, k.family)
	if k.mark != 0 {
		return append32(b, serviceMark, k.mark)
	}
	b = append16(b, serviceProtocol, uint16(k.protocol))
	b = appendBytes(b, serviceAddress, k.addr.AsSlice()...)
	return appendPort(b, servicePort, k.port)
}

// command is a command about the service.
func (k key) command(id uint8) command {
	return command{id, appendNested(nil, attrService, k.append)}
}

// keys are the service's frontends, one by one.
func keys(v pool.Virtual) ([]key, error) {
	var out []key
	for _, f := range v.Frontends {
		var err error
		if out, err = expand(out, f); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// check tells why IPVS can't balance the service.
func check(v pool.Virtual) error {
	if len(v.Frontends) == 0 {
		return errors.New("it has no frontends")
	}
	for _, f := range v.Frontends {
		if f.Mark == 0 && f.FirstPort == 0 && v.Persistence.Timeout == 0 {
			return fmt.Errorf("%v: IPVS balances every port of an address only with persistence", f)
		}
	}
	return nil
}

// expand appends a frontend's addresses and ports, one by one.
func expand(out []key, f pool.Frontend) ([]key, error) {
	if f.Mark != 0 {
		k := key{family: family6, mark: f.Mark}
		if f.Family == 4 {
			k.family = family4
		}
		return append(out, k), nil
	}
	if !f.First.IsValid() || f.First.BitLen() != f.Last.BitLen() || f.Last.Less(f.First) || f.LastPort < f.FirstPort {
		return nil, fmt.Errorf("%v is no range", f)
	}
	for a := f.First; ; a = a.Next() {
		for port := int(f.FirstPort); port <= int(f.LastPort); port++ {
			if len(out) >= pool.MaxExpanded {
				return nil, fmt.Errorf("more than %d addresses and ports: mark its packets and balance the mark", pool.MaxExpanded)
			}
			out = append(out, key{family: familyOf(a), protocol: f.Protocol, addr: a, port: uint16(port)})
		}
		if a == f.Last {
			return out, nil
		}
	}
}

// service is how a service of the kernel's works. Two that work alike are equal.
type service struct {
	scheduler string
	flags     uint32
	timeout   uint32 // of persistence, in seconds
	prefix    int    // of a client's address that counts; -1 for what is no prefix
	engine    string // of persistence; vicar sets none
}

// wanted is how the service is to work at a frontend of the family.
func wanted(v pool.Virtual, family uint16) service {
	s := service{scheduler: string(v.Scheduler)}
	if v.Fallback {
		s.flags |= flagFallback
	}
	if v.Port {
		s.flags |= flagPort
	}
	if v.OnePacket {
		s.flags |= flagOnePacket
	}
	if p := v.Persistence; p.Timeout > 0 {
		s.flags |= flagPersistent
		s.timeout = uint32(max(1, p.Timeout/time.Second))
		s.prefix = fullPrefix(family)
		if family == family4 && p.Prefix4 > 0 {
			s.prefix = p.Prefix4
		} else if family == family6 && p.Prefix6 > 0 {
			s.prefix = p.Prefix6
		}
	}
	return s
}

func fullPrefix(family uint16) int {
	if family == family4 {
		return 32
	}
	return 128
}

// command is newService or setService.
func (s service) command(id uint8, k key) command {
	prefix := s.prefix
	if s.flags&flagPersistent == 0 {
		prefix = fullPrefix(k.family) // which the kernel wants of all
	}
	return command{id, appendNested(nil, attrService, func(b []byte) []byte {
		b = k.append(b)
		b = appendString(b, serviceScheduler, s.scheduler)
		b = appendBytes(b, serviceFlags, flagsAndMask(s.flags)...)
		b = append32(b, serviceTimeout, s.timeout)
		return appendBytes(b, serviceNetmask, netmask(k.family, prefix)...)
	})}
}

// flagsAndMask is struct ip_vs_flags: the bits that the mask has not are left.
func flagsAndMask(flags uint32) []byte {
	return binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, flags), flagsOurs)
}

// netmask is a mask in the network's order for IPv4, and a number of bits in the
// host's for IPv6.
func netmask(family uint16, prefix int) []byte {
	if family == family4 {
		return binary.BigEndian.AppendUint32(nil, ^uint32(0)<<(32-prefix))
	}
	return binary.NativeEndian.AppendUint32(nil, uint32(prefix))
}

// parseNetmask is the reverse of netmask.
func parseNetmask(family uint16, v value) int {
	if len(v) < 4 {
		return -1
	}
	if family == family6 {
		return int(v.u32())
	}
	mask := binary.BigEndian.Uint32(v)
	n := bits.LeadingZeros32(^mask)
	if mask<<n != 0 {
		return -1
	}
	return n
}

// parseService reads an answer to getService.
func parseService(as attributes) (key, service, bool) {
	var k key
	var s service
	var addr, mask value
	for kind, v := range as.nested(attrService).all {
		switch kind {
		case serviceFamily:
			k.family = v.u16()
		case serviceProtocol:
			k.protocol = pool.Protocol(v.u16())
		case serviceAddress:
			addr = v
		case servicePort:
			k.port = v.port()
		case serviceMark:
			k.mark = v.u32()
		case serviceScheduler:
			s.scheduler = v.text()
		case serviceFlags:
			s.flags = v.u32() & flagsOurs
		case serviceTimeout:
			s.timeout = v.u32()
		case serviceNetmask:
			mask = v
		case serviceEngine:
			s.engine = v.text()
		}
	}
	if k.mark != 0 {
		k = key{family: k.family, mark: k.mark}
	} else {
		k.addr = addr.addr(k.family)
	}
	if s.flags&flagPersistent != 0 {
		s.prefix = parseNetmask(k.family, mask)
	} else {
		s.timeout = 0
	}
	return k, s, (k.family == family4 || k.family == family6) && (k.mark != 0 || k.addr.IsValid())
}

// differences tells how the service differs from what it should be, for people.
func (s service) differences(want service) []string {
	var out []string
	if s.scheduler != want.scheduler {
		out = append(out, fmt.Sprintf("its scheduler is %s, not %s", s.scheduler, want.scheduler))
	}
	if s.flags&^flagPersistent != want.flags&^flagPersistent {
		out = append(out, "its flags are other")
	}
	if (s.flags^want.flags)&flagPersistent != 0 || s.timeout != want.timeout || s.prefix != want.prefix || s.engine != want.engine {
		out = append(out, "its persistence is other")
	}
	return out
}
