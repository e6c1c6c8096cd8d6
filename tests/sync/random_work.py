# SPDX-License-Identifier: GPL-3.0-or-later
"""Random edits by several real Blenders, random timing between them: at rest all show the same, and then they are silent.

    python tests/sync/random_work.py --blender bpy42 --seeds 1..50        any number, by hand
    python tests/sync/random_work.py --blender bpy42 --seeds 17 --shrink  the fewest steps that still fail

A seed is a list of steps, each with a seed of its own, so that steps can be left out and the others stay what they were.
Time stands still inside of the peers but for what the steps say, and keys are drawn from the seed: what fails, fails again. At the
end the scenes are compared by the dumper of the fidelity tests, which shares no code with the replicator.

A step is (who, what, number). People work, tick with a small budget (so that a batch may be cut anywhere), send some of what they
hold back, hear some of what the room says, are cut off and come back, undo and redo, leave and join again; one
joins late. While somebody is cut off the others go on.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parents[1]))

from dumps import TIDY, differences, is_noise
from peers import Peer, Stage

PEOPLE = 3
STEPS = 120
Step = tuple[int, str, int]

# What people do, by weight.
ACTIONS = {
    "act": 60,
    "tick": 30,
    "send": 20,
    "hear": 20,
    "capture": 5,
    "cut": 3,
    "back": 4,
    "undo": 5,
    "redo": 2,
    "full": 2,
}

PREPARE = """
    import sys, random, types
    for folder in ({here!r}, {repo!r}):
        if folder not in sys.path:
            sys.path.append(folder)
    import deeds
    rng = random.Random({seed})

    class Clock:
        '''Stands still, but for what each look at it takes.'''
        now, cost = 1000.0, 0.0
        def monotonic(self):
            return self.now
        def perf_counter(self):
            self.now += self.cost
            return self.now
        def perf_counter_ns(self):
            return int(self.perf_counter() * 1e9)
        sleep = staticmethod(lambda s: None)

    clock = Clock()
    for name, module in list(sys.modules.items()):
        if name.startswith("sync.") and hasattr(module, "time"):
            module.time = clock
    from sync import identity
    identity.os = types.SimpleNamespace(urandom=rng.randbytes)
    if "rep" in globals():
        rep.detach()
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    from fake_link import FakeLink
    from sync.replicator import Replicator
    link = FakeLink(room, {member})
    rep = Replicator(link, room_id="f" * 32)
"""

# What the replicator writes down as a failure: it goes on after such, and the next pass may hide it.
KEEP_FAILURES = """
    import logging
    failures = []
    class Kept(logging.Handler):
        def emit(self, record):
            failures.append(self.format(record))
    logging.getLogger("atrium").handlers = [Kept(logging.ERROR)]
