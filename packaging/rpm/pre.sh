# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0
#
# %pre of the .rpm: the group must be there before the files are.
if command -v systemd-sysusers >/dev/null; then
  echo 'u vicar - "virtual IP address agent" -' | systemd-sysusers --replace=/usr/lib/sysusers.d/vicar.conf -
else
  getent group vicar >/dev/null || groupadd --system vicar
  getent passwd vicar >/dev/null || useradd --system --gid vicar --home-dir / --no-create-home \
    --shell /sbin/nologin --comment 'virtual IP address agent' vicar
fi
