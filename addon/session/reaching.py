# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server says of who can reach it, ready to be drawn.

The codes' sentences are in the package's `atrium.reach`, one table for all front ends; here each is looked up in the user's language before
its parameters are filled in. The package is imported when it is needed: without it the add-on registers all the same, and there is
no server whose verdicts could be shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .said import said
from .state import Event
from .words import translated

# A way in from outside of the local network; where one is, nobody needs to be told what the internet lacks.
FAR = frozenset({"vpn", "internet", "tunnel"})
GOOD = frozenset({"works", "should"})


@dataclass(frozen=True)
class Verdict:
    key: str  # the audience, told from others of its kind
    audience: str
    state: str
    title: str
    sentence: str
    step: str  # what to do next; empty where there is nothing to do
    texts: tuple[str, ...]  # both, and the same of what may keep guests out beside that
    addresses: tuple[str, ...]
    others: tuple[str, ...]  # of one that works: by which nobody has come yet
    rule: tuple[tuple[str, str], ...]  # what to enter in the router by hand
    commands: tuple[str, ...]  # what lets guests through this machine's firewall

    @property
    def good(self) -> bool:
        return self.state in GOOD


def verdicts(entries: Iterable[Event]) -> list[Verdict]:
    return [_verdict(entry) for entry in entries]


def _verdict(entry: Event) -> Verdict:
    from atrium import reach

    def say(template: str) -> str:
        return reach.fill(translated(template), entry)

    audience, label = str(entry.get("audience", "")), str(entry.get("label", ""))
    reason, given = reach.reason_of(entry), entry.get("with") or {}
    state = str(entry.get("state"))
    return Verdict(
        key=f"{audience}.{label}",
        audience=audience,
        state=state,
        title=say(reach.TITLES.get(audience, "{label}")),
        sentence=say(reason.sentence),
        step=say(reason.step),
        texts=tuple(
            reach.fill(translated(text), filled)
            for one, filled in reach.reasons_of(entry)
            for text in (one.sentence, one.step)
            if text
        ),
        addresses=tuple(str(address) for address in entry.get("addresses") or ()),
        others=tuple(str(address) for address in entry.get("others") or ()),
        rule=tuple((translated(name), value) for name, value in reach.rule(entry)) if state not in GOOD else (),
        commands=tuple(
            str(given[name]) for name in ("tcp", "udp") if reason is reach.REASONS["firewall"] and given.get(name)
        ),
    )


def others_are() -> str:
    """What stands before a verdict's other addresses."""
    from atrium import reach

    return translated(reach.OTHERS)


def wants_attention(verdict: Verdict, all_verdicts: Iterable[Verdict]) -> bool:
    """Whether its reason should be read unasked: something does not work, and no other way leads in from far away."""
    if verdict.good or verdict.state == "checking":
        return False
    return verdict.audience not in FAR or not any(v.good for v in all_verdicts if v.audience in FAR)


def report(verdict: Verdict) -> list[str]:
    """As lines of plain text."""
    from atrium import reach

    state = translated(reach.STATES.get(verdict.state, verdict.state))
    addresses = ", ".join(verdict.addresses)
    lines = [f"{verdict.title}: {state}" + (f": {addresses}" if addresses else "")]
    lines += [f"    {text}" for text in verdict.texts]
    if verdict.others:
        lines.append(f"    {translated(reach.OTHERS)} {', '.join(verdict.others)}")
    return lines + [f"        {name}: {value}" for name, value in verdict.rule]


def machine_report(result: Any) -> list[str]:
    """A `MachineResult` as lines of plain text."""
    from atrium import machine

    lines = [translated(machine.TEXTS[result.how]).format(port=result.port, code=result.code, said=said(result.said))]
    lines += [line for verdict in verdicts(result.audiences) for line in report(verdict)]
    return lines if result.complete else [*lines, translated(machine.TEXTS["over"])]


def firewall(all_verdicts: Iterable[Verdict]) -> Verdict | None:
    """What tells of a firewall that nobody has come through yet: said once, however many audiences it keeps out."""
    found = list(all_verdicts)
    if any(v.state == "works" for v in found if v.audience != "machine"):
        return None
    return next((v for v in found if v.commands), None)


def before_hosting(platform: str) -> tuple[str, ...]:
    """What the system will ask when somebody hosts here for the first time: said before it asks."""
    try:
        from atrium import reach
    except ImportError:
        return ()
    reason = reach.before_hosting(platform)
    return (translated(reason.sentence), translated(reason.step)) if reason is not None else ()
