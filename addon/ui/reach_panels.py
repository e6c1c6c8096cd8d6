# SPDX-License-Identifier: GPL-3.0-or-later
"""How others reach this machine: inviting them, who can come in and what stops the others, and the network check.

A line per audience is all that is seen as long as things are well: what it is called, a sign for how it stands, a button that copies its
address. Opened, it says why and what to do next. One that needs the user is open from the start, and only then; how the user
folds it, Blender remembers.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import bpy

from ..session import inviting, reaching, runtime
from ..session.reaching import Verdict
from ..session.state import Deafness, State
from ..session.words import translated
from .drawing import Panel, code_row, paragraph

ICONS = {"works": "CHECKMARK", "should": "DOT", "no": "X", "checking": "SORTTIME", "unknown": "QUESTION"}
# From this width on (in units of the interface's scale) an address fits beside the audience's name.
WIDE = 320
# Of the choice beside Copy Invite, in units of a row's height: the longest text with its arrow, and no more, for the sidebar is narrow.
CHOICE_UNITS = 6


class ATRIUM_PT_host(Panel):
    """How others reach this machine"""

    bl_idname = "ATRIUM_PT_host"
    bl_label = "Others Connect To"

    @classmethod
    def poll(cls, _: Any) -> bool:
        state = runtime.state()
        return state.online and state.host is not None and state.host.is_mine

    def draw(self, context: Any) -> None:
        layout, state = self.layout, runtime.state()
        assert state.host is not None
        draw_invite(layout, context, state)
        row = layout.row()
        row.operator(
            "atrium.set_password", text="Change Password" if state.has_password else "Set Password", icon="LOCKED"
        )
        paragraph(layout, translated("Whoever connects for the first time is shown this code:"), context)
        code_row(layout, state.host.check_code)
        if runtime.need().server_differs:
            box = layout.box()
            paragraph(box, translated("The server still has the settings with which it was started."), context, "INFO")
            box.operator("atrium.restart_server", icon="FILE_REFRESH")
        found = reaching.verdicts(state.reach)
        firewall = reaching.firewall(found)
        if firewall is not None:
            draw_firewall(layout, context, firewall)
        told: set[str] = set()  # one reason that keeps several away is read once
        for verdict in found:
            opened = reaching.wants_attention(verdict, found) and verdict.sentence not in told
            self._audience(context, verdict, opened)
            told.add(verdict.sentence)
        draw_tunnels(layout, context, state)

    def _audience(self, context: Any, verdict: Verdict, opened: bool) -> None:
        """A new trouble gets a fold of its own, so that it is open however the audience was folded before."""
        fold = f"atrium.{verdict.key}.{'trouble' if opened else 'well'}"
        header, body = self.layout.panel(fold, default_closed=not opened)
        header.label(text=verdict.title, icon=ICONS.get(verdict.state, "QUESTION"), translate=False)
        if verdict.addresses:
            right = header.row(align=True)
            right.alignment = "RIGHT"
            if context.region.width > WIDE * context.preferences.system.ui_scale:
                right.label(text=verdict.addresses[0], translate=False)
            _copy_button(right, verdict.addresses[0])
        if body is not None:
            self._reason(body, context, verdict)

    def _reason(self, layout: Any, context: Any, verdict: Verdict) -> None:
        draw_to_copy(layout, verdict.addresses)
        for text in verdict.texts:
            paragraph(layout, text, context)
        if verdict.others:
            paragraph(layout, reaching.others_are(), context)
            draw_to_copy(layout, verdict.others)
        if verdict.rule:
            draw_rule(layout, verdict)
        if verdict.audience == "internet":
            layout.prop(
                context.window_manager.atrium,
                "public_address",
                text="",
                icon="URL",
                placeholder=translated("Public address, for invites"),
            )


def draw_to_copy(layout: Any, texts: Iterable[str]) -> None:
    """A line each, with a button that copies it."""
    column = layout.column(align=True)
    for text in texts:
        row = column.row()
        row.label(text=text, translate=False)
        _copy_button(row, text)


def _copy_button(layout: Any, text: str) -> None:
    """Not for an address of which a part is not shown: nobody gets in by the rest, and the invite has it whole."""
    if "?***" not in text:
        layout.operator("atrium.copy", text="", icon="COPYDOWN", emboss=False).text = text


def draw_invite(layout: Any, context: Any, state: State) -> None:
    """The button, how long its next link shall work, and what the newest one opens, and until when."""
    row = layout.row(align=True)
    row.operator("atrium.create_invite", icon="COPYDOWN").expires_h = inviting.HOURS[state.invite_lasts]
    lasts = row.row(align=True)
    lasts.ui_units_x = CHOICE_UNITS
    lasts.prop(context.window_manager.atrium, "invite_lasts", text="")
    row.operator("atrium.revoke_invites", text="", icon="TRASH")
    if state.revoked:
        revoked = translated("All invites are revoked. Who came by one is still let in; for others copy a new one.")
        paragraph(layout, revoked, context, "CHECKMARK")
    if not state.invite:
        return
    now = time.time()
    if inviting.is_over(state.invite_expires_s, now):
        paragraph(layout, translated("The invite that you copied works no longer: copy a new one."), context, "INFO")
    elif state.invite_only_here:
        nobody = translated(
            "This invite works on this machine only, which has no address for others: connect it to a network, a VPN or a tunnel, and copy a new one."
        )
        paragraph(layout, nobody, context, "ERROR")
    else:
        copied = translated("The invite is copied: paste it into a message to those you want here.")
        opens, until = inviting.opening(state.invite_room), inviting.lasting(state.invite_expires_s, now)
        paragraph(layout, f"{copied} {opens} {until}", context, "CHECKMARK")


def draw_firewall(layout: Any, context: Any, verdict: Verdict) -> None:
    """Which firewall it is, and the commands that let guests through."""
    box = layout.box()
    paragraph(box, verdict.sentence, context, "ERROR")
    paragraph(box, translated("If others cannot connect, run this in a terminal:"), context)
    draw_to_copy(box, verdict.commands)


def draw_deafness(layout: Any, context: Any, deafness: Deafness) -> None:
    """Which firewall of this machine's own may drop the answers of those who host, and the command that lets them in."""
    box = layout.box()
    text = translated("The firewall {tool} is active on this machine and may drop the answers of those who host.")
    paragraph(box, text.format(tool=deafness.tool), context, "INFO")
    paragraph(box, translated("To let them in, run this in a terminal:"), context)
    draw_to_copy(box, [deafness.command])


