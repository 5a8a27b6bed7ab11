// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

// patient is a context that waits 2 s.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// read is a value of the metadata.
func (m machine) read(ctx context.Context, path string) (string, error) {
	out, err := m.imds.GetMetadata(ctx, &imds.GetMetadataInput{Path: path})
	if err != nil {
		return "", err
	}
	defer out.Content.Close()
	text, err := io.ReadAll(out.Content)
	return string(text), err
}

func TestMetadata(t *testing.T) {
	w := newWorld(t, Cluster(2, 1))
	m := on(w, 1)
	ok(t, w.MoveAddress(addr(vipA), ClusterInterface(1)))
	ok(t, w.Associate(ClusterEIP(1), ClusterInterface(1), addr(vipA)))
	own := mac(ClusterInterface(1))
	below := "network/interfaces/macs/" + own + "/"
	for path, value := range map[string]string{
		"instance-id": ClusterNode(1), "mac": own, "local-ipv4": "192.0.2.11", "placement/region": "eu-central-1", "placement/availability-zone": "eu-central-1a",
		"network/interfaces/macs/": own + "/", below + "interface-id": ClusterInterface(1), below + "local-ipv4s": "192.0.2.11\n192.0.2.100",
		below + "subnet-id": ClusterSubnet, below + "vpc-id": ClusterVPC, below + "ipv6s": "2001:db8::11", below + "device-number": "0",
		below + "subnet-ipv4-cidr-block": "192.0.2.0/24", below + "vpc-ipv4-cidr-blocks": "192.0.2.0/24", below + "public-ipv4s": "203.0.113.1",
		below + "ipv4-associations/": "203.0.113.1", "iam/security-credentials/": ClusterRole, "events/maintenance/scheduled": "[]",
		"placement": "availability-zone\nregion",
	} {
		if got := metadataOf(t, m, path); got != value {
			t.Errorf("%s: got %q, want %q", path, got, value)
		}
	}
	for _, path := range []string{"spot/instance-action", "web", "network/interfaces/macs/02:00:00:00:00:00/interface-id"} {
		if _, err := m.read(t.Context(), path); status(err) != 404 {
			t.Errorf("%s: got %v", path, err)
		}
	}
	d, err := m.imds.GetInstanceIdentityDocument(t.Context(), nil)
	ok(t, err)
	if d.InstanceID != ClusterNode(1) || d.Region != "eu-central-1" || d.AccountID != "111122223333" || d.PrivateIP != "192.0.2.11" || d.InstanceType != "m5.4xlarge" {
		t.Errorf("got %+v", d)
	}
	if text, err := on(w, 3).read(t.Context(), "iam/security-credentials/"); status(err) != 404 {
		t.Errorf("a machine without a role has %q, %v", text, err)
	}
}

// TestSignals are an interruption of a spot instance, and a maintenance.
func TestSignals(t *testing.T) {
	w := newWorld(t, Cluster(1, 1))
	m := on(w, 1)
	at := time.Date(2026, 11, 23, 8, 22, 0, 0, time.UTC)
	ok(t, w.Interrupt(ClusterNode(1), "stop", at))
	var action struct{ Action, Time string }
	ok(t, json.Unmarshal([]byte(metadataOf(t, m, "spot/instance-action")), &action))
	if action.Action != "stop" || action.Time != "2026-11-23T08:22:00Z" {
		t.Errorf("got %+v", action)
	}
	ok(t, w.Schedule(ClusterNode(1), "system-reboot", at, at.Add(time.Hour)))
	var events []struct{ NotBefore, NotAfter, Code, State, EventID string }
	ok(t, json.Unmarshal([]byte(metadataOf(t, m, "events/maintenance/scheduled")), &events))
	if len(events) != 1 || events[0].Code != "system-reboot" || events[0].NotBefore != "23 Nov 2026 08:22:00 GMT" || events[0].State != "active" {
		t.Errorf("got %+v", events)
	}
	ok(t, w.Interrupt(ClusterNode(1), "", time.Time{}))
	if _, err := m.read(t.Context(), "spot/instance-action"); status(err) != 404 {
		t.Errorf("got %v", err)
	}
}

// TestSessions are the rules of IMDSv2.
func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Cluster(2, 1)
		cfg.Instances[1].OptionalTokens = true
		w := newWorld(t, cfg)
		ask := func(n int, method, path string, headers ...string) (int, string) {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), method, "http://"+IMDSAddress+path, strings.NewReader(""))
			ok(t, err)
			for i := 0; i < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			res, err := w.Transport(ClusterNode(n)).RoundTrip(r)
			ok(t, err)
			body, err := io.ReadAll(res.Body)
			ok(t, err)
			return res.StatusCode, string(body)
		}
		const path, session = "/latest/meta-data/instance-id", "/latest/api/token"
		is := func(doc string, got, want int) {
			t.Helper()
			if got != want {
				t.Errorf("%s: got %d, want %d", doc, got, want)
			}
		}
		got, _ := ask(1, http.MethodGet, path)
		is("without a token", got, 401)
		got, _ = ask(2, http.MethodGet, path)
		is("where tokens are optional", got, 200)
		got, _ = ask(2, http.MethodGet, path, tokenHeader, "x")
		is("not a wrong one", got, 401)
		for _, ttl := range []string{"", "0", "21601", "x"} {
			got, _ = ask(1, http.MethodPut, session, ttlHeader, ttl)
			is("a token for "+ttl+" s", got, 400)
		}
		got, _ = ask(1, http.MethodPut, session, ttlHeader, "60", "X-Forwarded-For", "192.0.2.1")
		is("behind a proxy", got, 403)
		got, token := ask(1, http.MethodPut, session, ttlHeader, "60")
		is("a token", got, 200)
		got, id := ask(1, http.MethodGet, path, tokenHeader, token)
		is("with it", got, 200)
		if id != ClusterNode(1) {
			t.Errorf("got %q", id)
		}
		got, _ = ask(2, http.MethodGet, path, tokenHeader, token)
		is("another machine's", got, 401)
		got, _ = ask(1, http.MethodGet, "/2016-09-02/meta-data/instance-id", tokenHeader, token)
		is("what is not there", got, 404)
		got, _ = ask(1, http.MethodPost, path, tokenHeader, token)
		is("another method", got, 405)
		time.Sleep(time.Minute)
		got, _ = ask(1, http.MethodGet, path, tokenHeader, token)
		is("when its time is over", got, 401)
	})
}

// TestHopLimit: from a container the answer with the token does not arrive, unless
// the limit is 2.
func TestHopLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Cluster(1, 1))
		r, err := http.NewRequestWithContext(patient(t), http.MethodPut, "http://"+IMDSAddress+"/latest/api/token", http.NoBody)
		ok(t, err)
		r.Header.Set(ttlHeader, "60")
		behind := &transport{world: w, metadata: w.IMDSBehind(ClusterNode(1), 2)}
		if _, err := behind.RoundTrip(r); err == nil {
			t.Error("the answer has come")
		}
		ok(t, w.SetHopLimit(ClusterNode(1), 2))
		res, err := behind.RoundTrip(r.Clone(t.Context()))
		if err != nil || res.StatusCode != 200 {
			t.Errorf("got %v, %v", res, err)
		}
	})
}
