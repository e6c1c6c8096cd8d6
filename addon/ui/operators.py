# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators: each calls the session and reports; none does anything itself.

In background there is no timer, so an operator that starts something runs the ticks itself and returns when it is
done, has failed or took longer than `timeout`: scripts read like what they do. With a window it returns at once, the
timer goes on, and the panel tells how it went. It deliberately does not stay as a modal operator: Blender postpones
auto-saves while one runs, a file load (which joining is) ends it, and "is the user dragging something?" would always
be yes.
"""

import time
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, StringProperty

from ..session import address, runtime
from ..session.driver import Trouble
from ..session.sentences import Problem, problem
from ..session.state import Task
from ..session.words import n_, translated
from . import properties

UNSAVED_ITEMS = [
    ("ASK", "Ask", "Ask what to do with unsaved changes; in background: keep a copy"),
    ("SAVE", "Save", "Save the file first"),
    ("KEEP_COPY", "Keep a Copy", "Keep the scene as a file in Atrium's folder “recovered”"),
    ("DISCARD", "Discard", "Join without saving"),
]

# Blender lists what an operator that is registered was called with, in the Info editor and for as long as it runs: no place for a
# password or an invite.
NOT_LISTED: set[str] = set()

# Of a dialog with whole sentences in it, in pixels before the interface's scale.
DIALOG_WIDTH = 520

# While waiting in background: short enough for a round trip on one machine, long enough to leave the processor alone.
WAIT_S = 0.002


def _timeout() -> Any:
    """For scripts alone: hidden in dialogs."""
    return FloatProperty(
        name="Timeout",
        description="Seconds to wait, in background",
        default=60.0,
        min=0.0,
        options={"SKIP_SAVE", "HIDDEN"},
    )


class _Operator(bpy.types.Operator):
    """What all share: the reason why not, the waiting, the report."""

    bl_options = {"REGISTER"}
    action = ""

    @classmethod
    def poll(cls, _: Any) -> bool:
        """With a window the button is grey and says why; in background the operator itself fails with that sentence."""
        session = runtime.session()
        if bpy.app.background:
            return session is not None
        reason = session.state.why_not(cls.action) if session and cls.action else None
        if reason is not None:
            cls.poll_message_set(reason.sentence)
        return session is not None and reason is None

    def start(self) -> Task | None:
        raise NotImplementedError

    def execute(self, _: Any) -> set[str]:
        try:
            task = self.start()
        except Trouble as trouble:
            runtime.state().problem = trouble.problem
            runtime.state().changed()
            return self._failed(trouble.problem)
        runtime.wake()
        if task is None or not bpy.app.background:
            return {"FINISHED"}
        problem = wait_for(task, getattr(self, "timeout", 60.0))
        return self._failed(problem) if problem else {"FINISHED"}

    def _failed(self, trouble: Problem) -> set[str]:
        runtime.announce()
        self.report({"ERROR"}, trouble.sentence)
        return {"CANCELLED"}


def wait_for(task: Task, timeout_s: float) -> Problem | None:
    """Runs ticks until the task is done. One that takes too long is cancelled."""
    end = time.monotonic() + timeout_s
    while not task.done:
        runtime.tick()
        if task.done:
            break
        if time.monotonic() >= end:
            return _gave_up(task, timeout_s)
        time.sleep(WAIT_S)
    runtime.announce()
    return task.problem


def _gave_up(task: Task, timeout_s: float) -> Problem:
    session = runtime.need()
    text = session.state.note or (session.state.progress.text if session.state.progress else "") or task.text
    session.give_up(task)
    trouble = problem("WAITED", seconds=f"{timeout_s:g}", text=text)
    session.state.problem = trouble
    session.state.changed()
    return trouble


class ATRIUM_OT_connect(_Operator):
    """Connect to the host in the Host box. If that is this machine and no server runs here, one is started"""

    bl_idname = "atrium.connect"
    bl_label = "Connect"
    bl_options = NOT_LISTED
    action = "connect"
    password: StringProperty(
        name="Password",
        description="The host's, if it has one and you have no invite",
        subtype="PASSWORD",
        options={"SKIP_SAVE"},
    )
    room: StringProperty(
        name="Room",
        description="The name of the room, if the password is that of one room; left empty, it is the host's",
        options={"SKIP_SAVE"},
    )
    timeout: _timeout()

    def start(self) -> Task | None:
        host, typed = runtime.state().settings.host, properties.take_password()
        # What was typed for another host counts no longer where the field is not even drawn.
        password = self.password or (typed if address.takes_password(host) else "")
        room = self.room or ("" if self.password else bpy.context.window_manager.atrium.password_room)
        return runtime.need().connect(host, password, room)

    def execute(self, context: Any) -> set[str]:
        """An invite leads on into its room."""
        result = super().execute(context)
        task = runtime.state().task
        if result == {"FINISHED"} and bpy.app.background and task is not None and not task.done:
            problem = wait_for(task, self.timeout)
            return self._failed(problem) if problem else result
        return result


class ATRIUM_OT_host(_Operator):
    """Host on this machine: starts a server if none runs here, and connects to it"""

    bl_idname = "atrium.host"
    bl_label = "Host"
    action = "host"
    timeout: _timeout()

    def start(self) -> Task | None:
        runtime.state().settings.host = "localhost"
        return runtime.need().host()


class ATRIUM_OT_connect_found(_Operator):
    """Connect to this host on the local network, and join the room if it is a room's row. Unless you have been there before, you are shown its check code first"""

    bl_idname = "atrium.connect_found"
    bl_label = "Connect"
    action = "connect"
    host: StringProperty(name="Host", description="The host's address", options={"SKIP_SAVE"})
    room: StringProperty(name="Room", description="Id of the room to join there", options={"SKIP_SAVE"})
    key: StringProperty(name="Key", description="The key that the host must prove", options={"SKIP_SAVE"})
    timeout: _timeout()

    def start(self) -> Task | None:
        password, room = properties.take_password_for(self.host)
        task = runtime.need().connect(self.host, password, room, into=self.room, key=self.key)
        bpy.context.window_manager.atrium.host = self.host
        return task


