// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package lab_test

import (
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// delivers tells whether a broadcast that from sends reaches to. Broadcasts
// need no address resolution, which needs both directions.
func delivers(t *testing.T, from, to *lab.Host) bool {
	t.Helper()
	var in, out *net.UDPConn
	labtest.OK(t, to.Do(func() (err error) {
		in, err = net.ListenUDP("udp4", &net.UDPAddr{})
		return err
	}))
	defer in.Close()
	labtest.OK(t, from.Do(func() (err error) {
		port := in.LocalAddr().(*net.UDPAddr).Port
		out, err = net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(192, 0, 2, 255), Port: port})
		return err
	}))
	defer out.Close()
	buf := make([]byte, 16)
	for range 10 {
		if _, err := out.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		labtest.OK(t, in.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		_, err := in.Read(buf)
		if err == nil {
			return true
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
	}
	return false
}

func itoa(n int) string { return strconv.Itoa(n) }

// atoi is the number that a line begins with.
func atoi(s string) int {
	line, _, _ := strings.Cut(s, "\n")
	n, _ := strconv.Atoi(strings.TrimSpace(line))
	return n
}
