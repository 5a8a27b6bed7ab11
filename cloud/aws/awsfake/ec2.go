// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
)

// ec2 is the service of API version 2016-11-15.
type ec2 struct{}

const (
	ec2Version   = "2016-11-15"
	ec2Namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"
)

// action is one of EC2's.
type action struct {
	write  bool
	params []string // that it knows, beside DryRun
	dryRun bool     // it has that
	// ask finds the accesses that policies decide on. It is given what is now, even
	// where that does not show yet.
	ask func(c *call) ([]access, error)
	run func(c *call) (any, error)
}

// call is an action that runs.
type call struct {
	params

	w   *World
	who *keyPair
	now *state // as it is; a describe has its own
}

// done is the answer of a write that has nothing to tell.
type done struct {
	Return bool `xml:"return"`
}

func ec2Actions() map[string]action {
	describe := []string{"Filter.N.Name", "Filter.N.Value.N", "MaxResults", "NextToken"}
	all := map[string]action{
		"AssignPrivateIpAddresses": {
			write: true, params: []string{"NetworkInterfaceId", "PrivateIpAddress.N", "AllowReassignment"},
			ask: askInterface, run: (*call).assignPrivate,
		},
		"UnassignPrivateIpAddresses": {
			write: true, params: []string{"NetworkInterfaceId", "PrivateIpAddress.N"}, ask: askInterface, run: (*call).unassignPrivate,
		},
		"AssignIpv6Addresses": {
			write: true, params: []string{"NetworkInterfaceId", "Ipv6Addresses.N"}, ask: askInterface, run: (*call).assignIPv6,
		},
		"UnassignIpv6Addresses": {
			write: true, params: []string{"NetworkInterfaceId", "Ipv6Addresses.N"}, ask: askInterface, run: (*call).unassignIPv6,
		},
		"AssociateAddress": {
			write: true, dryRun: true, ask: askAssociate, run: (*call).associate,
			params: []string{"AllocationId", "NetworkInterfaceId", "InstanceId", "PrivateIpAddress", "AllowReassociation"},
		},
		"DisassociateAddress": {
			write: true, dryRun: true, params: []string{"AssociationId"}, ask: askDisassociate, run: (*call).disassociate,
		},
		"CreateRoute":  {write: true, dryRun: true, params: routeParams(), ask: askTable, run: (*call).createRoute},
		"DeleteRoute":  {write: true, dryRun: true, params: routeParams()[:3], ask: askTable, run: (*call).deleteRoute},
		"ReplaceRoute": {write: true, dryRun: true, params: routeParams(), ask: askTable, run: (*call).replaceRoute},
		"DescribeAddresses": {
			dryRun: true, params: []string{"Filter.N.Name", "Filter.N.Value.N", "AllocationId.N", "PublicIp.N"}, ask: askAny,
			run: (*call).describeAddresses,
		},
		"DescribeNetworkInterfaces": {dryRun: true, params: append(describe, "NetworkInterfaceId.N"), ask: askAny, run: (*call).describeInterfaces},
		"DescribeInstances":         {dryRun: true, params: append(describe, "InstanceId.N"), ask: askAny, run: (*call).describeInstances},
		"DescribeRouteTables":       {dryRun: true, params: append(describe, "RouteTableId.N"), ask: askAny, run: (*call).describeTables},
		"DescribeSubnets":           {dryRun: true, params: append(describe, "SubnetId.N"), ask: askAny, run: (*call).describeSubnets},
		"DescribeVpcs":              {dryRun: true, params: append(describe, "VpcId.N"), ask: askAny, run: (*call).describeVPCs},
		"DescribeInstanceTypes":     {dryRun: true, params: append(describe, "InstanceType.N"), ask: askAny, run: (*call).describeTypes},
	}
	maps.Copy(all, makeActions())
	return all
}

func (ec2) read(e *exchange) (Request, *reply) {
	p, err := parseQuery(string(e.body))
	if err != nil {
		re := ec2{}.fail(failure{status: http.StatusBadRequest, code: "MalformedQueryString", message: err.Error()})
		return Request{Service: "ec2"}, &re
	}
	e.params = p
	r := Request{Service: "ec2", Action: p["Action"], Params: p, Write: ec2Actions()[p["Action"]].write}
	r.DryRun, _ = p.flag("DryRun", false)
	return r, nil
}

