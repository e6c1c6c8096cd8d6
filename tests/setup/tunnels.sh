#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Gets the tunnels' programs that no distribution has: bore, built by cargo into ${ATRIUM_CACHE:-$HOME/.cache/atrium}/tunnels. Does nothing
# where it is there. Where there is no cargo, or none new enough, it says so, and the tests that want it are skipped as loudly; that is no
# reason for the others not to run.

set -euo pipefail

BORE=0.6.0
# Unoptimised: it carries a few kilobytes, and builds in a third of the time.
BUILD_S=900

root=${ATRIUM_CACHE:-$HOME/.cache/atrium}/tunnels

has_bore() {
    [ "$("$root/bin/bore" --version 2>/dev/null)" = "bore-cli $BORE" ]
}

skip() {
    echo "************ SKIPPED bore: $*" >&2
}

bore() {
    if has_bore; then return; fi
    if ! command -v cargo >/dev/null; then
        skip "there is no cargo to build it with"
        return
    fi
    mkdir -p "$root"
    exec 9>"$root/lock"
    flock 9
    if has_bore; then return; fi
    echo "tunnels: building bore $BORE, once, for some minutes" >&2
    timeout "$BUILD_S" cargo install --quiet --locked --debug --jobs 2 --root "$root" "bore-cli@$BORE" >"$root/build.log" 2>&1 ||
        skip "cargo cannot build it: $(tail -n 1 "$root/build.log")"
}

# Only the lab wants it.
if [ "$(id -u)" -eq 0 ]; then bore; fi
