# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0
#
# %posttrans of the .rpm. An agent that runs, which in a first installation none
# does, is restarted; see postinst.sh of the .deb, also for why nothing is started.
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload || :
  if systemctl is-active --quiet vicar.service; then
    code=0
    vicar check /etc/vicar/vicar.yaml >/dev/null 2>&1 || code=$?
    if [ "$code" -eq 3 ]; then
      echo "vicar: this version does not accept /etc/vicar/vicar.yaml, so the agent of the version" >&2
      echo "vicar: before goes on running. See vicar check, mend the file, then: systemctl restart vicar" >&2
    else
      systemctl restart vicar.service || echo "vicar: the agent does not run: systemctl status vicar" >&2
    fi
  fi
fi
