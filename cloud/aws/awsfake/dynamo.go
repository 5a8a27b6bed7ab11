// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// dynamo is DynamoDB, API version 2012-08-10, in JSON 1.0.
type dynamo struct{}

const dynamoTarget = "DynamoDB_20120810."

// dynamoRequest is what the four actions are asked with. What else DynamoDB knows
// is refused.
type dynamoRequest struct {
	TableName      string
	Key            item
	Item           item
	ConsistentRead bool

	ConditionExpression                 string
	UpdateExpression                    string
	ExpressionAttributeNames            map[string]string
	ExpressionAttributeValues           item
	ReturnValues                        string
	ReturnValuesOnConditionCheckFailure string
	ReturnConsumedCapacity              string
	ReturnItemCollectionMetrics         string
}

func (dynamo) read(e *exchange) (Request, *reply) {
	name, ok := strings.CutPrefix(e.http.Header.Get("X-Amz-Target"), dynamoTarget)
	r := Request{Service: "dynamodb", Action: name, Params: map[string]string{}, Write: name == "PutItem" || name == "UpdateItem"}
	var v any
	if err := json.Unmarshal(e.body, &v); err != nil || !ok {
		re := dynamo{}.fail(failure{status: http.StatusBadRequest, code: "SerializationException", message: "not a request of " + dynamoTarget})
		return r, &re
	}
	flatten("", v, r.Params)
	return r, nil
}

// flatten notes the strings of a JSON value by their paths.
func flatten(path string, v any, into map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			flatten(strings.TrimPrefix(path+"."+k, "."), e, into)
		}
	case string:
		into[path] = v
	}
}

func (d dynamo) answer(w *World, e *exchange, who *keyPair) reply {
	out, err := d.run(w, strings.TrimPrefix(e.http.Header.Get("X-Amz-Target"), dynamoTarget), e.body, who)
	if err != nil {
		f, ok := errors.AsType[failure](err)
		if !ok {
			f = failure{status: http.StatusInternalServerError, code: "InternalServerError", message: err.Error()}
		}
		return d.fail(f)
	}
	return d.reply(http.StatusOK, out)
}

func (dynamo) reply(status int, v any) reply {
	text, err := json.Marshal(v)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte("{}")
	}
	return reply{status: status, body: text, headers: map[string]string{
		"Content-Type": "application/x-amz-json-1.0", "X-Amz-Crc32": fmt.Sprint(crc32.ChecksumIEEE(text)),
	}}
}

func (d dynamo) fail(f failure) reply {
	space := "com.amazonaws.dynamodb.v20120810#"
	if f.code == "AccessDeniedException" || f.code == "SerializationException" {
		space = "com.amazon.coral.service#"
	}
	body := map[string]any{"__type": space + f.code, "message": f.message}
	if f.detail != nil {
		body["Item"] = f.detail
	}
	re := d.reply(f.status, body)
	re.code = f.code
	return re
}

func badRequest(format string, args ...any) failure {
	return failure{status: http.StatusBadRequest, code: "ValidationException", message: fmt.Sprintf(format, args...)}
}

// run does an action that the policies allow.
func (d dynamo) run(w *World, name string, body []byte, who *keyPair) (any, error) {
	do, ok := map[string]func(*World, dynamoRequest, string) (any, error){
		"DescribeTable": d.describe, "GetItem": d.get, "PutItem": d.put, "UpdateItem": d.update,
	}[name]
	if !ok {
		return nil, failure{status: http.StatusBadRequest, code: "UnknownOperationException", message: "this fake does not know " + name}
	}
	var r dynamoRequest
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return nil, badRequest("this fake can't read it: %v", err)
	}
	r.TableName = r.TableName[strings.LastIndex(r.TableName, "/")+1:]
	keyed := r.Key
	if name == "PutItem" {
		keyed = r.Item
	}
	w.mu.Lock()
	attribute, exists := w.keys[r.TableName]
	a := access{
		action: "dynamodb:" + name, resource: "arn:aws:dynamodb:" + w.name + ":" + who.account + ":table/" + r.TableName,
		keys: map[string][]string{"aws:requestedregion": {w.name}},
	}
	if k := keyed[attribute]; k.kind != "" {
		a.keys["dynamodb:leadingkeys"] = []string{k.text}
	}
	allowed := allows(w.identity.policies(who), a)
	w.mu.Unlock()
	switch {
	case !allowed:
		return nil, failure{status: http.StatusBadRequest, code: "AccessDeniedException", message: fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s "+
			"because no identity-based policy allows the %s action", who.arn, a.action, a.resource, a.action)}
	case !exists:
		return nil, failure{status: http.StatusBadRequest, code: "ResourceNotFoundException", message: "Requested resource not found"}
	case name == "DescribeTable":
		return do(w, r, "")
	case keyed[attribute].kind != "S" || keyed[attribute].text == "" || name != "PutItem" && len(keyed) != 1:
		return nil, badRequest("The provided key element does not match the schema")
	}
	return do(w, r, keyed[attribute].text)
}

