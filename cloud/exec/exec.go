// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package exec moves addresses by a program, for clouds that have no Provider of
// their own. It is started anew for each request, through package child: without
// the agent's capabilities, in a process group that gets SIGTERM when its time is
// over, and SIGKILL a tenth of a second later.
//
// # The request
//
// The program reads one JSON object from its standard input, and ends at its end:
//
//	{"version":1,"action":"take","cluster":"web","node":"lb-1",
//	 "addresses":["198.51.100.7","2001:db8::7"],"steal":true}
//
// The action is one of
//
//   - observe: how do the addresses stand?
//   - take: make them this node's. What is its already is no error. With steal the
//     present holder loses them; without, what another has is a conflict and stays
//     its, and what is free is taken.
//   - yield: give up those of them that are this node's; others' are left alone,
//     and that is no error. It is asked of a mover that is to release (cloud.Config),
//     and has little time then: a successor waits.
//   - examine: would a take-over of them succeed now? Nothing is changed. It may run
//     beside an observe.
//
// It tries once: who asks tries again. It does not wait until the cloud shows what
// it has done: who asks observes. It must bear to be killed at any moment.
//
// # The answer
//
// It writes one JSON object to its standard output, at most 1 MiB, and ends with
// exit code 0, whatever the cloud has said. What it writes to its standard error is
// for people: the last line of it is shown when it fails. To observe it answers with
// each of the addresses once:
//
//	{"objects":[{"address":"198.51.100.7","mine":true,"holder":"lb-1"},
//	            {"address":"2001:db8::7","mine":false,"holder":"","dead":false}]}
//
// where holder is empty if nobody has it, and dead is that packets for it go
// nowhere. To take and to yield it answers with the addresses that are as wanted
// now, and with an error if that is not all of them:
//
//	{"done":["198.51.100.7"],"error":{"kind":"conflict","message":"2001:db8::7 is lb-2's"}}
//
// To examine it answers with all that it has looked at:
//
//	{"findings":[{"what":"the route in table 7","ok":false,"problem":"it is not there",
//	              "remedy":"create it","missing":""}]}
//
// Any action may be answered with an error alone. Its kind is unavailable (the cloud
// can't be reached, or fails), denied, not_found, conflict, throttled or invalid;
// unavailable, conflict and throttled are tried again.
//
// All else is a failure: an exit code other than 0 and the end of its time are
// unavailable; an answer that is not JSON, has fields that are not named here, or
// does not fit the request is invalid.
package exec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/child"
	"github.com/vicar-ha/vicar/cloud"
)

const (
	// mostAnswer is how long an answer may be.
	mostAnswer     = 1 << 20
	defaultTimeout = 10 * time.Second
	// grace is how long a program whose time is over may take to end by itself.
	grace = 100 * time.Millisecond
)

// Config is a program and who asks it.
type Config struct {
	// Argv are its arguments; the first is the absolute path of its file.
	Argv          []string
	Timeout       time.Duration // of one request; 0 is 10 s
	Cluster, Node string
}

// Provider asks a program. All may be called at any time: each call is a process.
type Provider struct {
	cfg     Config
	program *child.Program
	tried   cloud.Trials

	mu    sync.Mutex
	calls map[string]uint64
}

// New checks all but the program's file, which may come, or be put right, later: it
// is looked at before each run. It starts nothing.
func New(cfg Config) (*Provider, error) {
	if cfg.Timeout < 0 {
		return nil, fmt.Errorf("program to move addresses: a timeout of %v", cfg.Timeout)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	p, err := child.New(child.Config{Argv: cfg.Argv, Answer: mostAnswer, Grace: grace, Late: true})
	if err != nil {
		return nil, fmt.Errorf("program to move addresses: %w", err)
	}
	return &Provider{cfg: cfg, program: p, calls: map[string]uint64{}}, nil
}

// Kind is "exec".
func (*Provider) Kind() string { return "exec" }

// Objects are the addresses.
func (*Provider) Objects(addresses []netip.Prefix) ([]cloud.Object, error) {
	var all []cloud.Object
	for _, p := range addresses {
		all = append(all, cloud.Object{ID: p.Addr().String(), Address: p.Addr()})
	}
	return all, nil
}

// Calls are the program's runs by action.
func (p *Provider) Calls() map[string]uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.calls)
}

