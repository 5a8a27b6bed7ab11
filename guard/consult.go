// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/status"
)

// callLimit is how long a call of a table may take. After a third of the least
// lease, when a holder asks, there is time for two that hang and one that doesn't.
const callLimit = tableLease / 6

// proxy drives the quorum.Table of a table that votes: its calls are made in
// goroutines of their own, one at a time, since they take long.
type proxy struct {
	*quorum.Table
	voter  string // among the voters
	table  string
	failed time.Time // when it was last said that it can't be asked
	said   bool      // and not that it can again
}

// tableVotes tells whether leases must be long enough for a table.
func (l *loop) tableVotes() bool { return len(l.roster.asks.Tables()) > 0 }

// setTables gives the proxies the lists and resources in force. There is one for
// each table that candidates of this node may have to ask.
func (l *loop) setTables() {
	var voters []string
	if l.cfg.Candidate && l.cfg.Table != nil {
		voters = l.roster.asks.Tables()
	}
	l.proxies = slices.DeleteFunc(l.proxies, func(p *proxy) bool { return !slices.Contains(voters, p.voter) })
	lists, generation := l.roster.asks, l.roster.Report().Generation
	lists.Sealed = l.roster.votes.Sealed
	for _, voter := range voters {
		if p := l.proxy(voter); p != nil {
			p.SetLists(lists, generation)
			p.Reconfigure(l.resources())
			continue
		}
		t, err := quorum.NewTable(quorum.TableConfig{
			Node: l.cfg.Node, Name: voter, Cluster: l.cfg.Cluster, Lists: lists, Generation: generation,
			Resources: l.resources(), Seed: rand.Uint64(),
		})
		if err != nil {
			l.log.Error("a table that votes can't be asked", slog.String("voter", voter), slog.Any("err", err))
			continue
		}
		table, _ := quorum.IsTable(voter)
		l.proxies = append(l.proxies, &proxy{Table: t, voter: voter, table: table})
	}
}

func (l *loop) proxy(voter string) *proxy {
	i := slices.IndexFunc(l.proxies, func(p *proxy) bool { return p.voter == voter })
	if i < 0 {
		return nil
	}
	return l.proxies[i]
}

// askTable has a table asked; this turn ends with it.
func (l *loop) askTable(now time.Time, voter string, m *quorum.Message) {
	if p := l.proxy(voter); p != nil {
		p.Ask(now, *m)
	}
}

// consult passes answers of tables on, and makes the calls that they need.
func (l *loop) consult(now time.Time) {
	for _, p := range l.proxies {
		for {
			answers, call := p.Step(now)
			if call != nil {
				l.call(p, call)
			}
			if len(answers) == 0 {
				break
			}
			for i := range answers {
				l.message(now, p.voter, &answers[i])
				l.settle(now)
			}
		}
	}
}

// call makes a call elsewhere. What came of it comes back through the queue.
func (l *loop) call(p *proxy, call *quorum.TableCall) {
	ctx, cancel := l.dial(call.Write)
	table := l.cfg.Table
	l.tasks.Go(func() {
		defer cancel()
		var r quorum.TableResult
		if call.Write {
			r.Written, r.Err = table.Write(ctx, p.table, call.Key, call.Record, call.Was, call.Version)
		} else {
			r.Record, r.Version, r.Err = table.Read(ctx, p.table, call.Key)
		}
		l.guard.queue.put(consulted{p, r})
	})
}

// callContext is that of a call. Reading is cut short when the guard is to end;
// a write is let end, as is what is still to be given up then.
func callContext(ctx context.Context, write bool) (context.Context, context.CancelFunc) {
	if write || ctx.Err() != nil {
		ctx = context.WithoutCancel(ctx)
	}
	return context.WithTimeout(ctx, callLimit)
}

// consulted says what came of a call.
type consulted struct {
	proxy  *proxy
	result quorum.TableResult
}

func (c consulted) handle(l *loop, now time.Time) {
	p := c.proxy
	p.Done(now, c.result)
	if _, err := p.Heard(); err != nil {
		if !p.said && (p.failed.IsZero() || now.Sub(p.failed) >= dropLogged) {
			p.said, p.failed = true, now
			l.log.Warn("a table that votes can't be asked; leases need the nodes' votes until it can",
				slog.String("table", p.table), slog.Any("err", err))
		}
		return
	}
	if p.said {
		p.said = false
		l.log.Info("a table that votes can be asked again", slog.String("table", p.table))
	}
	l.contact(p.voter).answer(now)
	l.guard.shown.answered(p.voter, now)
	if p.Sealed() {
		l.roster.TableSealed(now)
		l.rolled(now)
	}
}

// leans says when a lease comes to need a table's vote, and when it doesn't any
// more.
func (l *loop) leans(u *unit) {
	needs := u.candidate.NeedsTable()
	switch {
	case needs == u.byTable:
	case needs:
		l.log.Info("too few nodes answer, and a table votes in their place", slog.String("resource", u.name))
	default:
		l.log.Info("the nodes make a majority again without a table", slog.String("resource", u.name))
	}
	u.byTable = needs
}

// lastReleases lets tables know what was given up at the end: a read and a write,
// and once more.
func (l *loop) lastReleases() {
	for range 4 {
		if !slices.ContainsFunc(l.proxies, func(p *proxy) bool { return p.Releases() }) {
			return
		}
		l.tasks.Wait()
		l.turn()
	}
}

// tableStatus is how a table stands. It answers if it did the last time: it is
// not asked as often as nodes are.
func (l *loop) tableStatus(v *status.Voter) {
	v.Answers, v.Silent = false, false
	p := l.proxy(v.Name)
	if p == nil {
		v.Problem = "this node doesn't ask it"
		return
	}
	heard, err := p.Heard()
	v.Answers, v.Silent = err == nil && !heard.IsZero(), err != nil
	if err != nil {
		v.Problem = err.Error()
	}
}
