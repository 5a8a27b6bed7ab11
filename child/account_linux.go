// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// account is who a program runs as.
type account struct {
	uid, gid int
	groups   []int
	home     string
	switches bool // from the agent's own
}

// lookUp finds the account of a name, or the agent's own.
func lookUp(name string) (account, error) {
	self := account{uid: os.Geteuid(), gid: os.Getegid(), home: "/"}
	if name == "" {
		if u, err := user.LookupId(strconv.Itoa(self.uid)); err == nil {
			self.home = u.HomeDir
		}
		return self, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return account{}, fmt.Errorf("finding the user: %w", err)
	}
	uid, uerr := strconv.Atoi(u.Uid)
	gid, gerr := strconv.Atoi(u.Gid)
	if err := errors.Join(uerr, gerr); err != nil {
		return account{}, fmt.Errorf("finding the user %s: %w", name, err)
	}
	if uid == self.uid {
		self.home = u.HomeDir
		return self, nil
	}
	if self.uid != 0 {
		return account{}, fmt.Errorf("running it as user %s: vicar must be root for that and is %s", name, owner(self.uid))
	}
	a := account{uid: uid, gid: gid, home: u.HomeDir, switches: true}
	ids, err := u.GroupIds()
	if err != nil {
		return account{}, fmt.Errorf("finding the groups of user %s: %w", name, err)
	}
	for _, id := range ids {
		g, err := strconv.Atoi(id)
		if err != nil {
			return account{}, fmt.Errorf("finding the groups of user %s: %w", name, err)
		}
		a.groups = append(a.groups, g)
	}
	return a, nil
}
