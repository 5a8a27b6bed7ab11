#!/bin/sh
# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0
#
# Boots the Debian root ROOT as the machine NAME in the network namespace that it
# is started in, with a mount namespace of its own:
#   boot.sh mounts DIR ROOT NAME
# makes a cgroup and goes on there, as `boot.sh first`, with namespaces for all
# else. That process becomes systemd; DIR/pid has the number that it has outside.
#   boot.sh clean DIR - -
# removes the cgroup when the machine is off.
set -eu
step=$1 dir=$2 root=$3 name=$4

case $step in
mounts)
  # The cgroup before its namespace: what is above it can't be seen from inside.
  mkdir "$dir/cgroup" "$dir/new"
  mount -t cgroup2 cgroup2 "$dir/cgroup"
  group="$dir/cgroup/vicar-lab-${dir##*/}"
  mkdir "$group"
  echo 0 >"$group/cgroup.procs"
  exec unshare --cgroup --pid --fork --kill-child --mount --uts --ipc sh "$0" first "$dir" "$root" "$name"
  ;;
clean)
  mount -t cgroup2 cgroup2 "$dir/cgroup"
  group="$dir/cgroup/vicar-lab-${dir##*/}"
  [ ! -e "$group" ] || exec find "$group" -depth -type d -exec rmdir {} +
  exit 0
  ;;
first) ;;
*)
  echo "unknown step $step" >&2
  exit 2
  ;;
esac

umask 022
# /proc is still that of outside.
read -r pid _ </proc/self/stat
new=$dir/new
mount -t tmpfs -o mode=0755 tmpfs "$new"
mkdir "$new/upper" "$new/work" "$new/root"
mount -t overlay -o "lowerdir=$root,upperdir=$new/upper,workdir=$new/work" overlay "$new/root"
cd "$new/root"

mount -t proc -o nosuid,nodev,noexec proc proc
# Of the kernel only the network's settings are the machine's own.
mount --bind proc/sys proc/sys
mount --bind proc/sys/net proc/sys/net
mount -o remount,bind,ro,nosuid,nodev,noexec proc/sys
[ ! -e proc/sysrq-trigger ] || mount --bind /dev/null proc/sysrq-trigger
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
mount -t tmpfs -o nosuid,mode=0755 tmpfs dev
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm dev/mqueue
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs dev/shm
mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs run
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs tmp

hostname "$name"
echo "$name" >etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >etc/hosts
: >etc/machine-id
echo "$pid" >"$dir/pid.new"
mv "$dir/pid.new" "$dir/pid"

pivot_root . .
umount -l .
# What could touch the host's clock, kernel or hardware is gone for good.
exec env -i container=vicar-lab PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  setpriv --bounding-set=-sys_time,-sys_module,-sys_rawio,-sys_boot,-syslog /sbin/init
