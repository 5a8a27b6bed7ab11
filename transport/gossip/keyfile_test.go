// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vicar-ha/vicar/lab/labtest"
)

func TestLoadKeys(t *testing.T) {
	dir := t.TempDir()
	good := "# keys\n" + GenerateKey() + " # new\n\n  " + hex.EncodeToString(key(7)) + "\n"
	for _, tt := range []struct {
		name, text string
		mode       os.FileMode
		keys       int
		want       string
	}{
		{"good", good, 0o600, 2, ""},
		{"read-only", good, 0o400, 2, ""},
		{"group", good, 0o640, 2, ""},
		{"world", good, 0o644, 0, "chmod 0600"},
		{"group-writes", good, 0o660, 0, "chmod 0600"},
		{"others-execute", good, 0o601, 0, "chmod 0600"},
		{"empty", "# nothing\n", 0o600, 0, ErrNoKeys.Error()},
		{"short", "AAAA\n", 0o600, 0, "line 1 is not a key"},
		{"secret", "\nhunter2\n", 0o600, 0, "line 2 is not a key"},
		{"twice", strings.Repeat(hex.EncodeToString(key(7))+"\n", 2), 0o600, 0, "twice"},
		{"many", strings.Repeat("00", keyBytes) + strings.Repeat("\n"+hex.EncodeToString(key(3)), maxKeys), 0o600, 0, "of at most"},
		{"huge", strings.Repeat("#\n", maxKeyFile), 0o600, 0, "longer"},
	} {
		path := filepath.Join(dir, tt.name)
		labtest.OK(t, os.WriteFile(path, []byte(tt.text), 0o600))
		labtest.OK(t, os.Chmod(path, tt.mode))
		keys, err := LoadKeys(path)
		if len(keys) != tt.keys || (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %d keys, %v", tt.name, len(keys), err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s tells the secret: %v", tt.name, err)
		}
	}
	if _, err := LoadKeys(dir); err == nil {
		t.Error("a directory was taken for a key file")
	}
	if _, err := LoadKeys(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	pipe := filepath.Join(dir, "pipe")
	labtest.OK(t, syscall.Mkfifo(pipe, 0o600))
	if _, err := LoadKeys(pipe); err == nil {
		t.Error("a named pipe was taken for a key file")
	}
}

// info is a file as seen by checkAccess.
type info struct {
	fs.FileInfo
	mode     os.FileMode
	uid, gid uint32
}

func (i info) Mode() os.FileMode { return i.mode }
func (i info) Sys() any          { return &syscall.Stat_t{Uid: i.uid, Gid: i.gid} }

// TestAccess is for an agent of user 990 and group 991.
func TestAccess(t *testing.T) {
	for _, tt := range []struct {
		mode     os.FileMode
		uid, gid uint32
		want     bool
	}{
		{0o600, 990, 991, true},
		{0o600, 990, 100, true},
		{0o640, 990, 991, true},
		{0o640, 0, 991, true},
		{0o440, 0, 991, true},
		{0o640, 0, 100, false}, // everybody's group
		{0o600, 1000, 991, false},
		{0o640, 1000, 991, false},
		{0o660, 0, 991, false},
		{0o644, 0, 991, false},
		{0o604, 990, 991, false},
		{0o602, 990, 991, false},
	} {
		err := checkAccess("keys", info{mode: tt.mode, uid: tt.uid, gid: tt.gid}, 990, 991)
		var access *AccessError
		if (err == nil) != tt.want || err != nil && !errors.As(err, &access) {
			t.Errorf("mode %o, owner %d, group %d: %v", tt.mode, tt.uid, tt.gid, err)
		}
	}
}

