#!/bin/sh
# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0
#
# postinst of the .deb. A first installation starts nothing: the configuration
# that comes along has addresses of nobody's, and an agent that takes part in an
# election with a file that is not the cluster's can take addresses from those who
# have them. An upgrade restarts the agent if it runs.
set -e

make_user() {
  if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers vicar.conf
    return
  fi
  getent group vicar >/dev/null || groupadd --system vicar
  getent passwd vicar >/dev/null || useradd --system --gid vicar --home-dir / --no-create-home \
    --shell /usr/sbin/nologin --comment 'virtual IP address agent' vicar
}

# The agent reads the file as a member of the group. What dpkg-statoverride or,
# after the first installation, the administrator says otherwise holds.
own_configuration() {
  file=/etc/vicar/vicar.yaml
  if [ -e "$file" ] && ! dpkg-statoverride --list "$file" >/dev/null; then
    chown root:vicar "$file"
    chmod 0640 "$file"
  fi
}

# On its end the agent hands over in order, and its successor has the addresses
# within milliseconds; one that has no successor takes them again when it starts.
restart() {
  systemctl is-active --quiet vicar.service || return 0
  code=0
  vicar check /etc/vicar/vicar.yaml >/dev/null 2>&1 || code=$?
  if [ "$code" -eq 3 ]; then
    echo "vicar: this version does not accept /etc/vicar/vicar.yaml, so the agent of the version" >&2
    echo "vicar: before goes on running. See vicar check, mend the file, then: systemctl restart vicar" >&2
    return 0
  fi
  deb-systemd-invoke restart vicar.service ||
    echo "vicar: the agent does not run: systemctl status vicar" >&2
}

case $1 in
configure)
  make_user
  [ -n "$2" ] || own_configuration
  if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload
    [ -z "$2" ] || restart
  fi
  if [ -z "$2" ]; then
    echo "vicar: the agent has not been started. Edit /etc/vicar/vicar.yaml, look at it with"
    echo "vicar: vicar check, then: systemctl enable --now vicar"
  fi
  ;;
abort-remove | abort-deconfigure)
  # prerm has stopped it.
  if [ -d /run/systemd/system ] && systemctl is-enabled --quiet vicar.service; then
    deb-systemd-invoke start vicar.service || true
  fi
  ;;
esac
