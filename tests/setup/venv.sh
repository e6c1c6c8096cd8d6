#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Makes build/venv: a Python 3.11 or newer with the pinned tools and test
# libraries of requirements.txt. Prints the path of its interpreter.
#
# The stamp, a copy of the requirements, is written last: a folder without it is
# a half-finished one and is made anew. With an equal stamp the script returns
# at once; with another one pip brings the folder up to date.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=$root/build/venv
requirements=$here/requirements.txt

find_python() {
    local name
    for name in python3 python3.11 python3.12 python3.13 python3.14; do
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "venv: no Python 3.11 or newer with its venv module; run tests/setup/packages.sh" >&2
    return 1
}

main() {
    local python
    mkdir -p "$root/build"
    exec 9>"$root/build/.venv.lock"
    flock 9
    if cmp -s "$requirements" "$venv/requirements.stamp" && "$venv/bin/python" -c '' 2>/dev/null; then
        echo "$venv/bin/python"
        return
    fi
    if [ ! -f "$venv/requirements.stamp" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
        python=$(find_python)
        rm -rf "$venv"
        "$python" -m venv "$venv"
    fi
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" >&2
    cp "$requirements" "$venv/requirements.stamp"
    echo "$venv/bin/python"
}

main "$@"
