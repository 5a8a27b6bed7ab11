// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"cmp"
	"net/http"
	"strconv"
	"time"
)

// IMDSAddress is where machines ask their metadata service.
const IMDSAddress = "169.254.169.254"

// The headers of sessions.
const (
	tokenHeader = "X-Aws-Ec2-Metadata-Token"
	ttlHeader   = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
	longestTTL  = 21600
)

// token is one session with a metadata service.
type token struct {
	instance string
	until    time.Time
}

// IMDS is the metadata service of an instance, as programs on the machine itself see
// it. It knows sessions (IMDSv2), and requests without one where the instance has
// OptionalTokens.
func (w *World) IMDS(instance string) http.Handler { return w.IMDSBehind(instance, 1) }

// IMDSBehind is the metadata service for programs that are some hops away, as in a
// container: 2. The answer with a token does not arrive where that is further than
// the instance's hop limit.
func (w *World) IMDSBehind(instance string, hops int) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		request := w.note(Request{
			Service: "imds", Action: r.URL.Path, Caller: instance, Params: map[string]string{"Method": r.Method},
		})
		fail := func(f failure) reply { return text(f.status, f.code) }
		if r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" && hops > w.hopLimit(instance) {
			w.hold(r.Context())
		}
		w.serve(rw, r, request, func() reply { return w.metadata(instance, r) }, fail)
	})
}

func (w *World) hopLimit(instance string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current().instances[instance].HopLimit
}

// text is an answer of the metadata service.
func text(status int, body string) reply {
	re := reply{status: status, body: []byte(body), headers: map[string]string{"Content-Type": "text/plain", "Server": "EC2ws"}}
	if status != http.StatusOK {
		re.code = strconv.Itoa(status)
	}
	return re
}

// metadata answers as the documentation has it: 400 for what is no request, 401
// without a token that holds, 403 where there is a proxy between, 404 for what is not
// there.
func (w *World) metadata(instance string, r *http.Request) reply {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" {
		return w.newToken(instance, r)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return text(http.StatusMethodNotAllowed, "")
	}
	given := r.Header.Get(tokenHeader)
	t, ok := w.tokens[given]
	valid := ok && t.instance == instance && time.Now().Before(t.until)
	if !valid && (given != "" || !w.current().instances[instance].OptionalTokens) {
		return text(http.StatusUnauthorized, "")
	}
	body, ok := w.leaf(instance, r.URL.Path)
	if !ok {
		return text(http.StatusNotFound, "")
	}
	re := text(http.StatusOK, body)
	if valid {
		re.headers[ttlHeader] = strconv.Itoa(int(time.Until(t.until).Seconds()))
	}
	return re
}

func (w *World) newToken(instance string, r *http.Request) reply {
	if r.Header.Get("X-Forwarded-For") != "" {
		return text(http.StatusForbidden, "")
	}
	ttl, err := strconv.Atoi(r.Header.Get(ttlHeader))
	if err != nil || ttl < 1 || ttl > longestTTL {
		return text(http.StatusBadRequest, "")
	}
	now := time.Now()
	for old, t := range w.tokens {
		if now.After(t.until) {
			delete(w.tokens, old)
		}
	}
	name := w.newID("AQAE")
	w.tokens[name] = token{instance, now.Add(time.Duration(ttl) * time.Second)}
	re := text(http.StatusOK, name)
	re.headers[ttlHeader] = strconv.Itoa(ttl)
	return re
}

// leaf is what is at a path: a value, or the list of what is below.
func (w *World) leaf(instance, path string) (string, bool) {
	s := w.reflected()
	i, ok := s.instances[instance]
	if !ok {
		return "", false
	}
	if path == "/latest/dynamic/instance-identity/document" {
		return w.document(s, i), true
	}
	const root = "/latest/meta-data/"
	if len(path) < len(root) || path[:len(root)] != root {
		return "", false
	}
	return w.categories(s, i).at(path[len(root):])
}

// document is the instance identity document.
func (w *World) document(s *state, i Instance) string {
	zone, private := "", ""
	if is := s.attached(i.ID); len(is) > 0 {
		zone, private = w.subnets[is[0].Subnet].Zone, is[0].Primary.String()
	}
	return jsonText(map[string]any{
		"accountId": w.account, "architecture": "x86_64", "availabilityZone": zone, "billingProducts": nil, "devpayProductCodes": nil,
		"marketplaceProductCodes": nil, "imageId": "ami-0000000000000000a", "instanceId": i.ID, "instanceType": i.Type, "kernelId": nil,
		"pendingTime": w.history[0].at.UTC().Format(time.RFC3339), "privateIp": private, "ramdiskId": nil, "region": w.name, "version": "2017-09-30",
	})
}

// security is what iam/security-credentials/ROLE shows.
func (w *World) security(c *keyPair) string {
	return jsonText(map[string]string{
		"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": c.made.UTC().Format(time.RFC3339), "AccessKeyId": c.key, "SecretAccessKey": c.secret,
		"Token": c.token, "Expiration": c.expires.UTC().Format(time.RFC3339),
	})
}

// signals are what the cloud announces to an instance.
type signals struct {
	action       string
	interruption time.Time
	maintenance  string
	from, until  time.Time
}

// spot is what spot/instance-action shows.
func (g signals) spot() string {
	return jsonText(map[string]string{"action": cmp.Or(g.action, "terminate"), "time": g.interruption.UTC().Format(time.RFC3339)})
}

// scheduled is what events/maintenance/scheduled shows: a list, empty mostly.
func (g signals) scheduled() string {
	if g.from.IsZero() {
		return "[]"
	}
	const form = "2 Jan 2006 15:04:05 GMT"
	return jsonText([]map[string]string{{
		"NotBefore": g.from.UTC().Format(form), "NotAfter": g.until.UTC().Format(form), "Code": g.maintenance, "Description": "scheduled maintenance",
		"EventId": "instance-event-0000000000000000a", "State": "active",
	}})
}
