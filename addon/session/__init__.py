# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python side of one connection: what is known, what is under way, one tick at a time.

state.py, words.py, said.py, sentences.py, colors.py, settings.py, history.py, address.py, backup.py, link.py, looking.py and driver.py know no Blender and are
tested without it; join.py, lifecycle.py and runtime.py are the thin rim that does.
"""
