# SPDX-License-Identifier: MIT
"""Makes addon/session/empty.dat: a .blend of the oldest supported Blender with one empty scene.

    ~/.cache/atrium/blenders/bpy42/run tests/addon/make_empty.py addon/session/empty.dat

All workspaces but one are removed, as the file's own windows are never shown.
"""

import sys

import bpy

bpy.ops.wm.read_factory_settings(use_empty=True)
kept = bpy.context.window.workspace
bpy.data.batch_remove([w for w in bpy.data.workspaces if w != kept])
bpy.data.batch_remove([s for s in bpy.data.screens if s not in kept.screens[:]])
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1], compress=True, copy=True)
