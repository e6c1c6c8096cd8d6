# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest who was let in and is no Blender: it sends what no replicator would make, over the wire, through the real server and the real engines into real
Blenders. They live, take part and stay alike; what they cannot make of it they list."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.addon import edits
from tests.addon.together import chatter, differences, session, watch
from tests.blender import blenders
from tests.blender.conftest import _get
from tests.blender.inside import bpy
from tests.blender.party import Party, admit_next
from tests.python.raw import STATE, Raw, hello, message, submit
from tests.sync.hostile_documents import CREATES, MESHES

CREATE = 1
DOCUMENTS = [*CREATES, *MESHES]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "guest.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-subj", "/CN=x"]
    subprocess.run([*command, "-keyout", "key", "-out", "cert"], cwd=tmp_path, check=True, capture_output=True)
    path.write_bytes((tmp_path / "key").read_bytes() + (tmp_path / "cert").read_bytes())
    return path


def answers(peer: Raw, last: int) -> dict[int, str]:
    """By counter: "" for what was acknowledged, else the name of the refusal."""
    got: dict[int, str] = {}
    for lane, payload in peer.frames():
        if lane == STATE and payload[0] in (0x22, 0x23):
            (counter,) = struct.unpack(">Q", payload[5:13])
            got[counter] = payload[14 : 14 + payload[13]].decode() if payload[0] == 0x23 else ""
        if last in got:
            return got
    raise AssertionError("the server has cut the guest")


def stands() -> dict[str, Any]:
    """What shows that a Blender goes on: its scene can be evaluated, and what it could not make is listed."""
    bpy.context.view_layer.update()
    replicator = session().replicator
    return {"listed": len(replicator.refused), "objects": [o.name for o in bpy.data.objects]}


def test_hostile_documents_harm_no_blender(party: Party, tmp_path: Path, certificate: Path) -> None:
    anna = party.invite(_get(blenders.OFFICIAL[-1]), "anna")
    anna.host("Studio")
    ben = party.invite(anna.blender.blender, "ben")
    ben.join("Studio", let_in_by=anna)
    for person in (anna, ben):
        person.blender.define(session, edits.settle)
    guest = Raw(party.port, certificate)
    try:
        admitted = anna.send(admit_next, False)
        guest.send(hello())
        guest.until("welcome")
        anna.wait(admitted)
        guest.send(message({"t": "rooms"}))
        (room,) = guest.until("rooms")["rooms"]
        guest.send(message({"t": "join", "room": room["id"], "blender": room["blender"], "schema": room["schema"]}))
        handle = int(guest.until("joined")["handle"])
        for i, tree in enumerate(DOCUMENTS, 1):
            guest.send(submit(i, CREATE, i.to_bytes(16, "big"), json.dumps(tree).encode(), room=handle))
        got = answers(guest, len(DOCUMENTS))
        assert sorted(got) == list(range(1, len(DOCUMENTS) + 1))
        refused = {DOCUMENTS[counter - 1].get("name"): name for counter, name in got.items() if name}
        assert refused == {"n" * 10000: "JSON_TAG", "i": "NOBLOB"}  # the server's to say; the rest is the Blenders'
        anna.call(edits.set_location_x, "Camera", 81.0)
        ben.call(edits.add_named, "Made beside it")
        assert differences([anna, ben], tmp_path) == []
        for person in (anna, ben):
            seen = person.call(stands)
            assert seen["listed"] > 10
            assert "Made beside it" in seen["objects"]
            assert person.state == "JOINED" and not person.error
        watch([anna, ben])
        assert chatter([anna, ben]) == {}
    finally:
        guest.tls.close()
