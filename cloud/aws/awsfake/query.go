// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// params are the parameters of a Query request: lists are flat, as
// "Filter.1.Value.2".
type params map[string]string

// parseQuery reads the body of a Query request. A parameter that comes twice is an
// error.
func parseQuery(body string) (params, error) {
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil, fmt.Errorf("parsing the form: %w", err)
	}
	p := params{}
	for k, vs := range values {
		if len(vs) > 1 {
			return nil, fmt.Errorf("parameter %q is given %d times", k, len(vs))
		}
		p[k] = vs[0]
	}
	return p, nil
}

// list are the values of "name.1", "name.2" ... in the order of their numbers.
func (p params) list(name string) []string {
	var vs []string
	for _, n := range p.indices(name, false) {
		vs = append(vs, p[name+"."+strconv.Itoa(n)])
	}
	return vs
}

// indices are the numbers of a list's elements, which have parameters of their own
// where they are structures.
func (p params) indices(name string, structures bool) []int {
	var ns []int
	for k := range p {
		rest, ok := strings.CutPrefix(k, name+".")
		if !ok {
			continue
		}
		number, _, structure := strings.Cut(rest, ".")
		n, err := strconv.Atoi(number)
		if err == nil && n > 0 && number == strconv.Itoa(n) && structure == structures && !slices.Contains(ns, n) {
			ns = append(ns, n)
		}
	}
	slices.Sort(ns)
	return ns
}

// flag is a boolean parameter; without it, otherwise.
func (p params) flag(name string, otherwise bool) (bool, error) {
	switch v := p[name]; {
	case v == "":
		return otherwise, nil
	case strings.EqualFold(v, "true"):
		return true, nil
	case strings.EqualFold(v, "false"):
		return false, nil
	default:
		return false, invalid(fmt.Sprintf("Invalid value '%s' for boolean parameter %s", v, name))
	}
}

// need is a parameter that must be there.
func (p params) need(name string) (string, error) {
	if v := p[name]; v != "" {
		return v, nil
	}
	return "", failure{status: http.StatusBadRequest, code: "MissingParameter", message: "The request must contain the parameter " + name}
}

// addresses are a list of addresses of one family.
func (p params) addresses(name string, v4 bool) ([]netip.Addr, error) {
	var as []netip.Addr
	for _, v := range p.list(name) {
		a, err := netip.ParseAddr(v)
		if err != nil || a.Is4() != v4 || a.Zone() != "" {
			return nil, invalid("invalid value for parameter address: " + v)
		}
		if !slices.Contains(as, a) {
			as = append(as, a)
		}
	}
	return as, nil
}

// unknown is a parameter that an action does not have. known are their names, those
// of lists with ".N" behind them.
func (p params) unknown(known []string) (string, bool) {
	for _, k := range slices.Sorted(maps.Keys(p)) {
		parts := strings.Split(k, ".")
		for n, part := range parts {
			if _, err := strconv.Atoi(part); err == nil && n > 0 {
				parts[n] = "N"
			}
		}
		if shape := strings.Join(parts, "."); !slices.Contains(known, shape) && shape != "Action" && shape != "Version" {
			return k, true
		}
	}
	return "", false
}

// filter is one of a describe's: any of the values must match.
type filter struct {
	name   string
	values []string
}

func (p params) filters() []filter {
	var fs []filter
	for _, n := range p.indices("Filter", true) {
		key := "Filter." + strconv.Itoa(n)
		fs = append(fs, filter{p[key+".Name"], p.list(key + ".Value")})
	}
	return fs
}

// fields are what filters look at: the values that an object has of each name. A
// tag's name stands behind "tag:".
type fields map[string][]string

func (f fields) tags(tags map[string]string) fields {
	for k, v := range tags {
		f["tag:"+k] = []string{v}
		f["tag-key"] = append(f["tag-key"], k)
	}
	return f
}

// pass tells whether an object passes all filters. A filter whose name none of
// these objects has is an error.
func pass(fs []filter, known []string, f fields) (bool, error) {
	for _, one := range fs {
		if !slices.Contains(known, one.name) && !strings.HasPrefix(one.name, "tag:") && one.name != "tag-key" {
			return false, invalid(fmt.Sprintf("The filter '%s' is invalid", one.name))
		}
		if len(one.values) == 0 {
			return false, invalid(fmt.Sprintf("The filter '%s' has no value", one.name))
		}
		matches := slices.ContainsFunc(f[one.name], func(v string) bool {
			return slices.ContainsFunc(one.values, func(want string) bool { return glob(want, v) })
		})
		if !matches {
			return false, nil
		}
	}
	return true, nil
}

// page cuts a result: MaxResults of them from where NextToken says.
func page[T any](p params, least, most int, all []T) ([]T, string, error) {
	if p["MaxResults"] == "" && p["NextToken"] == "" {
		return all, "", nil
	}
	size, err := strconv.Atoi(cmp.Or(p["MaxResults"], strconv.Itoa(most)))
	if err != nil || size < least || size > most {
		return nil, "", invalid(fmt.Sprintf("Value ( %s ) for parameter maxResults is invalid. Expecting a value between %d and %d.", p["MaxResults"], least, most))
	}
	from := 0
	if t := p["NextToken"]; t != "" {
		from, err = strconv.Atoi(strings.TrimPrefix(t, "page-"))
		if err != nil || from < 0 || t != "page-"+strconv.Itoa(from) {
			return nil, "", failure{status: http.StatusBadRequest, code: "InvalidNextToken", message: "The token '" + t + "' is invalid"}
		}
	}
	all = all[min(from, len(all)):]
	if len(all) <= size {
		return all, "", nil
	}
	return all[:size], "page-" + strconv.Itoa(from+size), nil
}

// invalid is the error InvalidParameterValue.
func invalid(message string) failure {
	return failure{status: http.StatusBadRequest, code: "InvalidParameterValue", message: message}
}
