// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const (
	testParameter = "arn:aws:ssm:eu-central-1:111122223333:parameter/vicar/keys"
	testSecret    = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:vicar-a1B2c3"
	testKey       = "arn:aws:kms:eu-central-1:111122223333:key/1"
)

// keeps is a region that keeps a parameter, a secret, and what is not as secret.
func keeps(t testing.TB, key string) *World {
	t.Helper()
	cfg := Cluster(1, 1)
	cfg.Secrets = []Secret{
		{ARN: testParameter, Value: "hush", Key: key},
		{ARN: testParameter + "-plain", Value: "loud", Plain: true},
		{ARN: testSecret, Value: "hush", Key: key},
		{ARN: testSecret + "-binary", Value: "raw", Plain: true},
	}
	return newWorld(t, cfg)
}

// told asks as an instance of the cluster does, past the signature.
func told(w *World, target, body string) (answer map[string]any, code string) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", target)
	e := &exchange{http: r, body: []byte(body)}
	e.service = serviceOf(e)
	_, unread := e.service.read(e)
	if unread == nil {
		re := e.service.answer(w, e, w.profile(ClusterNode(1), w.identity.roles[ClusterRole]))
		unread = &re
	}
	_ = json.Unmarshal(unread.body, &answer)
	return answer, unread.code
}

func TestSecrets(t *testing.T) {
	const (
		ssm  = "AmazonSSM.GetParameter"
		sm   = "secretsmanager.GetSecretValue"
		gone = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:none-a1B2c3"
	)
	name := func(arn, decrypt string) string { return `{"Name":"` + arn + `","WithDecryption":` + decrypt + `}` }
	for _, tt := range []struct {
		name, target, body string
		policy             []string // actions on everything
		code, value        string
	}{
		{"a parameter", ssm, name(testParameter, "true"), []string{"ssm:GetParameter", "kms:Decrypt"}, "", "hush"},
		{"in cipher", ssm, name(testParameter, "false"), []string{"ssm:GetParameter"}, "", "AQICAHh"},
		{"without its key", ssm, name(testParameter, "true"), []string{"ssm:GetParameter"}, "AccessDeniedException", ""},
		{"without a permission", ssm, name(testParameter, "false"), []string{"kms:Decrypt", "secretsmanager:*"}, "AccessDeniedException", ""},
		{"in clear anyway", ssm, name(testParameter+"-plain", "true"), []string{"ssm:GetParameter"}, "", "loud"},
		{"no parameter", ssm, name(testParameter+"2", "true"), []string{"ssm:GetParameter"}, "ParameterNotFound", ""},
		{"no parameter for who may not know", ssm, name(testParameter+"2", "true"), nil, "AccessDeniedException", ""},
		{"a secret", sm, `{"SecretId":"` + testSecret + `"}`, []string{"secretsmanager:GetSecretValue", "kms:Decrypt"}, "", "hush"},
		{"a secret without its key", sm, `{"SecretId":"` + testSecret + `"}`, []string{"secretsmanager:GetSecretValue"}, "AccessDeniedException", ""},
		{"a label that is not there", sm, `{"SecretId":"` + testSecret + `","VersionStage":"x"}`, []string{"secretsmanager:GetSecretValue"}, "ResourceNotFoundException", ""},
		{"no secret", sm, `{"SecretId":"` + gone + `"}`, []string{"secretsmanager:GetSecretValue"}, "ResourceNotFoundException", ""},
		{"another action", "AmazonSSM.PutParameter", `{}`, []string{"*"}, "UnknownOperationException", ""},
		{"a key that is not known", ssm, `{"Names":[]}`, []string{"*"}, "ValidationException", ""},
		{"the other service's", ssm, name(testSecret, "true"), []string{"*"}, "ValidationException", ""},
	} {
		w := keeps(t, testKey)
		policy := `{"Version": "2012-10-17", "Statement": []}`
		if len(tt.policy) > 0 {
			actions, _ := json.Marshal(tt.policy) // strings
			policy = `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ` + string(actions) + `, "Resource": "*"}}`
		}
		ok(t, w.SetPolicy(ClusterRole, policy))
		answer, code := told(w, tt.target, tt.body)
		value := ""
		if p, ok := answer["Parameter"].(map[string]any); ok {
			value, _ = p["Value"].(string)
		} else if v, ok := answer["SecretString"].(string); ok {
			value = v
		}
		if code != tt.code || value != tt.value {
			t.Errorf("%s: %q and %q, want %q and %q", tt.name, code, value, tt.code, tt.value)
		}
	}
}

// TestSecretOfAll: AWS's own key lets all of the account, and none of another's.
func TestSecretOfAll(t *testing.T) {
	w := keeps(t, "")
	ok(t, w.SetPolicy(ClusterRole, allowing("ssm:GetParameter", testParameter)))
	if answer, code := told(w, "AmazonSSM.GetParameter", `{"Name":"`+testParameter+`","WithDecryption":true}`); code != "" {
		t.Errorf("answered with %v", answer)
	}
	ok(t, w.SetPolicy(ClusterRole, allowing("ssm:GetParameter", "*")))
	other := strings.Replace(testParameter, "111122223333", "444455556666", 1)
	if _, code := told(w, "AmazonSSM.GetParameter", `{"Name":"`+other+`","WithDecryption":true}`); code != "AccessDeniedException" {
		t.Errorf("another account's: %q", code)
	}
	ok(t, w.SetSecret(testParameter, "new"))
	answer, _ := told(w, "AmazonSSM.GetParameter", `{"Name":"`+testParameter+`","WithDecryption":true}`)
	if p, _ := answer["Parameter"].(map[string]any); p["Value"] != "new" {
		t.Errorf("answered with %v", answer)
	}
	if err := w.SetSecret("arn:none", ""); err == nil {
		t.Error("what is not there was replaced")
	}
	cfg := Cluster(1, 1)
	cfg.Secrets = []Secret{{ARN: "arn:aws:s3:::x"}}
	if _, err := New(cfg); err == nil {
		t.Error("a bucket is kept as a secret")
	}
}

// FuzzSecrets sends any request; the answer is JSON.
func FuzzSecrets(f *testing.F) {
	f.Add("AmazonSSM.GetParameter", `{"Name":"`+testParameter+`","WithDecryption":true}`)
	f.Add("secretsmanager.GetSecretValue", `{"SecretId":"`+testSecret+`","VersionStage":"x"}`)
	f.Add("secretsmanager.GetSecretValue", `{"SecretId":"arn:aws:secretsmanager:eu-central-1:111122223333:secret:"}`)
	f.Add("AmazonSSM.", `{"Name":{}}`)
	f.Add("AmazonSSM.GetParameter", `[`)
	w := keeps(f, testKey)
	ok(f, w.SetPolicy(ClusterRole, allowing("*", "*")))
	f.Fuzz(func(t *testing.T, target, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("X-Amz-Target", target)
		for _, k := range keepers() {
			e := &exchange{http: r, body: []byte(body), service: k}
			_, unread := k.read(e)
			if unread == nil {
				re := k.answer(w, e, w.profile(ClusterNode(1), w.identity.roles[ClusterRole]))
				unread = &re
			}
			if !json.Valid(unread.body) || unread.status >= 500 {
				t.Errorf("%s is answered with %d %s", k.name, unread.status, unread.body)
			}
		}
	})
}
