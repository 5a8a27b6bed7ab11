// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package deb

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/machine"
)

const alone = `cluster: web
nodes:
  edge: {address: 192.0.2.20}
routers:
  web: {vrid: 51, interface: eth0, advert_interval: 100ms, addresses: [192.0.2.100/24]}
`

var vip = netip.MustParseAddr("192.0.2.100")

// debian is a machine with the package, the older one, and its host.
func debian(t *testing.T, deb string) *machine.Machine {
	t.Helper()
	root := machine.Debian(t)
	m := machine.Boot(t, labtest.Host(t, labtest.New(t), "edge", "192.0.2.20/24"), root)
	m.Copy(older(t, deb), "/tmp/old.deb")
	m.Copy(deb, "/tmp/new.deb")
	return m
}

// holds waits for the address on the machine.
func holds(t *testing.T, m *machine.Machine, yes bool) {
	t.Helper()
	labtest.Eventually(t, 20*time.Second, "address on "+m.Host.Name, func() bool {
		has, err := m.Host.Has(vip)
		return err == nil && has == yes
	})
}

// TestLife is that of the package on a machine: installed, configured, upgraded,
// removed, purged.
func TestLife(t *testing.T) {
	m := debian(t, made(t, "*.deb"))

	has(t, m, "dpkg -i /tmp/old.deb 2>&1", "has not been started", "vicar check", "systemctl enable --now vicar")
	want(t, m, "stat -c '%A %U %G %n' /etc/vicar /etc/vicar/vicar.yaml /usr/bin/vicar", `drwxr-xr-x root root /etc/vicar
-rw-r----- root vicar /etc/vicar/vicar.yaml
-rwxr-xr-x root root /usr/bin/vicar`)
	has(t, m, "getent passwd vicar", ":virtual IP address agent:/:", "nologin")
	want(t, m, "systemctl is-active vicar || :; systemctl is-enabled vicar || :", "inactive\ndisabled")
	want(t, m, "systemd-analyze verify --man=no vicar.service", "")
	want(t, m, "dpkg --verify vicar", "")
	has(t, m, "vicar check", "proof: no problem")
	// The addresses of the file that comes along are nobody's.
	has(t, m, "systemctl start vicar 2>&1 || :; systemctl show -p Result,ExecMainStatus vicar", "Result=exit-code", "ExecMainStatus=1")

	m.Write("/etc/vicar/vicar.yaml", 0o640, alone)
	m.Run("systemctl stop vicar; systemctl enable --now vicar")
	holds(t, m, true)

	balances(t, m)

	pid := m.Run("systemctl show -p MainPID --value vicar")
	m.Run("dpkg -i --force-confold /tmp/new.deb")
	if now := m.Run("systemctl show -p MainPID --value vicar"); now == pid {
		t.Errorf("the agent has not been restarted: %s", now)
	}
	want(t, m, "stat -c '%A %U %G' /etc/vicar/vicar.yaml", "-rw-r----- root vicar")
	want(t, m, "readlink /proc/$(systemctl show -p MainPID --value vicar)/exe", "/usr/bin/vicar")
	want(t, m, "systemctl is-active vicar; systemctl is-enabled vicar; dpkg-query -W -f '${Version}' vicar", "active\nenabled\n"+version+"-1")
	holds(t, m, true)

	m.Run("vicar keygen; dpkg -r vicar")
	holds(t, m, false)
	want(t, m, "systemctl is-active vicar || :; dpkg-query -W -f '${Status}' vicar", "inactive\ndeinstall ok config-files")
	gone(t, m, "/usr/bin/vicar", "/usr/lib/systemd/system/vicar.service", "/run/vicar")
	want(t, m, "cat /etc/vicar/vicar.yaml", alone)

	// Again: it is as it was configured, and starts when told to.
	m.Run("dpkg -i --force-confold /tmp/new.deb; vicar check; systemctl start vicar")
	holds(t, m, true)
	m.Run("dpkg -P vicar")
	holds(t, m, false)
	gone(t, m, "/etc/vicar", "/var/lib/vicar", "/run/vicar", "/usr/share/doc/vicar", "/usr/share/vicar", "/etc/systemd/system/multi-user.target.wants/vicar.service")
	has(t, m, "getent passwd vicar", "vicar:") // files of its may be elsewhere
	want(t, m, "systemctl --failed --no-legend", "")
}

// pooled is a pool to add to alone.
const pooled = `pools:
  web: {listen: 192.0.2.100:80, plane: nftables, with: web, servers: [192.0.2.20:8080]}
`

// balances reloads with a pool, and wants it in the kernel: the unit lets the agent
// program nftables, and write the settings of the network, as IPVS needs it, but no
// others. The programs that it starts, which have no capability, can't.
func balances(t *testing.T, m *machine.Machine) {
	t.Helper()
	m.Write("/etc/vicar/vicar.yaml", 0o640, alone+pooled)
	m.Run("chgrp vicar /etc/vicar/vicar.yaml; systemctl reload vicar")
	labtest.Eventually(t, 20*time.Second, "pool in the kernel of "+m.Host.Name, func() bool {
		out, err := m.Try("vicar pool")
		return err == nil && slices.Contains(strings.Fields(out), "yes")
	})
	as := func(caps, file string) string {
		return "setting=" + file + "; nsenter --target $(systemctl show -p MainPID --value vicar) --mount setpriv --reuid vicar --regid vicar --clear-groups " +
			"--inh-caps -all" + caps + " --ambient-caps -all" + caps + " --bounding-set -all" + caps + " sh -c \"cat $setting > /tmp/value; cat /tmp/value > $setting && echo written\" 2>&1 || :"
	}
	const ours, others = "/proc/sys/net/ipv4/conf/all/log_martians", "/proc/sys/kernel/printk"
	want(t, m, as(",+net_admin", ours), "written")
	has(t, m, as(",+net_admin", others), "Read-only file system")
	has(t, m, as("", ours), "Permission denied")
	m.Write("/etc/vicar/vicar.yaml", 0o640, alone)
	m.Run("chgrp vicar /etc/vicar/vicar.yaml; systemctl reload vicar")
	has(t, m, "vicar pool", "no pools")
}