class ATRIUM_OT_disconnect(_Operator):
    """Leave the room and end the connection; what you changed is sent first"""

    bl_idname = "atrium.disconnect"
    bl_label = "Disconnect"
    action = "disconnect"
    timeout: _timeout()

    def start(self) -> Task | None:
        return runtime.need().disconnect()


class ATRIUM_OT_cancel(_Operator):
    """Give up what is under way, at once; your scene stays as it is"""

    bl_idname = "atrium.cancel"
    bl_label = "Cancel"
    action = "cancel"

    def start(self) -> Task | None:
        runtime.need().cancel()
        return None


class ATRIUM_OT_create_room(_Operator):
    """Create a room with your scene, which others can join"""

    bl_idname = "atrium.create_room"
    bl_label = "Create Room"
    action = "create_room"
    name: StringProperty(name="Name", description="Name of the room", options={"SKIP_SAVE"})
    timeout: _timeout()

    def start(self) -> Task | None:
        return runtime.need().create_room(self.name or bpy.context.window_manager.atrium.new_room_name)


class ATRIUM_OT_join_room(_Operator):
    """Join the room: its scene takes the place of yours. Unsaved changes are asked about first"""

    bl_idname = "atrium.join_room"
    bl_label = "Join Room"
    action = "join_room"
    name: StringProperty(name="Name", description="Name or id of the room", options={"SKIP_SAVE"})
    unsaved: EnumProperty(
        name="Unsaved Changes", description="What to do with them", items=UNSAVED_ITEMS, options={"SKIP_SAVE"}
    )
    timeout: _timeout()

    def start(self) -> Task | None:
        return runtime.need().join_room(self.name, self.unsaved)


class ATRIUM_OT_leave_room(_Operator):
    """Leave the room; the scene stays here as it is, and what you changed is sent first"""

    bl_idname = "atrium.leave_room"
    bl_label = "Leave Room"
    action = "leave_room"
    timeout: _timeout()

    def start(self) -> Task | None:
        return runtime.need().leave_room()