// TestKeySteps replaces a key, and wants comments kept and wrong steps refused.
func TestKeySteps(t *testing.T) {
	one, two := hex.EncodeToString(key(1)), hex.EncodeToString(key(2))
	f, err := ParseKeyFile("# of web\n\n" + one + " # made in spring\n# end")
	labtest.OK(t, err)
	added := func(f KeyFile) (KeyFile, error) { return f.AddKey(two) }
	steps := map[Step]func(KeyFile) (KeyFile, error){StepAdd: added, StepPromote: KeyFile.PromoteKey, StepDrop: KeyFile.DropKey}
	for _, want := range []struct {
		step Step
		text string
		keys string
	}{
		{StepAdd, "# of web\n\n" + one + " # made in spring\n" + two + " # next\n# end\n", "12"},
		{StepPromote, "# of web\n\n" + two + "\n" + one + " # old\n# end\n", "21"},
		{StepDrop, "# of web\n\n" + two + "\n# end\n", "2"},
	} {
		if f.Next() != want.step {
			t.Fatalf("next is %d, want %d:\n%s", f.Next(), want.step, f)
		}
		for step, do := range steps {
			if _, err := do(f); step != want.step && !errors.Is(err, ErrStep) {
				t.Errorf("step %d in place of %d: %v", step, want.step, err)
			}
		}
		before := f.String()
		next, err := steps[want.step](f)
		labtest.OK(t, err)
		if f.String() != before {
			t.Errorf("step %d changed what it was called for", want.step)
		}
		var keys string
		for _, k := range next.Keys() {
			keys += string('0' + rune(k[0]))
		}
		if next.String() != want.text || keys != want.keys {
			t.Errorf("after step %d: keys %s\n%s", want.step, keys, next)
		}
		f = next
	}
	if _, err := f.AddKey(two); err == nil {
		t.Error("a key was added that is there")
	}
	if _, err := f.AddKey("hunter2"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("no key: %v", err)
	}
	moved, err := ParseKeyFile(two + " # next\n" + one + "\n")
	labtest.OK(t, err)
	moved, err = moved.PromoteKey()
	if want := two + "\n" + one + " # old\n"; err != nil || moved.String() != want {
		t.Errorf("moved by hand: %v\n%s", err, moved)
	}
}

func TestWriteKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	f, err := NewKeyFile(GenerateKey())
	labtest.OK(t, err)
	wantMode := func(want os.FileMode) {
		t.Helper()
		labtest.OK(t, f.Write(path))
		got, err := os.Stat(path)
		labtest.OK(t, err)
		read, err := ReadKeyFile(path)
		if err != nil || read.String() != f.String() || got.Mode().Perm() != want {
			t.Errorf("mode %o, want %o; %v", got.Mode().Perm(), want, err)
		}
	}
	wantMode(0o600)
	labtest.OK(t, os.Chmod(path, 0o640))
	f, err = f.AddKey(GenerateKey())
	labtest.OK(t, err)
	wantMode(0o640)
	labtest.OK(t, os.Chmod(path, 0o644))
	var access *AccessError
	if _, err := ReadKeyFile(path); !errors.As(err, &access) {
		t.Errorf("mode 644: %v", err)
	}
	wantMode(0o600)
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 1 {
		t.Errorf("left behind: %v, %v", list, err)
	}
	if err := f.Write(filepath.Dir(path)); err == nil {
		t.Error("a directory was replaced")
	}
	if k := key(1); Fingerprint(k) == Fingerprint(key(2)) || len(Fingerprint(k)) != 8 {
		t.Errorf("fingerprint %s", Fingerprint(k))
	}
}

// TestWriteAs gives a new file to another, and leaves the owner of one that is
// there.
func TestWriteAs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	path := filepath.Join(t.TempDir(), "keys")
	f, err := NewKeyFile(GenerateKey())
	labtest.OK(t, err)
	for _, as := range []int{990, 991, -1} {
		labtest.OK(t, f.WriteAs(path, as, as))
		info, err := os.Stat(path)
		labtest.OK(t, err)
		if s := info.Sys().(*syscall.Stat_t); s.Uid != 990 || s.Gid != 990 || info.Mode().Perm() != 0o600 {
			t.Errorf("written as %d: owner %d, group %d, mode %o", as, s.Uid, s.Gid, info.Mode().Perm())
		}
	}
}

func FuzzParseKeyFile(f *testing.F) {
	f.Add("# c\n" + hex.EncodeToString(key(1)))
	f.Add("AAAAAAAAAAAAAAAAAAAAAA==\n")
	f.Add(hex.EncodeToString(key(1)) + " # old\r\n" + hex.EncodeToString(key(2)) + "# next\n")
	f.Fuzz(func(t *testing.T, s string) {
		file, err := ParseKeyFile(s)
		if err != nil {
			return
		}
		if validKeys(file.Keys()) != nil {
			t.Errorf("%q has %d keys", s, len(file.Keys()))
		}
		text := file.String()
		again, err := ParseKeyFile(text)
		if len(text) <= maxKeyFile && (err != nil || again.String() != text || again.Next() != file.Next()) {
			t.Errorf("%q is written as %q, %v", s, text, err)
		}
		for _, step := range []func() (KeyFile, error){file.PromoteKey, file.DropKey} {
			if next, err := step(); err == nil && validKeys(next.Keys()) != nil {
				t.Errorf("%q becomes %q", s, next)
			}
		}
	})
}
