#!/bin/sh
# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0
#
# Makes what is released: dist.sh OUT [ARCH...], for amd64 and arm64 unless told
# otherwise. OUT gets for each of them a .deb, an .rpm and a .tar.gz, and SHA256SUMS.
# The same commit makes the same bytes, with the same Go.
#
# The version is what Go stamps on the binary, by the tag or by the commit's date,
# as dpkg and rpm want it: v0.2.0-rc.1 is 0.2.0~rc.1. $VERSION overrides it for the
# packages, and $VICAR_BIN is a binary to use for this machine's architecture: for
# tests.
set -eu
umask 022
export LC_ALL=C TZ=UTC

cd "$(dirname "$0")/.."
out=$1
shift
[ $# -gt 0 ] || set -- amd64 arm64
go=${GO:-go}
tags=${TAGS:-}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
out=$(cd "$out" && pwd)
nfpm=$work/nfpm
$go build -modfile=tools/go.mod -o "$nfpm" github.com/goreleaser/nfpm/v2/cmd/nfpm

build() { # FILE
  CGO_ENABLED=0 $go build -tags "$tags" -trimpath -buildvcs=auto -ldflags '-s -w' -o "$1" ./cmd/vicar
}

# The licences of all modules that the binary is linked with.
third_party() {
  echo "vicar is linked with the Go modules below. Their sources are at the named paths and"
  echo "versions, for instance by: go mod download PATH@VERSION"
  CGO_ENABLED=0 GOOS=linux $go list -tags "$tags" -deps \
    -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/vicar >"$work/modules"
  sort -u "$work/modules" | while read -r path version dir; do
    printf '\n-------- %s %s\n' "$path" "$version"
    found=
    for file in "$dir"/LICENSE* "$dir"/LICENCE* "$dir"/COPYING* "$dir"/NOTICE*; do
      [ -f "$file" ] || continue
      found=1
      printf '\n'
      cat "$file"
    done
    [ -n "$found" ] || { echo "dist: no licence found in $path" >&2 && exit 1; }
  done
}

# What all architectures share. The binary of this machine's writes it.
common=$work/common
mkdir "$common"
if [ -n "${VICAR_BIN:-}" ]; then
  cp "$VICAR_BIN" "$work/native"
else
  build "$work/native"
fi
"$work/native" docs "$common"
gzip -9n "$common"/man/*
third_party >"$common/THIRD-PARTY.txt"
gzip -9n "$common/THIRD-PARTY.txt"
gzip -9nc CHANGELOG.md >"$common/changelog.gz"

# The manual, whose links to what is not in a package lead to the project.
mkdir "$common/docs"
for page in docs/*.md; do
  sed 's,](\.\./,](https://github.com/vicar-ha/vicar/blob/main/,g' "$page" >"$common/$page"
done

if [ -z "${VERSION:-}" ]; then
  VERSION=$("$work/native" version --json | sed -n 's/^ *"version": "v\(.*\)",$/\1/p')
  case $VERSION in
  '') echo "dist: the binary has no version: this is no checkout with git. Set VERSION" >&2 && exit 1 ;;
  *-*) VERSION=${VERSION%%-*}~$(echo "${VERSION#*-}" | tr - .) ;;
  esac
fi
export VERSION
printf 'vicar (%s-1) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- The vicar authors <vicar-ha@users.noreply.github.com>  %s\n' \
  "$VERSION" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$common/changelog.Debian.gz"

# What is in the .tar.gz, beside the binary.
tarball() { # NAME
  top=$work/$1
  mkdir -p "$top/examples/networkd" "$top/examples/networkmanager" "$top/systemd"
  cp -r "$STAGE/vicar" "$common/man" "$common/completions" "$common/docs" "$common/THIRD-PARTY.txt.gz" \
    LICENSE README.md CHANGELOG.md packaging/vicar.yaml config/vicar.schema.json "$top"
  cp packaging/systemd/vicar.service packaging/systemd/vicar.sysusers.conf "$top/systemd"
  cp packaging/networkd/vicar.conf "$top/examples/networkd"
  cp packaging/networkmanager/vicar.conf "$top/examples/networkmanager"
  chmod -R u=rwX,go=rX "$top"
  tar -C "$work" --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$1" |
    gzip -9n >"$out/$1.tar.gz"
}

for ARCH in "$@"; do
  export ARCH
  STAGE=$work/$ARCH
  export STAGE
  cp -r "$common" "$STAGE"
  if [ "linux/$ARCH" = "$($go env GOOS)/$($go env GOARCH)" ]; then
    cp "$work/native" "$STAGE/vicar"
  else
    GOOS=linux GOARCH=$ARCH build "$STAGE/vicar"
  fi
  for packager in deb rpm; do
    "$nfpm" package --config packaging/nfpm.yaml --packager "$packager" --target "$out/" >/dev/null
  done
  tarball "vicar-$VERSION-linux-$ARCH"
done

cd "$out"
sha256sum -- *.deb *.rpm *.tar.gz >SHA256SUMS
