#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs, through apt, everything that building and testing Atrium needs on a
# fresh Debian (12 or newer) or Ubuntu (24.04 or newer).
#
# When all packages are present it only asks dpkg once and returns (a fraction
# of a second), so every make target may call it. Otherwise it installs what is
# missing as root, or through a sudo that asks for no password. Where neither
# works it names the missing packages and fails: a later, obscure compiler
# error would say less.
#
# usage: packages.sh [build]     "build": only what the engine, the wheel and the add-on's zip need
#
# An entry "a|b" takes the first name that this release of the distribution
# knows: package names moved between releases. An entry ending in "?" is left
# out, with a line saying so, where no such package exists.

set -euo pipefail

WANTED=(
    # engine: compilers, static libraries and their headers
    build-essential pkg-config python3 python3-venv python3-dev
    libuv1-dev libssl-dev zlib1g-dev libsodium-dev libzstd-dev libxxhash-dev
    libminiupnpc-dev libnatpmp-dev
    # sources of what is compiled in, downloads
    uthash-dev dpkg-dev ca-certificates curl git
)
SERVICES=()
if [ "${1:-}" != build ]; then WANTED+=(
    # C tests, sanitizers, libFuzzer
    libcmocka-dev clang "libclang-rt-dev?"
    # real Blenders: libraries that the bpy wheels load, folders with other releases
    libx11-6 libxrender1 libxxf86vm1 libxfixes3 libxi6 libxkbcommon0 libsm6 libice6 libgl1
    libgomp1 debootstrap debian-archive-keyring util-linux
    # windows without a screen, clicks, pictures
    xvfb xdotool imagemagick x11-utils libgl1-mesa-dri
    # network tests
    iproute2 openssl
)
# The lab of network namespaces needs root; who has none is not asked for them. It wants the programs alone: what comes with a
# service is neither started nor enabled.
if [ "$(id -u)" -eq 0 ]; then
    WANTED+=(nftables openssh-client "wireguard-go?" "wireguard-tools?")
    SERVICES=("nginx-light|nginx" openssh-server openvpn n2n "miniupnpd-nftables|miniupnpd" ufw firewalld)
    # tunnels.sh builds one with it; a go of the machine's own will do, and older ones than these will not.
    command -v go >/dev/null || WANTED+=("golang-1.24-go|golang-1.22-go?")
fi
fi

installed() { # every installed package's name, one per line, without architecture
    dpkg-query -W -f '${db:Status-Abbrev}|${Package}\n' 2>/dev/null | sed -n 's/^ii *|//p'
}

known() { # does this release have such a package?
    apt-cache show --no-all-versions "$1" >/dev/null 2>&1
}

missing_entries() { # those of the entries given that are not installed
    local have entry name found
    have=$(installed)
    for entry in "$@"; do
        found=
        for name in $(tr '|' ' ' <<<"${entry%\?}"); do
            if grep -qxF "$name" <<<"$have"; then found=1; fi
        done
        [ -n "$found" ] || echo "$entry"
    done
}

# Turns entries into package names: the first known alternative of each.
names_of() {
    local entry name pick
    for entry in "$@"; do
        pick=
        for name in $(tr '|' ' ' <<<"${entry%\?}"); do
            if [ -z "$pick" ] && known "$name"; then pick=$name; fi
        done
        if [ -n "$pick" ]; then
            echo "$pick"
        elif [[ $entry == *\? ]]; then
            echo "packages: this release has no ${entry%\?}; going on without" >&2
        else
            echo "${entry%%|*}"
        fi
    done
}

# setup.py and the tests need Python 3.11. A release whose python3 is older may
# have a newer one beside it.
newer_python() {
    local minor
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
    for minor in 13 12 11; do
        if known "python3.$minor"; then
            echo "python3.$minor python3.$minor-venv python3.$minor-dev"
            return
        fi
    done
}

# Installs the programs of SERVICES for the tests alone: their packages would also have them serve this machine from now on.
install_services() {
    local policy=/usr/sbin/policy-rc.d entries names unit fresh=
    mapfile -t entries < <(missing_entries "${SERVICES[@]}")
    [ "${#entries[@]}" -eq 0 ] && return
    apt-get update -q || echo "packages: apt-get update failed; trying with the lists at hand" >&2
    mapfile -t names < <(names_of "${entries[@]}")
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        fresh=1
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${names[@]}" || fresh+=" failed"
    [ "${fresh#1}" = "$fresh" ] || rm -f "$policy"
    for unit in "${names[@]}"; do
        case $unit in nginx*) unit=nginx ;; openssh-server) unit=ssh ;; miniupnpd*) unit=miniupnpd ;; esac
        systemctl disable "$unit" >/dev/null 2>&1 || true
        update-rc.d "$unit" disable >/dev/null 2>&1 || true
    done
    [ "${fresh% failed}" = "$fresh" ]
}

install_wanted() {
    local entries names sudo=
    command -v dpkg-query >/dev/null || {
        echo "packages: this is neither Debian nor Ubuntu; install the equivalents of:" >&2
        printf '  %s\n' "${WANTED[*]}" >&2
        exit 1
    }
    mapfile -t entries < <(missing_entries "${WANTED[@]}")
    # Those that this release does not have at all are no reason to ask apt again each time.
    if ! grep -q '[^?]$' <<<"$(printf '%s\n' "${entries[@]}")"; then
        mapfile -t names < <(names_of "${entries[@]}" 2>/dev/null)
        if [ -z "${names[*]}" ]; then return; fi
    fi

    if [ "$(id -u)" -ne 0 ]; then
        if sudo -n true 2>/dev/null; then
            sudo="sudo -n"
        else
            echo "packages: MISSING, and neither root nor a password-free sudo to install them:" >&2
            echo "    sudo apt-get install ${entries[*]%\?}" >&2
            exit 1
        fi
    fi
    $sudo apt-get update -q || echo "packages: apt-get update failed; trying with the lists at hand" >&2
    mapfile -t names < <(names_of "${entries[@]}")
    # shellcheck disable=SC2207
    names+=($(newer_python))
    [ "${#names[@]}" -eq 0 ] && return
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${names[@]}"
}

install_wanted
if [ "${#SERVICES[@]}" -gt 0 ]; then install_services; fi
