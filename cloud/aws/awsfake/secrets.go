// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Secret is a parameter of SSM or a secret of Secrets Manager, which one its ARN
// says: "arn:aws:ssm:eu-central-1:111122223333:parameter/vicar/keys".
type Secret struct {
	ARN   string
	Value string
	// Key is the ARN of the customer's key of KMS that encrypts it, which who reads
	// it must be allowed to use. Empty: AWS's own, which all of the account may use.
	Key string
	// Plain is a parameter that is no SecureString, or a secret that is no text.
	Plain bool
}

// keeper is SSM (API version 2014-11-06) or Secrets Manager (2017-10-17), in JSON
// 1.1, with the action that reads a value.
type keeper struct{ name, target, action, resource string }

func keepers() []keeper {
	return []keeper{
		{"ssm", "AmazonSSM.", "GetParameter", "parameter/"},
		{"secretsmanager", "secretsmanager.", "GetSecretValue", "secret:"},
	}
}

// keeperOf is the service of a request's signature, or of its target if it has
// none.
func keeperOf(e *exchange) (keeper, bool) {
	for _, k := range keepers() {
		if e.signature.service == k.name || e.signature.service == "" && strings.HasPrefix(e.http.Header.Get("X-Amz-Target"), k.target) {
			return k, true
		}
	}
	return keeper{}, false
}

// has tells whether an ARN is of something that the service keeps.
func (k keeper) has(arn, region string) bool {
	p := strings.SplitN(arn, ":", 6)
	return len(p) == 6 && p[0] == "arn" && p[2] == k.name && p[3] == region && strings.HasPrefix(p[5], k.resource)
}

func buildSecrets(region string, all []Secret) (map[string]Secret, error) {
	found := map[string]Secret{}
	for _, s := range all {
		if !slices.ContainsFunc(keepers(), func(k keeper) bool { return k.has(s.ARN, region) }) {
			return nil, fmt.Errorf("%q is the ARN of neither a parameter nor a secret in %s", s.ARN, region)
		}
		found[s.ARN] = s
	}
	return found, nil
}

// SetSecret replaces the value of a secret.
func (w *World) SetSecret(arn, value string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, ok := w.secrets[arn]
	if !ok {
		return fmt.Errorf("no secret %q", arn)
	}
	s.Value = value
	w.secrets[arn] = s
	return nil
}

func (k keeper) read(e *exchange) (Request, *reply) {
	name, ok := strings.CutPrefix(e.http.Header.Get("X-Amz-Target"), k.target)
	r := Request{Service: k.name, Action: name, Params: map[string]string{}}
	var v any
	if err := json.Unmarshal(e.body, &v); err != nil || !ok {
		re := k.fail(failure{status: http.StatusBadRequest, code: "SerializationException", message: "not a request of " + k.target})
		return r, &re
	}
	flatten("", v, r.Params)
	return r, nil
}

func (k keeper) answer(w *World, e *exchange, who *keyPair) reply {
	name := strings.TrimPrefix(e.http.Header.Get("X-Amz-Target"), k.target)
	if name != k.action {
		return k.fail(failure{status: http.StatusBadRequest, code: "UnknownOperationException", message: "this fake does not know " + name})
	}
	out, err := w.value(k, e.body, who)
	if err != nil {
		f, ok := errors.AsType[failure](err)
		if !ok {
			f = failure{status: http.StatusInternalServerError, code: "InternalServerError", message: err.Error()}
		}
		return k.fail(f)
	}
	return k.reply(http.StatusOK, out)
}

func (keeper) reply(status int, v any) reply {
	text, err := json.Marshal(v)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte("{}")
	}
	return reply{status: status, body: text, headers: map[string]string{"Content-Type": "application/x-amz-json-1.1"}}
}

// fail says the code with its namespace, as some services of AWS do.
func (k keeper) fail(f failure) reply {
	re := k.reply(f.status, map[string]any{"__type": "com.amazonaws." + k.name + "#" + f.code, "Message": f.message})
	re.code = f.code
	return re
}

// secretRequest is what the two actions are asked with. What else they know is
// refused, names that are no ARNs too.
type secretRequest struct {
	Name           string // of GetParameter
	WithDecryption bool

	SecretID     string `json:"SecretId"` // of GetSecretValue
	VersionStage string
}

// value reads a secret. Who may not read it isn't told whether it is there, and
// the key is used only for what is there and wanted in clear.
func (w *World) value(k keeper, body []byte, who *keyPair) (any, error) {
	var r secretRequest
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&r)
	arn := r.Name + r.SecretID // one of them is empty
	if err != nil || !k.has(arn, w.name) || (r.Name == "") != (k.name == "secretsmanager") {
		return nil, badRequest("this fake can't read it: %q, %v", arn, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if action := k.name + ":" + k.action; !w.may(who, action, arn) {
		return nil, failure{status: http.StatusBadRequest, code: "AccessDeniedException", message: fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s "+
			"because no identity-based policy allows the %s action", who.arn, action, arn, action)}
	}
	s, there := w.secrets[arn]
	decrypts := s.Key == "" || w.may(who, "kms:Decrypt", s.Key)
	if k.name == "ssm" {
		return parameter(s, there, r.WithDecryption, decrypts)
	}
	return secret(s, there && (r.VersionStage == "" || r.VersionStage == "AWSCURRENT"), decrypts)
}

func parameter(s Secret, there, plain, decrypts bool) (any, error) {
	kind, value := "SecureString", s.Value
	switch {
	case !there:
		return nil, failure{status: http.StatusBadRequest, code: "ParameterNotFound"}
	case s.Plain:
		kind = "String"
	case !plain:
		value = "AQICAHh" // what is encrypted
	case !decrypts:
		return nil, failure{status: http.StatusBadRequest, code: "AccessDeniedException", message: "The ciphertext refers to a customer master key that does not exist, " +
			"does not exist in this region, or you are not allowed to access."}
	}
	return map[string]any{"Parameter": map[string]any{"ARN": s.ARN, "Type": kind, "Value": value, "Version": 1, "DataType": "text"}}, nil
}

func secret(s Secret, there, decrypts bool) (any, error) {
	switch {
	case !there:
		return nil, failure{status: http.StatusBadRequest, code: "ResourceNotFoundException", message: "Secrets Manager can't find the specified secret."}
	case !decrypts:
		return nil, failure{status: http.StatusBadRequest, code: "AccessDeniedException", message: "Access to KMS is not allowed"}
	}
	out := map[string]any{"ARN": s.ARN, "VersionStages": []string{"AWSCURRENT"}}
	if s.Plain {
		out["SecretBinary"] = []byte(s.Value)
	} else {
		out["SecretString"] = s.Value
	}
	return out, nil
}

// may tells whether an action is allowed on what an ARN names. The lock is held.
func (w *World) may(who *keyPair, action, arn string) bool {
	p := strings.SplitN(arn, ":", 6)
	return allows(w.identity.policies(who), access{
		action: action, resource: arn, keys: map[string][]string{"aws:requestedregion": {w.name}}, foreign: len(p) == 6 && p[4] != who.account,
	})
}
