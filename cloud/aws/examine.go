// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/vicar-ha/vicar/cloud"
)

// maxSkew is how far this machine's clock may be from AWS's, which refuses requests
// that are signed five minutes off.
const maxSkew = 2 * time.Minute

func good(what string) cloud.Finding { return cloud.Finding{What: what, OK: true} }

// trouble is a Finding of what could not be done.
func trouble(what string, err error) cloud.Finding {
	if unanswered(err) {
		return silent(err)
	}
	f := cloud.Finding{What: what, Problem: err.Error()}
	e, ok := errors.AsType[*cloud.Error](err)
	if !ok {
		f.Remedy = "look at the network between this node and AWS"
		return f
	}
	switch c := code(e); {
	case e.Kind == cloud.Denied && strings.HasPrefix(e.Action, "imds:"):
		f.Remedy = noProfile
	case e.Kind == cloud.Denied && unauthorized(e):
		f.Missing = e.Action
		f.Remedy = "allow it: `vicar doctor --policy` prints the policy that this configuration needs"
	case e.Kind == cloud.Denied && stale[c]:
		f.Remedy = "the credentials have ended, or were taken back, and the metadata service has no others yet: look at the instance profile, and at the clock"
	case e.Kind == cloud.Denied:
		f.Remedy = "look at the instance profile and its role, at the account, and at the clock"
	case e.Kind == cloud.NotFound:
		f.Remedy = "correct the id in the configuration, or the region"
	case e.Kind == cloud.Unavailable && c != "":
		f.Remedy = "wait: the way there is good, and it is AWS that fails; its health dashboard may say why"
	case e.Kind == cloud.Unavailable:
		f.Remedy = noWay
	case e.Kind == cloud.Throttled:
		f.Remedy = "others of the account use up EC2's rate of requests: ask AWS for more, or calm them"
	default:
		f.Remedy = "correct the configuration"
	}
	return f
}

const (
	noWay = "let this node's subnet reach EC2: an interface endpoint com.amazonaws.<region>.ec2 with private DNS, " +
		"a NAT that is not what these nodes hold, or aws.proxy"
	noProfile = "give the instance an instance profile with the role that has the permissions: " +
		"aws ec2 associate-iam-instance-profile --instance-id <i-...> --iam-instance-profile Name=<profile>"
)

// unauthorized tells whether a policy lacks the action, and not the credentials
// are at fault.
func unauthorized(err error) bool {
	c := code(err)
	return c == "UnauthorizedOperation" || c == "AccessDenied" || c == "AccessDeniedException"
}

// basics looks at what every request needs. Without it there is no use in looking
// further.
func (m *means) basics(ctx context.Context, role bool) (found []cloud.Finding, usable bool) {
	who, known := m.identity(ctx)
	found = append(found, who)
	if !known && m.s.clients.Load() == nil {
		return found, false // what can't be asked without a region is not at fault
	}
	answer, err := m.s.ping(ctx, 1)
	if err != nil {
		f := cloud.Finding{What: "EC2's endpoint " + answer.endpoint, Problem: said(err).Error(), Remedy: noWay}
		return append(found, f), false
	}
	found = append(found, good("EC2's endpoint "+answer.endpoint), clock(answer.date, time.Now()))
	keepers := []*keeper{m.s.own}
	if role && m.s.role != nil {
		keepers = append(keepers, m.s.role)
	}
	usable = true
	for _, k := range keepers {
		f := k.examine(ctx)
		usable = usable && f.OK
		switch {
		case f.What != metadataService:
			found = append(found, f)
		case who.OK: // nothing else was to be known of it
			found[0] = f
		}
	}
	return found, usable
}

const metadataService = "the metadata service"

// identity asks the metadata service. Its silence is no trouble once it has said
// what is needed, or where the configuration says it. known is that it is no
// stranger.
func (m *means) identity(ctx context.Context) (f cloud.Finding, known bool) {
	_, err := m.s.look(ctx, m.s.self.Load())
	if err == nil {
		_, err = m.s.find(ctx, m.at)
		if e, ok := errors.AsType[*cloud.Error](err); ok && e.Kind == cloud.NotFound {
			return cloud.Finding{
				What: metadataService, Problem: e.Error(),
				Remedy: "name the node's interface (eni-...) in aws.interfaces, or attach it to this instance",
			}, true
		}
	}
	if err == nil || m.s.self.Load() != nil || m.at.ID != "" && m.s.clients.Load() != nil {
		return good(metadataService), true
	}
	return silent(err), false
}

// unanswered tells whether it was the metadata service that a request failed for.
func unanswered(err error) bool {
	e, ok := errors.AsType[*cloud.Error](failed(err, ""))
	return ok && strings.HasPrefix(e.Action, "imds:") && e.Kind == cloud.Unavailable
}

