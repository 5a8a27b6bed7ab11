// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// signatureAge is how far a request's time may be from ours.
const signatureAge = 5 * time.Minute

// signature is the Authorization header of Signature Version 4.
type signature struct {
	key, date, region, service string
	headers                    []string
	value                      string
}

var errSignature = errors.New("not a header of AWS4-HMAC-SHA256")

// parseSignature reads
// "AWS4-HMAC-SHA256 Credential=KEY/20260101/REGION/SERVICE/aws4_request, SignedHeaders=a;b, Signature=hex".
func parseSignature(header string) (signature, error) {
	rest, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
	if !ok {
		return signature{}, errSignature
	}
	var s signature
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			scope := strings.Split(value, "/")
			if len(scope) != 5 || scope[4] != "aws4_request" {
				return signature{}, errSignature
			}
			s.key, s.date, s.region, s.service = scope[0], scope[1], scope[2], scope[3]
		case "SignedHeaders":
			s.headers = strings.Split(value, ";")
		case "Signature":
			s.value = value
		}
	}
	if s.key == "" || s.value == "" || !slices.Contains(s.headers, "host") {
		return signature{}, errSignature
	}
	return s, nil
}

// sign is the signature that the request must have, made as the documentation of
// Signature Version 4 has it: a canonical request, a string to sign, a derived key.
func (s signature) sign(r *http.Request, body []byte, secret string) string {
	sum := sha256.Sum256(body)
	canonical := strings.Join([]string{
		r.Method, canonicalPath(r.URL), canonicalQuery(r.URL.Query()), s.canonicalHeaders(r), strings.Join(s.headers, ";"),
		hex.EncodeToString(sum[:]),
	}, "\n")
	hashed := sha256.Sum256([]byte(canonical))
	scope := strings.Join([]string{s.date, s.region, s.service, "aws4_request"}, "/")
	text := strings.Join([]string{"AWS4-HMAC-SHA256", r.Header.Get("X-Amz-Date"), scope, hex.EncodeToString(hashed[:])}, "\n")
	key := []byte("AWS4" + secret)
	for _, step := range []string{s.date, s.region, s.service, "aws4_request", text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(step)) // never fails
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

func canonicalPath(u *url.URL) string {
	if p := u.EscapedPath(); p != "" {
		return escape(p, "/")
	}
	return "/"
}

func canonicalQuery(q url.Values) string {
	var pairs []string
	for k, vs := range q {
		for _, v := range vs {
			pairs = append(pairs, escape(k, "")+"="+escape(v, ""))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// escape leaves what RFC 3986 calls unreserved, and what is in also.
func escape(s, also string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.~"+also, c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
		}
	}
	return b.String()
}

// canonicalHeaders are the signed headers, with those that net/http takes out of the
// header put back.
func (s signature) canonicalHeaders(r *http.Request) string {
	var b strings.Builder
	for _, name := range s.headers {
		values := slices.Clone(r.Header.Values(name))
		switch {
		case name == "host":
			values = []string{r.Host}
		case name == "content-length" && len(values) == 0:
			values = []string{strconv.FormatInt(r.ContentLength, 10)}
		}
		for n, v := range values {
			values[n] = strings.Join(strings.Fields(v), " ")
		}
		b.WriteString(name + ":" + strings.Join(values, ",") + "\n")
	}
	return b.String()
}

// fresh tells whether the request's time is about now.
func (s signature) fresh(r *http.Request, now time.Time) bool {
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	return err == nil && at.Format("20060102") == s.date && now.Sub(at).Abs() <= signatureAge
}
