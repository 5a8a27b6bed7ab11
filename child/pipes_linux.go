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
	stdin, stdout, stderr *os.File // the program's ends; one file may be both outputs
	in, out               *os.File // ours; in is nil if there is nothing to be read
	said                  *os.File // nil if the answer is not kept apart
	text                  []byte   // for in
	most                  int      // of the answer

	wait   sync.WaitGroup
	result Output // after wait
	answer head
}

// newPipes makes them. If most is not 0 the answer is kept apart.
func newPipes(stdin []byte, most int) (*pipes, error) {
	p := &pipes{text: stdin, most: most}
	var err error
	if p.out, p.stderr, err = os.Pipe(); err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	p.stdout = p.stderr
	opened := []*os.File{p.out, p.stderr}
	if most > 0 {
		if p.said, p.stdout, err = os.Pipe(); err != nil {
			return nil, errors.Join(fmt.Errorf("making a pipe: %w", err), closeAll(opened))
		}
		opened = append(opened, p.said, p.stdout)
	}
	if len(stdin) > 0 {
		p.stdin, p.in, err = os.Pipe()
	} else {
		p.stdin, err = os.Open(os.DevNull)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the input: %w", err), closeAll(opened))
	}
	return p, nil
}

func closeAll(files []*os.File) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// handOver closes the program's ends, which are its own now, and begins to write
// and read.
func (p *pipes) handOver() {
	_ = p.stdin.Close()
	_ = p.stderr.Close()
	p.wait.Go(func() { p.result = drain(p.out) })
	if p.said != nil {
		_ = p.stdout.Close()
		p.wait.Go(func() { p.answer = listen(p.said, p.most) })
	}
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
	ours := []*os.File{p.out}
	if p.said != nil {
		ours = append(ours, p.said)
	}
	for _, f := range ours {
		// Without a deadline the reader ends when it is closed.
		if f.SetReadDeadline(time.Now().Add(lastWords)) != nil {
			_ = f.Close()
		}
	}
	p.wait.Wait()
	_ = closeAll(ours)
	p.result.Answer, p.result.Cut = p.answer.buf, p.answer.cut
	return p.result
}

// close ends what was handed over to nobody.
func (p *pipes) close() { _ = p.finish() }
