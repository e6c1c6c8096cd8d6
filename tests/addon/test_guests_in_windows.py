# SPDX-License-Identifier: MIT
"""A guest's way in and out, as two people go it in their windows: the host copies an invite that works for an hour, the guest pastes
it and is in the room; the host removes the guest, who is told so, keeps the scene, and comes back the same way until the host has him
kept out for good; and knocks when the host allows that again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.addon.test_panel import lasts_is, state_is
from tests.addon.together import session
from tests.addon.windows import atrium, host
from tests.blender.inside import bpy
from tests.blender.party import Person, wait_for_room
from tests.blender.window import set_clipboard

USER = "next(u.id for u in bpy.context.window_manager.atrium.users if not u.is_me)"


def clipboard_begins(wanted: str) -> Iterator[str]:
    while not bpy.context.window_manager.clipboard.startswith(wanted):
        yield
    return str(bpy.context.window_manager.clipboard)


def users_are(count: int) -> Iterator[None]:
    while len(atrium().users) != count:
        yield


def error_says(wanted: str) -> Iterator[None]:
    while wanted not in atrium().error:
        yield


def invites_are_revoked() -> Iterator[None]:
    while not session().state.revoked:
        yield


def nobody_is_kept_out() -> Iterator[None]:
    while session().state.kept_out:
        yield


def somebody_knocks() -> Iterator[None]:
    while not atrium().knocks:
        yield


def copied_invite(anna: Person) -> str:
    """One that works for an hour."""
    menu = anna.window.find("atrium.invite_lasts")
    anna.window.screen.click(menu.x, menu.y)
    time.sleep(0.3)
    anna.window.screen.key("1")
    anna.call(lasts_is, "HOUR")
    anna.window.press("atrium.create_invite(")
    link = anna.call(clipboard_begins, "atrium://join#")
    left_s = anna.blender.evaluate("session().state.invite_expires_s") - time.time()
    assert 3500 < left_s <= 3600, left_s
    return str(link)


def revoke(anna: Person) -> None:
    """The bin, and the dialog's own button."""
    anna.window.press("atrium.revoke_invites(")
    time.sleep(0.5)
    anna.window.picture(f"guests_{anna.blender.blender.name}_revoke")
    assert anna.blender.evaluate("session().state.invite"), "it asks first"
    anna.window.screen.key("Return")
    anna.call(invites_are_revoked)
    assert len(anna.blender.evaluate("[u.name for u in atrium().users]")) == 2, "who is in stays in"


def remove(anna: Person) -> None:
    """The button beside the name, and the dialog's own, which Return presses."""
    anna.window.press("atrium.remove_user(")
    time.sleep(0.5)
    anna.window.picture(f"guests_{anna.blender.blender.name}_remove")
    assert len(anna.blender.evaluate("[u.name for u in atrium().users]")) == 2, "it asks first"
    anna.window.screen.key("Return")


def test_a_guest_is_invited_removed_and_kept_out(people: list[Person]) -> None:
    anna, ben = people
    host(anna, "Studio")
    link = copied_invite(anna)
    ben.blender.execute("bpy.context.preferences.system.use_online_access = True")
    ben.call(set_clipboard, f"Come in!\n<{link}>\n")
    ben.window.press("atrium.paste_host(")
    ben.window.press("atrium.connect(")
    ben.call(state_is, "JOINED")
    anna.call(users_are, 2)
    remove(anna)
    ben.call(state_is, "OFFLINE")
    ben.call(error_says, "has removed you: ask its owner.")
    ben.window.picture(f"guests_{ben.blender.blender.name}_removed")
    anna.call(users_are, 1)
    assert "Cube" in ben.blender.evaluate("[o.name for o in bpy.data.objects]"), "the scene stays"

    ben.window.press(
        "atrium.connect("
    )  # once is once: the address of the host is in the Host box, and its door open to him
    ben.call(state_is, "LOBBY")
    ben.call(wait_for_room, "Studio")
    ben.operate("atrium.join_room", name="Studio", unsaved="DISCARD")
    ben.call(state_is, "JOINED")
    anna.call(users_are, 2)
    revoke(anna)
    user = anna.blender.evaluate(USER)
    anna.operate("atrium.remove_user", user=user, remember=True)
    ben.call(state_is, "OFFLINE")
    anna.call(users_are, 1)
    ben.window.press("atrium.connect(")
    ben.call(error_says, "did not let you in")

    anna.window.picture(f"guests_{anna.blender.blender.name}_kept_out")
    anna.window.press("atrium.pardon(")
    anna.call(nobody_is_kept_out)
    ben.window.press("atrium.connect(")
    ben.call(state_is, "KNOCKING")
    anna.call(somebody_knocks)
