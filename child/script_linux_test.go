// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// scripts are the beginnings of files and the interpreters that they name.
var scripts = []struct{ head, want string }{
	{"#!/bin/sh\necho\n", "/bin/sh"},
	{"#!/bin/sh", "/bin/sh"},
	{"#! \t/usr/bin/env python3 -u\n", "/usr/bin/env"},
	{"#!/bin/sh\t-e\n", "/bin/sh"},
	{"#!/bin/sh\r\n", "/bin/sh\r"}, // the kernel looks for that too
	{"#!/bin/sh\x00\x00", "/bin/sh"},
	{"#!  \n/bin/sh", ""},
	{"#!", ""},
	{" #!/bin/sh\n", ""},
	{"\x7fELF", ""},
	{"", ""},
}

func TestInterpreter(t *testing.T) {
	for _, s := range scripts {
		if got := interpreter([]byte(s.head)); got != s.want {
			t.Errorf("%q: got %q, want %q", s.head, got, s.want)
		}
	}
}

func FuzzInterpreter(f *testing.F) {
	for _, s := range scripts {
		f.Add([]byte(s.head))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		path := interpreter(head)
		if strings.ContainsAny(path, " \t\n\x00") || path != "" && !strings.HasPrefix(string(head), "#!") {
			t.Errorf("%q: got %q", head, path)
		}
	})
}

// TestSafeInterpreter: a script is as safe as what it names.
func TestSafeInterpreter(t *testing.T) {
	dir := safeDir(t)
	script := filepath.Join(dir, "script")
	inner := filepath.Join(dir, "inner")
	write(t, inner, "#!/bin/sh\n", 0o755)
	write(t, script, "#! "+inner+" -x\n", 0o755)
	if err := checkSafe(script, nil); err != nil {
		t.Errorf("got %v", err)
	}
	refused := func(want error, text string) {
		t.Helper()
		if err := checkSafe(script, nil); !errors.Is(err, want) || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want %v with %s", err, want, text)
		}
	}
	write(t, inner, "", 0o757)
	refused(ErrUnsafe, "the interpreter of "+script+": not run, others could change it: "+inner+" may be written by everybody")
	write(t, inner, "#!"+dir+"/nothing\n", 0o755)
	refused(fs.ErrNotExist, "the interpreter of "+inner+": ")
	write(t, inner, "#!"+script+"\n", 0o755)
	refused(syscall.ELOOP, "")
}

// TestScriptsDepth: as many scripts name one another as the kernel allows.
func TestScriptsDepth(t *testing.T) {
	dir := safeDir(t)
	next := "/bin/true"
	for i := range maxScripts {
		path := filepath.Join(dir, strconv.Itoa(i))
		write(t, path, "#!"+next+"\n", 0o755)
		next = path
		p, err := os.StartProcess(path, []string{path}, &os.ProcAttr{})
		if err == nil {
			_, _ = p.Wait()
		}
		if allowed := !errors.Is(err, syscall.ELOOP); allowed != (checkSafe(path, nil) == nil) {
			t.Errorf("%d scripts: the kernel says %v, checkSafe %v", i+1, err, checkSafe(path, nil))
		}
	}
}

// TestSafeList: an access control list lets others write what belongs to root
// and root's group.
func TestSafeList(t *testing.T) {
	dir := safeDir(t)
	path := filepath.Join(dir, "a", "x")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, path, "", 0o755)
	if err := checkSafe(path, nil); err != nil {
		t.Fatal(err)
	}
	// The form of linux/posix_acl_xattr.h, version 2.
	list := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{
		{0x01, 7, 1<<32 - 1}, // the owner
		{0x02, 7, nobody},    // a user
		{0x04, 5, 1<<32 - 1}, // the group
		{0x10, 7, 1<<32 - 1}, // the mask
		{0x20, 5, 1<<32 - 1}, // others
	} {
		list = binary.LittleEndian.AppendUint16(list, e.tag)
		list = binary.LittleEndian.AppendUint16(list, e.perm)
		list = binary.LittleEndian.AppendUint32(list, e.id)
	}
	if err := unix.Setxattr(filepath.Dir(path), "system.posix_acl_access", list, 0); err != nil {
		t.Skipf("no access control lists here: %v", err)
	}
	want := filepath.Dir(path) + " may be written by the group 0"
	if err := checkSafe(path, nil); !errors.Is(err, ErrUnsafe) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}
