// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/status"
)

// TestDoctorRegion runs the command on a node of a region: what could not be tried is
// neither good nor wrong, and metadata that are silent are the one thing to mend.
func TestDoctorRegion(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	w, err := awsfake.New(awsfake.Cluster(2, 1))
	if err != nil {
		t.Fatal(err)
	}
	services, metadata := httptest.NewServer(w), httptest.NewServer(w.IMDS(awsfake.ClusterNode(1)))
	t.Cleanup(func() { services.Close(); metadata.Close(); w.Close() })
	file := fileOf(t, fmt.Sprintf(`cluster: web
nodes: {lb-1: {address: 192.0.2.11}, lb-2: {address: 192.0.2.12}}
transport: {kind: unicast}
peer_link: {keys_file: /etc/vicar/keys}
guard: {kind: quorum, table: %s}
routers:
  web: {vrid: 51, interface: eth0, addresses: [192.0.2.100/24], move: [aws-secondary-ip, kernel]}
  inside: {vrid: 52, interface: eth0, addresses: [198.51.100.7/32], move: [aws-route, kernel]}
aws: {route_tables: [%s], endpoints: {ec2: %q, dynamodb: %q, imds: %q}}
`, awsfake.ClusterTable, awsfake.ClusterRoutes(1), services.URL, services.URL, metadata.URL))
	doctor := func(ready bool) (d diagnosis, said string) {
		t.Helper()
		got := vicar(t.Context(), "doctor", "--json", "-c", file, "--node", "lb-1")
		if err := json.Unmarshal([]byte(got.stdout), &d); err != nil || d.Ready != ready || (got.code == exitOK) != ready {
			t.Fatalf("%v, %s", err, got)
		}
		return d, got.stderr
	}
	var untried []string
	d, _ := doctor(true)
	for _, f := range d.Findings {
		if f.Untried {
			untried = append(untried, f.Mover+": "+f.What)
		}
	}
	if want := []string{"aws-secondary-ip: permission ec2:AssignPrivateIpAddresses", "table: permission dynamodb:PutItem"}; !slices.Equal(untried, want) {
		t.Errorf("untried %q, want %q", untried, want)
	}
	w.Inject(awsfake.Fault{Service: "imds", Effect: awsfake.Refuse})
	d, said := doctor(false)
	if n := slices.IndexFunc(d.Findings, func(f status.Finding) bool { return !f.OK && f.What != "the metadata service" }); n >= 0 {
		t.Errorf("with silent metadata it finds %+v", d.Findings[n])
	}
	if !strings.Contains(said, "1 thing to mend") {
		t.Errorf("with silent metadata it says %s", said)
	}
}