// TestRefusedFile: an upgrade to a version that would not start with the file
// leaves the agent of the version before alone.
func TestRefusedFile(t *testing.T) {
	m := debian(t, made(t, "*.deb"))
	m.Run("dpkg -i /tmp/old.deb")
	m.Write("/etc/vicar/vicar.yaml", 0o640, alone)
	m.Run("systemctl start vicar")
	holds(t, m, true)
	pid := m.Run("systemctl show -p MainPID --value vicar")
	m.Write("/etc/vicar/vicar.yaml", 0o640, strings.Replace(alone, "vrid", "verid", 1))
	has(t, m, "dpkg -i --force-confold /tmp/new.deb 2>&1", "does not accept /etc/vicar/vicar.yaml")
	if now := m.Run("systemctl show -p MainPID --value vicar; dpkg-query -W -f '${Status}' vicar"); now != pid+"install ok installed" {
		t.Errorf("the agent was %s, and is now %s", pid, now)
	}
	holds(t, m, true)
}

// TestChroot: where systemd doesn't run nothing is started or stopped, and what
// runs outside is left alone.
func TestChroot(t *testing.T) {
	m := debian(t, made(t, "*.deb"))
	m.Run("dpkg -i /tmp/new.deb")
	m.Write("/etc/vicar/vicar.yaml", 0o640, alone)
	m.Run("systemctl start vicar")
	holds(t, m, true)

	// In it no systemd-sysusers either.
	m.Run(`mkdir /mnt/lower /mnt/chroot; mount -t tmpfs tmpfs /mnt/lower; mkdir /mnt/lower/up /mnt/lower/work
mount --bind / /mnt/chroot; mkdir /tmp/root; cp -a /mnt/chroot/bin /mnt/chroot/sbin /mnt/chroot/lib /mnt/chroot/lib64 /mnt/chroot/usr /mnt/chroot/etc /mnt/chroot/var /tmp/root/; umount /mnt/chroot
mkdir /tmp/root/run /tmp/root/tmp /tmp/root/dev; touch /tmp/root/dev/null; cp /tmp/*.deb /tmp/root/tmp/`)
	in := func(script string) string { return "chroot /tmp/root sh -ec '" + script + "'" }
	m.Run(in("dpkg -P vicar; userdel vicar; rm /usr/bin/systemd-sysusers"))
	m.Run(in("dpkg -i /tmp/old.deb"))
	want(t, m, in("stat -c \"%A %U %G\" /etc/vicar/vicar.yaml; id -un vicar; id -gn vicar"), "-rw-r----- root vicar\nvicar\nvicar")
	m.Run(in("dpkg -i /tmp/new.deb; dpkg -r vicar; dpkg -i /tmp/new.deb; dpkg -P vicar"))
	gone(t, m, "/tmp/root/etc/vicar", "/tmp/root/usr/bin/vicar")

	want(t, m, "systemctl is-active vicar", "active")
	holds(t, m, true)
}

// TestRPM: the .rpm on the same system, with rpm's own order of scripts.
func TestRPM(t *testing.T) {
	rpm := made(t, "*.rpm")
	m := machine.Boot(t, labtest.Host(t, labtest.New(t), "edge", "192.0.2.20/24"), machine.Debian(t))
	m.Copy(rpm, "/tmp/vicar.rpm")
	// What it needs is there as Debian's packages.
	const install = "rpm --nodeps "
	m.Run(install + "-i /tmp/vicar.rpm")
	want(t, m, "stat -c '%A %U %G %n' /etc/vicar/vicar.yaml /usr/bin/vicar", "-rw-r----- root vicar /etc/vicar/vicar.yaml\n-rwxr-xr-x root root /usr/bin/vicar")
	want(t, m, "systemctl is-active vicar || :; systemctl is-enabled vicar || :; rpm -V --nodeps vicar", "inactive\ndisabled")

	m.Write("/etc/vicar/vicar.yaml", 0o640, alone)
	m.Run("systemctl enable --now vicar")
	holds(t, m, true)
	pid := m.Run("systemctl show -p MainPID --value vicar")
	m.Run(install + "-U --replacepkgs /tmp/vicar.rpm") // as an upgrade, but for the version
	if now := m.Run("systemctl show -p MainPID --value vicar"); now == pid {
		t.Errorf("the agent has not been restarted: %s", now)
	}
	want(t, m, "cat /etc/vicar/vicar.yaml", alone)
	holds(t, m, true)

	m.Run(install + "-e vicar")
	holds(t, m, false)
	gone(t, m, "/usr/bin/vicar", "/run/vicar", "/etc/systemd/system/multi-user.target.wants/vicar.service")
}
