# SPDX-License-Identifier: MIT
"""Everything that tests Atrium; a package so that its parts can share code."""
