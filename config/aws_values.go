// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Forms of names in AWS.
const (
	// The ids of old resources have 8 digits, all others 17.
	idDigits       = `([0-9a-f]{8}|[0-9a-f]{17})$`
	routeTableForm = `^rtb-` + idDigits
	interfaceForm  = `^eni-` + idDigits
	elasticIPForm  = `^eipalloc-` + idDigits
	regionForm     = `^[a-z]{2,8}(-[a-z]{2,10}){1,3}-[0-9]{1,2}$`
	roleForm       = `^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,576}$`
	tableForm      = `^[A-Za-z0-9_.-]{3,255}$`
	tagKeyForm     = `^[A-Za-z0-9 _.:/=+@-]{1,128}$`
	tagValueForm   = `^[A-Za-z0-9 _.:/=+@-]{0,256}$`
)

var (
	routeTableRegexp = regexp.MustCompile(routeTableForm)
	interfaceRegexp  = regexp.MustCompile(interfaceForm)
	elasticIPRegexp  = regexp.MustCompile(elasticIPForm)
	regionRegexp     = regexp.MustCompile(regionForm)
	zoneRegexp       = regexp.MustCompile(`^([a-z]{2,8}(-[a-z]{2,10}){1,3}-[0-9]{1,2})[a-z]$`)
	roleRegexp       = regexp.MustCompile(roleForm)
	tableRegexp      = regexp.MustCompile(tableForm)
	tagKeyRegexp     = regexp.MustCompile(tagKeyForm)
	tagValueRegexp   = regexp.MustCompile(tagValueForm)
)

// whatIs says what an id is of, by its beginning.
func whatIs(id string) string {
	prefix, _, _ := strings.Cut(id, "-")
	return map[string]string{
		"i": "an instance's", "eni": "a network interface's", "rtb": "a route table's",
		"rtbassoc": "that of a route table's association", "eipalloc": "an Elastic IP's",
		"eipassoc": "that of an Elastic IP's association", "subnet": "a subnet's", "vpc": "a VPC's",
		"sg": "a security group's", "igw": "an internet gateway's", "nat": "a NAT gateway's", "pl": "a prefix list's",
	}[prefix]
}

// resourceID takes the id of a resource.
func (t *text) resourceID(r *reader, key mark, n ast.Node, form *regexp.Regexp, need string) {
	t.decode(r, key, n)
	if !t.ok || form.MatchString(t.v) {
		return
	}
	t.ok = false
	prefix, _, _ := strings.Cut(form.String()[1:], "-")
	switch of := whatIs(t.v); {
	case strings.HasPrefix(t.v, prefix+"-"):
		r.bad(t.mark, shown(t.v)+" is not an id", "after "+prefix+"- there are 17 digits and letters a to f, or 8")
	case of != "":
		r.bad(t.mark, shown(t.v)+" is "+of, need)
	default:
		r.bad(t.mark, shown(t.v)+" is not an id", need)
	}
}

type (
	routeTableID struct{ text }
	interfaceID  struct{ text }
	elasticIPID  struct{ text }
	region       struct{ text }
	roleARN      struct{ text }
	tableName    struct{ text }
)

func (t *routeTableID) decode(r *reader, key mark, n ast.Node) {
	t.resourceID(r, key, n, routeTableRegexp, "write a route table's, as in rtb-0123456789abcdef0")
}

func (t *interfaceID) decode(r *reader, key mark, n ast.Node) {
	t.resourceID(r, key, n, interfaceRegexp, "write a network interface's, as in eni-0123456789abcdef0")
}

func (t *elasticIPID) decode(r *reader, key mark, n ast.Node) {
	t.resourceID(r, key, n, elasticIPRegexp, "write an Elastic IP's allocation id, as in eipalloc-0123456789abcdef0")
}

func (t *region) decode(r *reader, key mark, n ast.Node) {
	t.text.decode(r, key, n)
	if !t.ok || regionRegexp.MatchString(t.v) {
		return
	}
	t.ok = false
	if zone := zoneRegexp.FindStringSubmatch(t.v); zone != nil {
		r.bad(t.mark, t.v+" is an availability zone", "write "+zone[1])
		return
	}
	r.bad(t.mark, shown(t.v)+" is not a region", "write its code, as in eu-central-1")
}

func (t *roleARN) decode(r *reader, key mark, n ast.Node) {
	const need = "write the role's ARN, as in arn:aws:iam::123456789012:role/vicar"
	t.text.decode(r, key, n)
	if !t.ok || roleRegexp.MatchString(t.v) {
		return
	}
	t.ok = false
	parts := strings.SplitN(t.v, ":", 6)
	switch {
	case len(parts) < 6 || parts[0] != "arn":
		r.bad(t.mark, shown(t.v)+" is not an ARN", need)
	case parts[2] == "sts" || !strings.HasPrefix(parts[5], "role/"):
		r.bad(t.mark, shown(t.v)+" is not the ARN of a role", need)
	default:
		r.bad(t.mark, shown(t.v)+" is not a role's ARN: the account has 12 digits, and no region", need)
	}
}

