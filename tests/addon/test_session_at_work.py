# SPDX-License-Identifier: MIT
"""In a room, against a fake engine: what goes out, what the user is told of what others did, and what a render holds up.

The session goes on whatever fails, and its end ends every wait.
"""

from __future__ import annotations

from atrium_session.sentences import problem

from tests.addon.bench import ROOM, Bench, doc, progress


def test_flush_captures_asks_and_drains() -> None:
    bench = Bench().in_lobby().joined()
    task = bench.session.flush()
    bench.tick(doc(5))
    assert bench.engine.kinds()[-1] == "flush" and "capture_all" in bench.scene.replicators[0].log
    bench.tick({"t": "flushed", "room": ROOM, "n": 1, "seq": 5})
    assert task.done and task.problem is None


def test_flush_goes_on_when_the_queue_was_full() -> None:
    bench = Bench().in_lobby().joined()
    bench.scene.replicators[0].full = 2
    task = bench.session.flush()
    bench.tick(times=6)
    assert bench.engine.kinds()[-1] == "flush" and not task.done


def test_what_a_busy_blender_cannot_take_stays_in_the_engine() -> None:
    """Which merges it; and nothing else overtakes it."""
    bench = Bench().in_lobby().joined()
    bench.scene.replicators[0].behind = True
    bench.tick(doc(5))
    assert bench.session.link is not None and bench.session.link.waiting == 0 and len(bench.engine.events) == 1
    bench.scene.replicators[0].behind = False
    bench.tick()
    assert not bench.engine.events


def test_refusals_reach_the_user_and_the_replicator() -> None:
    bench = Bench().in_lobby().joined()
    bench.scene.rendering = True
    bench.tick({"t": "refused", "room": ROOM, "doc": "00" * 16, "code": "DENIED", "text": "No."})
    assert bench.state.refusals == ["Your last change to “Cube” was not taken by the room. No."]
    bench.tick({"t": "refused", "room": ROOM, "doc": "11" * 16, "code": "NEW", "text": "It rained."})
    bench.tick({"t": "refused", "room": ROOM, "doc": "00" * 16, "code": "GONE", "text": "The document was deleted."})
    assert bench.state.fresh_refusals[1:] == [
        "One of your changes was not taken by the room. It rained.",
        "“Cube” was deleted by somebody else, and your last change to it with it.",
    ]
    bench.state.clock = lambda: bench.state.refused_at + 3600
    assert bench.state.fresh_refusals == [] and len(bench.state.refusals) == 3
    assert bench.session.link is not None and bench.session.link.poll()[0]["t"] == "refused"


def test_what_was_healed_is_counted_in_the_details() -> None:
    bench = Bench().in_lobby().joined()
    trouble = problem("CLOSED")
    assert "Healed" not in bench.state.report(trouble)
    bench.tick({"t": "healed", "room": ROOM, "doc": "00" * 16, "seq": 5, "count": 1})
    bench.tick({"t": "healed", "room": ROOM, "doc": "11" * 16, "seq": 6, "count": 2})
    assert bench.state.report(trouble).endswith("\nHealed: 2")


def test_rendering_stops_capture_and_apply_and_says_so() -> None:
    bench = Bench().in_lobby().joined()
    replicator = bench.scene.replicators[0]
    replicator.log.clear()
    bench.scene.rendering = True
    bench.tick(doc(7))
    assert replicator.log == [] and bench.state.paused
    bench.scene.rendering = False
    bench.tick()
    assert "tick" in replicator.log and not bench.state.paused


def test_connecting_and_leaving_do_not_wait_for_a_render() -> None:
    """It may take hours; what reads or writes the scene waits for it."""
    bench = Bench()
    bench.scene.rendering = True
    bench.session.connect("192.0.2.7")
    bench.tick()
    assert bench.engine.kinds() == ["connect"]
    bench = Bench().in_lobby().joined()
    bench.scene.rendering = True
    flush = bench.session.flush()
    bench.tick(times=5)
    assert "capture_all" not in bench.scene.replicators[0].log and not flush.done
    leave = bench.session.leave_room()
    bench.tick()
    bench.tick({"t": "state", "state": "LOBBY"})
    assert leave.done and "capture_all" not in bench.scene.replicators[0].log
    bench.scene.log.clear()
    bench.receiving("DISCARD")
    bench.tick(progress(1.0, True), times=5)
    assert not any(line.startswith(("secure", "clear")) for line in bench.scene.log)
    bench.scene.rendering = False
    bench.tick(times=10)
    assert "clear" in bench.scene.log


def test_what_others_have_changed_is_said_to_be_in_no_file() -> None:
    bench = Bench().in_lobby().joined()
    assert not bench.session.others_work_is_unsaved
    bench.tick(doc(9))
    assert bench.session.others_work_is_unsaved
    bench.scene.holds_others_work = False  # saved
    assert not bench.session.others_work_is_unsaved


def test_what_was_about_a_room_of_another_host_is_forgotten() -> None:
    bench = Bench().in_lobby()
    bench.scene.unsaved = True
    bench.session.join_room("Set", "ASK")
    bench.tick({"t": "rooms", "rooms": []})
    assert bench.state.ask_unsaved == ""
    bench = Bench().in_lobby().joined()
    bench.engine.events.append({"t": "state", "state": "LOBBY"})
    bench.session.file_loads()
    assert bench.state.left is not None
    bench.session.disconnect()
    bench.tick({"t": "state", "state": "OFFLINE"}, times=3)
    assert bench.state.left is None


def test_a_long_render_leaves_the_events_in_the_engine() -> None:
    bench = Bench().in_lobby().joined()
    bench.scene.rendering = True
    bench.engine.events = [doc(n) for n in range(6000)]
    bench.tick(times=30)
    assert 0 < len(bench.engine.events) < 6000


def test_a_failing_replicator_shows_an_error_and_the_session_goes_on() -> None:
    bench = Bench().in_lobby().joined()
    bench.scene.replicators[0].fails = "tick"
    bench.tick()
    assert bench.state.phase == "JOINED" and bench.state.problem is not None
    assert "tick failed" in bench.state.problem.detail


def test_close_is_idempotent_and_ends_every_wait() -> None:
    bench = Bench().in_lobby()
    task = bench.receiving()
    bench.session.close()
    bench.session.close()
    assert bench.engine.closed == 1 and task.done and bench.state.phase == "OFFLINE"


def test_a_step_that_shows_no_other_number_draws_nothing_anew() -> None:
    """A build takes a step every millisecond; a panel that is drawn as often leaves no time for clicks."""
    state = Bench().state
    state.set_progress(0.0, "Building the scene")
    before = state.revision
    for step in range(5000):
        state.set_progress(step / 5000)
    assert 90 <= state.revision - before <= 101
    assert state.progress is not None and state.progress.value == 4999 / 5000
