// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// tree is the metadata by path.
type tree map[string]string

// at is the value of a path, or the names below it, those that have more below them
// with a slash behind.
func (t tree) at(path string) (string, bool) {
	if v, ok := t[path]; ok {
		return v, true
	}
	prefix := strings.TrimSuffix(path, "/") + "/"
	if path == "" {
		prefix = ""
	}
	var names []string
	for p := range t {
		rest, ok := strings.CutPrefix(p, prefix)
		if !ok || rest == "" {
			continue
		}
		name, _, deeper := strings.Cut(rest, "/")
		if deeper {
			name += "/"
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, "\n"), len(names) > 0
}

// categories are the metadata of an instance, those that vicar and the SDK read.
func (w *World) categories(s *state, i Instance) tree {
	t := tree{
		"instance-id": i.ID, "instance-type": i.Type, "placement/region": w.name, "services/domain": "amazonaws.com", "services/partition": "aws",
		"events/maintenance/scheduled": i.signals.scheduled(),
	}
	if !i.signals.interruption.IsZero() {
		t["spot/instance-action"] = i.signals.spot()
	}
	if r, ok := w.identity.roles[i.Role]; ok {
		c := w.profile(i.ID, r)
		t["iam/info"] = jsonText(map[string]string{
			"Code": "Success", "InstanceProfileArn": "arn:aws:iam::" + r.Account + ":instance-profile/" + r.Name, "InstanceProfileId": "AIPA" + r.Name,
		})
		t["iam/security-credentials/"+r.Name] = w.security(c)
	}
	for n, one := range s.attached(i.ID) {
		if n == 0 {
			t["mac"], t["local-ipv4"], t["placement/availability-zone"] = one.MAC, one.Primary.String(), w.subnets[one.Subnet].Zone
		}
		w.macs(t, s, one)
	}
	return t
}

// macs are the metadata of an interface.
func (w *World) macs(t tree, s *state, i Interface) {
	subnet := w.subnets[i.Subnet]
	below := "network/interfaces/macs/" + i.MAC + "/"
	var public []string
	for _, a := range append([]netip.Addr{i.Primary}, i.Secondary...) {
		if e, ok := s.eip(i.ID, a); ok {
			public = append(public, e.Public.String())
			t[below+"ipv4-associations/"+e.Public.String()] = a.String()
		}
	}
	for name, v := range map[string]string{
		"device-number": strconv.Itoa(i.Device), "interface-id": i.ID, "mac": i.MAC, "owner-id": i.Account, "subnet-id": i.Subnet, "vpc-id": subnet.VPC,
		"local-ipv4s": lines(append([]netip.Addr{i.Primary}, i.Secondary...)), "subnet-ipv4-cidr-block": subnet.CIDR.String(),
	} {
		t[below+name] = v
	}
	if len(i.IPv6) > 0 {
		t[below+"ipv6s"] = lines(i.IPv6)
	}
	if subnet.IPv6.IsValid() {
		t[below+"subnet-ipv6-cidr-blocks"] = subnet.IPv6.String()
	}
	if len(public) > 0 {
		t[below+"public-ipv4s"] = strings.Join(public, "\n")
	}
	var blocks []string
	for _, c := range w.vpcs[subnet.VPC].CIDRs {
		if c.Addr().Is4() {
			blocks = append(blocks, c.String())
		}
	}
	t[below+"vpc-ipv4-cidr-blocks"] = strings.Join(blocks, "\n")
	if len(blocks) > 0 {
		t[below+"vpc-ipv4-cidr-block"] = blocks[0]
	}
}

func lines(as []netip.Addr) string {
	var texts []string
	for _, a := range as {
		texts = append(texts, a.String())
	}
	return strings.Join(texts, "\n")
}

// jsonText is a value that can be written always.
func jsonText(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return "{}"
	}
	return string(b)
}
