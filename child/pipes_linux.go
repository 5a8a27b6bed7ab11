// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// lastWords is how long output is waited for once the program has ended. A
// process that left its group may hold the pipe open for ever.
const lastWords = 100 * time.Millisecond

// pipes are what a program reads and writes. Nobody waits for it to read, and
// it waits for nobody to read what it writes.
type pipes struct {
	stdin, output *os.File // the program's ends
	in, out       *os.File // ours; in is nil if there is nothing to be read
	text          []byte   // for in

	wait   sync.WaitGroup
	result Output // after wait
}

func newPipes(stdin []byte) (*pipes, error) {
	p := &pipes{text: stdin}
	var err error
	if p.out, p.output, err = os.Pipe(); err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	if len(stdin) > 0 {
		p.stdin, p.in, err = os.Pipe()
	} else {
		p.stdin, err = os.Open(os.DevNull)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the input: %w", err), p.out.Close(), p.output.Close())
	}
	return p, nil
}

// handOver closes the program's ends, which are its own now, and begins to write
// and read.
func (p *pipes) handOver() {
	_ = p.stdin.Close()
	_ = p.output.Close()
	p.wait.Go(func() { p.result = drain(p.out) })
	if p.in != nil {
		p.wait.Go(func() {
			// A program need not read it all.
			_, _ = p.in.Write(p.text)
			_ = p.in.Close()
		})
	}
}

// finish returns the output of a program that has ended.
func (p *pipes) finish() Output {
	if p.in != nil {
		_ = p.in.Close()
	}
	// Without a deadline the reader ends when it is closed.
	if p.out.SetReadDeadline(time.Now().Add(lastWords)) != nil {
		_ = p.out.Close()
	}
	p.wait.Wait()
	_ = p.out.Close()
	return p.result
}

// close ends what was handed over to nobody.
func (p *pipes) close() { _ = p.finish() }
