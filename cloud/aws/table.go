// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/vicar-ha/vicar/cloud"
)

// The attributes of an item. The table's partition key is the first, a string; it
// has no sort key.
const (
	resourceAttribute = "id"
	versionAttribute  = "v"
	recordAttribute   = "record"
)

// Table is a DynamoDB table with an item per resource, which is written only if
// its version is the one that was read. It is tried once per call, like all here.
type Table struct {
	s    *Session
	name string
}

// NewTable checks the name, and asks nobody.
func NewTable(s *Session, name string) (*Table, error) {
	if s == nil {
		return nil, errors.New("aws: no session")
	}
	if name == "" {
		return nil, errors.New("aws: a table needs a name")
	}
	return &Table{s: s, name: name}, nil
}

// Read is a resource's record and its version, as last written; version 0 is that
// there is none.
func (t *Table) Read(ctx context.Context, resource string) (record []byte, version uint64, err error) {
	c, err := t.s.ready(ctx)
	if err != nil {
		return nil, 0, err
	}
	out, err := c.tables.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &t.name,
		Key:            map[string]types.AttributeValue{resourceAttribute: &types.AttributeValueMemberS{Value: resource}},
		ConsistentRead: sdk.Bool(true),
	})
	if err := t.s.done(err, getItem, resource); err != nil {
		return nil, 0, err
	}
	if len(out.Item) == 0 {
		return nil, 0, nil
	}
	return t.parse(resource, out.Item)
}

func (t *Table) parse(resource string, item map[string]types.AttributeValue) ([]byte, uint64, error) {
	v, isNumber := item[versionAttribute].(*types.AttributeValueMemberN)
	r, isBinary := item[recordAttribute].(*types.AttributeValueMemberB)
	if !isNumber || !isBinary {
		return nil, 0, t.strange(resource, errors.New("its item is not one of vicar's"))
	}
	version, err := strconv.ParseUint(v.Value, 10, 64)
	if err != nil || version == 0 {
		return nil, 0, t.strange(resource, fmt.Errorf("its version is %q", v.Value))
	}
	return r.Value, version, nil
}

func (t *Table) strange(resource string, err error) error {
	return &cloud.Error{Kind: cloud.Invalid, Action: getItem, Object: t.name + " " + resource, Err: err}
}

// Write writes a record of version was+1 if the item's version is was, 0 for none.
// Otherwise it is a Conflict, of which the caller reads more: the version may be
// its own write's, whose answer was lost.
func (t *Table) Write(ctx context.Context, resource string, record []byte, was uint64) error {
	c, err := t.s.ready(ctx)
	if err != nil {
		return err
	}
	number := func(n uint64) types.AttributeValue {
		return &types.AttributeValueMemberN{Value: strconv.FormatUint(n, 10)}
	}
	put := &dynamodb.PutItemInput{
		TableName: &t.name,
		Item: map[string]types.AttributeValue{
			resourceAttribute: &types.AttributeValueMemberS{Value: resource},
			versionAttribute:  number(was + 1),
			recordAttribute:   &types.AttributeValueMemberB{Value: record},
		},
		ExpressionAttributeNames: map[string]string{"#v": versionAttribute},
		ConditionExpression:      sdk.String("attribute_not_exists(#v)"),
	}
	if was > 0 {
		put.ConditionExpression = sdk.String("#v = :was")
		put.ExpressionAttributeValues = map[string]types.AttributeValue{":was": number(was)}
	}
	_, err = c.tables.PutItem(ctx, put)
	return t.s.done(err, putItem, resource)
}

// Examine looks whether the table can be read from here. Whether it can be
// written is known once it was.
func (t *Table) Examine(ctx context.Context) []cloud.Finding {
	what := "table " + t.name
	if _, _, err := t.Read(ctx, "vicar doctor"); err != nil {
		f := trouble(what, err)
		if cloud.KindOf(err) == cloud.Unavailable {
			f.Remedy = "let this node's subnet reach DynamoDB: a gateway endpoint com.amazonaws.<region>.dynamodb costs nothing"
		}
		return []cloud.Finding{f}
	}
	return []cloud.Finding{good(what), t.s.known(putItem)}
}
