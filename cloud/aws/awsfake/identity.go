// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// sessionTime is how long an instance's credentials last, renewAhead how long before
// their end the metadata service shows new ones.
const (
	sessionTime = 6 * time.Hour
	renewAhead  = 15 * time.Minute
)

// identity is who there is, and which keys are theirs.
type identity struct {
	roles map[string]*role
	users map[string]*user
	keys  map[string]*keyPair // by access key
	// current are the credentials that an instance is shown.
	current map[string]*keyPair
	life    time.Duration // of the credentials of instances; sessionTime if 0
}

type role struct {
	Role
	policy *policy
}

type user struct {
	User
	policy *policy
}

// keyPair is a pair of keys, and whose it is.
type keyPair struct {
	key, secret, token string
	made, expires      time.Time // expires is zero for a user's

	account, arn, id string
	name             string // of the role or user
	caller           string // the instance at the beginning of the chain, or the user
}

func newIdentity(r *region, roles []Role, users []User) (identity, error) {
	i := identity{
		roles: map[string]*role{}, users: map[string]*user{}, keys: map[string]*keyPair{}, current: map[string]*keyPair{},
	}
	for _, given := range roles {
		p, err := parsePolicy(given.Policy)
		if err != nil {
			return i, fmt.Errorf("role %s: %w", given.Name, err)
		}
		given.Account = cmp.Or(given.Account, r.account)
		i.roles[given.Name] = &role{given, p}
	}
	for _, given := range users {
		p, err := parsePolicy(given.Policy)
		if err != nil {
			return i, fmt.Errorf("user %s: %w", given.Name, err)
		}
		given.Account = cmp.Or(given.Account, r.account)
		i.users[given.Name] = &user{given, p}
		i.keys[given.Key] = &keyPair{
			key: given.Key, secret: given.Secret, account: given.Account, name: given.Name, caller: given.Name,
			arn: "arn:aws:iam::" + given.Account + ":user/" + given.Name, id: "AIDA" + given.Name,
		}
	}
	return i, nil
}

// arn is a role's.
func (r *role) arn() string { return "arn:aws:iam::" + r.Account + ":role/" + r.Name }

// policies are those of whose credentials they are, as they stand now.
func (i *identity) policies(c *keyPair) []*policy {
	if c.token != "" {
		if r, ok := i.roles[c.name]; ok {
			return []*policy{r.policy}
		}
		return nil
	}
	return []*policy{i.users[c.name].policy}
}

// session makes credentials of a role.
func (w *World) session(r *role, name, caller string, life time.Duration) *keyPair {
	letters := func(n int) string {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[w.rng.IntN(len(alphabet))]
		}
		return string(b)
	}
	now := time.Now()
	c := &keyPair{
		key: "ASIA" + letters(16), secret: letters(40), token: letters(200), made: now, expires: now.Add(life),
		account: r.Account, name: r.Name, caller: caller, id: "AROA" + r.Name + ":" + name,
		arn: "arn:aws:sts::" + r.Account + ":assumed-role/" + r.Name + "/" + name,
	}
	w.identity.keys[c.key] = c
	return c
}

// profile are the credentials that an instance's metadata show: new ones in time
// before the former end.
func (w *World) profile(instance string, r *role) *keyPair {
	life := cmp.Or(w.identity.life, sessionTime)
	c := w.identity.current[instance]
	if c == nil || c.name != r.Name || time.Until(c.expires) < min(renewAhead, life/2) {
		c = w.session(r, instance, instance, life)
		w.identity.current[instance] = c
	}
	return c
}

// SetCredentialLife sets how long the credentials last that instances get from here
// on; 6 hours if it is 0.
func (w *World) SetCredentialLife(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.identity.life = d
	clear(w.identity.current)
}

// Expire ends all credentials that an instance has been given, and those that were
// made from them; the metadata service shows new ones only when renewed is set.
func (w *World) Expire(instance string, renewed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	past := time.Now().Add(-time.Second)
	for _, c := range w.identity.keys {
		if c.caller == instance && !c.expires.IsZero() {
			c.expires = past
		}
	}
	if renewed {
		delete(w.identity.current, instance)
	} else if c := w.identity.current[instance]; c != nil {
		// The service still hands out what has ended, as it does when it fails.
		stale := *c
		stale.made, stale.expires = past, past.Add(renewAhead+time.Hour)
		w.identity.current[instance] = &stale
	}
}

// SetPolicy replaces the policy of a role or user.
func (w *World) SetPolicy(name, text string) error {
	p, err := parsePolicy(text)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r, isRole := w.identity.roles[name]
	u, isUser := w.identity.users[name]
	switch {
	case isRole:
		r.policy = p
	case isUser:
		u.policy = p
	default:
		return fmt.Errorf("no role or user %q", name)
	}
	return nil
}

// trusts tells whether a role may be assumed by who has these credentials.
func (r *role) trusts(c *keyPair) bool { return slices.Contains(r.Trust, c.name) }
