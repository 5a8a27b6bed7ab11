// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
)

// region is a region in which the whole module can be applied, by the real provider.
// What a failover writes, and what it is written to, is awsfake's: interfaces, routes,
// Elastic IPs, reservations, instances, the items of tables. The rest the region
// keeps itself, as it was made, and shows again: security groups, launch templates,
// auto scaling groups (which launch their instance at once), endpoints, roles, and
// tables. Nothing is deleted. An action that neither knows is an error, and noted.
type region struct {
	*awsfake.World

	url string

	mu      sync.Mutex
	serial  int
	unknown []string

	groups    map[string]url.Values // what they were made with, by id
	rules     map[string]rule
	templates map[string]url.Values
	endpoints map[string]url.Values
	roles     map[string]url.Values // by name
	inline    map[string]url.Values // by role and policy
	attached  map[string][]string   // ARNs, by role
	profiles  map[string]url.Values
	members   map[string]string // the profiles' roles
	scaling   map[string]*scaling
	servers   map[string]*server // by instance
	tables    map[string]map[string]any
}

// The administrator who runs Terraform.
const (
	adminKey    = "AKIAVICARTERRAFORM00"
	adminSecret = "terraform+secret"
	account     = "111122223333"
)

// newRegion serves a region with what the configuration has.
func newRegion(t *testing.T, cfg awsfake.Config) *region {
	t.Helper()
	cfg.Account = account
	cfg.Users = append(cfg.Users, awsfake.User{
		Name: "terraform", Key: adminKey, Secret: adminSecret,
		Policy: `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`,
	})
	w, err := awsfake.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &region{
		World: w, groups: map[string]url.Values{}, rules: map[string]rule{}, templates: map[string]url.Values{}, endpoints: map[string]url.Values{},
		roles: map[string]url.Values{}, inline: map[string]url.Values{}, attached: map[string][]string{}, profiles: map[string]url.Values{},
		members: map[string]string{}, scaling: map[string]*scaling{}, servers: map[string]*server{}, tables: map[string]map[string]any{},
	}
	s := httptest.NewServer(r)
	r.url = s.URL
	t.Cleanup(func() {
		w.Close()
		s.Close()
		if err := w.Check(); err != nil {
			t.Error(err)
		}
		if len(r.unknown) > 0 {
			t.Errorf("the region was asked what it does not know: %v", r.unknown)
		}
	})
	return r
}

// ask is a request of one of the Query services, by whose names its parameters go.
type ask struct {
	url.Values
}

// does answers an action: with what is in the answer, or with an error of AWS.
type does func(*region, ask) (string, error)

// fault is an error of AWS.
type fault struct{ code, message string }

func (f fault) Error() string { return f.code + ": " + f.message }

// actions are those of a Query service that the region answers itself.
func actions(service string) map[string]does {
	switch service {
	case "ec2":
		all := networkActions()
		maps.Copy(all, templateActions())
		maps.Copy(all, instanceActions())
		return all
	case "iam":
		return iamActions()
	case "autoscaling":
		return scalingActions()
	}
	return nil
}

// ServeHTTP answers what the region keeps, and hands on the rest.
func (r *region) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	q.Body = io.NopCloser(bytes.NewReader(body))
	service := ""
	if scope := strings.Split(q.Header.Get("Authorization"), "/"); len(scope) > 3 {
		service = scope[3]
	}
	if service == "dynamodb" {
		r.dynamodb(w, q, body)
		return
	}
	form, _ := url.ParseQuery(string(body)) // JSON has no action
	action := form.Get("Action")
	do, own := actions(service)[action]
	switch {
	case own:
		r.mu.Lock()
		inner, err := do(r, ask{form})
		r.mu.Unlock()
		query(w, service, action, inner, err)
	case service == "iam" || service == "autoscaling":
		r.dunno(service + " " + string(body))
		query(w, service, action, "", fault{"InvalidAction", "Could not find operation " + action})
	default:
		rec := httptest.NewRecorder()
		r.World.ServeHTTP(rec, q)
		if strings.Contains(rec.Body.String(), "<Code>InvalidAction<") || strings.Contains(rec.Body.String(), "<Code>UnknownParameter<") {
			r.dunno(service + " " + string(body))
		}
		text := rec.Body.String()
		if action == "DescribeInstances" {
			text = r.more(text)
		}
		maps.Copy(w.Header(), rec.Header())
		w.WriteHeader(rec.Code)
		_, _ = io.WriteString(w, text) // a client that has gone needs no answer
	}
}

func (r *region) dunno(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unknown = append(r.unknown, what)
}

// query writes an answer in the form of its service.
func query(w http.ResponseWriter, service, action, inner string, err error) {
	const id = "00000000-0000-4000-8000-000000000000"
	w.Header().Set("Content-Type", "text/xml")
	if err != nil {
		f, ok := err.(fault) //nolint:errorlint // it is never wrapped
		if !ok {
			f = fault{"InternalError", err.Error()}
		}
		w.WriteHeader(http.StatusBadRequest)
		if service == "ec2" {
			fmt.Fprint(w, in("Response", in("Errors", in("Error", is("Code", f.code), is("Message", f.message))), is("RequestID", id)))
			return
		}
		fmt.Fprint(w, in("ErrorResponse", in("Error", is("Type", "Sender"), is("Code", f.code), is("Message", f.message)), is("RequestId", id)))
		return
	}
	if service == "ec2" {
		fmt.Fprint(w, in(action+"Response", is("requestId", id), inner))
		return
	}
	fmt.Fprint(w, in(action+"Response", in(action+"Result", inner), in("ResponseMetadata", is("RequestId", id))))
}

// is is an element with text, in one with others. An element without text is none.
func is(name, text string) string {
	if text == "" {
		return ""
	}
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes all
	return in(name, b.String())
}

func in(name string, inner ...string) string {
	return "<" + name + ">" + strings.Join(inner, "") + "</" + name + ">"
}

// id is a new one.
func (r *region) id(kind string) string {
	r.serial++
	return fmt.Sprintf("%s-%017x", kind, 0xa00000+r.serial)
}

// list are the values of name.1, name.2 ...
func (a ask) list(name string) []string {
	var all []string
	for n := 1; a.Has(fmt.Sprintf("%s.%d", name, n)); n++ {
		all = append(all, a.Get(fmt.Sprintf("%s.%d", name, n)))
	}
	return all
}

// wanted are the ids that a describe is to show: those that it names or filters
// for, or all.
func (a ask) wanted(name string, all []string) []string {
	if ids := a.list(name); len(ids) > 0 {
		return ids
	}
	for n := 1; a.Has(fmt.Sprintf("Filter.%d.Name", n)); n++ {
		// ids are the one thing that is filtered for
		return a.list(fmt.Sprintf("Filter.%d.Value", n))
	}
	return all
}

// tags are the tags that a request gives to what it makes.
func (a ask) tags(prefix string) string {
	pairs := map[string]string{}
	for n := 1; a.Has(fmt.Sprintf("%s.%d.Key", prefix, n)); n++ {
		pairs[a.Get(fmt.Sprintf("%s.%d.Key", prefix, n))] = a.Get(fmt.Sprintf("%s.%d.Value", prefix, n))
	}
	var items []string
	for _, k := range slices.Sorted(maps.Keys(pairs)) {
		items = append(items, in("item", is("key", k), is("value", pairs[k])))
	}
	return in("tagSet", items...)
}

// sorted are the keys of a map.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
