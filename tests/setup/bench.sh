#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Gets the peers that the benchmarks measure against: the newest nats-server through the Go module proxy where there is a
# Go (else the distribution's package), and Multi-User's `replication` library in build/bench-venv. Does nothing where both are there.

set -euo pipefail

NATS=v2.15.2
REPLICATION=0.10.3

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
bin=${ATRIUM_CACHE:-$HOME/.cache/atrium}/bench

nats() {
    if [ -x "$bin/nats-server" ] && "$bin/nats-server" --version | grep -qF "$NATS"; then return; fi
    if command -v go >/dev/null && GOBIN=$bin go install "github.com/nats-io/nats-server/v2@$NATS"; then return; fi
    if command -v nats-server >/dev/null; then return; fi
    if [ "$(id -u)" = 0 ]; then apt-get install -y -qq --no-install-recommends nats-server; else sudo -n apt-get install -y -qq nats-server; fi
}

replication() {
    local python
    if "$root/build/bench-venv/bin/python" -c 'import replication' 2>/dev/null; then return; fi
    python=$("$here/venv.sh")
    "$python" -m venv --clear "$root/build/bench-venv"
    "$root/build/bench-venv/bin/python" -m pip install --quiet --disable-pip-version-check "replication==$REPLICATION"
}

nats
replication
