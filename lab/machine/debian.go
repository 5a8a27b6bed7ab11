// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vicar-ha/vicar/lab/labtest"
)

const suite = "bookworm" // Debian 12

// packages are what a machine has beside the essential ones. One root for all
// tests is made once; more packages for one test would be one more root.
var packages = []string{
	"ca-certificates", "curl", "dbus", "iproute2", "iputils-ping", "procps", "rpm", "systemd", "systemd-sysv",
}

// Debian is the directory of a root of Debian 12 with systemd, for Boot and for
// reading. The first test that wants one makes it with debootstrap, which takes
// a minute and the distribution's mirror; it is kept in the user's cache
// directory (vicar-lab), for all tests of all packages, and may be deleted.
func Debian(t testing.TB) string {
	t.Helper()
	needRoot(t)
	labtest.Need(t, "debootstrap", "nsenter", "unshare", "pivot_root", "setpriv")
	cache, err := os.UserCacheDir()
	if err != nil { // no $HOME
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "vicar-lab")
	labtest.OK(t, os.MkdirAll(cache, 0o755))
	key := fnv.New32a()
	fmt.Fprint(key, suite, packages)
	root := filepath.Join(cache, fmt.Sprintf("%s-%08x", suite, key.Sum32()))

	// Tests of other packages run at the same time.
	lock, err := os.OpenFile(root+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	labtest.OK(t, err)
	defer lock.Close()
	labtest.OK(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	if _, err := os.Stat(root); err != nil {
		labtest.OK(t, bootstrap(t, root))
	}
	return root
}

// bootstrap makes the root beside its place and puts it there when it is whole.
func bootstrap(t testing.TB, root string) error {
	t.Helper()
	dir := root + ".new"
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing a root that was not finished: %w", err)
	}
	args := []string{"--variant=minbase", "--include=" + strings.Join(packages, ","), suite, dir}
	if m := mirror(t); m != "" {
		args = append(args, m)
	}
	out, err := exec.CommandContext(t.Context(), "debootstrap", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("debootstrap %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	// No network leads out: what looks for updates would fail, and take time.
	for _, unit := range []string{"apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer"} {
		if err := os.Symlink("/dev/null", filepath.Join(dir, "etc/systemd/system", unit)); err != nil {
			return fmt.Errorf("masking a timer: %w", err)
		}
	}
	archives, err := filepath.Glob(filepath.Join(dir, "var/cache/apt/archives/*.deb"))
	if err != nil {
		return fmt.Errorf("looking for archives: %w", err)
	}
	for _, name := range archives {
		if err := os.Remove(name); err != nil {
			return fmt.Errorf("removing an archive: %w", err)
		}
	}
	if err := os.Rename(dir, root); err != nil {
		return fmt.Errorf("putting the root in its place: %w", err)
	}
	return nil
}

// mirror is where this machine gets its own packages if it has Debian 12 too,
// and otherwise empty: debootstrap's default.
func mirror(t testing.TB) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "apt-get", "indextargets", "--format", "$(CREATED_BY) $(CODENAME) $(COMPONENT) $(SITE)").Output()
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(out)) {
		if site, ok := strings.CutPrefix(line, "Packages "+suite+" main "); ok {
			return strings.TrimSpace(site)
		}
	}
	return ""
}

// needRoot skips the test without root: namespaces of a user don't do for a
// machine with users of its own.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to boot a machine")
	}
}
