// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/vicar-ha/vicar/child"
	"github.com/vicar-ha/vicar/cloud"
)

// Examine tells whether a take-over would succeed: what the program says of that,
// whether it can observe, which a take-over needs as well, and what came of the last
// take. A program that can't be asked is a Finding. It is asked both side by side.
func (p *Provider) Examine(ctx context.Context, objects []cloud.Object) []cloud.Finding {
	observed := make(chan error, 1)
	go func() {
		_, err := p.ask(ctx, observe, objects, cloud.Taking{})
		observed <- err
	}()
	a, err := p.ask(ctx, examine, objects, cloud.Taking{})
	found := []cloud.Finding{p.answers(examine, objects, err)}
	for _, f := range a.Findings {
		found = append(found, cloud.Finding{What: f.What, OK: f.OK, Problem: f.Problem, Remedy: f.Remedy, Missing: f.Missing})
	}
	if err := <-observed; found[0].OK || err == nil {
		found = append(found, p.answers(observe, objects, err))
	}
	if !found[0].OK {
		return found
	}
	last := p.tried.Finding(p.doing(take), take, func(_ string, err error) cloud.Finding { return p.answers(take, objects, err) })
	if last.Untried {
		last.Remedy = "rehearse it, by vicar handover; or by hand, which moves the addresses to this node: " + p.byHand(take, objects)
	}
	return append(found, last)
}

// answers is a Finding of what came of an action.
func (p *Provider) answers(action string, objects []cloud.Object, err error) cloud.Finding {
	f := cloud.Finding{What: p.doing(action), OK: err == nil}
	if err != nil {
		f.Problem, f.Remedy = err.Error(), "run it by hand: "+p.byHand(action, objects)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Remedy = "install it, or correct its path in the router's move"
	case errors.Is(err, child.ErrUnsafe):
		f.Remedy = "let nobody but root, and the agent's user, write to it and to the directories that it is in"
	case errors.Is(err, fs.ErrPermission):
		f.Remedy = "let the agent's user execute it"
	}
	return f
}

func (p *Provider) doing(action string) string { return action + " by the program " + p.cfg.Argv[0] }

// byHand is a shell's line that asks the program as p does.
func (p *Provider) byHand(action string, objects []cloud.Object) string {
	question, err := p.question(action, objects, cloud.Taking{Steal: action == take})
	if err != nil {
		return strings.Join(p.cfg.Argv, " ")
	}
	words := []string{"echo", quoted(string(question)), "|"}
	for _, word := range p.cfg.Argv {
		words = append(words, quoted(word))
	}
	return strings.Join(words, " ")
}

// Forget satisfies cloud.Forgetter.
func (p *Provider) Forget() { p.tried.Forget() }

// quoted is a word as a shell takes it.
func quoted(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

var (
	_ cloud.Examiner  = (*Provider)(nil)
	_ cloud.Forgetter = (*Provider)(nil)
)
