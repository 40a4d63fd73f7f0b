#!/bin/bash
# usage: slim.sh SUITE OUT.tar - the root file system of debian:SUITE-slim: a minimal system without documentation,
# translations or package caches, set up so that apt leaves none behind.
# https://github.com/debuerreotype/debuerreotype
set -euo pipefail
suite=$1 out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/docker-clean" <<'CONF'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
CONF
echo 'Acquire::GzipIndexes "true";' >"$work/docker-gzip-indexes"
echo 'Acquire::Languages "none";' >"$work/docker-no-languages"

excluded=()
for folder in man doc locale info lintian groff linda; do excluded+=(--dpkgopt="path-exclude=/usr/share/$folder/*"); done

mmdebstrap --quiet --variant=minbase --include=usr-is-merged --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
  "${excluded[@]}" --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --customize-hook="copy-in $work/docker-clean $work/docker-gzip-indexes $work/docker-no-languages /etc/apt/apt.conf.d/" \
  --customize-hook='rm -f "$1/etc/resolv.conf" "$1/etc/hostname"; rm -f "$1"/var/cache/apt/*.bin' \
  --customize-hook='mv "$1"/etc/apt/sources.list.d/*debian.sources "$1/etc/apt/sources.list.d/debian.sources"' \
  "$suite" "$out" /etc/apt/sources.list.d/debian.sources
