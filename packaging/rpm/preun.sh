# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0
#
# %preun of the .rpm. $1 is how many versions will be left: in an upgrade 1.
if [ "$1" -eq 0 ] && [ -d /run/systemd/system ]; then
  systemctl --no-reload disable --now vicar.service || :
  vicar release --purge || echo "vicar: the fence, a pool or an address may be left behind" >&2
fi
