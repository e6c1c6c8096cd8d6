#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Gets the tunnels' programs that no distribution has, into ${ATRIUM_CACHE:-$HOME/.cache/atrium}/tunnels: bore, built by cargo, and frp, built
# by go, each in the version given here and with the sums of everything that it is made of. Does nothing where they are there. Where there is
# no compiler, or none new enough, it says so, and the tests that want the program are skipped as loudly; that is no reason for the others
# not to run.

set -euo pipefail

# Unoptimised: it carries a few kilobytes, and builds in a third of the time.
BORE=0.6.0
# The first that reads frpc.toml and that every go since 1.20 builds. It brings its web pages ready made.
FRP=0.52.3
FRP_GO=20
BUILD_S=900

here=$(cd "$(dirname "$0")" && pwd)
root=${ATRIUM_CACHE:-$HOME/.cache/atrium}/tunnels

has() { # does the program say that it is this one?
    [ "$("$root/bin/$1" --version 2>/dev/null)" = "$2" ]
}

skip() {
    echo "************ SKIPPED $1: ${*:2}" >&2
}

has_bore() {
    has bore "bore-cli $BORE"
}

bore() {
    if has_bore; then return; fi
    if ! command -v cargo >/dev/null; then
        skip bore "there is no cargo to build it with"
        return
    fi
    echo "tunnels: building bore $BORE, once, for some minutes" >&2
    timeout "$BUILD_S" cargo install --quiet --locked --debug --jobs 2 --root "$root" "bore-cli@$BORE" >"$root/build.log" 2>&1 ||
        skip bore "cargo cannot build it: $(tail -n 1 "$root/build.log")"
}

has_frp() {
    has frps "$FRP" && has frpc "$FRP"
}

# Debian's packages with a number in their name put nothing on the path.
find_go() { # the first that is new enough
    local go minor
    for go in go $(printf '%s\n' /usr/lib/go-1.*/bin/go | sort -rV); do
        minor=$(GOTOOLCHAIN=local "$go" env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p') || continue
        if [ "${minor:-0}" -ge "$FRP_GO" ]; then
            echo "$go"
            return
        fi
    done
}

# What compiling leaves is ten times the programs, and of no use to anybody later.
frp() {
    local go objects
    if has_frp; then return; fi
    go=$(find_go)
    if [ -z "$go" ]; then
        skip frp "there is no go of 1.$FRP_GO or later to build it with"
        return
    fi
    echo "tunnels: building frp $FRP, once, for a minute or two" >&2
    objects=$(mktemp -d "$root/go-build.XXXXXX")
    (
        cd "$here/frp"
        export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly GOWORK=off GOCACHE="$objects"
        timeout "$BUILD_S" "$go" build -p 2 -o "$root/bin/" github.com/fatedier/frp/cmd/frp{s,c}
    ) >"$root/build-frp.log" 2>&1 || skip frp "go cannot build it: $(tail -n 1 "$root/build-frp.log")"
    rm -rf "$objects"
}

# Only the lab wants them.
if [ "$(id -u)" -ne 0 ]; then exit; fi
if has_bore && has_frp; then exit; fi
mkdir -p "$root/bin"
exec 9>"$root/lock"
flock 9
bore
frp
