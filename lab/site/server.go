// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package site

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/lab"
)

// Server is a real server. It answers each line and each datagram with its name,
// and GET with a page; /healthz is as Health says. On GreetPort it tells its name at once
// and closes.
type Server struct {
	*lab.Host
	Addr netip.Addr

	mu       sync.Mutex
	closers  map[io.Closer]struct{} // listeners and connections; nil: it is dead
	accepted int
	status   int
	body     string
	running  sync.WaitGroup
}

// Start starts the server, also again after Kill.
func (s *Server) Start() error {
	s.mu.Lock()
	s.closers = make(map[io.Closer]struct{})
	s.mu.Unlock()
	err := s.Do(func() error {
		var conf net.ListenConfig
		for _, port := range []int{Port, OtherPort} {
			l, err := conf.Listen(context.Background(), "tcp4", ":"+strconv.Itoa(port))
			if err != nil {
				return err
			}
			s.hold(l)
			s.running.Go(func() { s.accept(l) })
		}
		g, err := s.greet(GreetPort)
		if err != nil {
			return err
		}
		s.hold(g)
		s.running.Go(func() { <-g.done })
		u, err := conf.ListenPacket(context.Background(), "udp4", netip.AddrPortFrom(s.Addr, PortUDP).String())
		if err != nil {
			return err
		}
		s.hold(u)
		s.running.Go(func() { s.echo(u) })
		return nil
	})
	if err != nil {
		s.Kill()
		return fmt.Errorf("starting the server on %s: %w", s.Name, err)
	}
	return nil
}

// Kill ends the server and its connections as a killed process's end, and returns
// when it began.
func (s *Server) Kill() time.Time {
	s.mu.Lock()
	at := time.Now()
	for c := range s.closers {
		_ = c.Close()
	}
	s.closers = nil
	s.mu.Unlock()
	s.running.Wait()
	return at
}

// Health is what /healthz answers from now on.
func (s *Server) Health(status int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.body = status, body
}

// Accepted is how many connections of the client there have been.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// hold lets Kill close c; on a dead server it is closed at once.
func (s *Server) hold(c io.Closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closers == nil {
		_ = c.Close()
		return
	}
	s.closers[c] = struct{}{}
}

// drop closes c.
func (s *Server) drop(c io.Closer) {
	s.mu.Lock()
	delete(s.closers, c)
	s.mu.Unlock()
	_ = c.Close()
}

// accept serves a port.
func (s *Server) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // the client has gone again
		}
		if from, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil && isClient(from.Addr()) {
			s.mu.Lock()
			s.accepted++
			s.mu.Unlock()
		}
		s.hold(c)
		s.running.Go(func() {
			defer s.drop(c)
			s.talk(c)
		})
	}
}

// isClient tells the client's connections from those of the directors' checks.
func isClient(a netip.Addr) bool { return Sources.Contains(a) || a == clientAddr.Addr() }

// talk serves a connection until its end.
func (s *Server) talk(c net.Conn) {
	r := bufio.NewReaderSize(c, 256)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if path, get := strings.CutPrefix(line, "GET "); get {
			s.page(c, r, path)
			return
		}
		if _, err := io.WriteString(c, s.Name+"\n"); err != nil {
			return
		}
	}
}

// page answers a request whose first line was read.
func (s *Server) page(c net.Conn, r *bufio.Reader, path string) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if strings.TrimSpace(line) == "" {
			break
		}
	}
	status, body := http.StatusOK, s.Name
	if strings.HasPrefix(path, "/healthz ") {
		s.mu.Lock()
		if s.status != 0 {
			status, body = s.status, s.body
		}
		s.mu.Unlock()
	}
	// Whether the client is still there is not the server's matter.
	_, _ = fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, http.StatusText(status), len(body), body)
}

// echo answers datagrams.
func (s *Server) echo(u net.PacketConn) {
	buffer := make([]byte, 1500)
	for {
		_, from, err := u.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			_, _ = u.WriteTo([]byte(s.Name), from)
		}
	}
}
