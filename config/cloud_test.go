// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/track"
)

// cloudy is a cluster in AWS.
const cloudy = `
cluster: web
nodes:
  lb-1: {address: 192.0.2.10, priority: 150}
  lb-2: {address: 192.0.2.11, priority: 100}
transport: {kind: unicast}
peer_link: {keys_file: /etc/vicar/keys}
guard: {kind: quorum, table: vicar-lease}
routers:
  web: {vrid: 51, addresses: [192.0.2.100/24], move: [aws-secondary-ip, kernel]}
aws: {}
`

func TestCloud(t *testing.T) {
	c, err := Load("testdata/cloud.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	want := &AWS{
		Region: "eu-central-1", Account: "123456789012",
		EC2Endpoint:      "https://vpce-0123456789abcdef0-01234567.ec2.eu-central-1.vpce.amazonaws.com",
		IMDSEndpoint:     "http://[fd00:ec2::254]",
		DynamoDBEndpoint: "https://dynamodb.eu-central-1.amazonaws.com",
		STSEndpoint:      "https://sts.eu-central-1.amazonaws.com",
		SSMEndpoint:      "https://ssm.eu-central-1.amazonaws.com",

		SecretsManagerEndpoint: "https://secretsmanager.eu-central-1.amazonaws.com",

		Proxy:       "http://127.0.0.1:3128",
		Role:        "arn:aws:iam::123456789012:role/network/vicar",
		RouteTables: []string{"rtb-0123456789abcdef0", "rtb-01234567"},
		Routes: map[netip.Addr][]AWSRoute{netip.MustParseAddr("198.51.100.7"): {
			{netip.MustParsePrefix("0.0.0.0/0"), []string{"rtb-0123456789abcdef2", "rtb-0123456789abcdef1"}},
			{netip.MustParsePrefix("::/0"), []string{"rtb-0123456789abcdef1"}},
			{netip.MustParsePrefix("203.0.113.128/25"), []string{"rtb-01234567"}},
		}},
		Interfaces: map[string]string{"lb-2": "eni-0123456789abcdef2"},
		Allocations: map[netip.Addr]string{
			netip.MustParseAddr("10.0.1.100"): "eipalloc-0123456789abcdef0",
			netip.MustParseAddr("10.0.1.101"): "eipalloc-0123456789abcdef1",
		},
		TagKey: "vicar", TagValue: "shop one", IPv6Assign: true, Release: true,
		Poll: time.Minute, Readiness: 5 * time.Minute, ReadinessWeight: -60,
	}
	if diff := cmp.Diff(want, c.AWS, comparers); diff != "" {
		t.Errorf("aws (-want +got)\n%s", diff)
	}
	link := &PeerLink{
		Port: defaultPort, KeysFile: "/etc/vicar/keys",
		KeysFrom: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/vicar-keys-a1B2c3",
		KeysKMS:  "arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef",
	}
	if diff := cmp.Diff(link, c.PeerLink); diff != "" {
		t.Errorf("peer_link (-want +got)\n%s", diff)
	}
	moves := map[string][]Mover{
		"inside": {{Kind: MoveAWSRoute}, {Kind: MoveKernel}},
		"other":  {{Kind: MoveExec, Exec: []string{"/usr/local/bin/move-address", "--zone", "3"}, Timeout: 5 * time.Second, Release: true}, {Kind: MoveKernel}},
		"six":    {{Kind: MoveAWSSecondaryIP}, {Kind: MoveKernel}},
		"web":    {{Kind: MoveAWSSecondaryIP}, {Kind: MoveAWSEIP}, {Kind: MoveKernel}},
	}
	for _, v := range c.Routers {
		if diff := cmp.Diff(moves[v.Name], v.Move); diff != "" {
			t.Errorf("router %s (-want +got)\n%s", v.Name, diff)
		}
	}
}

// TestCloudDefaults: what an empty section means.
func TestCloudDefaults(t *testing.T) {
	c := mustParse(t, cloudy)
	want := &AWS{Poll: 30 * time.Second, Readiness: time.Minute, ReadinessWeight: -253}
	if diff := cmp.Diff(want, c.AWS, comparers); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	c = mustParse(t, small)
	if c.AWS != nil || !cmp.Equal(c.Routers[0].Move, []Mover{{Kind: MoveKernel}}) || c.Routers[0].Cloud() {
		t.Errorf("without a cloud: %+v, %+v", c.AWS, c.Routers[0].Move)
	}
	c = mustParse(t, strings.Replace(small, "100/24]", "100/24], move: {exec: [/bin/move]}", 1))
	if m := c.Routers[0].Move[0]; m.Kind != MoveExec || m.Timeout != 5*time.Second || m.Release || !c.Routers[0].Cloud() {
		t.Errorf("a program: %+v", m)
	}
}

// TestProgramsAskNobody: the section is for programs, too, and then AWS is asked for
// nothing, and nobody is warned of its limits.
func TestProgramsAskNobody(t *testing.T) {
	c := mustParse(t, strings.Replace(small, "100/24]", "100/24], move: [{exec: [/bin/move]}, kernel]", 1)+"aws: {poll: 5s, readiness: {interval: 2s}}\n")
	if c.UsesAWS() || len(c.Warnings) > 0 {
		t.Errorf("uses AWS %t, warnings %v", c.UsesAWS(), c.Warnings)
	}
	if w := c.Watch(); w.Poll != 5*time.Second || w.Readiness != 2*time.Second {
		t.Errorf("programs are asked each %+v", w)
	}
	for _, text := range []string{cloudy, strings.Replace(cloudy, "move: [aws-secondary-ip, kernel]", "move: kernel", 1)} {
		if c := mustParse(t, text); !c.UsesAWS() {
			t.Errorf("does not use AWS, with %+v and table %q", c.Routers[0].Move, c.Guard.Table)
		}
	}
}

