// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// maxLinks is how many symbolic links a path may go through, as the kernel's.
const maxLinks = 40

// checkSafe makes sure that path can be executed and is changed by nobody but
// root and the trusted users. For a script that goes for its interpreter too.
func checkSafe(path string, trusted []int) error {
	script := "" // of which path is the interpreter
	for range maxScripts {
		file, err := checkPath(path, trusted)
		if err == nil {
			path, err = readInterpreter(file)
		}
		switch {
		case err != nil && script != "":
			return fmt.Errorf("the interpreter of %s: %w", script, err)
		case err != nil || path == "":
			return err
		}
		script = file
	}
	return &fs.PathError{Op: "exec", Path: path, Err: syscall.ELOOP}
}

// checkPath makes sure that path leads to a file that can be executed, which it
// returns, and that nobody but root and the trusted users can put another in
// its place: neither by writing it nor by writing any of the directories on the
// way to it, those that symbolic links lead through included. A symbolic link
// itself can be changed only by who may write its directory.
func checkPath(path string, trusted []int) (file string, err error) {
	todo := elements(path)
	at, links := "/", 0
	for {
		info, err := os.Lstat(at)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			if links++; links > maxLinks {
				return "", &fs.PathError{Op: "stat", Path: path, Err: syscall.ELOOP}
			}
			to, err := os.Readlink(at)
			if err != nil {
				return "", err
			}
			todo = append(elements(to), todo...)
			at = filepath.Dir(at)
			if filepath.IsAbs(to) {
				at = "/"
			}
			continue
		}
		if err := checkOwner(at, info, trusted); err != nil {
			return "", err
		}
		if len(todo) == 0 {
			return at, checkExecutable(at, info)
		}
		if !info.IsDir() {
			return "", &fs.PathError{Op: "stat", Path: at, Err: syscall.ENOTDIR}
		}
		// at has no symbolic link in it, so that .. is what it seems.
		at, todo = filepath.Join(at, todo[0]), todo[1:]
	}
}

// elements are a path's parts, without the empty ones.
func elements(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" || s == "." })
}

// checkOwner makes sure that a file or directory is written by trusted users
// only. The sticky bit of a directory like /tmp does not help: others may put
// there what is not there yet.
func checkOwner(path string, info fs.FileInfo, trusted []int) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%w: the owner of %s can't be known", ErrUnsafe, path)
	}
	uid, gid, mode := int(stat.Uid), int(stat.Gid), info.Mode()
	if uid != 0 && !slices.Contains(trusted, uid) {
		return fmt.Errorf("%w: %s belongs to %s (mode %v): %s", ErrUnsafe, path, owner(uid), mode, safer(path, info, "chown root"))
	}
	// Not even root's group: where there is an access control list, its bits are
	// what anybody in the list may have at most.
	if mode&0o022 == 0 {
		return nil
	}
	who := "the group " + strconv.Itoa(gid)
	if mode&0o002 != 0 {
		who = "everybody"
	}
	return fmt.Errorf("%w: %s may be written by %s (owner %s, mode %v): %s", ErrUnsafe, path, who, owner(uid), mode, safer(path, info, "chmod go-w"))
}

// safer is what to do about a file that others can change. A directory has other
// uses, and users: a closed /tmp breaks the host.
func safer(path string, info fs.FileInfo, command string) string {
	if info.IsDir() {
		return "move the program to a directory that only root can write to, /usr/local/bin for instance"
	}
	return "run " + command + " " + path
}

// owner is a user for people.
func owner(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

func checkExecutable(path string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return fmt.Errorf("%s is a directory", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file (mode %v)", path, info.Mode())
	case info.Mode()&0o111 == 0:
		return fmt.Errorf("%s can't be executed (mode %v): run chmod +x %s", path, info.Mode(), path)
	}
	return nil
}
