# SPDX-License-Identifier: GPL-3.0-or-later
"""Random edits with random timing end with the same scene for all: a few seeds, those first that once failed.

`random_work.py` plays any number by hand, and finds the fewest steps of one that fails.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peers
from random_work import PEOPLE, plan, play

# (seed, steps): names given free and taken at once; the last modifier; rotation modes; two first shape keys.
SEEDS = ((4, 60), (17, 60), (38, 60), (115, 60), (126, 60))


@pytest.mark.parametrize("version", peers.OFFICIAL)
def test_seeds(version):
    if not peers.available(version):
        pytest.skip(f"NO BLENDER: no {version} here: run tests/setup/blenders.sh")
    failed = []
    for seed, steps in SEEDS:
        stage, _ = peers.fresh_stage(version, PEOPLE + 1)
        wrong = play(stage, version, seed, plan(seed, steps))
        if wrong:
            failed.append(f"tests/sync/random_work.py --blender {version} --seeds {seed} --steps {steps}:\n{wrong}")
            peers.drop_stage()
    peers.drop_stage()  # its clock stands still, and its names are the same each time
    assert not failed, "\n\n".join(failed)
