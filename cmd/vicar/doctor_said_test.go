// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/config"
)

// region is a fake of AWS with a cluster's second node in front of it.
type region struct {
	*awsfake.World
	api, imds *httptest.Server
}

func newRegion(t *testing.T, change func(*awsfake.Config)) *region {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	cfg := awsfake.Cluster(2, 2)
	if change != nil {
		change(&cfg)
	}
	w, err := awsfake.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &region{World: w, api: httptest.NewServer(w), imds: httptest.NewServer(w.IMDS(awsfake.ClusterNode(2)))}
	t.Cleanup(func() {
		w.Close()
		for _, s := range []*httptest.Server{r.api, r.imds} {
			s.CloseClientConnections()
			s.Close()
		}
	})
	return r
}

// config is the cluster's.
func (r *region) config(t *testing.T) *config.Config {
	t.Helper()
	return parsed(t, `cluster: web
nodes:
  lb-1: {address: 192.0.2.11, priority: 150}
  lb-2: {address: 192.0.2.12, priority: 100}
transport: {kind: unicast}
peer_link: {keys_file: /etc/vicar/keys}
guard: {kind: quorum, table: `+awsfake.ClusterTable+`}
routers:
  web: {vrid: 51, addresses: [192.0.2.100/24], move: [aws-secondary-ip, aws-eip, kernel]}
  inside: {vrid: 52, addresses: [198.51.100.7/32], move: [aws-route, {exec: [/nonexistent/move]}, kernel]}
aws:
  region: eu-central-1
  endpoints: {ec2: "`+r.api.URL+`", dynamodb: "`+r.api.URL+`", imds: "`+r.imds.URL+`"}
  route_tables: [`+awsfake.ClusterRoutes(1)+`, `+awsfake.ClusterRoutes(2)+`]
  allocations: {192.0.2.100: `+awsfake.ClusterEIP(1)+`}
`)
}

// TestDoctorSays: what doctor says in the hour when it is needed.
func TestDoctorSays(t *testing.T) {
	policy := func(text string) func(*testing.T, *region) {
		return func(t *testing.T, r *region) {
			t.Helper()
			if err := r.SetPolicy(awsfake.ClusterRole, `{"Version": "2012-10-17", "Statement": [`+text+`]}`); err != nil {
				t.Fatal(err)
			}
		}
	}
	fail := func(f awsfake.Fault) func(*testing.T, *region) {
		return func(_ *testing.T, r *region) { r.Inject(f) }
	}
	const all = `{"Effect": "Allow", "Action": "*", "Resource": "*"}`
	for name, c := range map[string]struct {
		change func(*awsfake.Config)
		spoil  func(t *testing.T, r *region)
	}{
		"ready":       {},
		"not-allowed": {spoil: policy("")},
		"denied":      {spoil: policy(all + `, {"Effect": "Deny", "Action": ["ec2:CreateRoute", "ec2:AssociateAddress", "dynamodb:GetItem"], "Resource": "*"}`)},
		"unreachable": {spoil: func(_ *testing.T, r *region) { r.api.Close() }},
		"outage":      {spoil: fail(awsfake.Fault{Service: "ec2", Effect: awsfake.Fail, Status: 503, Code: "InternalError"})},
		"throttled":   {spoil: fail(awsfake.Fault{Service: "ec2", Effect: awsfake.Fail, Status: 503, Code: "RequestLimitExceeded"})},
		"no-role":     {change: func(c *awsfake.Config) { c.Instances[1].Role = "" }},
		"no-table":    {change: func(c *awsfake.Config) { c.Tables = nil }},
		"other-table": {change: func(c *awsfake.Config) { c.Tables[0].Key = "id" }},
		"expired": {spoil: func(t *testing.T, r *region) {
			t.Helper()
			if _, err := diagnose(t.Context(), r.config(t), "lb-2"); err != nil { // it has been given some
				t.Fatal(err)
			}
			r.Expire(awsfake.ClusterNode(2), false)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRegion(t, c.change)
			if err := r.SetCheck(awsfake.ClusterInterface(2), false); err != nil {
				t.Fatal(err)
			}
			if c.spoil != nil {
				c.spoil(t, r)
			}
			cfg := r.config(t)
			found, err := diagnose(t.Context(), cfg, "lb-2")
			if err != nil {
				t.Fatal(err)
			}
			hide := strings.NewReplacer(r.api.URL, "https://ec2.example.com",
				strings.TrimPrefix(r.api.URL, "http://"), "192.0.2.1:443")
			for i := range found {
				f := &found[i]
				f.What, f.Problem, f.Remedy = hide.Replace(f.What), hide.Replace(f.Problem), hide.Replace(f.Remedy)
			}
			golden(t, "doctor-"+name+".txt", renderDoctor(cfg, found, paint(false)))
		})
	}
}
