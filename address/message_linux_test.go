// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"errors"
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzMessages reads what could come from the kernel. What is an address must
// survive being sent as a request.
func FuzzMessages(f *testing.F) {
	for _, p := range []string{"192.0.2.100/24", "2001:db8::100/64"} {
		o := op{kind: replace, prefix: netip.MustParsePrefix(p)}
		f.Add(o.request(3, 1, unix.NLM_F_ACK))
		f.Add(append(o.request(3, 1, 0), o.request(4, 2, 0)...))
	}
	f.Add([]byte{16, 0, 0, 0, 3, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		p := newPicture(&journal{})
		for m := range messages(b).all {
			_ = m.err()
			_, _ = parseLink(m.data)
			p.event(m)
			e, ok := parseAddress(m.data)
			if !ok {
				continue
			}
			o := op{kind: remove, prefix: e.prefix, peer: e.peer}
			for m := range messages(o.request(e.index, 1, 0)).all {
				again, ok := parseAddress(m.data)
				if !ok || again.prefix != e.prefix || again.index != e.index || again.peer != e.peer {
					t.Errorf("%+v became %+v", e, again)
				}
			}
		}
		p.interfaces()
	})
}

func TestMessageError(t *testing.T) {
	header := make([]byte, unix.NLMSG_HDRLEN)
	text := append([]byte{11, 0, unix.NLMSGERR_ATTR_MSG, 0}, "reason\x00\x00"...)
	errno := []byte{0xff, 0xff, 0xff, 0xff} // -EPERM
	join := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	const tlvs, capped = unix.NLM_F_ACK_TLVS, unix.NLM_F_CAPPED
	for name, c := range map[string]struct {
		m    message
		want string
	}{
		"success":   {message{kind: unix.NLMSG_ERROR, data: join(make([]byte, 4), header)}, ""},
		"short":     {message{kind: unix.NLMSG_ERROR, data: errno[:3]}, ""},
		"plain":     {message{kind: unix.NLMSG_ERROR, data: join(errno, header)}, "operation not permitted"},
		"text":      {message{kind: unix.NLMSG_ERROR, flags: tlvs | capped, data: join(errno, header, text)}, "operation not permitted: reason"},
		"dump text": {message{kind: unix.NLMSG_DONE, flags: tlvs, data: join(errno, text)}, "operation not permitted: reason"},
		"cut text":  {message{kind: unix.NLMSG_ERROR, flags: tlvs | capped, data: join(errno, header, text[:9])}, "operation not permitted"},
	} {
		err := c.m.err()
		if c.want == "" && err == nil {
			continue
		}
		if err == nil || err.Error() != c.want || !errors.Is(err, os.ErrPermission) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
