// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"context"
	"errors"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }

// put writes a version of an item if the condition holds.
func (m machine) put(ctx context.Context, key, version, condition string, was ...string) error {
	in := &dynamodb.PutItemInput{TableName: sdk.String(ClusterTable), Item: map[string]types.AttributeValue{"resource": str(key), "v": num(version)}}
	if condition != "" {
		in.ConditionExpression, in.ExpressionAttributeNames = &condition, map[string]string{"#v": "v"}
	}
	if len(was) > 0 {
		in.ExpressionAttributeValues = map[string]types.AttributeValue{":was": num(was[0])}
	}
	in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	_, err := m.tables.PutItem(ctx, in)
	return err
}

// TestCompareAndSwap is the way in which a lease is written.
func TestCompareAndSwap(t *testing.T) {
	w := newWorld(t, Cluster(2, 1))
	m, ctx := on(w, 1), t.Context()
	version := func(is string) {
		t.Helper()
		if got, _ := w.Item(ClusterTable, "web"); got["v"] != is {
			t.Errorf("the version is %q, want %q", got["v"], is)
		}
	}
	ok(t, m.put(ctx, "web", "1", "attribute_not_exists(#v)"))
	err := m.put(ctx, "web", "1", "attribute_not_exists(#v)")
	want(t, err, "ConditionalCheckFailedException")
	failed, is := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !is || failed.Item["v"].(*types.AttributeValueMemberN).Value != "1" {
		t.Errorf("the answer shows %+v", failed)
	}
	ok(t, m.put(ctx, "web", "2", "#v = :was", "1"))
	want(t, m.put(ctx, "web", "9", "#v = :was", "1"), "ConditionalCheckFailedException")
	version("2")
	// Numbers are equal by value.
	ok(t, m.put(ctx, "web", "3", "#v = :was", "2.0"))
	want(t, m.put(ctx, "other", "1", "#v = :was", "1"), "ConditionalCheckFailedException")
	want(t, m.put(ctx, "web", "4", "#v = :was AND", "3"), "ValidationException")
	want(t, m.put(ctx, "web", "4", "attribute_not_exists(#v)", "3"), "ValidationException") // :was is not used
	want(t, m.put(ctx, "web", "4", "#x = :was", "3"), "ValidationException")
	ok(t, m.put(ctx, "web", "5", "(#v > :was AND NOT attribute_not_exists(#v)) OR #v = :was", "3"))
	version("5")
}

func TestDynamo(t *testing.T) {
	w := newWorld(t, Cluster(2, 1))
	m, ctx := on(w, 1), t.Context()
	key := map[string]types.AttributeValue{"resource": str("web")}
	out, err := m.tables.GetItem(ctx, &dynamodb.GetItemInput{TableName: sdk.String(ClusterTable), Key: key, ConsistentRead: sdk.Bool(true)})
	if err != nil || out.Item != nil {
		t.Errorf("an empty table has %v, %v", out, err)
	}
	updated, err := m.tables.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: sdk.String(ClusterTable), Key: key, UpdateExpression: sdk.String("SET #v = :one, #r = :bytes"), ConditionExpression: sdk.String("attribute_not_exists(#v)"),
		ExpressionAttributeNames:  map[string]string{"#v": "v", "#r": "record"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":one": num("1"), ":bytes": &types.AttributeValueMemberB{Value: []byte{0, 255}}},
		ReturnValues:              types.ReturnValueAllNew,
	})
	ok(t, err)
	if v := updated.Attributes["v"].(*types.AttributeValueMemberN).Value; v != "1" {
		t.Errorf("the new item has version %s", v)
	}
	_, err = m.tables.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: sdk.String(ClusterTable), Key: key, UpdateExpression: sdk.String("SET #v = #v + :one REMOVE #r"),
		ExpressionAttributeNames:  map[string]string{"#v": "v", "#r": "record"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":one": num("1")},
	})
	ok(t, err)
	out, err = m.tables.GetItem(ctx, &dynamodb.GetItemInput{TableName: sdk.String(ClusterTable), Key: key, ConsistentRead: sdk.Bool(true)})
	ok(t, err)
	if out.Item["v"].(*types.AttributeValueMemberN).Value != "2" || out.Item["record"] != nil {
		t.Errorf("got %v", out.Item)
	}
	table, err := m.tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: sdk.String(ClusterTable)})
	ok(t, err)
	if table.Table.TableStatus != types.TableStatusActive || *table.Table.KeySchema[0].AttributeName != "resource" || *table.Table.ItemCount != 1 {
		t.Errorf("got %+v", table.Table)
	}
	_, err = m.tables.GetItem(ctx, &dynamodb.GetItemInput{TableName: sdk.String(ClusterTable), Key: map[string]types.AttributeValue{"id": str("web")}})
	want(t, err, "ValidationException")
	_, err = m.tables.GetItem(ctx, &dynamodb.GetItemInput{TableName: sdk.String("other"), Key: key})
	want(t, err, "AccessDeniedException")
	_, err = m.tables.Scan(ctx, &dynamodb.ScanInput{TableName: sdk.String(ClusterTable)})
	want(t, err, "UnknownOperationException")
	ok(t, w.SetPolicy(ClusterRole, allowing("dynamodb:*", "*")))
	_, err = m.tables.GetItem(ctx, &dynamodb.GetItemInput{TableName: sdk.String("other"), Key: key})
	want(t, err, "ResourceNotFoundException")
}