func (s ec2) answer(w *World, e *exchange, who *keyPair) reply {
	name := e.params["Action"]
	body, err := s.run(w, name, e.params, who)
	if err != nil {
		f, ok := errors.AsType[failure](err)
		if !ok {
			f = failure{status: http.StatusInternalServerError, code: "InternalError", message: err.Error()}
		}
		return s.fail(f)
	}
	text, err := xml.Marshal(body)
	if err == nil {
		text, err = xml.Marshal(ec2Answer{xml.Name{Local: name + "Response"}, ec2Namespace, w.requestID(), within(text)})
	}
	if err != nil {
		return s.fail(failure{status: http.StatusInternalServerError, code: "InternalError", message: err.Error()})
	}
	return reply{status: http.StatusOK, headers: xmlHeaders(), body: append([]byte(xml.Header), text...)}
}

// ec2Answer is around the body of each answer.
type ec2Answer struct {
	XMLName   xml.Name
	Namespace string `xml:"xmlns,attr"`
	RequestID string `xml:"requestId"`
	Body      []byte `xml:",innerxml"`
}

// within is an element without its own tags.
func within(element []byte) []byte {
	from, to := bytes.IndexByte(element, '>')+1, bytes.LastIndexByte(element, '<')
	return element[from:max(from, to)]
}

func xmlHeaders() map[string]string {
	return map[string]string{"Content-Type": "text/xml;charset=UTF-8", "Server": "AmazonEC2"}
}

// run checks a request and does it, in the order in which EC2 does: its form, the
// rate, the permission, DryRun, and only then whether it can be done.
func (s ec2) run(w *World, name string, p params, who *keyPair) (any, error) {
	a, ok := ec2Actions()[name]
	if !ok {
		return nil, failure{status: http.StatusBadRequest, code: "InvalidAction", message: "The action " + name + " is not valid for this web service."}
	}
	if p["Version"] != ec2Version {
		return nil, failure{status: http.StatusBadRequest, code: "InvalidParameterValue", message: "The version " + p["Version"] + " is not served"}
	}
	known := a.params
	if a.dryRun {
		known = append(known, "DryRun")
	}
	if k, ok := p.unknown(known); ok {
		return nil, failure{status: http.StatusBadRequest, code: "UnknownParameter", message: "The parameter " + k + " is not recognized"}
	}
	dry, err := p.flag("DryRun", false)
	if err != nil {
		return nil, err
	}
	c := &call{params: p, w: w, who: who}
	if err := c.permit(name, a); err != nil {
		return nil, err
	}
	if dry {
		return nil, failure{status: http.StatusPreconditionFailed, code: "DryRunOperation", message: "Request would have succeeded, but DryRun flag is set."}
	}
	return a.run(c)
}

// permit asks the rate and the policies.
func (c *call) permit(name string, a action) error {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	if !c.w.take(c.who.account, name, a.write, narrow(c.params)) {
		return failure{status: http.StatusServiceUnavailable, code: "RequestLimitExceeded", message: "Request limit exceeded."}
	}
	c.now = c.w.current()
	accesses, err := a.ask(c)
	if err != nil {
		return err
	}
	policies := c.w.identity.policies(c.who)
	for _, one := range accesses {
		one.action = "ec2:" + name
		one.keys["aws:requestedregion"] = []string{c.w.name}
		one.keys["ec2:region"] = []string{c.w.name}
		if !allows(policies, one) {
			on := ""
			if one.resource != "*" {
				on = " on resource: " + one.resource
			}
			return failure{status: http.StatusForbidden, code: "UnauthorizedOperation", message: fmt.Sprintf("You are not authorized to perform this operation. "+
				"User: %s is not authorized to perform: %s%s because no identity-based policy allows the %s action", c.who.arn, one.action, on, one.action)}
		}
	}
	return nil
}

// resource is an access to one of EC2's objects.
func (c *call) resource(kind, id, account string, tags map[string]string) access {
	a := access{resource: strings.Join([]string{"arn:aws:ec2", c.w.name, account, kind + "/" + id}, ":"), keys: map[string][]string{}}
	a.foreign = account != c.who.account
	for k, v := range tags {
		a.keys["aws:resourcetag/"+strings.ToLower(k)] = []string{v}
		a.keys["ec2:resourcetag/"+strings.ToLower(k)] = []string{v}
	}
	return a
}

func askAny(*call) ([]access, error) {
	return []access{{resource: "*", keys: map[string][]string{}}}, nil
}

func (ec2) fail(f failure) reply {
	type oneError struct {
		Code    string
		Message string
	}
	text, err := xml.Marshal(struct {
		XMLName   xml.Name   `xml:"Response"`
		Errors    []oneError `xml:"Errors>Error"`
		RequestID string
	}{Errors: []oneError{{f.code, f.message}}, RequestID: "00000000-0000-4000-8000-000000000000"})
	if err != nil {
		text = []byte("<Response/>")
	}
	return reply{status: f.status, code: f.code, headers: xmlHeaders(), body: append([]byte(xml.Header), text...)}
}

// requestID is one that no other request has.
func (w *World) requestID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serial++
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", w.rng.Uint32(), w.serial)
}