"""


def plan(seed: int, steps: int = STEPS) -> list[Step]:
    rng = random.Random(seed)
    out: list[Step] = []
    late = rng.randint(steps // 4, 3 * steps // 4)
    leaver = rng.randrange(PEOPLE) if rng.random() < 0.5 else -1
    leaves = rng.randint(0, steps - 1)
    for i in range(steps):
        people = PEOPLE + (i > late)
        if i == late:
            out.append((PEOPLE, "join", rng.randrange(1 << 30)))
        if i == leaves and leaver >= 0:
            out.append((leaver, "rejoin", rng.randrange(1 << 30)))
        what = rng.choices(list(ACTIONS), list(ACTIONS.values()))[0]
        out.append((rng.randrange(people), what, rng.randrange(1 << 30)))
    return out


def _is_noise(difference: Any) -> bool:
    """Also of what an image was made first, which nobody can set, and which means nothing where it is made anew of the same."""
    return is_noise(difference) or difference.kind == "Image.type"


class Failure(Exception):
    """What went wrong in a seed."""


class Work:
    """One seed, played on a stage whose peers may have played others before."""

    def __init__(self, stage: Stage, version: str, seed: int, say: Any = None) -> None:
        self.stage = stage
        self.version = version
        self.seed = seed
        self.say = say or (lambda text: None)
        # What everybody is asked when the scenes differ: to find out why.
        self.ask = os.environ.get("ATRIUM_ASK", "")
        self.members = 0
        self.people: list[Peer] = []

    def run(self, steps: list[Step]) -> None:
        from fake_link import FakeRoom

        self.stage.room = FakeRoom()
        for who in range(PEOPLE):
            self._enter(who)
        for step in steps:
            try:
                self._step(*step)
            except RuntimeError as e:
                raise Failure(f"{step}: {e}") from None
        self._rest()

    # The beginning

    def _enter(self, who: int) -> None:
        while len(self.stage.peers) <= who:
            self.stage.peer(self.version)
        peer = self.stage.peers[who]
        self.members += 1
        prepare = PREPARE.format(
            here=str(HERE), repo=str(HERE.parents[1]), seed=self.seed * 100 + self.members, member=self.members
        )
        peer.do("room = fresh_room()")
        peer.do(KEEP_FAILURES)
        peer.do(prepare)
        if who == 0 and not self.people:
            peer.do(TIDY)
            peer.upload()
        else:
            peer.join()
        peer.do("bpy.ops.ed.undo_push(message='joined'); rep.tick(1000)")
        if who == len(self.people):
            self.people.append(peer)

    # Steps

    def _step(self, who: int, what: str, number: int) -> None:
        if what == "join":
            self._enter(len(self.people))
            return
        if who >= len(self.people):
            return
        said = getattr(self, f"_do_{what}")(self.people[who], who, number)
        self.say(f"{who} {what} {number}: {said if said is not None else ''}")

    def _do_act(self, peer: Peer, who: int, number: int) -> Any:
        peer.do(f"link.hold = {number % 3 != 0}")
        return peer.do(f"deeds.act({number})")

    def _do_tick(self, peer: Peer, who: int, number: int) -> None:
        """Time goes on; each look at the clock takes some of the tick's budget in every second tick."""
        cost = (number % 20) / 1e4 if number % 2 else 0.0
        peer.do(f"clock.now += 0.3; clock.cost = {cost}; rep.tick({1 + number % 5}); clock.cost = 0.0")

    def _do_send(self, peer: Peer, who: int, number: int) -> None:
        peer.do(f"cut = globals().get('cut', False); cut or link.release({1 + number % 4})")

    def _do_hear(self, peer: Peer, who: int, number: int) -> None:
        limit = None if number % 3 == 0 else number % 7
        peer.do(f"cut = globals().get('cut', False); link.limit = 0 if cut else {limit}; clock.now += 0.3; rep.tick(5)")

    def _do_capture(self, peer: Peer, who: int, number: int) -> None:
        peer.do("rep.capture_all()")

    def _do_cut(self, peer: Peer, who: int, number: int) -> None:
        peer.do("cut = True; link.hold = True; link.limit = 0")

    def _do_back(self, peer: Peer, who: int, number: int) -> None:
        peer.do("cut = False; link.release(); link.limit = None; rep.tick(5)")

    def _do_full(self, peer: Peer, who: int, number: int) -> None:
        """The link takes nothing for a tick or two."""
        peer.do("link.full = True; clock.now += 0.3; link.limit = None; rep.tick(5); link.full = False")

    def _do_undo(self, peer: Peer, who: int, number: int) -> Any:
        return peer.do("deeds.undo()")

    def _do_redo(self, peer: Peer, who: int, number: int) -> Any:
        return peer.do("deeds.redo()")

    def _do_rejoin(self, peer: Peer, who: int, number: int) -> None:
        peer.do("link.release(); rep.capture_all(); link.release()")
        self._enter(who)

    # The end

    def _rest(self) -> None:
        for peer in self.people:
            peer.do("cut = False; clock.cost = 0.0; link.release(); link.limit = None")
            peer.do("deeds.leave_edit_mode()")
        self._settle()
        self._compare()
        self._idle()

    def _settle(self, rounds: int = 15) -> None:
        before = -1
        for _ in range(rounds):
            for peer in self.people:
                peer.do("link.release(); clock.now += 1; rep.tick(1000); rep.capture_all(); rep.tick(1000)")
            head = self.stage.room.head()
            if head == before:
                return
            before = head
        raise Failure(f"no rest after {rounds} rounds: {[e[1:4] + (e[4][:300],) for e in self.stage.room.log[-6:]]}")

    def _compare(self) -> None:
        wrong = differences(self.stage, self.people, _is_noise)
        if wrong:
            if self.ask:
                wrong += [f"{who}: {peer.do(self.ask)}" for who, peer in enumerate(self.people)]
            told = [
                f"{who} refused {r}" for who, p in enumerate(self.people) for r in p.do("[str(r) for r in rep.refused]")
            ]
            raise Failure("\n".join([*wrong, *told[:20]]))
        for who, peer in enumerate(self.people):
            unread = peer.do("failures")
            if unread:
                raise Failure(f"{who} could not read {unread}")

    def _idle(self) -> None:
        before = self.stage.room.head()
        for who, peer in enumerate(self.people):
            sent = peer.do(
                "link.sent.clear(); clock.now += 1; rep.tick(2000); rep.capture_all(); rep.tick(2000); link.sent"
            )
            if sent:
                raise Failure(f"{who} sent while idle: {str(sent)[:1500]}")
        if self.stage.room.head() != before:
            raise Failure("the room changed while all were idle")


