// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

func TestSMTPReplies(t *testing.T) {
	for _, c := range []struct {
		name, in string
		code     int
		text     string
		want     string
	}{
		{name: "one line", in: "220 mail.example ESMTP\r\n", code: 220, text: "220 mail.example ESMTP"},
		{name: "no text", in: "220\r\n", code: 220, text: "220"},
		{name: "empty text", in: "220 \r\n", code: 220, text: "220 "},
		{name: "lines", in: "220-mail.example\r\n220-\r\n220 ready\r\n221 bye\r\n", code: 220, text: "220-mail.example\n220-\n220 ready"},
		{name: "bare LF", in: "220-a\n220 b\n", code: 220, text: "220-a\n220 b"},
		{name: "codes differ", in: "220-a\r\n250 b\r\n", want: `it doesn't speak SMTP: "250 b"`},
		{name: "no code", in: "SSH-2.0-OpenSSH_9.2\r\n", want: `it doesn't speak SMTP: "SSH-2.0-OpenSSH_9.2"`},
		{name: "short", in: "22\r\n", want: "it doesn't speak SMTP"},
		{name: "code and more", in: "2200 a\r\n", want: "it doesn't speak SMTP"},
		{name: "out of range", in: "199 a\r\n", want: "it doesn't speak SMTP"},
		{name: "nothing", in: "", want: "closes the connection without an answer"},
		{name: "half a line", in: "220 mai", want: `it closes the connection after "220 mai"`},
		{name: "half a reply", in: "220-mail\r\n", want: "closes the connection without an answer"},
		{name: "long line", in: "220 " + strings.Repeat("x", smtpLineSize) + "\r\n", want: "answers without end"},
		{name: "many lines", in: strings.Repeat("220-x\r\n", smtpTotalSize), want: "answers without end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newReplies(iotest.OneByteReader(strings.NewReader(c.in)))
			got, err := r.next()
			want(t, err, c.want)
			if got.code != c.code || got.text != c.text {
				t.Errorf("got %d %q, want %d %q", got.code, got.text, c.code, c.text)
			}
		})
	}
}

// FuzzSMTPReplies: no server panics us, and a reply says what its lines say.
func FuzzSMTPReplies(f *testing.F) {
	f.Add("220-mail.example\r\n220 ready\r\n250 ok\r\n")
	f.Add("220\r\n")
	f.Add("554 5.7.1 no\n")
	f.Add("220-x")
	f.Add("\x00\xff-\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		r := newReplies(strings.NewReader(in))
		for {
			reply, err := r.next()
			if err != nil {
				if !errors.Is(err, errNoSMTP) && !errors.Is(err, errTooMuch) && !errors.Is(err, errNoAnswer) && !strings.Contains(err.Error(), "closes") {
					t.Errorf("error %v is none of next's", err)
				}
				return
			}
			lines := strings.Split(reply.text, "\n")
			for i, line := range lines {
				code, last, ok := parseReplyLine(line)
				if !ok || code != reply.code || last != (i == len(lines)-1) {
					t.Errorf("%q of %q: code %d, last %v", line, in, code, last)
				}
			}
			if reply.code < 200 || reply.code > 599 || len(reply.text) > smtpTotalSize {
				t.Errorf("got code %d with %d bytes", reply.code, len(reply.text))
			}
		}
	})
}
