// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
)

const (
	parameterARN = "arn:aws:ssm:eu-central-1:" + nodesAccount + ":parameter/vicar/keys"
	secretARN    = "arn:aws:secretsmanager:eu-central-1:" + nodesAccount + ":secret:vicar-a1B2c3"
	customerKey  = "arn:aws:kms:eu-central-1:" + nodesAccount + ":key/01234567-89ab-cdef-0123-456789abcdef"
)

// keeping has the region keep a text in both services, in ways that are wrong too.
func keeping(cfg *awsfake.Config) {
	for _, arn := range []string{parameterARN, secretARN} {
		cfg.Secrets = append(cfg.Secrets, awsfake.Secret{ARN: arn, Value: "hush\n", Key: customerKey})
	}
	cfg.Secrets = append(cfg.Secrets, awsfake.Secret{ARN: parameterARN + "-plain", Value: "loud", Plain: true})
	cfg.Secrets = append(cfg.Secrets, awsfake.Secret{ARN: strings.Replace(secretARN, "vicar", "binary", 1), Value: "raw", Plain: true})
}

// secret is one for node 1, which may do what the policy says.
func (f *fake) secret(t *testing.T, arn string, u Uses) *Secret {
	t.Helper()
	set(t, f, awsfake.ClusterRole, u.Policy())
	x, err := NewSecret(f.nodes[0], arn)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestSecret(t *testing.T) {
	for _, c := range []struct {
		name, arn string
		uses      Uses
		kind      cloud.Kind
		action    string // of the error; empty: none
	}{
		{"a parameter", parameterARN, Uses{KeysFrom: parameterARN, KeysKMS: customerKey}, 0, ""},
		{"a secret", secretARN, Uses{KeysFrom: secretARN, KeysKMS: customerKey}, 0, ""},
		{"a parameter without its key", parameterARN, Uses{KeysFrom: parameterARN}, cloud.Denied, "kms:Decrypt"},
		{"a secret without its key", secretARN, Uses{KeysFrom: secretARN}, cloud.Denied, "kms:Decrypt"},
		{"a parameter, denied", parameterARN, Uses{KeysFrom: secretARN, KeysKMS: customerKey}, cloud.Denied, "ssm:GetParameter"},
		{"a secret, denied", secretARN, Uses{KeysFrom: parameterARN, KeysKMS: customerKey}, cloud.Denied, "secretsmanager:GetSecretValue"},
		{"no parameter", parameterARN + "s", Uses{KeysFrom: parameterARN + "s"}, cloud.NotFound, "ssm:GetParameter"},
		{"no secret", secretARN[:len(secretARN)-1] + "9", Uses{KeysFrom: secretARN[:len(secretARN)-1] + "9"}, cloud.NotFound, "secretsmanager:GetSecretValue"},
		{"what is in clear", parameterARN + "-plain", Uses{KeysFrom: parameterARN + "-plain"}, cloud.Invalid, "ssm:GetParameter"},
		{"no text", strings.Replace(secretARN, "vicar", "binary", 1), Uses{KeysFrom: strings.Replace(secretARN, "vicar", "binary", 1)}, cloud.Invalid, "secretsmanager:GetSecretValue"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, 1, keeping)
				x := f.secret(t, c.arn, c.uses)
				text, err := x.Read(t.Context())
				shown, finding := x.Examine(t.Context())
				if c.action == "" {
					if err != nil || text != "hush\n" || shown != text || !finding.OK {
						t.Errorf("read %q, %v; found %+v", text, err, finding)
					}
					return
				}
				e, ok := errors.AsType[*cloud.Error](err)
				if !ok || e.Kind != c.kind || e.Action != c.action || e.Object != c.arn || text != "" {
					t.Errorf("read %q: %v", text, err)
				}
				if finding.OK || finding.Problem == "" || finding.Remedy == "" || (finding.Missing != "") != (c.kind == cloud.Denied) {
					t.Errorf("found %+v", finding)
				}
				if finding.Missing != "" && finding.Missing != c.action {
					t.Errorf("%s is missing, want %s", finding.Missing, c.action)
				}
			})
		})
	}
}

