# SPDX-License-Identifier: MIT
"""`make demo`: real Blenders work together, and what happened is printed."""
