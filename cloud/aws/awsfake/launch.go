// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"cmp"
	"fmt"
	"maps"
)

// Launch starts an instance with an interface that is there and that stays when the
// instance ends, as an auto scaling group does by its template. Its id is returned;
// one is made up if i has none.
func (w *World) Launch(i Instance, eni string) (id string, err error) {
	err = w.change(func(s *state) error {
		i.ID = cmp.Or(i.ID, w.newID("i"))
		if err := w.complete(&i); err != nil {
			return err
		}
		if _, ok := w.identity.roles[i.Role]; !ok && i.Role != "" {
			return fmt.Errorf("instance %s: no role %q", i.ID, i.Role)
		}
		slot, ok := s.interfaces[eni]
		if !ok || slot.Instance != "" {
			return fmt.Errorf("instance %s: no interface %q, or it is attached to %q", i.ID, eni, slot.Instance)
		}
		slot.Instance, slot.Device, slot.Kept = i.ID, 0, true
		s.interfaces[eni], s.instances[i.ID] = slot, i
		return nil
	})
	return i.ID, err
}

// AddTable adds a table of DynamoDB, which is empty.
func (w *World) AddTable(t Table) error {
	return w.change(func(s *state) error {
		if _, ok := w.keys[t.Name]; ok {
			return fmt.Errorf("table %q is there already", t.Name)
		}
		w.keys[t.Name], s.items[t.Name] = cmp.Or(t.Key, "id"), map[string]item{}
		return nil
	})
}

// AddRole adds a role, which nobody has yet.
func (w *World) AddRole(r Role) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.identity.roles[r.Name]; ok {
		return fmt.Errorf("role %q is there already", r.Name)
	}
	added, err := newIdentity(&w.region, []Role{r}, nil)
	maps.Copy(w.identity.roles, added.roles)
	return err
}

// Attached is the instance that has an interface.
func (w *World) Attached(eni string) (instance string, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	instance = w.current().interfaces[eni].Instance
	return instance, instance != ""
}