class ATRIUM_OT_flush(_Operator):
    """Wait until all your changes are with the server and all changes of others are here"""

    bl_idname = "atrium.flush"
    bl_label = "Flush"
    action = "flush"
    timeout: _timeout()

    def start(self) -> Task | None:
        return runtime.need().flush()


class ATRIUM_OT_create_invite(_Operator):
    """Make a link that lets in whoever pastes it into the Host box, and copy it. Send it to the people you want here"""

    bl_idname = "atrium.create_invite"
    bl_label = "Copy Invite"
    action = "create_invite"
    expires_h: FloatProperty(
        name="Hours", description="How long it works; 0: for ever", default=168.0, min=0.0, options={"SKIP_SAVE"}
    )
    timeout: _timeout()

    def start(self) -> Task | None:
        task = runtime.need().create_invite(self.expires_h)
        if not bpy.app.background:
            runtime.when_done(task, _copy_invite)
        return task


def _copy_invite(task: Task) -> None:
    if task.problem is None:
        bpy.context.window_manager.clipboard = runtime.state().invite


class ATRIUM_OT_revoke_invites(_Operator):
    """All invites that were given out stop working. Whoever has come in with one is still let in"""

    bl_idname = "atrium.revoke_invites"
    bl_label = "Revoke Invites"
    action = "revoke_invites"
    timeout: _timeout()

    def start(self) -> Task | None:
        return runtime.need().revoke_invites()

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Asked first: it stands beside the button that is clicked most, and cannot be undone."""
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=translated("Revoke all invites?"),
            message=translated("No link that you gave out lets anybody in any more."),
            confirm_text=translated("Revoke"),
        )


class ATRIUM_OT_restart_server(_Operator):
    """Start the server of this machine anew, with the settings that Blender has now. Who is connected is back within seconds"""

    bl_idname = "atrium.restart_server"
    bl_label = "Restart Server"
    action = "restart_server"
    timeout: _timeout()

    def start(self) -> Task | None:
        return runtime.need().restart_server()

    def invoke(self, context: Any, _: Any) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, width=DIALOG_WIDTH)

    def draw(self, _: Any) -> None:
        """What is lost, before it is."""
        self.layout.label(
            text="Who is connected is back within seconds, and so are the rooms with somebody in them.", icon="INFO"
        )
        for room in runtime.state().rooms:
            if not room.users:
                text = translated("Nobody is in “{room}”: it is lost.").format(room=room.name)
                self.layout.label(text=text, icon="ERROR", translate=False)


class ATRIUM_OT_set_password(_Operator):
    """Let in whoever knows this password, to everything or to one room. Empty: nobody"""

    bl_idname = "atrium.set_password"
    bl_label = "Set Password"
    bl_options = NOT_LISTED
    action = "set_room_password"  # whose door it is only `room` tells: the session looks again
    password: StringProperty(name="Password", subtype="PASSWORD", options={"SKIP_SAVE"})
    room: StringProperty(
        name="Room", description="Name or id of the room that it opens; empty: everything", options={"SKIP_SAVE"}
    )
    timeout: _timeout()

    def start(self) -> Task | None:
        return runtime.need().set_password(self.password, self.room)

    def invoke(self, context: Any, _: Any) -> set[str]:
        found = runtime.state().room_named(self.room) if self.room else None
        if found is None:
            return context.window_manager.invoke_props_dialog(self)
        title = translated("Password of “{room}”").format(room=found.name)
        return context.window_manager.invoke_props_dialog(self, title=title)

    def draw(self, _: Any) -> None:
        self.layout.prop(self, "password")
        self.layout.label(text="Left empty, no password opens the door.", icon="INFO")


class _Answer(_Operator):
    action = "admit"
    admit = True

    def start(self) -> Task | None:
        runtime.need().answer_knock(self.key, self.admit, self.remember)
        return None


class ATRIUM_OT_admit(_Answer):
    """Let this person in. Compare the check code first: names can be chosen freely"""

    bl_idname = "atrium.admit"
    bl_label = "Let In"
    key: StringProperty(name="Key", options={"SKIP_SAVE"})
    remember: BoolProperty(
        name="For Good", description="Also next time, without asking", default=False, options={"SKIP_SAVE"}
    )


class ATRIUM_OT_refuse(_Answer):
    """Do not let this person in"""

    bl_idname = "atrium.refuse"
    bl_label = "Refuse"
    admit = False
    key: StringProperty(name="Key", options={"SKIP_SAVE"})
    remember: BoolProperty(
        name="For Good", description="Also next time, without asking", default=False, options={"SKIP_SAVE"}
    )


class ATRIUM_OT_pardon(_Operator):
    """Keep this person out no longer. They come in again with an invite or the password, or you are asked when they knock"""

    bl_idname = "atrium.pardon"
    bl_label = "Allow Again"
    action = "pardon"
    key: StringProperty(name="Key", options={"SKIP_SAVE"})

    def start(self) -> Task | None:
        runtime.need().pardon(self.key)
        return None


class ATRIUM_OT_remove_user(_Operator):
    """Remove this person from the server, with all of their Blenders. What they did stays in the scene"""

    bl_idname = "atrium.remove_user"
    bl_label = "Remove User"
    action = "remove_user"
    user: StringProperty(name="User", description="The person's id, as the list of users has it", options={"SKIP_SAVE"})
    remember: BoolProperty(
        name="Keep Out for Good",
        description="Not let in again either, not even with an invite or the password",
        default=False,
        options={"SKIP_SAVE"},
    )

    def start(self) -> Task | None:
        runtime.need().remove_user(self.user, self.remember)
        return None

    def invoke(self, context: Any, _: Any) -> set[str]:
        """Asked first: a click beside a name is easily one too many."""
        found = next((u for u in runtime.state().users if u.id == self.user), None)
        if found is None:
            return self.execute(context)
        title = translated("Remove {name}?").format(name=found.name)
        return context.window_manager.invoke_props_dialog(self, title=title, confirm_text=translated("Remove User"))

    def draw(self, _: Any) -> None:
        self.layout.prop(self, "remember")
        text = n_("They will not be let in again.") if self.remember else n_("They can come back the way they came.")
        self.layout.label(text=text, icon="INFO")


class ATRIUM_OT_trust_host(_Operator):
    """Trust the host with this check code, now and later. Its panel shows the same code if nobody stands in between"""

    bl_idname = "atrium.trust_host"
    bl_label = "The Codes Are Equal"
    action = "trust_host"
    code: StringProperty(name="Check Code", description="As the host's owner told it", options={"SKIP_SAVE"})

    def start(self) -> Task | None:
        runtime.need().trust_host(self.code)
        return None


class ATRIUM_OT_forget_host(_Operator):
    """Forget the key of this host: the next Connect asks for its check code again"""

    bl_idname = "atrium.forget_host"
    bl_label = "Forget Host"
    host: StringProperty(name="Host", description="Its address", options={"SKIP_SAVE"})
    timeout: _timeout()

    def start(self) -> Task | None:
        return runtime.need().forget_host(self.host or runtime.state().settings.host)


class ATRIUM_OT_use_host(_Operator):
    """Put this address into the Host box"""

    bl_idname = "atrium.use_host"
    bl_options = {"INTERNAL"}
    bl_label = "Use This Host"
    action = "connect"
    host: StringProperty(name="Host", description="Its address", options={"SKIP_SAVE"})

    def start(self) -> Task | None:
        bpy.context.window_manager.atrium.host = self.host
        return None


class ATRIUM_OT_paste_host(_Operator):
    """Put the invite or the address from the clipboard into the Host box: all lines of a message, of which the box itself takes the first only"""

    bl_idname = "atrium.paste_host"
    bl_options = {"INTERNAL"}
    bl_label = "Paste"
    action = "connect"

    def start(self) -> Task | None:
        text = address.pasted(bpy.context.window_manager.clipboard)
        if text:
            bpy.context.window_manager.atrium.host = text
        else:
            self.report({"WARNING"}, n_("The clipboard holds no text."))
        return None


class ATRIUM_OT_forget_used_hosts(_Operator):
    """Take this address off the list of hosts that you were at; without an address, all of them"""

    bl_idname = "atrium.forget_used_hosts"
    bl_label = "Forget All"
    host: StringProperty(name="Host", description="Its address", options={"SKIP_SAVE"})

    def start(self) -> Task | None:
        history = runtime.state().history
        if self.host:
            history.forget(self.host)
        else:
            history.forget_all()
        runtime.state().changed()
        return None


class ATRIUM_OT_check_network(_Operator):
    """Find out whether the host in the Host box can be reached, and who can reach this machine. Nobody is told anything"""

    bl_idname = "atrium.check_network"
    bl_label = "Check Network"
    bl_options = NOT_LISTED
    host: StringProperty(name="Host", description="Its address; empty: what the Host box says", options={"SKIP_SAVE"})
    timeout: _timeout()

    def start(self) -> Task | None:
        return runtime.need().check_network(self.host or runtime.state().settings.host)


class ATRIUM_OT_start_tunnel(_Operator):
    """Start this program: its service passes on who comes from the internet. What passes is encrypted, and read by nobody else"""

    bl_idname = "atrium.start_tunnel"
    bl_label = "Open Tunnel"
    action = "start_tunnel"
    program: EnumProperty(
        name="Program",
        description="That is installed on this machine",
        items=[("ngrok", "ngrok", ""), ("cloudflared", "cloudflared", "")],
        options={"SKIP_SAVE"},
    )
    timeout: _timeout()

    def start(self) -> Task | None:
        return runtime.need().start_tunnel(self.program)


class ATRIUM_OT_stop_tunnel(_Operator):
    """End the tunnel's program: who has come in that way is cut off"""

    bl_idname = "atrium.stop_tunnel"
    bl_label = "Close Tunnel"
    action = "start_tunnel"

    def start(self) -> Task | None:
        runtime.need().tunneling.stop()
        return None


