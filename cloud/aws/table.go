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

// The attributes of an item. A table's partition key is the first, a string; it
// has no sort key.
const (
	keyAttribute     = "resource"
	versionAttribute = "v"
	recordAttribute  = "record"
)

// Tables are DynamoDB tables with an item per record, which is replaced only if
// its version is the one that was read. They satisfy guard.Table.
type Tables struct{ s *Session }

// NewTables asks nobody.
func NewTables(s *Session) (*Tables, error) {
	if s == nil {
		return nil, errors.New("aws: no session")
	}
	return &Tables{s: s}, nil
}

// Read is a record as it is now, and its version; version 0 is that there is none.
func (t *Tables) Read(ctx context.Context, table, key string) (record []byte, version uint64, err error) {
	c, err := t.s.ready(ctx)
	if err != nil {
		return nil, 0, err
	}
	out, err := c.tables.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &table, Key: map[string]types.AttributeValue{keyAttribute: &types.AttributeValueMemberS{Value: key}},
		ConsistentRead: sdk.Bool(true),
	})
	if err := t.s.done(err, getItem, table); err != nil {
		return nil, 0, err
	}
	if len(out.Item) == 0 {
		return nil, 0, nil
	}
	record, version, err = parseItem(out.Item)
	if err != nil {
		return nil, 0, &cloud.Error{Kind: cloud.Invalid, Action: getItem, Object: table + " " + key, Err: err}
	}
	return record, version, nil
}

func parseItem(item map[string]types.AttributeValue) ([]byte, uint64, error) {
	v, isNumber := item[versionAttribute].(*types.AttributeValueMemberN)
	r, isBinary := item[recordAttribute].(*types.AttributeValueMemberB)
	if !isNumber || !isBinary {
		return nil, 0, errors.New("the item is not one of vicar's")
	}
	version, err := strconv.ParseUint(v.Value, 10, 64)
	if err != nil || version == 0 {
		return nil, 0, fmt.Errorf("the item's version is %q", v.Value)
	}
	return r.Value, version, nil
}

// Write puts a record and its version in the place of the one of version was, 0
// for none. written is false if another version is there, which may be that of
// this very record: an earlier attempt whose answer was lost.
func (t *Tables) Write(ctx context.Context, table, key string, record []byte, was, version uint64) (written bool, err error) {
	c, err := t.s.ready(ctx)
	if err != nil {
		return false, err
	}
	number := func(n uint64) types.AttributeValue {
		return &types.AttributeValueMemberN{Value: strconv.FormatUint(n, 10)}
	}
	put := &dynamodb.PutItemInput{
		TableName: &table,
		Item: map[string]types.AttributeValue{
			keyAttribute:     &types.AttributeValueMemberS{Value: key},
			versionAttribute: number(version),
			recordAttribute:  &types.AttributeValueMemberB{Value: record},
		},
		ExpressionAttributeNames: map[string]string{"#v": versionAttribute},
		ConditionExpression:      sdk.String("attribute_not_exists(#v)"),
	}
	if was > 0 {
		put.ConditionExpression = sdk.String("#v = :was")
		put.ExpressionAttributeValues = map[string]types.AttributeValue{":was": number(was)}
	}
	_, err = c.tables.PutItem(ctx, put)
	if _, other := errors.AsType[*types.ConditionalCheckFailedException](err); other {
		_ = t.s.done(nil, putItem, table) // it was permitted
		return false, nil
	}
	if err := t.s.done(err, putItem, table); err != nil {
		return false, err
	}
	return true, nil
}

// Examine looks whether a cluster's records in a table can be read from here.
// Whether they can be written is known once one was.
func (t *Tables) Examine(ctx context.Context, table, cluster string) []cloud.Finding {
	what := "table " + table
	if _, _, err := t.Read(ctx, table, cluster+"/doctor"); err != nil {
		f := trouble(what, err)
		switch kind := cloud.KindOf(err); {
		case f.Remedy == noWay:
			f.Remedy = "let this node's subnet reach DynamoDB: a gateway endpoint com.amazonaws.<region>.dynamodb costs nothing"
		case kind == cloud.NotFound:
			f.Remedy = "correct guard.table, or the region; or make it: aws dynamodb create-table --table-name " + table + " --billing-mode PAY_PER_REQUEST " +
				"--attribute-definitions AttributeName=resource,AttributeType=S --key-schema AttributeName=resource,KeyType=HASH"
		case kind == cloud.Invalid:
			f.Remedy = "take a table whose partition key is resource, a string, and which has no sort key"
		}
		return []cloud.Finding{f}
	}
	return []cloud.Finding{good(what), t.s.known(putItem)}
}
