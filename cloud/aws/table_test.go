// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/guard"
)

var _ guard.Table = (*Tables)(nil)

func TestTables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		// Reads that are not consistent would show none of this.
		f.SetLags(awsfake.Lags{Describe: awsfake.Exactly(time.Minute)})
		var nodes [2]*Tables
		for n := range nodes {
			var err error
			if nodes[n], err = NewTables(f.nodes[n]); err != nil {
				t.Fatal(err)
			}
		}
		const table, key = awsfake.ClusterTable, "router web"
		shows := func(want string, version uint64) {
			t.Helper()
			record, v, err := nodes[1].Read(t.Context(), table, key)
			if string(record) != want || v != version || err != nil {
				t.Errorf("the record is %q, version %d, %v; want %q, %d", record, v, err, want, version)
			}
		}
		write := func(node int, record string, was, version uint64, want bool) {
			t.Helper()
			written, err := nodes[node].Write(t.Context(), table, key, []byte(record), was, version)
			if written != want || err != nil {
				t.Errorf("writing %q in the place of %d: %v, %v", record, was, written, err)
			}
		}
		shows("", 0)
		write(0, "a", 0, 7, true)
		shows("a", 7)
		write(1, "b", 0, 8, false)
		write(1, "b", 6, 8, false)
		shows("a", 7)
		write(1, "b", 7, 1<<63+1, true)
		shows("b", 1<<63+1)
		write(0, "", 1<<63+1, 1<<63+2, true)
		shows("", 1<<63+2)

		f.Inject(awsfake.Fault{Service: "dynamodb", Effect: awsfake.Fail, Code: "ProvisionedThroughputExceededException", Status: 400, Times: 1})
		if _, err := nodes[0].Write(t.Context(), table, key, nil, 1, 2); cloud.KindOf(err) != cloud.Throttled {
			t.Errorf("a write that is throttled is %v", err)
		}
		if _, _, err := nodes[0].Read(t.Context(), "other", key); err == nil {
			t.Error("a table that is not there has been read")
		}
	})
}

func TestParseItem(t *testing.T) {
	n := func(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }
	b := &types.AttributeValueMemberB{Value: []byte("a")}
	for _, c := range []struct {
		name string
		item map[string]types.AttributeValue
		ok   bool
	}{
		{"good", map[string]types.AttributeValue{"v": n("1"), "record": b}, true},
		{"no version", map[string]types.AttributeValue{"record": b}, false},
		{"no record", map[string]types.AttributeValue{"v": n("1")}, false},
		{"other types", map[string]types.AttributeValue{"v": b, "record": n("1")}, false},
		{"version 0", map[string]types.AttributeValue{"v": n("0"), "record": b}, false},
		{"a fraction", map[string]types.AttributeValue{"v": n("1.5"), "record": b}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, _, err := parseItem(c.item); (err == nil) != c.ok {
				t.Errorf("parsing: %v", err)
			}
		})
	}
}
