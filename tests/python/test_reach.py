# SPDX-License-Identifier: MIT
"""Who can reach a host, in words: each code of the protocol has its sentence, and each sentence finds what it names."""

from __future__ import annotations

import json
import re
import string

from atrium import machine, reach

from .conftest import ROOT

PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()


def section() -> str:
    return PROTOCOL.split("## 8. Who can reach the host")[1]


def reasons_of_the_protocol() -> dict[str, tuple[set[str], set[str]]]:
    """Code -> the states in which it comes, the parameters that it has."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for line in section().split("| `reason` | `state` |")[1].splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 4 and cells[0].startswith("`"):
            for code in re.findall(r"`(\w+)`", cells[0]):
                found[code] = (set(re.findall(r"`(\w+)`", cells[1])), set(re.findall(r"`(\w+)`", cells[3])))
    return found


def named_in(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_every_code_has_a_sentence_and_no_sentence_lacks_its_code() -> None:
    assert set(reasons_of_the_protocol()) == set(reach.REASONS)


def test_a_sentence_names_only_what_comes_with_its_code() -> None:
    for code, (_, parameters) in reasons_of_the_protocol().items():
        reason = reach.REASONS[code]
        assert named_in(reason.sentence) | named_in(reason.step) <= parameters | {"label"}, code


def test_whoever_cannot_be_reached_gets_a_next_step() -> None:
    for code, (states, _) in reasons_of_the_protocol().items():
        assert states <= set(reach.STATES), code
        if states & {"no", "unknown"}:
            assert reach.REASONS[code].step, code


def test_a_step_can_be_followed_from_a_terminal() -> None:
    """The same words stand in the panel and in the reports of `check`, where there is no field to type something into."""
    for code, reason in reach.REASONS.items():
        assert not re.search(r"\bhere\b", reason.step), code


def test_the_example_of_the_protocol_reads_well() -> None:
    message = json.loads(section().split("```json")[1].split("```")[0])
    text = "\n".join(line for entry in message["audiences"] for line in reach.lines(entry))
    assert "Your network (Wi-Fi): should work: 192.168.0.48:12800" in text
    assert "VPN: ZeroTier: works: 10.147.17.3:12800" in text
    assert "Your router passes the port on (UPnP)" in text
    assert "?" not in text and "{" not in text
    assert ("Public port", "9090") in reach.rule(message["audiences"][3])


def test_what_speaks_against_a_typed_address_stands_beside_it() -> None:
    rule = {"address": "192.168.0.48", "port": 12800, "public_port": 9090}
    entry = {"audience": "internet", "addresses": ["203.0.113.17:9090"], "state": "unknown", "reason": "typed"}
    text = "\n".join(reach.lines({**entry, "with": rule}))
    assert "The internet: not known: 203.0.113.17:9090" in text and "Public port: 9090" in text
    parameters = {**rule, "outside": "192.168.1.2"}
    text = "\n".join(reach.lines({**entry, "beside": "double_nat", "with": parameters}))
    assert "you have typed" in text and "another router in front of yours" in text and "192.168.1.2" in text


def test_what_nobody_has_come_by_is_no_part_of_what_works() -> None:
    entry = {"audience": "internet", "addresses": ["[2001:db8::5]:12800"], "state": "works", "reason": "proved"}
    assert reach.lines(entry) == ["The internet: works: [2001:db8::5]:12800", "    Somebody has come in this way."]
    assert reach.lines({**entry, "others": ["203.0.113.17:9090"]})[2:] == [
        "    Nobody has come in by these addresses yet: 203.0.113.17:9090"
    ]


def test_a_server_that_listens_everywhere_says_so() -> None:
    entry = {"audience": "machine", "addresses": ["localhost:12800"], "state": "works", "reason": "proved"}
    assert reach.lines({**entry, "with": {"bound": "*"}})[1:] == [
        "    Somebody has come in this way.",
        "    This server listens on all networks of this machine.",
    ]
    for bound in ("127.0.0.1", "192.168.0.48"):
        assert reach.lines({**entry, "with": {"bound": bound}})[1:] == ["    Somebody has come in this way."]


def test_what_a_newer_server_says_still_reads() -> None:
    entry = {"audience": "moon", "label": "Moon", "state": "dim", "reason": "eclipse", "with": {}}
    assert reach.title(entry) == "Moon"
    assert "eclipse" in reach.sentence(entry)
    assert reach.lines({"audience": "internet", "state": "no", "reason": "no_mapping"})
    assert reach.rule({"audience": "internet", "state": "no", "reason": "no_mapping"}) == []


def test_a_parameter_cannot_be_a_template() -> None:
    entry = {"audience": "vpn", "label": "{0.__class__}", "reason": "other_address", "with": {"bound": "{port}"}}
    assert reach.sentence(entry) == "This server listens at {port} only."
    assert reach.title(entry) == "VPN: {0.__class__}"


def test_what_the_system_will_ask_is_said_before() -> None:
    assert reach.before_hosting("linux") is None
    for platform in ("win32", "darwin"):
        reason = reach.before_hosting(platform)
        assert reason is not None and "asks" in reason.sentence


def table_of_c(name: str) -> dict[str, tuple[str, str]]:
    """One of the tables that the server without Python has."""
    text = (ROOT / "csrc" / "server" / "sentences.h").read_text()
    body = re.search(rf"said_{name}\[\] = \{{\n(.*?)\n\}};", text, re.S)
    assert body
    joined = re.sub(r'"\s+"', "", body.group(1))
    rows = re.findall(r"\{((?:\"(?:[^\"\\]|\\.)*\"(?:,\s*)?)+)\}", joined)
    values = [json.loads(f"[{row}]") for row in rows]
    return {code: (sentence, step) for code, sentence, step in values}


def test_the_server_without_python_says_the_same() -> None:
    reasons = {code: (reason.sentence, reason.step) for code, reason in reach.REASONS.items()}
    assert table_of_c("reasons") == {**reasons, "": (reach.UNKNOWN.sentence, reach.UNKNOWN.step)}
    for name, table in [("audiences", reach.TITLES), ("states", reach.STATES), ("rule", dict(reach.RULE))]:
        assert table_of_c(name) == {code: (text, "") for code, text in table.items()}
    assert table_of_c("others") == {"": (reach.OTHERS, "")}
    assert table_of_c("all_networks") == {"": (reach.ALL_NETWORKS.sentence, "")}
    assert table_of_c("texts") == {code: (text, "") for code, text in machine.TEXTS.items()}