func (dynamo) describe(w *World, r dynamoRequest, _ string) (any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := w.keys[r.TableName]
	return map[string]any{"Table": map[string]any{
		"TableName": r.TableName, "TableStatus": "ACTIVE", "TableArn": "arn:aws:dynamodb:" + w.name + ":" + w.account + ":table/" + r.TableName,
		"KeySchema":            []map[string]string{{"AttributeName": key, "KeyType": "HASH"}},
		"AttributeDefinitions": []map[string]string{{"AttributeName": key, "AttributeType": "S"}},
		"BillingModeSummary":   map[string]string{"BillingMode": "PAY_PER_REQUEST"},
		"ItemCount":            len(w.current().items[r.TableName]),
	}}, nil
}

// get reads an item: a consistent read as it is, another one maybe as it was.
func (dynamo) get(w *World, r dynamoRequest, key string) (any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.current()
	if !r.ConsistentRead {
		s = w.described()
	}
	if found, ok := s.items[r.TableName][key]; ok {
		return map[string]any{"Item": found}, nil
	}
	return map[string]any{}, nil
}

func (d dynamo) put(w *World, r dynamoRequest, key string) (any, error) {
	return d.write(w, r, key, func(item, *scope) (item, error) { return r.Item, nil })
}

func (d dynamo) update(w *World, r dynamoRequest, key string) (any, error) {
	return d.write(w, r, key, func(old item, x *scope) (item, error) {
		next := maps.Clone(old)
		if next == nil {
			next = maps.Clone(r.Key)
		}
		return next, x.update(r.UpdateExpression, old, next)
	})
}

// write replaces an item if the condition holds of what is there.
func (dynamo) write(w *World, r dynamoRequest, key string, next func(old item, x *scope) (item, error)) (any, error) {
	out := map[string]any{}
	err := w.change(func(s *state) error {
		old := s.items[r.TableName][key]
		x := &scope{names: r.ExpressionAttributeNames, values: r.ExpressionAttributeValues, used: map[string]bool{}}
		holds, err := x.condition(r.ConditionExpression, old)
		if err != nil {
			return err
		}
		made, err := next(old, x)
		if err != nil {
			return err
		}
		if err := x.unused(); err != nil {
			return err
		}
		if !holds {
			f := failure{status: http.StatusBadRequest, code: "ConditionalCheckFailedException", message: "The conditional request failed"}
			if r.ReturnValuesOnConditionCheckFailure == "ALL_OLD" && old != nil {
				f.detail = old
			}
			return f
		}
		if err := returned(r.ReturnValues, old, made, out); err != nil {
			return err
		}
		table := maps.Clone(s.items[r.TableName])
		table[key] = made
		s.items[r.TableName] = table
		return nil
	})
	return out, err
}

func returned(which string, old, next item, out map[string]any) error {
	switch which {
	case "", "NONE":
	case "ALL_OLD":
		if old != nil {
			out["Attributes"] = old
		}
	case "ALL_NEW":
		out["Attributes"] = next
	default:
		return badRequest("this fake does not know ReturnValues %s", which)
	}
	return nil
}

// Item is what a table of DynamoDB has under a key now: the texts of its attributes.
func (w *World) Item(table, key string) (attributes map[string]string, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	found, ok := w.current().items[table][key]
	if !ok {
		return nil, false
	}
	attributes = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		attributes[name] = found[name].text
	}
	return attributes, true
}
