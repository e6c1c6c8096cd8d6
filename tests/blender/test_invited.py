# SPDX-License-Identifier: MIT
"""One link from one person's Blender to another's: pasted into the Host box, it leads into the room, unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.blender.blenders import Blender
from tests.blender.inside import bpy
from tests.blender.party import Party, Person, wait_for_state
from tests.blender.process import BlenderError


def make_object(name: str) -> None:
    thing = bpy.data.objects.new(name, None)
    bpy.context.scene.collection.objects.link(thing)


def names() -> list[str]:
    return sorted(thing.name for thing in bpy.data.objects)


def invite_of(host: Person) -> str:
    host.operate("atrium.create_invite", expires_h=2.0)
    return str(host.blender.evaluate("bpy.context.window_manager.atrium.invite"))


def paste(person: Person, text: str) -> None:
    """Whoever uses an invite has allowed Blender to go online: what is in it is not looked at before."""
    person.blender.execute("bpy.context.preferences.system.use_online_access = True")
    person.blender.execute(f"bpy.context.window_manager.atrium.host = {text!r}")


def test_one_link_leads_into_the_room(official: Blender, party: Party) -> None:
    anna = party.invite(official, "anna")
    anna.host("Film")
    link = invite_of(anna)
    assert link.startswith("atrium://join#")
    ben = party.invite(official, "ben")
    paste(ben, f"We meet in Atrium: <{link}>, see you.")
    ben.operate("atrium.connect")
    assert ben.state == "JOINED"
    ben.call(make_object, "From Ben")
    ben.flush()
    anna.flush()
    assert anna.call(names) == ben.call(names)
    assert "From Ben" in anna.call(names)
    for folder in (party.folder / "anna", party.folder / "ben"):
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix in (".json", ".log", ".txt"):
                assert link.split("#")[1] not in path.read_text(errors="replace"), path


def test_a_revoked_link_says_what_to_do(official: Blender, party: Party) -> None:
    anna = party.invite(official, "anna")
    anna.host("Film")
    link = invite_of(anna)
    anna.operate("atrium.revoke_invites")
    ben = party.invite(official, "ben")
    paste(ben, link)
    with pytest.raises(BlenderError, match="ask the host for a new one"):
        ben.operate("atrium.connect")
    assert ben.state == "OFFLINE"


def test_a_password_opens_the_door_and_the_room_is_joined(official: Blender, party: Party, tmp_path: Path) -> None:
    anna = party.invite(official, "anna")
    anna.host("Film")
    anna.operate("atrium.set_password", password="näher als gedacht")
    ben = party.invite(official, "ben")
    paste(ben, f"127.0.0.1:{party.port}")
    with pytest.raises(BlenderError, match="The password is not right"):
        ben.operate("atrium.connect", password="weiter als gedacht")
    ben.operate("atrium.connect", password="näher als gedacht")
    ben.call(wait_for_state, ["LOBBY"])
    ben.join("Film")
    assert anna.call(names) == ben.call(names)


def test_a_rooms_password_leads_into_that_room(official: Blender, party: Party) -> None:
    anna = party.invite(official, "anna")
    anna.host("Film")
    anna.operate("atrium.set_password", password="nur für den Film", room="Film")
    ben = party.invite(official, "ben")
    paste(ben, f"127.0.0.1:{party.port}")
    with pytest.raises(BlenderError, match="There is no such room, or the password is not right"):
        ben.operate("atrium.connect", password="nur für den Film", room="Buch")
    ben.operate("atrium.connect", password="nur für den Film", room="Film")
    ben.call(wait_for_state, ["JOINED"])
    assert anna.call(names) == ben.call(names)
    with pytest.raises(BlenderError, match="Only the one who hosts"):
        ben.operate("atrium.set_password", password="meins", room="Film")