// tableName is a DynamoDB table's.
func (t *tableName) decode(r *reader, key mark, n ast.Node) {
	const need = "write the DynamoDB table's name, as in vicar-lease"
	if isMapping(n) {
		t.mark = r.at(n, key.path)
		r.bad(t.mark, describe(n)+" is here", need)
		return
	}
	t.text.decode(r, key, n)
	if !t.ok || tableRegexp.MatchString(t.v) {
		return
	}
	t.ok = false
	if _, name, isARN := strings.Cut(t.v, ":table/"); isARN && tableRegexp.MatchString(name) {
		r.bad(t.mark, shown(t.v)+" is an ARN", "write the name alone: "+name+"; the table is in the account and the region of the instances")
		return
	}
	r.bad(t.mark, shown(t.v)+" is not a table's name", "it has 3 to 255 letters, digits, -, _ and .")
}

// resourceTag is a tag of AWS's, as a mapping of one key.
type resourceTag struct {
	mark
	key, value string
}

func (t *resourceTag) refuse(at mark) { t.mark = at }

func (t *resourceTag) decode(r *reader, key mark, n ast.Node) {
	t.mark = key
	var all named[content]
	all.decode(r, key, n)
	if all.refused {
		return
	}
	if len(all.entries) != 1 {
		r.bad(key, fmt.Sprintf("there are %d tags", len(all.entries)), "write one, as in {vicar: web}")
		return
	}
	e := all.entries[0]
	switch {
	case strings.HasPrefix(strings.ToLower(e.name), "aws:"):
		r.bad(e.key, shown(e.name)+" is a tag of AWS's own, which nobody can set", "write another, as in {vicar: web}")
	case !tagKeyRegexp.MatchString(e.name):
		r.bad(e.key, shown(e.name)+" is not the key of a tag", "it has up to 128 letters, digits, spaces and _ . : / = + - @")
	case e.value.ok && !tagValueRegexp.MatchString(e.value.v):
		r.bad(e.value.mark, shown(e.value.v)+" is not the value of a tag", "it has up to 256 letters, digits, spaces and _ . : / = + - @")
	case e.value.ok:
		t.key, t.value = e.name, e.value.v
	}
}

// serviceURL is the URL of a service: no more than where it is.
type serviceURL struct{ text }

func (u *serviceURL) decode(r *reader, key mark, n ast.Node) {
	const need = "a URL is needed, as in https://ec2.eu-central-1.amazonaws.com"
	u.text.decode(r, key, n)
	if u.ok && !strings.Contains(u.v, "://") {
		u.ok = false
		r.bad(u.mark, shown(u.v)+" is not a URL", "write "+shown("https://"+strings.TrimPrefix(u.v, "//"))+", or the same with http where there is no TLS")
	}
	if !u.ok || !r.checkURL(u.mark, u.v, need, "remove it; a service with a password is not supported") {
		u.ok = false
		return
	}
	v, err := url.Parse(u.v)
	if err != nil || strings.Trim(v.Path, "/") != "" || v.RawQuery != "" || v.ForceQuery {
		u.ok = false
		r.bad(u.mark, shown(u.v)+" is more than where the service is", "remove what follows the host and the port")
		return
	}
	u.v = strings.TrimRight(u.v, "/")
}

// plain tells whether what is sent there can be read on the way.
func (u *serviceURL) plain() bool {
	v, err := url.Parse(u.v)
	if err != nil || strings.EqualFold(v.Scheme, "https") {
		return false
	}
	a, err := netip.ParseAddr(v.Hostname())
	return err != nil && v.Hostname() != "localhost" || err == nil && !a.IsLoopback()
}

// addressEntry is one of a mapping's whose keys are addresses.
type addressEntry[T any] struct {
	address netip.Addr // invalid if the key is none
	key     mark
	value   T
}

// byAddress is a mapping from addresses.
type byAddress[T any] struct {
	mark
	entries []*addressEntry[T]
}

func (m *byAddress[T]) refuse(at mark) { m.mark = at }

func (m *byAddress[T]) decode(r *reader, key mark, n ast.Node) {
	m.mark = key
	for _, p := range r.pairs(key, n) {
		e := &addressEntry[T]{key: p.key}
		a, err := netip.ParseAddr(p.name)
		switch {
		case err == nil && r.checkUnicast(p.key, a):
			e.address = a
		case err != nil:
			r.bad(p.key, shown(p.name)+" is not an address", addressHint(p.name))
		}
		m.entries = append(m.entries, e)
		r.value(any(&e.value).(decoder), p.key, p.value)
	}
}

func addressHint(s string) string {
	if p, err := netip.ParsePrefix(s); err == nil {
		return "write " + p.Addr().String() + " without the prefix length"
	}
	return "write the router's address, as in 192.0.2.100"
}
