// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// item are the attributes of one.
type item map[string]attribute

// attribute is a value of DynamoDB. A scalar has its text; what is not one is kept as
// it came, and equals only the same.
type attribute struct {
	kind string // "S", "N", "B", "BOOL" ...
	text string
	raw  json.RawMessage // of what is not S, N or B
}

var errAttribute = errors.New("an attribute has one type and its value")

// UnmarshalJSON reads {"S": "text"}.
func (a *attribute) UnmarshalJSON(text []byte) error {
	var one map[string]json.RawMessage
	if err := json.Unmarshal(text, &one); err != nil {
		return err
	}
	if len(one) != 1 {
		return errAttribute
	}
	for kind, raw := range one {
		a.kind = kind
		switch kind {
		case "S", "N", "B":
			if err := json.Unmarshal(raw, &a.text); err != nil {
				return err
			}
			if _, ok := number(a.text); kind == "N" && !ok {
				return fmt.Errorf("the number %q is none", a.text)
			}
		case "BOOL", "NULL", "M", "L", "SS", "NS", "BS":
			var b bytes.Buffer
			if err := json.Compact(&b, raw); err != nil {
				return err
			}
			a.raw, a.text = b.Bytes(), b.String()
		default:
			return fmt.Errorf("the attribute type %q is none", kind)
		}
	}
	return nil
}

// MarshalJSON writes it.
func (a attribute) MarshalJSON() ([]byte, error) {
	if a.raw != nil {
		return json.Marshal(map[string]json.RawMessage{a.kind: a.raw})
	}
	return json.Marshal(map[string]string{a.kind: a.text})
}

// number reads what N may have: up to 38 digits, and an exponent to 125.
func number(text string) (*big.Rat, bool) {
	digits, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if len(digits) > 45 || len(exponent) > 4 || strings.Contains(text, "/") || strings.Contains(text, "_") {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// compare orders two values of one type.
func (a attribute) compare(b attribute) (int, bool) {
	if a.kind != b.kind {
		return 0, false
	}
	switch a.kind {
	case "N":
		x, ok := number(a.text)
		y, also := number(b.text)
		if !ok || !also {
			return 0, false
		}
		return x.Cmp(y), true
	case "S", "B":
		return cmp.Compare(a.text, b.text), true
	}
	return 1, a.text != b.text
}

func (a attribute) equal(b attribute) bool {
	if a.kind == "N" {
		c, ok := a.compare(b)
		return ok && c == 0
	}
	return a.kind == b.kind && a.text == b.text
}
