// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"strings"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
)

// dynamodb makes tables, shows those that it has made, and leaves items to awsfake.
func (r *region) dynamodb(w http.ResponseWriter, q *http.Request, body []byte) {
	_, action, _ := strings.Cut(q.Header.Get("X-Amz-Target"), ".")
	var v map[string]any
	if err := json.Unmarshal(body, &v); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	name, _ := v["TableName"].(string)
	r.mu.Lock()
	table, made := r.tables[name]
	r.mu.Unlock()
	var out any
	switch action {
	case "CreateTable":
		table, err := r.createTable(name, v)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		out = map[string]any{"TableDescription": table}
	case "DescribeTable":
		if !made {
			r.World.ServeHTTP(w, q)
			return
		}
		out = map[string]any{"Table": table}
	case "DescribeContinuousBackups":
		out = map[string]any{"ContinuousBackupsDescription": map[string]any{
			"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": map[string]any{"PointInTimeRecoveryStatus": "DISABLED"},
		}}
	case "DescribeTimeToLive":
		out = map[string]any{"TimeToLiveDescription": map[string]any{"TimeToLiveStatus": "DISABLED"}}
	case "ListTagsOfResource":
		arn, _ := v["ResourceArn"].(string)
		r.mu.Lock()
		out = map[string]any{"Tags": r.tables[arn[strings.LastIndex(arn, "/")+1:]]["tags"]}
		r.mu.Unlock()
	case "GetItem", "PutItem", "UpdateItem":
		r.World.ServeHTTP(w, q)
		return
	default:
		r.dunno("dynamodb " + action)
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#UnknownOperationException"}
	}
	text, _ := json.Marshal(out) // made of what came as JSON
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amz-Crc32", fmt.Sprint(crc32.ChecksumIEEE(text)))
	_, _ = w.Write(text) // a client that has gone needs no answer
}

// createTable makes a table whose key is one string.
func (r *region) createTable(name string, v map[string]any) (map[string]any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	schema, err := json.Marshal(v["KeySchema"])
	if err != nil {
		return nil, err
	}
	var keys []struct{ AttributeName, KeyType string }
	if err := json.Unmarshal(schema, &keys); err != nil || len(keys) != 1 {
		return nil, fmt.Errorf("the region's tables have one key, not %s: %w", schema, err)
	}
	if err := r.AddTable(awsfake.Table{Name: name, Key: keys[0].AttributeName}); err != nil {
		return nil, err
	}
	r.tables[name] = map[string]any{
		"TableName": name, "TableStatus": "ACTIVE", "TableArn": "arn:aws:dynamodb:eu-central-1:" + account + ":table/" + name, "TableId": "00000000-0000-4000-8000-000000000001",
		"KeySchema": v["KeySchema"], "AttributeDefinitions": v["AttributeDefinitions"], "DeletionProtectionEnabled": v["DeletionProtectionEnabled"],
		"BillingModeSummary": map[string]any{"BillingMode": v["BillingMode"]}, "TableClassSummary": map[string]any{"TableClass": "STANDARD"},
		"ProvisionedThroughput": map[string]any{"ReadCapacityUnits": 0, "WriteCapacityUnits": 0}, "ItemCount": 0, "TableSizeBytes": 0,
		"WarmThroughput": map[string]any{"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000, "Status": "ACTIVE"}, "tags": v["Tags"],
	}
	return r.tables[name], nil
}
