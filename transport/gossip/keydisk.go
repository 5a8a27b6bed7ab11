// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// maxKeyFile bounds what is read.
const maxKeyFile = 16 << 10

// LoadKeys reads the keys that an agent runs with, see KeyFile. The file must be
// owned by root or by this process's user, and nobody else may read or write it
// but this process's group, which may read: who has a key is a member of the
// cluster.
func LoadKeys(path string) ([][]byte, error) {
	f, info, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	if err := checkAccess(path, info, os.Geteuid(), os.Getegid()); err != nil {
		return nil, err
	}
	return f.Keys(), nil
}

// ReadKeyFile reads a key file to change it. That others can read it is refused
// here too; whose group may, only LoadKeys can know.
func ReadKeyFile(path string) (KeyFile, error) {
	f, info, err := readKeyFile(path)
	if err == nil && info.Mode().Perm()&^allowedMode != 0 {
		err = &AccessError{Path: path, Mode: info.Mode().Perm()}
	}
	return f, err
}

// allowedMode is the most that a key file's mode allows.
const allowedMode = 0o640

func readKeyFile(path string) (KeyFile, os.FileInfo, error) {
	// Opening a named pipe must not wait for who writes to it.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return KeyFile{}, nil, fmt.Errorf("opening the key file: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return KeyFile{}, nil, fmt.Errorf("examining the key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return KeyFile{}, nil, fmt.Errorf("the key file %s is not a regular file", path)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err != nil {
		return KeyFile{}, nil, fmt.Errorf("reading the key file: %w", err)
	}
	f, err := ParseKeyFile(string(text))
	if err != nil {
		return KeyFile{}, nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return f, info, nil
}

// checkAccess refuses a file that others can read or change.
func checkAccess(path string, info os.FileInfo, uid, gid int) error {
	mode := info.Mode().Perm()
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("the owner of the key file %s is not known", path)
	}
	owned := s.Uid == 0 || int(s.Uid) == uid
	grouped := mode&0o070 == 0 || int(s.Gid) == gid
	if mode&^allowedMode == 0 && owned && grouped {
		return nil
	}
	return &AccessError{Path: path, Mode: mode, UID: int(s.Uid), GID: int(s.Gid)}
}

// AccessError is a key file that others can read or change.
type AccessError struct {
	Path     string
	Mode     os.FileMode
	UID, GID int // who owns it
}

func (e *AccessError) Error() string {
	return fmt.Sprintf("the key file %s (owner %d, group %d, mode %04o) can be read or changed by others than the agent: "+
		"run chown USER %s and chmod 0600 %s, USER being the agent's user, and make new keys if others may have read it",
		e.Path, e.UID, e.GID, e.Mode, e.Path, e.Path)
}

// Write puts the file in its place at once, with mode 0600. One that is there
// already is replaced, and the new one keeps its owner, its group and, if
// nobody else could read it, its mode.
func (f KeyFile) Write(path string) error { return f.WriteAs(path, -1, -1) }

// WriteAs is Write, and a file that is new is given to a user and a group; -1 is
// this process's.
func (f KeyFile) WriteAs(path string, uid, gid int) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing the key file: %w", err)
	}
	defer func() {
		if err != nil {
			_ = temp.Close()
			_ = os.Remove(temp.Name())
			err = fmt.Errorf("writing the key file %s: %w", path, err)
		}
	}()
	if err := inherit(temp, path, uid, gid); err != nil {
		return err
	}
	if _, err := temp.WriteString(f.String()); err != nil {
		return err
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

// inherit gives a file the owner and mode of the one that it will replace, or if
// there is none to a user and a group.
func inherit(file *os.File, path string, uid, gid int) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return file.Chown(uid, gid)
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("what is there is not a regular file")
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := file.Chown(int(s.Uid), int(s.Gid)); err != nil {
			return err
		}
	}
	if mode := info.Mode().Perm(); mode&^allowedMode == 0 {
		return file.Chmod(mode)
	}
	return nil
}
