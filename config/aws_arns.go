// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Forms of ARNs of what keeps keys. A secret's ends with six characters that AWS
// has drawn.
const (
	arnRegion     = `[a-z]{2,8}(-[a-z]{2,10}){1,3}-[0-9]{1,2}`
	parameterForm = `^arn:aws[a-z-]*:ssm:` + arnRegion + `:[0-9]{12}:parameter/[A-Za-z0-9_./-]{1,1000}$`
	secretForm    = `^arn:aws[a-z-]*:secretsmanager:` + arnRegion + `:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,512}-[A-Za-z0-9]{6}$`
	kmsKeyForm    = `^arn:aws[a-z-]*:kms:` + arnRegion + `:[0-9]{12}:key/[A-Za-z0-9-]{1,64}$`
	accountForm   = `^[0-9]{12}$`
)

var (
	parameterRegexp = regexp.MustCompile(parameterForm)
	secretRegexp    = regexp.MustCompile(secretForm)
	kmsKeyRegexp    = regexp.MustCompile(kmsKeyForm)
	accountRegexp   = regexp.MustCompile(accountForm)
)

type (
	keysARN   struct{ text }
	kmsKeyARN struct{ text }
	accountID struct{ text }
)

// keysARN is that of what the peer link's keys are fetched from.
func (t *keysARN) decode(r *reader, key mark, n ast.Node) {
	const need = "write the ARN of an SSM parameter, as in arn:aws:ssm:eu-central-1:123456789012:parameter/vicar/keys, or of a Secrets Manager secret"
	t.text.decode(r, key, n)
	if !t.ok || parameterRegexp.MatchString(t.v) || secretRegexp.MatchString(t.v) {
		return
	}
	t.ok = false
	parts := strings.SplitN(t.v, ":", 6)
	switch {
	case len(parts) < 6 || parts[0] != "arn":
		r.bad(t.mark, shown(t.v)+" is not an ARN", need)
	case parts[2] == "ssm" && strings.HasPrefix(parts[5], "parameter/"):
		r.bad(t.mark, shown(t.v)+" is not a parameter's ARN", "it has a region, an account of 12 digits, and the parameter's name without a version or a label")
	case parts[2] == "secretsmanager" && strings.HasPrefix(parts[5], "secret:"):
		r.bad(t.mark, shown(t.v)+" is not a secret's whole ARN", "it has a region, an account of 12 digits, and ends with a - and six characters that AWS has drawn")
	default:
		r.bad(t.mark, shown(t.v)+" is the ARN of something else", need)
	}
}

// kmsKeyARN is that of a key of KMS. Policies take no alias.
func (t *kmsKeyARN) decode(r *reader, key mark, n ast.Node) {
	const need = "write the key's, as in arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
	t.text.decode(r, key, n)
	if !t.ok || kmsKeyRegexp.MatchString(t.v) {
		return
	}
	t.ok = false
	parts := strings.SplitN(t.v, ":", 6)
	switch {
	case strings.HasPrefix(parts[len(parts)-1], "alias/"):
		r.bad(t.mark, shown(t.v)+" is an alias, which a policy can't name", need)
	case len(parts) < 6 || parts[0] != "arn":
		r.bad(t.mark, shown(t.v)+" is not an ARN", need)
	default:
		r.bad(t.mark, shown(t.v)+" is not the ARN of a key", need)
	}
}

// arnsRegion is the region of an ARN.
func arnsRegion(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[3]
	}
	return ""
}

func (t *accountID) decode(r *reader, key mark, n ast.Node) {
	t.text.decode(r, key, n)
	if t.ok && !accountRegexp.MatchString(t.v) {
		t.ok = false
		r.bad(t.mark, shown(t.v)+" is not an account's id", "it has 12 digits")
	}
}
