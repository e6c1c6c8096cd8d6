# SPDX-License-Identifier: MIT
"""Drives real Blenders for the tests.

`blenders` knows which ones this machine has, `process` starts one and runs
functions in it, `screen` and `window` give it a display, clicks and pictures,
`extension` installs the add-on's zip as a user would. `child` is the part that
runs inside Blender. All of it is independent of what it tests: the add-on is
named by the tests.
"""