// TestWatch: programs do without a section aws.
func TestWatch(t *testing.T) {
	if w := mustParse(t, small).Watch(); w != (Watch{}) {
		t.Errorf("without a cloud: %+v", w)
	}
	program := strings.NewReplacer("aws-secondary-ip", "{exec: [/bin/move]}", "guard: {kind: quorum, table: vicar-lease}\n", "", "aws: {}\n", "").Replace(cloudy)
	if got, want := mustParse(t, program).Watch(), (Watch{Poll: 30 * time.Second, Readiness: time.Minute, Weight: -253}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	c := mustParse(t, program+"aws: {poll: 1m, readiness: {interval: 2m, weight: -70}}\n")
	if got, want := c.Watch(), (Watch{Poll: time.Minute, Readiness: 2 * time.Minute, Weight: -70}); got != want || len(c.Warnings) > 0 {
		t.Errorf("got %+v, want %+v; warnings %v", got, want, c.Warnings)
	}
}

// TestUnreadyWeight: unless the file says otherwise a node that could not take
// over is behind all that could, a holder with the lowest priority among them.
func TestUnreadyWeight(t *testing.T) {
	for _, base := range []uint8{1, 100, 254} {
		c := mustParse(t, cloudy)
		unready := track.Add(base, []track.Track{{Weight: c.AWS.ReadinessWeight}}, func(track.Track) track.State { return track.Failing })
		yields := track.Add(base, []track.Track{{Yield: true}}, func(track.Track) track.State { return track.Failing })
		if unready.Priority > yields.Priority {
			t.Errorf("%d: not ready it has the priority %d, and would take the addresses from a holder that yields at %d", base, unready.Priority, yields.Priority)
		}
	}
	if got := mustParse(t, strings.Replace(cloudy, "aws: {}", "aws: {readiness: {weight: -5}}", 1)).AWS.ReadinessWeight; got != -5 {
		t.Errorf("got %d, want -5", got)
	}
}

// TestTable: with two nodes it is the third voter, and leases run longer.
func TestTable(t *testing.T) {
	c, err := Load("testdata/cloud.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"lb-1", "lb-2", quorum.TableName("vicar-lease")}, c.Voters()); diff != "" || c.Majority() != 2 {
		t.Errorf("a majority are %d of (-want +got)\n%s", c.Majority(), diff)
	}
	if g := c.Report().Guard; g.MayFail != 1 || g.Majority != 2 || len(g.Voters) != 3 {
		t.Errorf("reported as %+v", g)
	}
	for _, res := range c.Resources() {
		want := 3 * time.Second // three intervals are less, or the same
		if res.Lease() != want {
			t.Errorf("the lease of %s runs for %v, want %v", res.Name, res.Lease(), want)
		}
	}
	if got := (Resource{Shortest: time.Second, Longest: 2 * time.Second, Table: true}).Lease(); got != 6*time.Second {
		t.Errorf("an interval of 2s has a lease of %v, want 6s", got)
	}
	off := mustParse(t, strings.Replace(small, "\nrouters:", "\nguard: {kind: none, table: vicar-lease}\nrouters:", 1))
	if off.Guard != (Guard{}) || off.Voters() != nil {
		t.Errorf("a guard that is turned off: %+v", off.Guard)
	}
}

// TestCloudDigest: nodes that move addresses in another way must see it.
func TestCloudDigest(t *testing.T) {
	digests(t, cloudy, true, [][2]string{
		{"aws: {}", "aws: {poll: 30s, release: false, readiness: {interval: 60s, weight: -253}}"},
	})
	digests(t, cloudy, false, [][2]string{
		{"aws: {}", "aws: {poll: 31s}"},
		{"aws: {}", "aws: {region: eu-central-1}"},
		{"aws: {}", "aws: {interfaces: {lb-1: eni-01234567}}"},
		{"aws: {}", "aws: {release: true}"},
		{"aws: {}", "aws: {readiness: {weight: -52}}"},
		{"aws: {}", "aws: {role: arn:aws-cn:iam::123456789012:role/vicar}"},
		{", kernel]", ", {exec: [/bin/move]}]"},
		{", kernel]", ", kernel, {exec: [/bin/move]}]"},
	})
}

// TestRegions: forms of regions that there are.
func TestRegions(t *testing.T) {
	for region, valid := range map[string]bool{
		"eu-central-1": true, "ap-southeast-2": true, "us-gov-west-1": true, "us-iso-east-1": true, "us-isob-east-1": true,
		"cn-northwest-1": true, "eusc-de-east-1": true, "mx-central-1": true,
		"eu-central": false, "EU-CENTRAL-1": false, "eu-central-1b": false, "eu_central_1": false, "us-west-2-lax-1a": false, "1": false,
	} {
		if got := regionRegexp.MatchString(region); got != valid {
			t.Errorf("%s: %v, want %v", region, got, valid)
		}
	}
}
