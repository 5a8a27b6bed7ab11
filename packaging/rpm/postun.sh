# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0
#
# %postun of the .rpm. Keys and state are left: rpm knows no purge.
if [ "$1" -eq 0 ] && [ -d /run/systemd/system ]; then
  rm -rf /run/vicar
  systemctl daemon-reload || :
fi
