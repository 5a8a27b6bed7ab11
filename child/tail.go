// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import "io"

// tail keeps the last of what is written to it.
type tail struct {
	buf []byte // up to twice what is kept
	all int64
}

func (t *tail) Write(b []byte) (int, error) {
	n := len(b)
	t.all += int64(n)
	b = b[max(0, n-kept):]
	if len(t.buf)+len(b) > 2*kept {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-kept:]...)
	}
	t.buf = append(t.buf, b...)
	return n, nil
}

func (t *tail) output() Output {
	return Output{Tail: t.buf[max(0, len(t.buf)-kept):], Bytes: t.all}
}

// drain reads until the writers have gone or the reader is closed or late.
func drain(r io.Reader) Output {
	t := tail{buf: make([]byte, 0, 2*kept)}
	// Not io.Copy, which would splice from a pipe or make a buffer by itself.
	for b := make([]byte, 32<<10); ; {
		n, err := r.Read(b)
		_, _ = t.Write(b[:n])
		if err != nil {
			return t.output()
		}
	}
}

// head keeps the first of what is written to it.
type head struct {
	buf []byte
	cut bool
}

// listen reads as drain does, and keeps the first bytes.
func listen(r io.Reader, most int) (h head) {
	for b := make([]byte, 4<<10); ; {
		n, err := r.Read(b)
		keep := min(n, most-len(h.buf))
		h.buf = append(h.buf, b[:keep]...)
		h.cut = h.cut || keep < n
		if err != nil {
			return h
		}
	}
}
