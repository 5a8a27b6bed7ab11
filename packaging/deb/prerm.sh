#!/bin/sh
# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0
#
# prerm of the .deb. In an upgrade the agent goes on until postinst restarts it.
set -e

# Not without systemd: in a chroot the network is that of a host with an agent of
# its own.
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  deb-systemd-invoke stop vicar.service
  # Addresses are gone with the agent; the fence outlives it, and pools with at_stop: keep.
  vicar release --purge || echo "vicar: the fence, a pool or an address may be left behind" >&2
fi
