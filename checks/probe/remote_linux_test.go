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

// order is what a remote reads: first the kind of check, then looks.
type order struct {
	Kind    string
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

// serveRemote makes a probe and looks as ordered until in ends.
func serveRemote(in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	var woke sync.WaitGroup
	defer woke.Wait()
	defer cancel()
	orders := json.NewDecoder(in)
	var first order
	if err := orders.Decode(&first); err != nil {
		return fmt.Errorf("reading the kind: %w", err)
	}
	kind, err := decodeKind(first)
	if err != nil {
		return err
	}
	p, err := New(kind)
	if err != nil {
		return err
	}
	defer p.Close()
	var mu sync.Mutex
	say := func(r report) {
		mu.Lock()
		defer mu.Unlock()
		_ = json.NewEncoder(out).Encode(r)
	}
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if o.Wake {
			woke.Go(func() {
				if err := p.(checks.Waker).Wake(ctx, func() { say(report{Woken: true}) }); err != nil {
					fmt.Fprintln(os.Stderr, "waking:", err)
				}
			})
			continue
		}
		say(oneLook(ctx, p, o.Timeout))
	}
}

func oneLook(ctx context.Context, p checks.Probe, timeout time.Duration) report {
	ctx, cancel := context.WithTimeout(ctx, timeout)
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
	check, err := json.Marshal(k)
	labtest.OK(t, err)
	cmd := h.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), remoteMark+"=1")
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
	labtest.OK(t, r.orders.Encode(order{Kind: k.Kind(), Check: check}))
	return r
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