// silent is that the metadata service does not answer, whatever was wanted of it.
func silent(err error) cloud.Finding {
	return cloud.Finding{
		What: metadataService, Problem: err.Error(),
		Remedy: "allow the metadata service, version 2 (HttpEndpoint enabled); in a container its answers must pass one more hop: " +
			"aws ec2 modify-instance-metadata-options --instance-id <i-...> --http-put-response-hop-limit 2",
	}
}

func clock(theirs, ours time.Time) cloud.Finding {
	const what = "this machine's clock"
	if off := ours.Sub(theirs); !theirs.IsZero() && off.Abs() > maxSkew {
		return cloud.Finding{
			What: what, Problem: fmt.Sprintf("it is %s off AWS's", off.Round(time.Second)),
			Remedy: "set it, and keep it by NTP (169.254.169.123): AWS refuses requests that are signed five minutes off",
		}
	}
	return good(what)
}

func (k *keeper) examine(ctx context.Context) cloud.Finding {
	what := "credentials of the instance"
	if k.name != ownName {
		what = "credentials of " + k.name
	}
	c, err := k.Retrieve(ctx)
	if err != nil {
		f := trouble(what, failed(err, ""))
		if f.Remedy == noWay {
			f.Remedy = "let this node's subnet reach STS, which assumes the role: an interface endpoint com.amazonaws.<region>.sts with private DNS"
		}
		return f
	}
	if left := time.Until(c.Expires); c.CanExpire && left <= 0 {
		return cloud.Finding{
			What: what, Problem: fmt.Sprintf("they ended %s ago, and no new ones came", (-left).Round(time.Second)),
			Remedy: "look at the metadata service, and at the instance profile",
		}
	}
	return good(what)
}

// nic looks at this node's interface; nil if it can't be looked at.
func (m *means) nic(ctx context.Context) (*types.NetworkInterface, cloud.Finding) {
	eni, err := m.eni(ctx)
	if err != nil {
		return nil, trouble("this node's network interface", err)
	}
	what := "network interface " + eni
	found := m.seen.ask(eni, seenFor, func() (all []types.NetworkInterface, sure bool) {
		all, err = m.interfaces(ctx, eni, filter("network-interface-id", eni))
		return all, err == nil
	})
	switch {
	case err != nil:
		return nil, trouble(what, err)
	case len(found) == 0:
		return nil, cloud.Finding{What: what, Problem: "EC2 does not show it", Remedy: "correct its id in the configuration, or the region"}
	}
	n := found[0]
	self := m.s.self.Load()
	if a := n.Attachment; self != nil && a != nil && a.InstanceId != nil && *a.InstanceId != self.instance {
		return nil, cloud.Finding{
			What: what, Problem: fmt.Sprintf("it is attached to %s, and this is %s", *a.InstanceId, self.instance),
			Remedy: "correct the node's interface in aws.interfaces",
		}
	}
	return &n, good(what)
}

// tagged looks whether an interface has the tag by which a policy permits to write
// to it; nothing is found where none is asked for.
func (m *means) tagged(n *types.NetworkInterface) []cloud.Finding {
	if m.at.TagKey == "" {
		return nil
	}
	eni := sdk.ToString(n.NetworkInterfaceId)
	f := good(fmt.Sprintf("tag %s=%s of %s", m.at.TagKey, m.at.TagValue, eni))
	f.OK = slices.ContainsFunc(n.TagSet, func(t types.Tag) bool {
		return sdk.ToString(t.Key) == m.at.TagKey && sdk.ToString(t.Value) == m.at.TagValue
	})
	if !f.OK {
		f.Problem = "it does not have it, and with the policy of vicar doctor --policy only interfaces that do can be written to"
		f.Remedy = fmt.Sprintf("aws ec2 create-tags --resources %s --tags 'Key=%s,Value=%s'", eni, m.at.TagKey, m.at.TagValue)
	}
	return []cloud.Finding{f}
}

// known is a Finding about an action that AWS can't be asked about: what came of
// it when it was last wanted.
func (s *Session) known(name string) cloud.Finding {
	f := s.tried.Finding("permission "+name, name, func(what string, err error) cloud.Finding {
		f := trouble(what, err)
		f.Remedy += fmt.Sprintf("; then `vicar reload` on this node, which has it count no more. It counts for %s at first, since AWS has no dry run of it", cloud.RefusedFor)
		return f
	})
	if f.Untried {
		f.Remedy = "AWS has no dry run of it: rehearse a take-over, by vicar handover"
	}
	return f
}

// listed are words with commas.
func listed[T fmt.Stringer](all []T) string {
	var told []string
	for _, one := range all {
		told = append(told, one.String())
	}
	return strings.Join(told, ", ")
}
