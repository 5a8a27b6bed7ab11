#!/bin/sh
# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0
#
# The first process of the guest. It lies in the one directory of the host's that
# the guest may write to, beside what Run has put there:
#   mounts   directories below /tmp and /run that are seen as on the host
#   modules  modules to load
#   program  a shell script that becomes the program
#   lib      modules, where modprobe looks for them
# The program's output goes to tty1, between a line that says it has begun and one
# that says it has ended; `status` gets its exit status. The rest, the kernel's own
# messages too, is the console.
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
dir=${0%/*}
mounts=$(cat "$dir/mounts")

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=0755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir -p /dev/pts /dev/shm
mount -t devpts -o ptmxmode=0666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
[ ! -d /sys/fs/bpf ] || mount -t bpf bpf /sys/fs/bpf
[ ! -d /sys/fs/cgroup ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup

# The root is read-only, and a second mount of the same file system is not.
IFS='
'
for seen in $mounts; do
  mkdir -p "$seen"
  mount -t hostfs -o "ro,$seen" hostfs "$seen"
done
mkdir -p "$dir"
mount -t hostfs -o "$dir" hostfs "$dir"

# What is not loaded now the kernel loads when it is asked for.
printf '#!/bin/sh\nexec modprobe -d "%s" "$@"\n' "$dir" >"$dir/modprobe"
chmod +x "$dir/modprobe"
echo "$dir/modprobe" >/proc/sys/kernel/modprobe
# shellcheck disable=SC2046 # a list
modprobe -d "$dir" -a $(cat "$dir/modules")
ip link set lo up
hostname guest
ulimit -n 65536 # 4096 otherwise

stty -F /dev/tty1 -opost -echo
echo "vicar guest: begin" >/dev/tty1
status=0
sh "$dir/program" </dev/null >/dev/tty1 2>&1 || status=$?
echo "$status" >"$dir/status"
echo "vicar guest: end" >/dev/tty1
stty -F /dev/tty1 opost # waits until all is written
echo o >/proc/sysrq-trigger
exec tail -f /dev/null # without its first process a kernel panics
