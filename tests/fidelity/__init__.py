# SPDX-License-Identifier: MIT
"""Is what the others get what was sent? An independent dumper, a comparer, and the run over real scenes.

`dump.py` (with `walk.py`, `extras.py`, `exclusions.py`) writes the open scene to a file, `compare.py`
compares two such files, `run.py` sends scenes from Blender to Blender and compares both ends.
`mutations.py` shows that the dumper overlooks nothing. Nothing here uses the add-on's capture.
"""