class ATRIUM_OT_cancel_check(_Operator):
    """Give up the network check, or put away what it has found"""

    bl_idname = "atrium.cancel_check"
    bl_options = {"INTERNAL"}
    bl_label = "Cancel"

    def start(self) -> Task | None:
        runtime.need().checking.put_away()
        return None


class ATRIUM_OT_copy(_Operator):
    """Copy to the clipboard"""

    bl_idname = "atrium.copy"
    bl_options = {"INTERNAL"}
    bl_label = "Copy"
    text: StringProperty(name="Text", options={"SKIP_SAVE"})

    def start(self) -> Task | None:
        bpy.context.window_manager.clipboard = self.text
        self.report({"INFO"}, n_("Copied."))
        return None


CLASSES = (
    ATRIUM_OT_connect,
    ATRIUM_OT_host,
    ATRIUM_OT_connect_found,
    ATRIUM_OT_disconnect,
    ATRIUM_OT_cancel,
    ATRIUM_OT_create_room,
    ATRIUM_OT_join_room,
    ATRIUM_OT_leave_room,
    ATRIUM_OT_flush,
    ATRIUM_OT_create_invite,
    ATRIUM_OT_revoke_invites,
    ATRIUM_OT_restart_server,
    ATRIUM_OT_set_password,
    ATRIUM_OT_admit,
    ATRIUM_OT_refuse,
    ATRIUM_OT_remove_user,
    ATRIUM_OT_pardon,
    ATRIUM_OT_trust_host,
    ATRIUM_OT_forget_host,
    ATRIUM_OT_use_host,
    ATRIUM_OT_paste_host,
    ATRIUM_OT_forget_used_hosts,
    ATRIUM_OT_check_network,
    ATRIUM_OT_start_tunnel,
    ATRIUM_OT_stop_tunnel,
    ATRIUM_OT_cancel_check,
    ATRIUM_OT_copy,
)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
