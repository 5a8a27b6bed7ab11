// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// entry is a service in the journal: where it may be programmed. Its destinations are not there,
// since they change with each verdict, and a service is removed without
// knowing them.
type entry struct {
	Plane     PlaneKind  `json:"plane"`
	Name      string     `json:"name"`
	Frontends []Frontend `json:"frontends"`
}

// document is the journal's file.
type document struct {
	Version  int     `json:"version"`
	Services []entry `json:"services"`
}

const journalVersion = 1

// journal remembers over the agent's death what may be programmed. A service is in
// it before it is first set and until it is removed. The file is replaced as a
// whole and never synced to the disk: what it tells of is in the kernel, and
// does not survive more than it does.
type journal struct {
	path string
	log  *slog.Logger

	mu      sync.Mutex
	entries map[PlaneKind]map[string][]Frontend
	broken  bool // it could not be written last
}

// openJournal reads the journal. One that can't be read is put aside: it is not worth an
// address.
func openJournal(path string, log *slog.Logger) *journal {
	j := &journal{path: path, log: log, entries: make(map[PlaneKind]map[string][]Frontend)}
	if path == "" {
		return j
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return j
	}
	var entries []entry
	if err == nil {
		entries, err = parseJournal(b)
	}
	if err != nil {
		aside := path + ".broken"
		log.Error("the journal of the pools can't be read: what an agent before has programmed may stay",
			slog.String("path", path), slog.String("moved_to", aside), slog.Any("err", errors.Join(err, os.Rename(path, aside))))
		return j
	}
	for _, e := range entries {
		on := j.entries[e.Plane]
		if on == nil {
			on = make(map[string][]Frontend)
			j.entries[e.Plane] = on
		}
		on[e.Name] = union(on[e.Name], e.Frontends)
	}
	return j
}

// parseJournal checks as much as keeps a plane from being asked for nonsense.
func parseJournal(b []byte) ([]entry, error) {
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, err
	}
	if d.Version != journalVersion {
		return nil, fmt.Errorf("its version is %d, not %d", d.Version, journalVersion)
	}
	for _, e := range d.Services {
		if e.Name == "" || e.Plane == "" || len(e.Frontends) == 0 {
			return nil, errors.New("a service lacks its name, plane or frontends")
		}
		for _, f := range e.Frontends {
			if err := f.check(); err != nil {
				return nil, fmt.Errorf("service %s: %w", e.Name, err)
			}
		}
	}
	return d.Services, nil
}

// on is what the journal has of a plane, by service.
func (j *journal) on(kind PlaneKind) map[string][]Frontend {
	j.mu.Lock()
	defer j.mu.Unlock()
	return maps.Clone(j.entries[kind])
}

// kinds are the planes that the journal has services of.
func (j *journal) kinds() []PlaneKind {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Sorted(maps.Keys(j.entries))
}

// write replaces what the journal has of a plane. Failing to is no reason not to
// serve.
func (j *journal) write(kind PlaneKind, have map[string]*have) {
	if j.path == "" {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	on := make(map[string][]Frontend, len(have))
	for name, h := range have {
		on[name] = h.frontends
	}
	j.entries[kind] = on
	err := j.replace()
	if err != nil && !j.broken {
		j.log.Error("the journal of the pools can't be written: what is programmed stays if this agent dies",
			slog.String("path", j.path), slog.Any("err", err))
	}
	j.broken = err != nil
}

func (j *journal) replace() error {
	d := document{Version: journalVersion, Services: []entry{}}
	for _, kind := range slices.Sorted(maps.Keys(j.entries)) {
		for _, name := range slices.Sorted(maps.Keys(j.entries[kind])) {
			d.Services = append(d.Services, entry{kind, name, j.entries[kind][name]})
		}
	}
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(j.path), "."+filepath.Base(j.path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), j.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
