# SPDX-License-Identifier: GPL-3.0-or-later
"""The replicator: Blender's datablocks as documents of a room, both ways.

Reading order: values.py, mergepatch.py, fractional.py, shadow.py (no bpy); rna.py, exclude.py, paths.py (what there is to
synchronise); identity.py, idtypes.py, constructors.py (datablocks); capture.py and apply.py (one datablock), items.py and
special/ (what is in it); outgoing.py, incoming.py, state.py, dirty.py and replicator.py (all of them, in time).

The package imports nothing of the rest of the add-on; it talks to the engine through the small interface `outgoing.Link`.
"""
