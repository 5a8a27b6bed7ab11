// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"maps"
	"net/http"
	"slices"
)

// describe is the state that this describe shows: an older one by its lag.
func (c *call) describe() *state {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	return c.w.described()
}

// lister is a describe: what there is, which of it is asked for, and how it looks.
type lister[T, I any] struct {
	ids         string // the parameter that names some
	all         map[string]T
	missing     func(id string) failure
	known       []string // filters
	fields      func(T) fields
	item        func(T) I
	least, most int // of MaxResults; no pages if 0
}

// list does a describe, in the order of the ids.
func list[T, I any](c *call, l lister[T, I]) ([]I, string, error) {
	ids := c.list(l.ids)
	if len(ids) > 0 && c.params["MaxResults"] != "" {
		return nil, "", failure{
			status: http.StatusBadRequest, code: "InvalidParameterCombination",
			message: "The parameter " + l.ids + " cannot be used with the parameter maxResults",
		}
	}
	for _, id := range ids {
		if _, ok := l.all[id]; !ok {
			return nil, "", l.missing(id)
		}
	}
	filters := c.filters()
	var items []I
	for _, id := range slices.Sorted(maps.Keys(l.all)) {
		if len(ids) > 0 && !slices.Contains(ids, id) {
			continue
		}
		ok, err := pass(filters, l.known, l.fields(l.all[id]))
		if err != nil {
			return nil, "", err
		}
		if ok {
			items = append(items, l.item(l.all[id]))
		}
	}
	if l.most == 0 {
		return items, "", nil
	}
	return page(c.params, l.least, l.most, items)
}

// add notes a value that a filter may ask for.
func (f fields) add(name, value string) {
	if value != "" {
		f[name] = append(f[name], value)
	}
}

type tagItem struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

func tagItems(tags map[string]string) []tagItem {
	var items []tagItem
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		items = append(items, tagItem{k, tags[k]})
	}
	return items
}

type addressesAnswer struct {
	Addresses []addressItem `xml:"addressesSet>item"`
}

type addressItem struct {
	Public      string    `xml:"publicIp"`
	Allocation  string    `xml:"allocationId"`
	Association string    `xml:"associationId,omitempty"`
	Domain      string    `xml:"domain"`
	Instance    string    `xml:"instanceId,omitempty"`
	Interface   string    `xml:"networkInterfaceId,omitempty"`
	Owner       string    `xml:"networkInterfaceOwnerId,omitempty"`
	Private     string    `xml:"privateIpAddress,omitempty"`
	Tags        []tagItem `xml:"tagSet>item"`
}

// describeAddresses shows Elastic IPs. It has no pages.
func (c *call) describeAddresses() (any, error) {
	s := c.describe()
	item := func(a Address) addressItem {
		one := addressItem{Public: a.Public.String(), Allocation: a.Allocation, Domain: "vpc", Tags: tagItems(a.Tags)}
		if a.association != "" {
			i := s.interfaces[a.Interface]
			one.Association, one.Interface, one.Private = a.association, a.Interface, a.Private.String()
			one.Owner, one.Instance = i.Account, i.Instance
		}
		return one
	}
	byIP := c.list("PublicIp")
	all := maps.Clone(s.addresses)
	maps.DeleteFunc(all, func(_ string, a Address) bool { return len(byIP) > 0 && !slices.Contains(byIP, a.Public.String()) })
	items, _, err := list(c, lister[Address, addressItem]{
		ids: "AllocationId", all: all, missing: noAllocation, item: item,
		known: []string{
			"allocation-id", "association-id", "domain", "instance-id", "network-interface-id", "network-interface-owner-id", "private-ip-address", "public-ip",
		},
		fields: func(a Address) fields {
			one, f := item(a), fields{}
			for name, v := range map[string]string{
				"allocation-id": one.Allocation, "association-id": one.Association, "domain": one.Domain, "instance-id": one.Instance,
				"network-interface-id": one.Interface, "network-interface-owner-id": one.Owner, "private-ip-address": one.Private, "public-ip": one.Public,
			} {
				f.add(name, v)
			}
			return f.tags(a.Tags)
		},
	})
	return &addressesAnswer{Addresses: items}, err
}
