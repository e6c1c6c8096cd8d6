# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python side of one connection: what is known, what is under way, one tick at a time.

join.py, lifecycle.py and runtime.py are the thin rim that knows Blender; everything else here does not, and is tested without it.
"""
