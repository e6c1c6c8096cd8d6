# SPDX-License-Identifier: MIT
"""Dumps the open scene: everything in bpy.data that could matter to another person's Blender.

    python dump.py FILE.blend OUT        with a Blender that is a Python module (bpy)
    from dump import dump                inside a running Blender; dump("OUT")

Written from Blender's RNA alone. It shares no code with the add-on, so that an error in the add-on's
capture cannot hide itself here. Reading changes nothing that counts, but for what `extras.settle` says.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import bpy

from tests.fidelity import exclusions, extras
from tests.fidelity.records import Writer
from tests.fidelity.walk import Walk, forget_types, id_name


def dump(path: str | Path) -> None:
    """Write all datablocks of the open file to `path` (and `path`.bin)."""
    extras.settle()
    forget_types()
    out = Writer(Path(path))
    left_out = exclusions.excluded_collections()
    for prop in bpy.types.BlendData.bl_rna.properties:
        if prop.type != "COLLECTION" or prop.identifier in left_out:
            continue
        found = getattr(bpy.data, prop.identifier)
        blocks = sorted((b for b in found if not exclusions.block_excluded(prop.identifier, b)), key=id_name)
        out.record(prop.identifier, "BlendData", {"names": [id_name(b) for b in blocks]})
        for block in blocks:
            Walk(block, out).run()
    out.close()


def main(arguments: list[str]) -> None:
    if len(arguments) != 2:
        raise SystemExit(__doc__)
    bpy.ops.wm.open_mainfile(filepath=str(Path(arguments[0]).resolve()), load_ui=False)
    dump(arguments[1])


if __name__ == "__main__":
    main(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # bpy 4.5 can hang in the interpreter's own shutdown
