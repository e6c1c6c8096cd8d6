#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that a file of the engine includes only headers of its own or a lower layer.

Folders of one layer are siblings and do not see each other, except where SIBLINGS says so. Only pymod knows
Python.h, and only what is listed in LIBRARIES includes the header of a library: the rest of the engine could be
built with another one. The order of the layers is that of docs/architecture.md.
"""

from __future__ import annotations

import pathlib
import re
import sys

LAYERS: list[list[str]] = [
    ["base"],
    ["queue", "proto"],
    ["transport"],
    ["session"],
    ["reach"],
    ["blob", "store", "room", "replica"],
    ["client", "server"],
    ["pymod", "main.c"],
]

# Within a layer: who may include whom. A room and a replica hold blobs; a room commits to a store.
SIBLINGS: set[tuple[str, str]] = {("room", "blob"), ("room", "store"), ("replica", "blob")}

# Rooms, replicas and what they stand on must run in a simulator: no sockets and no clock there.
NO_SOCKETS: set[str] = {"base", "queue", "proto", "blob", "room", "replica"}
NO_SOCKETS_MAY_NOT_SEE: set[str] = {"transport", "session", "reach"}

# Which folders may include the headers of a library.
LIBRARIES: dict[str, set[str]] = {
    "Python.h": {"pymod"},
    "uv.h": {"transport", "session", "reach", "store", "client", "server", "pymod", "main.c"},
    "openssl/": {"base", "transport", "session"},
    "sodium.h": {"base", "session"},
    "zstd.h": {"proto"},
    "xxhash.h": {"base"},
    "miniupnpc/": {"proto"},
    "natpmp.h": {"reach"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def layer_of(folder: str) -> int:
    for number, folders in enumerate(LAYERS):
        if folder in folders:
            return number
    raise SystemExit(f"layers: csrc/{folder} has no place in tests/layers.py")


def faults_of(path: pathlib.Path, csrc: pathlib.Path) -> list[str]:
    own = path.relative_to(csrc).parts[0]
    faults = []
    for quote, name in INCLUDE.findall(path.read_text(encoding="utf-8")):
        if quote == "<":
            for library, folders in LIBRARIES.items():
                if name.startswith(library) and own not in folders:
                    faults.append(f"{path}: <{name}> may be included by {', '.join(sorted(folders))} only")
            continue
        if "/" not in name or not (csrc / name).exists():
            faults.append(f'{path}: "{name}" is no path from csrc')
            continue
        other = name.split("/")[0]
        if other == own:
            continue
        if layer_of(other) > layer_of(own):
            faults.append(f'{path}: "{name}" is of a higher layer')
        elif layer_of(other) == layer_of(own) and (own, other) not in SIBLINGS:
            faults.append(f'{path}: "{name}" is of a sibling')
        elif own in NO_SOCKETS and other in NO_SOCKETS_MAY_NOT_SEE:
            faults.append(f'{path}: "{name}": {own} knows no sockets')
    return faults


def main() -> int:
    csrc = pathlib.Path(__file__).resolve().parent.parent / "csrc"
    files = sorted(p for p in csrc.rglob("*.[ch]"))
    faults = [fault for path in files for fault in faults_of(path, csrc)]
    print("\n".join(faults) or f"layers: {len(files)} files, no fault")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
