#!/bin/sh
# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0
#
# postrm of the .deb. The user stays, as files of its may elsewhere.
set -e

if [ "$1" = purge ]; then
  # The keys, what the agent keeps over restarts, and the unit's being enabled.
  rm -rf /etc/vicar /var/lib/vicar
  rm -f /etc/systemd/system/multi-user.target.wants/vicar.service
fi
if [ -d /run/systemd/system ]; then
  case $1 in
  remove | purge)
    rm -rf /run/vicar
    systemctl --system daemon-reload || true
    ;;
  esac
fi
