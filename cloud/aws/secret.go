// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/vicar-ha/vicar/cloud"
)

// Secret is a text that AWS keeps and that only the cluster may know: a
// SecureString of SSM's parameters, or a secret of Secrets Manager.
type Secret struct {
	s      *Session
	arn    string
	region string
	api    keeperAPI
}

// keeperAPI is the action of a service that reads what it keeps.
type keeperAPI struct {
	service, target, operation string
	endpoint                   string // empty: the region's
	// whole and locked are requests for the text, and for something that the key
	// which encrypts it is not needed for.
	whole, locked map[string]any
}

// action is as policies name it.
func (k keeperAPI) action() string { return k.service + ":" + k.operation }

// NewSecret checks the ARN, and asks nobody.
func NewSecret(s *Session, name string) (*Secret, error) {
	if s == nil {
		return nil, errors.New("aws: no session")
	}
	a, err := arn.Parse(name)
	x := &Secret{s: s, arn: name, region: a.Region}
	switch {
	case err != nil:
		return nil, fmt.Errorf("aws: %q: %w", name, err)
	case a.Service == "ssm" && strings.HasPrefix(a.Resource, "parameter/"):
		x.api = keeperAPI{
			service: a.Service, target: "AmazonSSM", operation: "GetParameter", endpoint: s.cfg.SSMEndpoint,
			whole:  map[string]any{"Name": name, "WithDecryption": true},
			locked: map[string]any{"Name": name, "WithDecryption": false},
		}
	case a.Service == "secretsmanager" && strings.HasPrefix(a.Resource, "secret:"):
		x.api = keeperAPI{
			service: a.Service, target: "secretsmanager", operation: "GetSecretValue", endpoint: s.cfg.SecretsManagerEndpoint,
			whole: map[string]any{"SecretId": name},
			// No version has this label, so none is found.
			locked: map[string]any{"SecretId": name, "VersionStage": "vicar-none"},
		}
	default:
		return nil, fmt.Errorf("aws: %q is the ARN of neither a parameter of SSM nor a secret of Secrets Manager", name)
	}
	return x, nil
}

// secretAnswer is what the two services answer with.
type secretAnswer struct {
	Parameter    struct{ Type, Value string } // of SSM
	SecretString *string                      // of Secrets Manager; not there if the secret is binary
}

// Read reads the text. It tries once, and ends with ctx.
func (x *Secret) Read(ctx context.Context) (string, error) {
	var out secretAnswer
	err := x.ask(ctx, x.api.whole, &out)
	if unauthorized(err) && x.permitted(ctx) {
		err = &cloud.Error{Kind: cloud.Denied, Action: decrypt, Object: x.arn, Err: said(err)}
		return "", x.s.done(err, decrypt, x.arn)
	}
	if err := x.s.done(err, x.api.action(), x.arn); err != nil {
		return "", err
	}
	invalid := func(why string) error {
		return &cloud.Error{Kind: cloud.Invalid, Action: x.api.action(), Object: x.arn, Err: errors.New(why)}
	}
	switch {
	case x.api.service == "ssm" && out.Parameter.Type != "SecureString":
		return "", invalid("it is a " + out.Parameter.Type + ", which is kept in clear, and not a SecureString")
	case x.api.service == "ssm":
		return out.Parameter.Value, nil
	case out.SecretString == nil:
		return "", invalid("it is binary, and not a text")
	}
	return *out.SecretString, nil
}

// permitted tells whether the action is allowed, and then it is the key which may
// not be used: services answer the same for both.
func (x *Secret) permitted(ctx context.Context) bool {
	err := x.ask(ctx, x.api.locked, nil)
	return err == nil || kind(err) == cloud.NotFound
}

// Examine reads the text, and tells what is in the way of that.
func (x *Secret) Examine(ctx context.Context) (string, cloud.Finding) {
	what := x.arn
	text, err := x.Read(ctx)
	if err == nil {
		return text, good(what)
	}
	f := trouble(what, err)
	if f.What != what {
		return "", f
	}
	switch cloud.KindOf(err) {
	case cloud.Unavailable:
		f.Remedy = "let this node's subnet reach the service: an interface endpoint com.amazonaws." + x.region + "." + x.api.service +
			" with private DNS, a NAT that is not what these nodes hold, or aws.proxy"
	case cloud.NotFound:
		f.Remedy = "make it, or correct its ARN in peer_link.keys_from"
	case cloud.Invalid:
		f.Remedy = "keep it as a SecureString, or as a secret that is text"
	case cloud.Denied, cloud.Throttled, cloud.Conflict: // as ever
	}
	return "", f
}