// Longest is the time limit, and what a program may take to end then.
func (p *Provider) Longest() time.Duration { return p.cfg.Timeout + grace }

// within is the time that the program has of that which the caller has: it is not
// to work on when that is over.
func (p *Provider) within(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := p.cfg.Timeout
	if at, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(at)-grace)
	}
	return context.WithTimeout(ctx, limit)
}

// Observe tells how the objects stand.
func (p *Provider) Observe(ctx context.Context, objects []cloud.Object) ([]cloud.Ownership, error) {
	a, err := p.ask(ctx, observe, objects, cloud.Taking{})
	if err != nil {
		return nil, err
	}
	return a.ownership(), nil
}

// Take makes the objects this node's.
func (p *Provider) Take(ctx context.Context, objects []cloud.Object, how cloud.Taking) error {
	if err := how.May(); err != nil {
		return err
	}
	a, err := p.ask(ctx, take, objects, how)
	if err == nil || !cloud.KindOf(err).Passing() {
		p.tried.Done(take, err)
	}
	return a.partial(err)
}

// Yield gives up those of the objects that are this node's.
func (p *Provider) Yield(ctx context.Context, objects []cloud.Object, how cloud.Taking) error {
	if err := how.May(); err != nil {
		return err
	}
	a, err := p.ask(ctx, yield, objects, how)
	return a.partial(err)
}

// ask runs the program once. The answer is never nil.
func (p *Provider) ask(ctx context.Context, action string, objects []cloud.Object, how cloud.Taking) (*answer, error) {
	if err := ctx.Err(); err != nil {
		return &answer{}, p.fault(action, cloud.Unavailable, err)
	}
	question, err := p.question(action, objects, how)
	if err != nil {
		return &answer{}, p.fault(action, cloud.Invalid, err)
	}
	p.mu.Lock()
	p.calls[action]++
	p.mu.Unlock()
	ctx, cancel := p.within(ctx)
	defer cancel()
	out, err := p.program.Run(ctx, append(question, '\n'))
	if err != nil {
		return &answer{}, p.fault(action, kindOf(err), err)
	}
	if out.Cut {
		return &answer{}, p.fault(action, cloud.Invalid, fmt.Errorf("its answer is longer than %d bytes", mostAnswer))
	}
	a, err := parse(out.Answer, action, objects)
	switch {
	case err != nil:
		return &answer{}, p.fault(action, cloud.Invalid, fmt.Errorf("its answer: %w", err))
	case a.Error != nil:
		return a, p.fault(action, a.Error.kind(), errors.New(a.Error.Message))
	}
	return a, nil
}

// question is what the program reads.
func (p *Provider) question(action string, objects []cloud.Object, how cloud.Taking) ([]byte, error) {
	r := request{Version: 1, Action: action, Cluster: p.cfg.Cluster, Node: p.cfg.Node, Addresses: []netip.Addr{}, Steal: how.Steal}
	for _, o := range objects {
		r.Addresses = append(r.Addresses, o.Address)
	}
	return json.Marshal(r)
}

// kindOf is the kind of a run that failed.
func kindOf(err error) cloud.Kind {
	switch {
	case errors.Is(err, child.ErrUnsafe), errors.Is(err, fs.ErrPermission):
		return cloud.Denied
	case errors.Is(err, fs.ErrNotExist):
		return cloud.NotFound
	}
	return cloud.Unavailable
}

func (p *Provider) fault(action string, kind cloud.Kind, err error) error {
	return &cloud.Error{Kind: kind, Action: action, Object: p.cfg.Argv[0], Err: err}
}

// request is what the program is asked.
type request struct {
	Version   int          `json:"version"`
	Action    string       `json:"action"`
	Cluster   string       `json:"cluster"`
	Node      string       `json:"node"`
	Addresses []netip.Addr `json:"addresses"`
	Steal     bool         `json:"steal"`
}

// The actions.
const (
	observe = "observe"
	take    = "take"
	yield   = "yield"
	examine = "examine"
)

var (
	_ cloud.Provider = (*Provider)(nil)
	_ cloud.Counter  = (*Provider)(nil)
	_ cloud.Slow     = (*Provider)(nil)
)
