// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/vicar-ha/vicar/cloud"
)

const (
	perPage  = 100 // results that are asked for at once
	perQuery = 100 // values of a filter; EC2 takes 200
)

// means is what the providers have in common: one interface of this machine, and
// a count of requests.
type means struct {
	s  *Session
	at Interface

	// What EC2 said to who looked whether a take-over would succeed.
	dried lately[error]
	seen  lately[[]types.NetworkInterface]

	mu    sync.Mutex
	calls map[string]uint64
}

func newMeans(s *Session, at Interface) (*means, error) {
	if s == nil {
		return nil, errors.New("aws: no session")
	}
	if at.ID == "" && !at.Address.IsValid() {
		return nil, errors.New("aws: an interface is needed, by its id or one of its addresses")
	}
	return &means{s: s, at: at, calls: map[string]uint64{}}, nil
}

// Calls satisfies cloud.Counter.
func (m *means) Calls() map[string]uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.calls)
}

// Forget satisfies cloud.Forgetter.
func (m *means) Forget() {
	m.s.Forget()
	m.dried.forget()
	m.seen.forget()
}

func (m *means) count(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[name]++
}

func (m *means) eni(ctx context.Context) (string, error) { return m.s.eni(ctx, m.at) }

// read makes a request that changes nothing. name is the action as policies name
// it, object what it is about.
func read[O any](m *means, name, object string, request func() (O, error)) (O, error) {
	m.count(name)
	out, err := request()
	return out, m.s.done(err, name, object)
}

// write makes a request that changes something, if it still may.
func write[O any](ctx context.Context, m *means, how cloud.Taking, name, object string, request func() (O, error)) (O, error) {
	var none O
	if err := m.s.spend.take(ctx); err != nil {
		return none, err
	}
	if err := how.May(); err != nil {
		return none, err
	}
	out, err := read(m, name, object, request)
	if err != nil && cloud.KindOf(err) == cloud.Denied {
		m.dried.forget() // what EC2 said before is not so any more
	}
	return out, err
}

// several are errors of requests that were made side by side, those first that
// may pass: something may come of trying again.
type several []error

func (e several) Error() string {
	var told []string
	times := map[string]int{}
	for _, err := range e {
		text := err.Error()
		if times[text]++; times[text] == 1 {
			told = append(told, text)
		}
	}
	for i, text := range told {
		if n := times[text]; n > 1 {
			told[i] = fmt.Sprintf("%s (%d times)", text, n)
		}
	}
	return strings.Join(told, "; ")
}

func (e several) Unwrap() []error { return e }

func together(errs []error) error {
	errs = slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	if len(errs) < 2 {
		return errors.Join(errs...)
	}
	slices.SortStableFunc(errs, func(a, b error) int {
		switch x, y := cloud.KindOf(a).Passing(), cloud.KindOf(b).Passing(); {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	})
	return several(errs)
}

// outcome is what a Take or a Yield returns that has done a part, all or nothing.
func outcome(done []cloud.Object, err error) error {
	if err == nil || len(done) == 0 {
		return err
	}
	return &cloud.Partial{Done: done, Err: err}
}

// each does something for each object, side by side, and tells for which it was
// done.
func each(objects []cloud.Object, do func(cloud.Object) error) (made []cloud.Object, err error) {
	errs := make([]error, len(objects))
	var work sync.WaitGroup
	room := make(chan struct{}, maxWarm)
	for i, o := range objects {
		work.Go(func() {
			room <- struct{}{}
			errs[i] = do(o)
			<-room
		})
	}
	work.Wait()
	for i, o := range objects {
		if errs[i] == nil {
			made = append(made, o)
		}
	}
	return made, together(errs)
}

// conflict is that another has the object.
func conflict(o cloud.Ownership, action string) error {
	return &cloud.Error{Kind: cloud.Conflict, Action: action, Object: o.ID, Err: fmt.Errorf("%s has it", o.Holder)}
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: sdk.String(name), Values: values}
}

// interfaces are the network interfaces that match filters.
func (m *means) interfaces(ctx context.Context, object string, filters ...types.Filter) ([]types.NetworkInterface, error) {
	c, err := m.s.ready(ctx)
	if err != nil {
		return nil, err
	}
	pages := ec2.NewDescribeNetworkInterfacesPaginator(c.ec2, &ec2.DescribeNetworkInterfacesInput{
		Filters: filters, MaxResults: sdk.Int32(perPage),
	})
	var found []types.NetworkInterface
	for pages.HasMorePages() {
		page, err := read(m, describeInterfaces, object, func() (*ec2.DescribeNetworkInterfacesOutput, error) {
			return pages.NextPage(ctx)
		})
		if err != nil {
			return nil, err
		}
		found = append(found, page.NetworkInterfaces...)
	}
	return found, nil
}

// The actions, as policies name them.
const (
	describeInterfaces = "ec2:DescribeNetworkInterfaces"
	describeTables     = "ec2:DescribeRouteTables"
	describeAddresses  = "ec2:DescribeAddresses"
	describeTypes      = "ec2:DescribeInstanceTypes"
	assignIPv4         = "ec2:AssignPrivateIpAddresses"
	unassignIPv4       = "ec2:UnassignPrivateIpAddresses"
	assignIPv6         = "ec2:AssignIpv6Addresses"
	unassignIPv6       = "ec2:UnassignIpv6Addresses"
	replaceRoute       = "ec2:ReplaceRoute"
	createRoute        = "ec2:CreateRoute"
	deleteRoute        = "ec2:DeleteRoute"
	associate          = "ec2:AssociateAddress"
	disassociate       = "ec2:DisassociateAddress"
	assumeRole         = "sts:AssumeRole"
	getItem            = "dynamodb:GetItem"
	putItem            = "dynamodb:PutItem"
	readParameter      = "ssm:GetParameter"
	readSecret         = "secretsmanager:GetSecretValue"
	decrypt            = "kms:Decrypt"
)

// parse is an address of an answer; none is the zero one.
func parse(text *string) netip.Addr {
	a, err := netip.ParseAddr(sdk.ToString(text))
	if err != nil {
		return netip.Addr{}
	}
	return a
}

// texts are the objects' addresses as requests have them.
func texts(objects []cloud.Object) []string {
	all := make([]string, len(objects))
	for i, o := range objects {
		all[i] = o.Address.String()
	}
	return all
}

// about is what a request for objects is about, for people.
func about(objects []cloud.Object) string {
	if len(objects) == 0 {
		return ""
	}
	if len(objects) == 1 {
		return objects[0].ID
	}
	return fmt.Sprintf("%s and %d more", objects[0].ID, len(objects)-1)
}