// TestSecretTrouble: what comes of a service that does not answer as it should.
func TestSecretTrouble(t *testing.T) {
	u := Uses{KeysFrom: parameterARN, KeysKMS: customerKey}
	for _, c := range []struct {
		name  string
		fault awsfake.Fault
		kind  cloud.Kind
	}{
		{"refused", awsfake.Fault{Service: "ssm", Effect: awsfake.Refuse}, cloud.Unavailable},
		{"no answer", awsfake.Fault{Service: "ssm", Effect: awsfake.Blackhole}, cloud.Unavailable},
		{"an error of its own", awsfake.Fault{Service: "ssm", Effect: awsfake.Fail, Code: "InternalServerError", Status: 500}, cloud.Unavailable},
		{"throttled", awsfake.Fault{Service: "ssm", Effect: awsfake.Fail, Code: "ThrottlingException", Status: 400}, cloud.Throttled},
		{"a key that has gone", awsfake.Fault{Service: "ssm", Effect: awsfake.Fail, Code: "InvalidKeyId", Status: 400}, cloud.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, 1, keeping)
				x := f.secret(t, parameterARN, u)
				defer f.Inject(c.fault)()
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				text, err := x.Read(ctx)
				if e, ok := errors.AsType[*cloud.Error](err); !ok || e.Kind != c.kind || e.Action != "ssm:GetParameter" || text != "" {
					t.Errorf("read %q: %v", text, err)
				}
				if ctx.Err() == nil {
					if _, finding := x.Examine(ctx); finding.OK || finding.Remedy == "" {
						t.Errorf("found %+v", finding)
					}
				}
			})
		})
	}
}

// TestSecretKept: what was read is in no error.
func TestSecretKept(t *testing.T) {
	noEnvironment(t)
	answer := func(status int, body string) *Secret {
		f := newFake(t, 1, nil)
		s := f.session(t, 1, Config{Region: "eu-central-1", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if strings.HasPrefix(r.URL.Host, "ssm.") {
				return respond(status, body), nil
			}
			return f.Transport(awsfake.ClusterNode(1)).RoundTrip(r)
		})})
		x, err := NewSecret(s, parameterARN)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for body, status := range map[string]int{
		`{"Parameter": {"Type": "SecureString", "Value": "hush"`:    200,
		`{"Parameter": {"Type": "SecureString", "Value": ["hush"]}`: 200,
		`hush`: 200,
		``:     200,
		`{"Parameter": {"Type": "StringList", "Value": "hush"}}`: 200,
		`{"Parameter": {"Value": "hush"}}`:                       503,
	} {
		text, err := answer(status, body).Read(t.Context())
		if err == nil || text != "" || strings.Contains(err.Error(), "hush") {
			t.Errorf("%d %s is read as %q, %v", status, body, text, err)
		}
	}
}

// TestSecretPlaces: requests go to the region's service, as its part of AWS has
// it, or to where the configuration says.
func TestSecretPlaces(t *testing.T) {
	noEnvironment(t)
	for _, c := range []struct{ arn, configured, want string }{
		{parameterARN, "", "https://ssm.eu-central-1.amazonaws.com"},
		{secretARN, "", "https://secretsmanager.eu-central-1.amazonaws.com"},
		{strings.Replace(parameterARN, "aws:ssm:eu-central-1", "aws-cn:ssm:cn-north-1", 1), "", "https://ssm.cn-north-1.amazonaws.com.cn"},
		{strings.Replace(secretARN, "aws:secretsmanager:eu-central-1", "aws-us-gov:secretsmanager:us-gov-west-1", 1), "", "https://secretsmanager.us-gov-west-1.amazonaws.com"},
		{parameterARN, "https://vpce-1.ssm.eu-central-1.vpce.amazonaws.com", "https://vpce-1.ssm.eu-central-1.vpce.amazonaws.com"},
		{secretARN, "https://vpce-2.example", "https://vpce-2.example"},
	} {
		s, err := New(t.Context(), Config{
			Region: "eu-west-1", EC2Endpoint: "https://ec2.example", SSMEndpoint: c.configured, SecretsManagerEndpoint: c.configured, Log: quiet,
		})
		if err != nil {
			t.Fatal(err)
		}
		x, err := NewSecret(s, c.arn)
		if err != nil {
			t.Fatal(err)
		}
		if at, err := x.at(t.Context()); err != nil || at != c.want {
			t.Errorf("%s is at %s, %v; want %s", c.arn, at, err, c.want)
		}
	}
	s, err := New(t.Context(), Config{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	for _, arn := range []string{"", "/vicar/keys", "arn:aws:s3:::vicar", "arn:aws:ssm:eu-central-1:1:document/x"} {
		if _, err := NewSecret(s, arn); err == nil {
			t.Errorf("%q is a secret", arn)
		}
	}
	if _, err := NewSecret(nil, parameterARN); err == nil {
		t.Error("a secret without a session")
	}
}

// FuzzRefused reads any answer of a service that refuses.
func FuzzRefused(f *testing.F) {
	f.Add("", `{"__type":"com.amazonaws.ssm#ParameterNotFound","message":"none"}`)
	f.Add("AccessDeniedException:http://internal.amazon.com/", `{}`)
	f.Add("", `{"__type":["x"],"Message":1}`)
	f.Add("#", ``)
	f.Fuzz(func(t *testing.T, header, body string) {
		err := refused(header, []byte(body))
		if c := code(err); strings.ContainsAny(c, "#:") {
			t.Errorf("the code is %q", c)
		}
	})
}

// roundTrip answers requests in place of the network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func respond(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}