def play(stage: Stage, version: str, seed: int, steps: list[Step], say: Any = None) -> str:
    """What went wrong, or nothing."""
    try:
        Work(stage, version, seed, say).run(steps)
    except Failure as e:
        return str(e)
    except (RuntimeError, AssertionError) as e:
        return f"{type(e).__name__}: {e}"
    return ""


def alive(stage: Stage) -> bool:
    return all(p.process.poll() is None for p in stage.peers)


def shrink(version: str, seed: int, steps: list[Step], like: str, say: Any) -> list[Step]:
    """Leaves out steps while it still fails alike, in halves, quarters ... and one by one at last."""
    stage = Stage()
    size = len(steps) // 2
    while size >= 1:
        at = 0
        while at < len(steps):
            fewer = steps[:at] + steps[at + size :]
            if not alive(stage):
                stage.close()
                stage = Stage()
            wrong = play(stage, version, seed, fewer)
            if wrong and like in wrong:
                steps = fewer
                say(f"{len(steps)} steps")
            else:
                at += size
        size //= 2
    stage.close()
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--blender", default="bpy42")
    parser.add_argument("--seeds", default="1..20")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--shrink", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--like", default="", help="what a failure has to say to count when shrinking")
    parser.add_argument("--only", default="", help="the steps to play, as --shrink prints them")
    options = parser.parse_args()
    first, _, last = options.seeds.partition("..")
    failed = []
    stage = Stage()
    for seed in range(int(first), int(last or first) + 1):
        steps = eval(options.only) if options.only else plan(seed, options.steps)  # one's own command line
        begin = time.monotonic()
        if not alive(stage):
            stage.close()
            stage = Stage()
        wrong = play(stage, options.blender, seed, steps, print if options.verbose else None)
        print(f"seed {seed}: {'FAILED' if wrong else 'ok'} ({time.monotonic() - begin:.1f} s)", flush=True)
        if not wrong:
            continue
        failed.append(seed)
        print(wrong[:6000], flush=True)
        if options.shrink:
            fewest = shrink(options.blender, seed, steps, options.like, lambda text: print(text, flush=True))
            print(f"--seeds {seed} --only '{fewest}'")
            again = Stage()
            print(play(again, options.blender, seed, fewest, print)[:6000], flush=True)
            again.close()
    stage.close()
    print(f"failed: {failed}")
    os._exit(1 if failed else 0)


if __name__ == "__main__":
    main()
