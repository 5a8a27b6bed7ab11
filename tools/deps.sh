#!/bin/sh
# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0
#
# Installs what the tests use and this machine lacks, if it is Debian's kin and
# we are root. Otherwise it says what is missing; the tests that need it are
# then skipped.
set -eu

# command:package
needs="
gcc:gcc
groff:groff-base
ip:iproute2
ipvsadm:ipvsadm
tc:iproute2
ping:iputils-ping
arping:iputils-arping
debootstrap:debootstrap
dnsmasq:dnsmasq-base
keepalived:keepalived
lintian:lintian
modprobe:kmod
nft:nftables
nginx:nginx-light
openssl:openssl
ps:procps
rpm:rpm
setcap:libcap2-bin
sysctl:procps
systemd-analyze:systemd
systemd-sysusers:systemd
tcpdump:tcpdump
tshark:tshark
"
# For one architecture alone.
[ "$(uname -m)" != x86_64 ] || needs="$needs linux.uml:user-mode-linux"

PATH="$PATH:/usr/sbin:/sbin"
commands= packages=
for need in $needs; do
  command -v "${need%%:*}" >/dev/null && continue
  commands="$commands ${need%%:*}"
  case " $packages " in
    *" ${need#*:} "*) ;;
    *) packages="$packages ${need#*:}" ;;
  esac
done
[ -n "$packages" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "deps: missing commands:$commands (Debian packages:$packages); tests that need them are skipped" >&2
  exit 0
fi

echo "deps: installing$packages" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# A keepalived that starts by itself would take part in elections, and an nginx
# would take a port, so services are kept from starting while this runs.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
# shellcheck disable=SC2086 # a list
apt-get -qq -y --no-install-recommends install $packages >/dev/null
