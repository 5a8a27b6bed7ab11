// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// remoteMark tells the test binary that it is to be a remote.
const remoteMark = "VICAR_PROBE_REMOTE"

// A probe's goroutines open sockets too, so that a probe is in a host's
// namespace only if its process is: the test binary runs again there.
func TestMain(m *testing.M) {
	if os.Getenv(remoteMark) == "" {
		os.Exit(m.Run())
	}
	if err := serveRemote(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// order is what a remote reads: a kind of check, or a look at the last one.
type order struct {
	Kind    string // makes a probe, in place of the last one
	Check   json.RawMessage
	Timeout time.Duration // of a look
	Wake    bool          // begin to wake
}

// report is what a remote answers to a look; Woken comes by itself.
type report struct {
	Failed  bool
	Text    string
	Timeout bool
	Woken   bool
}

// serveRemote makes probes and looks as ordered until in ends.
func serveRemote(in io.Reader, out io.Writer) error {
	var s remoteServer
	s.out = json.NewEncoder(out)
	for orders := json.NewDecoder(in); ; {
		var o order
		err := orders.Decode(&o)
		if errors.Is(err, io.EOF) {
			return s.close()
		}
		if err == nil {
			err = s.obey(o)
		}
		if err != nil {
			return errors.Join(err, s.close())
		}
	}
}

// remoteServer is a remote's own end.
type remoteServer struct {
	probe  checks.Probe
	cancel context.CancelFunc // of wakes
	wakes  sync.WaitGroup

	mu  sync.Mutex
	out *json.Encoder
}

func (s *remoteServer) obey(o order) error {
	switch {
	case o.Kind != "":
		if err := s.close(); err != nil {
			return err
		}
		kind, err := decodeKind(o)
		if err != nil {
			return err
		}
		s.probe, err = New(kind)
		return err
	case o.Wake:
		var ctx context.Context
		ctx, s.cancel = context.WithCancel(context.Background())
		s.wakes.Go(func() {
			if err := s.probe.(checks.Waker).Wake(ctx, func() { s.say(report{Woken: true}) }); err != nil {
				fmt.Fprintln(os.Stderr, "waking:", err)
			}
		})
	default:
		s.say(oneLook(s.probe, o.Timeout))
	}
	return nil
}

func (s *remoteServer) say(r report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.out.Encode(r)
}

// close ends the last probe.
func (s *remoteServer) close() error {
	if s.probe == nil {
		return nil
	}
	if s.cancel != nil {
		s.cancel()
		s.cancel = nil
	}
	s.wakes.Wait()
	defer func() { s.probe = nil }()
	return s.probe.Close()
}

func oneLook(p checks.Probe, timeout time.Duration) report {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	err := p.Probe(ctx)
	if err == nil {
		return report{}
	}
	return report{Failed: true, Text: err.Error(), Timeout: errors.Is(err, context.DeadlineExceeded)}
}

// decodeKind is the check of an order.
func decodeKind(o order) (checks.Kind, error) {
	decode := map[string]func(json.RawMessage) (checks.Kind, error){
		"icmp": as[checks.ICMP], "tcp": as[checks.TCP], "udp": as[checks.UDP], "http": as[checks.HTTP],
		"grpc": as[checks.GRPC], "dns": as[checks.DNS], "smtp": as[checks.SMTP], "tls": as[checks.Handshake],
		"exec": as[checks.Exec], "process": as[checks.Process], "file": as[checks.File],
		"interface": as[checks.Interface],
	}
	f := decode[o.Kind]
	if f == nil {
		return nil, fmt.Errorf("kind %q", o.Kind)
	}
	return f(o.Check)
}

func as[K checks.Kind](b json.RawMessage) (checks.Kind, error) {
	var k K
	err := json.Unmarshal(b, &k)
	return k, err
}

// remote is a probe in a process of its own on a host.
type remote struct {
	t       *testing.T
	process *lab.Process
	orders  *json.Encoder
	results chan report
	wakes   chan struct{}
}

// remoteError is what a remote's look came to.
type remoteError struct {
	text    string
	timeout bool
}

func (e *remoteError) Error() string { return e.text }

func (e *remoteError) Is(target error) bool { return e.timeout && target == context.DeadlineExceeded }

// newRemote makes a probe on a host. It ends with the test.
func newRemote(t *testing.T, h *lab.Host, k checks.Kind) *remote {
	t.Helper()
	cmd := h.Command("/proc/self/exe")
	// The race detector would wait for a second before the process ends.
	cmd.Env = append(os.Environ(), remoteMark+"=1", "GORACE=atexit_sleep_ms=0")
	in, err := cmd.StdinPipe()
	labtest.OK(t, err)
	read, write, err := os.Pipe()
	labtest.OK(t, err)
	cmd.Stdout = write
	r := &remote{t: t, orders: json.NewEncoder(in), results: make(chan report), wakes: make(chan struct{}, 1)}
	r.process, err = h.Start(cmd)
	write.Close()
	labtest.OK(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.read(read)
	}()
	t.Cleanup(func() {
		in.Close()
		if err := r.process.Wait(); err != nil {
			t.Errorf("the remote ended with %v: %s", err, r.process.Output)
		}
		read.Close()
		<-done
		if s := r.process.Output.String(); s != "" {
			t.Errorf("the remote wrote %q", s)
		}
	})
	r.make(k)
	return r
}

// make makes another probe in place of the last one.
func (r *remote) make(k checks.Kind) {
	r.t.Helper()
	check, err := json.Marshal(k)
	labtest.OK(r.t, err)
	labtest.OK(r.t, r.orders.Encode(order{Kind: k.Kind(), Check: check}))
}

// wake begins to wake; r.wakes tells.
func (r *remote) wake() {
	r.t.Helper()
	labtest.OK(r.t, r.orders.Encode(order{Wake: true}))
}

func (r *remote) read(from io.Reader) {
	defer close(r.results)
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var p report
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			r.t.Errorf("the remote said %q", lines.Text())
			return
		}
		if !p.Woken {
			r.results <- p
			continue
		}
		select {
		case r.wakes <- struct{}{}:
		default:
		}
	}
}

// look looks once.
func (r *remote) look(timeout time.Duration) error {
	r.t.Helper()
	labtest.OK(r.t, r.orders.Encode(order{Timeout: timeout}))
	p, ok := <-r.results
	if !ok {
		r.t.Fatalf("the remote has ended: %s", r.process.Output)
	}
	if p.Failed {
		return &remoteError{p.Text, p.Timeout}
	}
	return nil
}

// run looks once at k from a host and returns what came of it.
// errors.Is(err, context.DeadlineExceeded) tells a time-out.
func run(t *testing.T, h *lab.Host, k checks.Kind, timeout time.Duration) error {
	t.Helper()
	return newRemote(t, h, k).look(timeout)
}
