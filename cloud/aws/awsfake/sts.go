// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"cmp"
	"encoding/xml"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// sts is the service of API version 2011-06-15.
type sts struct{}

const stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"

// chained is how long a session may last that is made by another session.
const chained = time.Hour

func (sts) read(e *exchange) (Request, *reply) {
	p, err := parseQuery(string(e.body))
	if err != nil {
		re := sts{}.fail(failure{status: http.StatusBadRequest, code: "MalformedQueryString", message: err.Error()})
		return Request{Service: "sts"}, &re
	}
	e.params = p
	return Request{Service: "sts", Action: p["Action"], Params: p}, nil
}

func (s sts) answer(w *World, e *exchange, who *keyPair) reply {
	var body any
	var err error
	switch e.params["Action"] {
	case "GetCallerIdentity":
		body = identityAnswer{Account: who.account, ARN: who.arn, ID: who.id}
	case "AssumeRole":
		body, err = w.assume(e.params, who)
	default:
		err = failure{status: http.StatusBadRequest, code: "InvalidAction", message: "Could not find operation " + e.params["Action"] + " for version 2011-06-15"}
	}
	if f, ok := errors.AsType[failure](err); ok {
		return s.fail(f)
	}
	text, err := xml.Marshal(struct {
		XMLName   xml.Name
		Namespace string `xml:"xmlns,attr"`
		Result    any
		RequestID string `xml:"ResponseMetadata>RequestId"`
	}{xml.Name{Local: e.params["Action"] + "Response"}, stsNamespace, body, w.requestID()})
	if err != nil {
		return s.fail(failure{status: http.StatusInternalServerError, code: "InternalFailure", message: err.Error()})
	}
	return reply{status: http.StatusOK, headers: map[string]string{"Content-Type": "text/xml"}, body: text}
}

type identityAnswer struct {
	XMLName xml.Name `xml:"GetCallerIdentityResult"`
	ARN     string   `xml:"Arn"`
	ID      string   `xml:"UserId"`
	Account string
}

type assumeAnswer struct {
	XMLName xml.Name `xml:"AssumeRoleResult"`
	Key     string   `xml:"Credentials>AccessKeyId"`
	Secret  string   `xml:"Credentials>SecretAccessKey"`
	Token   string   `xml:"Credentials>SessionToken"`
	Expires string   `xml:"Credentials>Expiration"`
	ID      string   `xml:"AssumedRoleUser>AssumedRoleId"`
	ARN     string   `xml:"AssumedRoleUser>Arn"`
}

// assume gives the credentials of a role. The role must trust who asks; in another
// account, the policies of who asks must allow it too.
func (w *World) assume(p params, who *keyPair) (any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	life, err := assumeLife(p, who)
	if err != nil {
		return nil, err
	}
	arn := p["RoleArn"]
	var wanted *role
	for _, r := range w.identity.roles {
		if r.arn() == arn {
			wanted = r
		}
	}
	asked := access{action: "sts:AssumeRole", resource: arn, keys: map[string][]string{"aws:requestedregion": {w.name}}}
	if wanted == nil || !wanted.trusts(who) || wanted.Account != who.account && !allows(w.identity.policies(who), asked) {
		return nil, failure{
			status: http.StatusForbidden, code: "AccessDenied", message: "User: " + who.arn + " is not authorized to perform: sts:AssumeRole on resource: " + arn,
		}
	}
	c := w.session(wanted, p["RoleSessionName"], who.caller, life)
	return assumeAnswer{
		Key: c.key, Secret: c.secret, Token: c.token, Expires: c.expires.UTC().Format(time.RFC3339), ID: c.id, ARN: c.arn,
	}, nil
}

// sessionName is what AWS allows as a name.
var sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

func assumeLife(p params, who *keyPair) (time.Duration, error) {
	bad := func(message string) error {
		return failure{status: http.StatusBadRequest, code: "ValidationError", message: message}
	}
	if k, ok := p.unknown([]string{"RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId"}); ok {
		return 0, bad("this fake does not know the parameter " + k)
	}
	if !sessionName.MatchString(p["RoleSessionName"]) {
		return 0, bad("Member must satisfy regular expression pattern: [\\w+=,.@-]* at 'roleSessionName'")
	}
	seconds, err := strconv.Atoi(cmp.Or(p["DurationSeconds"], "3600"))
	life := time.Duration(seconds) * time.Second
	if err != nil || life < 15*time.Minute || life > 12*time.Hour {
		return 0, bad("Member must have value between 900 and 43200 at 'durationSeconds'")
	}
	if who.token != "" && life > chained {
		return 0, bad("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	return life, nil
}

func (sts) fail(f failure) reply {
	text, err := xml.Marshal(struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		Namespace string   `xml:"xmlns,attr"`
		Type      string   `xml:"Error>Type"`
		Code      string   `xml:"Error>Code"`
		Message   string   `xml:"Error>Message"`
		RequestID string   `xml:"RequestId"`
	}{Namespace: stsNamespace, Type: "Sender", Code: f.code, Message: f.message, RequestID: "00000000-0000-4000-8000-000000000000"})
	if err != nil {
		text = []byte("<ErrorResponse/>")
	}
	return reply{status: f.status, code: f.code, headers: map[string]string{"Content-Type": "text/xml"}, body: text}
}