def draw_rule(layout: Any, verdict: Verdict) -> None:
    """What to enter in the router, as its form asks for it: names at the left, values at the right."""
    box = layout.box()
    column = box.column(align=True)
    column.scale_y = 0.9
    for name, value in verdict.rule:
        split = column.split(factor=0.6)
        split.label(text=name, translate=False)
        split.label(text=value, translate=False)


def draw_tunnels(layout: Any, context: Any, state: State) -> None:
    """A button for each program that is installed and not running; what is running is among the audiences, and can be ended."""
    tunneling = runtime.need().tunneling
    if not tunneling.programs or not bpy.app.online_access:
        return
    if tunneling.failure is not None:
        box = layout.box()
        box.alert = True
        paragraph(box, tunneling.failure.sentence, context, "ERROR")
    if tunneling.program:
        row = layout.row(align=True)
        if tunneling.closing:
            row.label(text="Closing the tunnel", icon="SORTTIME")
        elif not tunneling.running:
            text = translated("Opening a tunnel with {program}").format(program=tunneling.program)
            row.label(text=text, icon="SORTTIME", translate=False)
            row.operator("atrium.stop_tunnel", text="", icon="CANCEL")
        else:
            row.operator("atrium.stop_tunnel", icon="X")
        return
    running = {str(entry.get("label")) for entry in state.reach if entry.get("audience") == "tunnel"}
    column = layout.column(align=True)
    for program in tunneling.programs:
        if program not in running:
            text = translated("Open Tunnel ({program})").format(program=program)
            column.operator("atrium.start_tunnel", text=text, icon="LINKED", translate=False).program = program


def draw_check(layout: Any, context: Any, state: State) -> None:
    """The network check under way, or what it has found."""
    if runtime.need().checking.running:
        row = layout.row(align=True)
        row.label(text="Checking the network", icon="SORTTIME")
        row.operator("atrium.cancel_check", text="", icon="CANCEL")
    elif state.check_report:
        box = layout.box()
        column = box.column(align=True)
        for number, line in enumerate(state.check_report):
            further = line.startswith(" ")  # about what stands before it
            if number and not further:
                column.separator(factor=0.6)
            paragraph(column, line.strip(), context, "BLANK1" if further else "NONE")
        row = box.row(align=True)
        row.operator("atrium.copy", text="Copy Report", icon="COPYDOWN").text = "\n".join(state.check_report)
        row.operator("atrium.cancel_check", text="", icon="X")


CLASSES = (ATRIUM_PT_host,)
