#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# usage: source.sh PACKAGE FOLDER ITEM... - puts files and folders of a source
# package of this distribution into FOLDER.
#
# Two libraries are compiled in. cJSON: Debian has no static library of it, and
# a shared one that we bring would lose against the one that Blender has loaded
# already under the same name. libuv: Debian's static library is compiled for
# programs (-fPIE) and cannot be linked into a Python module. The sources are
# the distribution's own packages, security fixes included. apt fetches and
# verifies them with a private sources list (this machine's own, as deb-src), so
# neither root nor a change to the machine is needed. A copy is kept in a cache,
# for the next clone and for machines without a network.
set -euo pipefail

package=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)
items=("${@:3}")
cache=${ATRIUM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/atrium}/deps/$package

put() {
  mkdir -p "$2"
  local item
  for item in "${items[@]}"; do
    # By rename, so that a second build that runs meanwhile never reads half of it.
    cp -r "$1/$item" "$2/.$item.$$"
    mv -T "$2/.$item.$$" "$2/$item" 2>/dev/null || { [ -e "$2/$item" ] && rm -rf "$2/.$item.$$"; }
  done
}

is_whole() {
  local item
  for item in "${items[@]}"; do
    [ -e "$1/$item" ] || return 1
  done
}

if is_whole "$cache"; then
  put "$cache" "$out"
  exit 0
fi

command -v dpkg-source >/dev/null || { echo "source.sh: dpkg-source is missing (package dpkg-dev)" >&2; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
mkdir -p "$tmp"/{lists,parts,state/lists/partial,cache/archives/partial,src}

# Only this distribution's own suites, so that nobody else's package of that name is taken.
. /etc/os-release
suites="${VERSION_CODENAME:-$(. /etc/os-release; echo "${UBUNTU_CODENAME:-stable}")}"
for file in /etc/apt/sources.list.d/*.sources; do
  [ -e "$file" ] || continue
  awk -v code="$suites" -v RS= '
    $0 ~ "(^|\n)Suites:[^\n]*[ \t](" code "|stable|testing|unstable|sid)([ \t/-]|\n|$)" {
      gsub(/(^|\n)Types:[^\n]*/, "\nTypes: deb-src"); sub(/^\n/, ""); print $0 "\n" }' \
    "$file" > "$tmp/parts/$(basename "$file")"
  [ -s "$tmp/parts/$(basename "$file")" ] || rm "$tmp/parts/$(basename "$file")"
done
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ -e "$file" ] || continue
  grep -hE "^deb(-src)? .* (${suites}|stable|testing|unstable|sid)([-/][a-z-]*)? " "$file" |
    sed -E 's/^deb(-src)? /deb-src /' | sort -u >> "$tmp/list" || true
done
sort -u "$tmp/list" > "$tmp/parts/own.list" 2>/dev/null || true

apt=(-o "Dir::State=$tmp/state" -o Dir::State::status=/var/lib/dpkg/status -o "Dir::Cache=$tmp/cache"
     -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$tmp/parts" -o APT::Sandbox::User=
     -o Acquire::Retries=2 -o Acquire::Languages=none)
log=$tmp/log
if ! { apt-get "${apt[@]}" -q update && (cd "$tmp/src" && apt-get "${apt[@]}" -q source "$package"); } > "$log" 2>&1; then
  echo "source.sh: apt could not get the source of $package:" >&2
  tail -5 "$log" >&2
  exit 1
fi
put "$tmp"/src/*/ "$out"
put "$tmp"/src/*/ "$cache" || echo "source.sh: no copy kept in $cache" >&2
