// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"
)

var tableLists = Lists{Current: List{Voters: []string{"a", "b", "table t"}, MaxLease: 10 * time.Second}}

// desk is a table that two nodes' proxies share, driven by hand, on one clock.
type desk struct {
	t       *testing.T
	now     time.Time
	records map[string]simRecord
	proxies map[string]*Table
	calls   int
	fails   func(write bool) (before, after bool) // a call that has no effect, or whose answer is lost
}

var errDesk = errors.New("nobody is there")

// newDesk is one whose record has been there for long.
func newDesk(t *testing.T) *desk {
	d := &desk{t: t, now: time.Unix(1000, 0), records: map[string]simRecord{}, proxies: map[string]*Table{}}
	for _, node := range []string{"a", "b"} {
		d.open(node, tableLists, "web")
	}
	d.run("a")
	d.run("b")
	d.now = d.now.Add(10 * time.Second)
	d.calls = 0
	return d
}

func deskResource(name string, last byte) Resource {
	return Resource{Name: name, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, last})}}
}

// open starts node with a file that has the resources, all of one address.
func (d *desk) open(node string, lists Lists, resources ...string) {
	d.t.Helper()
	var all []Resource
	for _, name := range resources {
		all = append(all, deskResource(name, 1))
	}
	p, err := NewTable(TableConfig{
		Node: node, Name: "table t", Cluster: "c", Lists: lists, Generation: 1, Resources: all[:1], Seed: uint64(len(node)), Look: time.Hour,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.proxies[node] = p
}

// run makes the calls that node's proxy wants, and returns its answers.
func (d *desk) run(node string) (answers []Message) {
	d.t.Helper()
	p := d.proxies[node]
	for range 100 {
		more, call := p.Step(d.now)
		answers = append(answers, more...)
		if call == nil {
			return answers
		}
		d.calls++
		d.now = d.now.Add(time.Millisecond)
		p.Done(d.now, d.call(call))
	}
	d.t.Fatal("there is no end to the calls")
	return nil
}

func (d *desk) call(call *TableCall) TableResult {
	before, after := false, false
	if d.fails != nil {
		before, after = d.fails(call.Write)
	}
	if before {
		return TableResult{Err: errDesk}
	}
	r := d.records[call.Key]
	result := TableResult{Record: r.now, Version: r.version}
	if call.Write {
		result = TableResult{Written: r.version == call.Was}
		if result.Written {
			d.records[call.Key] = simRecord{now: call.Record, version: call.Version}
		}
	}
	if after {
		return TableResult{Err: errDesk}
	}
	return result
}

// deskMessage is one of the node's for the resource, the sequence being the counter.
func deskMessage(kind Kind, node, resource string, counter uint64) Message {
	m := Message{
		Kind: kind, Resource: resource, Digest: deskResource(resource, 1).Digest(), Sequence: counter,
		Ballot: Ballot{counter, node, 7}, Lists: tableLists.digests(),
	}
	if kind == Propose {
		m.Lease = 3 * time.Second
	}
	return m
}

// ask asks, and wants the refusal as the one answer.
func (d *desk) ask(m Message, want Refusal) Message {
	d.t.Helper()
	node := m.Ballot.Node
	d.proxies[node].Ask(d.now, m)
	answers := d.run(node)
	if len(answers) != 1 || answers[0].Refusal != want || answers[0].Sequence != m.Sequence {
		d.t.Fatalf("%v of %s is answered by %+v, want %v", m.Kind, node, answers, want)
	}
	return answers[0]
}

// record is the only one there is.
func (d *desk) record() record {
	d.t.Helper()
	for _, r := range d.records {
		rec, err := parseRecord(r.now)
		if err != nil {
			d.t.Fatal(err)
		}
		return rec
	}
	d.t.Fatal("there is no record")
	return record{}
}

func TestTableLease(t *testing.T) {
	d := newDesk(t)
	if d.ask(deskMessage(Prepare, "a", "web", 1), None); d.calls != 0 {
		t.Errorf("a promise takes %d calls", d.calls)
	}
	if m := d.ask(deskMessage(Propose, "a", "web", 1), None); d.calls != 1 || m.Kind != Accepted || m.Lists != tableLists.digests() {
		t.Errorf("%d calls: %+v", d.calls, m)
	}
	// b has not seen it before, and counts from now on.
	m := d.ask(deskMessage(Propose, "b", "web", 2), Held)
	if m.Holder.Node != "a" || m.Remaining != 3*time.Second {
		t.Errorf("%+v", m)
	}
	d.now = d.now.Add(2 * time.Second)
	again := deskMessage(Propose, "a", "web", 1)
	again.Sequence = 2
	d.ask(again, None)
	d.now = d.now.Add(2 * time.Second)
	if m := d.ask(deskMessage(Propose, "b", "web", 2), Held); m.Remaining != 3*time.Second {
		t.Errorf("it was renewed, and %v remain", m.Remaining)
	}
	d.now = d.now.Add(3 * time.Second)
	d.calls = 0
	if d.ask(deskMessage(Propose, "b", "web", 2), None); d.calls != 1 {
		t.Errorf("%d calls for a lease that is known to have run out", d.calls)
	}
	late := again
	late.Sequence = 3
	if m := d.ask(late, Held); m.Holder.Node != "b" {
		t.Errorf("%+v", m)
	}
	// Terms outlive leases.
	d.proxies["b"].Ask(d.now, deskMessage(Release, "b", "web", 2))
	d.run("b")
	if m := d.ask(late, Promised); m.Promised.Counter != 2 || d.proxies["a"].Term("web") != 2 {
		t.Errorf("%+v", m)
	}
	d.ask(deskMessage(Propose, "b", "web", 2), Released)
	d.ask(deskMessage(Propose, "a", "web", 3), None)
}

// A write that happened and whose answer was lost counts, though the candidate
// has asked anew since.
func TestTableLostAnswer(t *testing.T) {
	d := newDesk(t)
	d.fails = func(write bool) (bool, bool) { return false, write }
	d.proxies["a"].Ask(d.now, deskMessage(Propose, "a", "web", 1))
	if answers := d.run("a"); len(answers) > 0 {
		t.Fatalf("%+v", answers)
	}
	if _, err := d.proxies["a"].Heard(); !errors.Is(err, errDesk) {
		t.Errorf("%v", err)
	}
	newer := deskMessage(Propose, "a", "web", 1)
	newer.Sequence = 2
	d.now = d.now.Add(time.Second)
	d.proxies["a"].Ask(d.now, newer)
	var sequences []uint64
	d.fails = nil
	for _, m := range d.run("a") {
		if m.Refusal != None || m.Kind != Accepted {
			t.Errorf("%+v", m)
		}
		sequences = append(sequences, m.Sequence)
	}
	if !slices.Equal(sequences, []uint64{1, 2}) {
		t.Errorf("answers to %d", sequences)
	}
	if _, err := d.proxies["a"].Heard(); err != nil {
		t.Error(err)
	}
}

// A write that is still on its way when its lease is given up comes too late.
func TestTableLateWrite(t *testing.T) {
	d := newDesk(t)
	p := d.proxies["a"]
	p.Ask(d.now, deskMessage(Propose, "a", "web", 1))
	_, late := p.Step(d.now)
	p.Done(d.now, TableResult{Err: errDesk})
	p.Ask(d.now, deskMessage(Release, "a", "web", 1))
	if !p.Releases() {
		t.Error("nothing is to be released")
	}
	d.now = d.now.Add(time.Second)
	if d.run("a"); p.Releases() {
		t.Error("it isn't released")
	}
	if r := d.call(late); r.Written {
		t.Error("the late write happened")
	}
	d.ask(deskMessage(Propose, "b", "web", 2), None)
}

// Both ask at once: the second write is in vain, and what there is decides.
func TestTableConflict(t *testing.T) {
	d := newDesk(t)
	p := d.proxies["a"]
	p.Ask(d.now, deskMessage(Propose, "a", "web", 1))
	_, call := p.Step(d.now)
	d.ask(deskMessage(Propose, "b", "web", 2), None)
	p.Done(d.now, d.call(call))
	if answers := d.run("a"); len(answers) != 1 || answers[0].Refusal != Held || answers[0].Holder.Node != "b" {
		t.Errorf("%+v", answers)
	}
}

// A renewal for a shorter time leaves what was accepted before.
func TestTableNeverShortens(t *testing.T) {
	d := newDesk(t)
	d.ask(deskMessage(Propose, "a", "web", 1), None)
	m := deskMessage(Propose, "a", "web", 1)
	m.Sequence, m.Lease = 2, time.Second
	d.ask(m, None)
	if m := d.ask(deskMessage(Prepare, "b", "web", 2), None); m.Kind != Promise {
		t.Errorf("%+v", m)
	}
	if m := d.ask(deskMessage(Propose, "b", "web", 2), Held); m.Remaining != 3*time.Second {
		t.Errorf("%v remain", m.Remaining)
	}
	d.ask(Message{
		Kind: Propose, Resource: "web", Digest: m.Digest, Ballot: m.Ballot, Sequence: 3, Lease: 11 * time.Second, Lists: m.Lists,
	}, TooLong)
}

// a holds web, and b's file has the address in pool: a record each would let
// both.
func TestTableOtherFile(t *testing.T) {
	d := newDesk(t)
	d.open("b", tableLists, "pool")
	d.ask(deskMessage(Propose, "a", "web", 1), None)
	if m := d.ask(deskMessage(Propose, "b", "pool", 2), Held); m.Holder.Node != "a" {
		t.Errorf("%+v", m)
	}
	d.ask(deskMessage(Propose, "b", "web", 2), Unknown)
	d.now = d.now.Add(3 * time.Second)
	d.ask(deskMessage(Propose, "b", "pool", 2), None)
	if leases := d.record().Leases; len(leases) != 1 || leases[0].Resource != "pool" {
		t.Errorf("%+v", leases)
	}
	d.ask(deskMessage(Propose, "a", "web", 3), Held)
}

// A record that is lost is made anew, and votes when no lease of the old one can run.
func TestTableDeleted(t *testing.T) {
	d := newDesk(t)
	d.ask(deskMessage(Propose, "a", "web", 1), None)
	clear(d.records)
	for _, node := range []string{"b", "a"} {
		for range 2 {
			d.proxies[node].Ask(d.now, deskMessage(Propose, node, "web", 2))
			if answers := d.run(node); len(answers) > 0 {
				t.Errorf("%+v", answers)
			}
			d.now = d.now.Add(4 * time.Second)
		}
	}
	d.ask(deskMessage(Propose, "b", "web", 2), None)
	d.ask(deskMessage(Propose, "a", "web", 3), Held)
}

// Two lists: each has its record, and both must accept.
func TestTableStagedList(t *testing.T) {
	d := newDesk(t)
	both := tableLists
	both.Staged = List{Voters: []string{"a", "b", "c", "table t"}, MaxLease: 10 * time.Second}
	d.ask(deskMessage(Propose, "b", "web", 1), None) // under the list in force alone
	d.proxies["a"].SetLists(both, 1)
	d.run("a")
	d.now = d.now.Add(10 * time.Second)
	m := deskMessage(Propose, "a", "web", 2)
	m.Lists = both.digests()
	d.ask(m, Held)
	d.now = d.now.Add(3 * time.Second)
	if m := d.ask(m, None); m.Lists != both.digests() || len(d.records) != 2 {
		t.Errorf("%d records: %+v", len(d.records), m)
	}
	// Sealed, it votes no more for who asks under the list in force alone.
	p := d.proxies["a"]
	if p.Sealed() {
		t.Error("sealed")
	}
	both.Sealed = true
	p.SetLists(both, 1)
	if d.run("a"); !p.Sealed() {
		t.Error("not sealed")
	}
	d.now = d.now.Add(10 * time.Second)
	d.proxies["b"].Ask(d.now, deskMessage(Propose, "b", "web", 3))
	if answers := d.run("b"); len(answers) > 0 {
		t.Errorf("%+v", answers)
	}
	if _, err := d.proxies["b"].Heard(); !errors.Is(err, ErrBound) {
		t.Errorf("%v", err)
	}
	m = deskMessage(Propose, "a", "web", 4)
	m.Lists = both.digests()
	d.ask(m, None)
	// When the list is in force its record stays.
	p.SetLists(Lists{Current: both.Staged}, 2)
	m.Sequence, m.Lists = 5, [2]Digest{both.Staged.Digest()}
	d.calls = 0
	if d.ask(m, None); d.calls != 1 {
		t.Errorf("%d calls", d.calls)
	}
}

// Many resources take one write.
func TestTableManyResources(t *testing.T) {
	d := newDesk(t)
	var all []Resource
	for i := range 30 {
		all = append(all, deskResource("r"+string(rune('A'+i)), byte(10+i)))
	}
	d.proxies["a"].Reconfigure(all)
	for _, r := range all {
		m := deskMessage(Propose, "a", r.Name, 1)
		m.Digest = r.Digest()
		d.proxies["a"].Ask(d.now, m)
	}
	if answers := d.run("a"); len(answers) != 30 || d.calls != 1 {
		t.Errorf("%d answers, %d calls", len(answers), d.calls)
	}
}

// What can't be read says nothing, and what is wrong is told.
func TestTableBadRecord(t *testing.T) {
	for _, b := range []string{"", "{}", `{"version":2}`, `{"version":1,"more":1}`, `{"version":1} {}`} {
		d := newDesk(t)
		for key, r := range d.records {
			r.now, r.version = []byte(b), r.version+1
			d.records[key] = r
		}
		d.proxies["a"].Ask(d.now, deskMessage(Propose, "a", "web", 1))
		if answers := d.run("a"); len(answers) > 0 {
			t.Errorf("%q: %+v", b, answers)
		}
		if _, err := d.proxies["a"].Heard(); !errors.Is(err, errRecord) {
			t.Errorf("%q: %v", b, err)
		}
	}
}

func TestNewTableErrors(t *testing.T) {
	for _, cfg := range []TableConfig{
		{Name: "t", Lists: tableLists},
		{Name: "table t"},
		{Name: "table t", Lists: tableLists, Resources: []Resource{{Name: "web"}}},
	} {
		if _, err := NewTable(cfg); err == nil {
			t.Errorf("%+v", cfg)
		}
	}
}

// FuzzRecord: what a table has must not do harm, and what is understood comes
// back as it was.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"version":1,"fresh":5}`))
	f.Add([]byte(`{"version":1,"sealed":"2/533a0d76b0b3f124","leases":[{"resource":"web","addresses":["192.0.2.1","2001:db8::1"],` +
		`"ballot":{"counter":3,"node":"a","start":7},"sequence":4,"lease_ns":3000000000}],` +
		`"terms":[{"resource":"web","ballot":{"counter":3,"node":"a","start":7}}],"floor":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRecord(b)
		if err != nil {
			return
		}
		again, err := r.encode()
		if err != nil {
			return // too long when written in full
		}
		o, err := parseRecord(again)
		if err != nil {
			t.Fatalf("%q: %v", again, err)
		}
		if len(o.Leases) != len(r.Leases) || len(o.Terms) != len(r.Terms) || o.Fresh != r.Fresh || o.Sealed != r.Sealed || o.Floor != r.Floor {
			t.Errorf("%+v, %+v", r, o)
		}
		for i := range o.Leases {
			if !o.Leases[i].same(&r.Leases[i]) {
				t.Errorf("%+v, %+v", r.Leases[i], o.Leases[i])
			}
		}
	})
}
