# SPDX-License-Identifier: MIT
"""Colours, settings, addresses, sentences and restored file names: small, and each with a way to go wrong."""

from __future__ import annotations

import json
import logging
import string
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from atrium_session import (
    address,
    backup,
    colors,
    history,
    inviting,
    reaching,
    repeats,
    sentences,
    settings,
    whole,
    words,
)

from atrium import Client, serve
from atrium._core import PASTED_BYTES_MAX
from atrium.check import check


@pytest.mark.parametrize(
    "text",
    ["localhost", " LOCALHOST:9090 ", "127.0.0.1", "127.1.2.3:12800", "[::1]:9090", "::1", '"localhost"']
    + [
        "localhost/",
        "localhost:9090/",
        "(localhost)",
        "localhost.",
        "ip6-localhost",
        "tcp://localhost",
        "127.0.0.1 : 9090",
    ],
)
def test_this_machine(text: str) -> None:
    assert address.is_local(text)


@pytest.mark.parametrize(
    "text",
    ["", "192.168.0.48", "localhost.example", "[fe80::1%eth0]:12800", "somehost:9090", "127.0.0.1.example"]
    # No address at all: nothing is started for it.
    + [
        "localhost:99999",
        "localhost:0",
        "localhost:many",
        "localhost:",
        "[::1",
        "[::1]9090",
        "127.0.0.1:" + "9" * 5000,
        "ws://127.0.0.1",  # through a program on this machine, which leads to whomever
        "localhost:9090 or atrium://join#AQAB",
        "127.0.0.1:9090 leads to 192.0.2.7:9090",
    ],
)
def test_another_machine(text: str) -> None:
    assert not address.is_local(text)


def broken(link: str, mark: str) -> str:
    """As mail breaks it into lines."""
    return mark.join(link[at : at + 72] for at in range(0, len(link), 72))


def test_a_message_is_pasted_as_one_line_in_which_the_engine_finds_the_invite(tmp_path: Path) -> None:
    with serve(port=0, bind="127.0.0.1", home=tmp_path / "host") as server, Client(tmp_path / "host") as host:
        host.connect(f"127.0.0.1:{server.port}")
        link = host.create_invite()
        assert len(link) > 100
        messages = [f"Come over, says Anna:\n<{link}>\nSee you\n", f"> Hello\n> {broken(link, chr(10) + '> ')}\n> Anna"]
        messages += [f"Hello\r\n\r\n{broken(link, mark)}{mark}and bring cake" for mark in ("\n", "\r\n", " \n")]
        for message in messages:
            line = address.pasted(message)
            assert "\n" not in line and line.startswith("atrium://join#")
            assert check(line).reached, message


def test_what_is_pasted_is_bounded_and_an_address_stays_as_it_is() -> None:
    assert address.pasted(" 192.168.0.48:9090\n") == "192.168.0.48:9090"
    assert address.pasted("Forwarding\n  tcp://0.tcp.example.org:12489 -> localhost:12800\n") == (
        "Forwarding tcp://0.tcp.example.org:12489 -> localhost:12800"
    )
    assert address.pasted(" \n\t ") == ""
    assert address.pasted("x\n" * 10_000_000) == ("x " * (PASTED_BYTES_MAX // 2)).strip()
    link = "ATRIUM://join#" + "A" * 5600
    assert address.pasted("İ\n" * 10_000 + broken(link, "\n>  ") + "\n" * 10_000_000).replace(" > ", "") == link
    assert len(address.pasted("atrium://join#" + "A" * 10_000_000)) == address.INVITE_MAX
    assert address.pasted("Hi!\n" * 100 + link.removeprefix("A")) == "join#" + "A" * 5600


def test_ports() -> None:
    """As the engine reads them."""
    for text, host, port in (
        ("[fe80::1%eth0]:12801", "fe80::1%eth0", 12801),
        (" '192.168.0.48:9090' ", "192.168.0.48", 9090),
        ("fe80::1", "fe80::1", None),
        ("host", "host", None),
        ("[::1]", "::1", None),
        ("https://x.example.org", "x.example.org", None),
    ):
        read = address.read(text)
        assert read is not None and (read.host, read.port) == (host, port) == (read.host, address.port_in(text))
    assert address.read("host:many") is None and "must be a port" in address.fault("host:many")
    assert (
        address.is_same("LOCALHOST", "localhost:12800/")
        and not address.is_same("", "")
        and not address.is_same("a", "a:9")
    )


def test_colors_are_distinct_and_the_first_keeps_its_own() -> None:
    given = colors.distinct([(1.0, 0.0, 0.0)] * len(colors.PALETTE))
    assert given[0] == (1.0, 0.0, 0.0)
    assert not any(colors.alike(a, b) for i, a in enumerate(given) for b in given[:i])


def test_the_palette_itself_is_distinct() -> None:
    palette = colors.PALETTE
    assert not any(colors.alike(a, b) for i, a in enumerate(palette) for b in palette[:i])


def test_more_people_than_colors_is_no_error() -> None:
    assert len(colors.distinct([(0.5, 0.5, 0.5)] * 40)) == 40


def test_settings_survive_and_damage_does_not_matter(tmp_path: Path) -> None:
    wanted = settings.Settings("Anna", (0.25, 0.5, 1.0), "192.0.2.7")
    assert settings.save(tmp_path / "home", wanted)
    assert settings.load(tmp_path / "home") == wanted
    for damage in ("", "{", "[]", '{"user_name": 3, "user_color": ["a"], "host": null}', '{"user_color": [1, 2]}'):
        (tmp_path / "home" / settings.FILE).write_text(damage)
        assert settings.load(tmp_path / "home") == settings.defaults()


@pytest.mark.parametrize("name", settings.ADDRESSES)
def test_settings_keep_addresses_and_nothing_that_may_hold_a_secret(tmp_path: Path, name: str) -> None:
    """People paste whatever they have: a whole message with a password in it lay in the file before."""
    for typed, kept in (
        (" '192.0.2.7:9090' ", "192.0.2.7:9090"),
        ("localhost:12900", "localhost:12900"),
        ("tcp://0.tcp.example.org:12489", "tcp://0.tcp.example.org:12489"),
        ("The password is hunter2 and the address 192.0.2.7", ""),
        ("wss://anna:hunter2@relay.example.org/atrium", ""),
        ("https://relay.example.org/atrium?key=hunter2", ""),
        ("https://relay.example.org/atrium#hunter2", ""),
        ("Come: <atrium://join#AbCdEf>", ""),
        ("atrium://join%23AbCdEf", ""),
        ("atrium://join/#AbCdEf", ""),
        ("trium://join#AbCdEf", ""),
        ("AQAbCdEf" * 14, ""),
        ("x" * 256, ""),
    ):
        mine = settings.defaults()
        setattr(mine, name, typed)
        assert settings.save(tmp_path, mine)
        text = (tmp_path / settings.FILE).read_text("utf-8")
        assert "hunter2" not in text and "AbCdEf" not in text, text
        assert getattr(settings.load(tmp_path), name) == (kept or getattr(settings.defaults(), name))


def test_an_invite_is_not_shown() -> None:
    assert address.discreet("Come: <ATRIUM://join#AbCd>") == address.HIDDEN == "atrium://join#***"
    assert address.discreet("192.0.2.7 ") == "192.0.2.7 "
    for damaged in ("trium://join#AbCd", "ATRIUM://JOIN%23AbCd", "atrium://join/#AbCd", "AQAbCdEf" * 14):
        assert address.discreet(damaged) == address.shown(damaged) == address.HIDDEN
        assert not address.is_storable(damaged) and not address.takes_password(damaged)
    assert address.shown("Come: <ATRIUM://join#AbCd>") == address.HIDDEN
    assert address.shown("https://ada:pass@x.example/p?token=1") == "https://x.example/p"
    assert [address.shown(text) for text in ("ada:p@x", "[::1]:9", "wss://x/p")] == ["x", "[::1]:9", "wss://x/p"]


def test_without_the_engine_whatever_may_be_an_invite_is_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The add-on registers without it, and reads and writes its settings."""
    monkeypatch.setitem(sys.modules, "atrium._core", None)
    for text in ("trium://join#AbCd", "atrium://join%23AbCd", "AQAbCdEf" * 14, "Come: Atrium://join#AbCd"):
        assert address.discreet(text) == address.HIDDEN and not address.is_storable(text)
    assert address.pasted("Come:\nAtrium://join#Ab\nCd") == "Atrium://join#Ab Cd"
    for text in ("localhost", "tcp://0.tcp.sa.ngrok.io:12489", "https://some-words.example.org"):
        assert address.discreet(text) == text and address.is_storable(text)


def test_settings_that_cannot_be_written_are_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert not settings.save(tmp_path / "file", settings.defaults())


def test_two_blenders_of_one_user_write_only_what_was_changed_in_them(tmp_path: Path) -> None:
    one, other = settings.load(tmp_path), settings.load(tmp_path)
    one.user_name = "Anna"
    assert settings.save(tmp_path, one, "user_name")
    other.host, other.user_color = "192.0.2.7", (0.25, 0.5, 0.75)
    assert settings.save(tmp_path, other, "host") and settings.save(tmp_path, other, "user_color")
    found = settings.load(tmp_path)
    assert (found.user_name, found.host, found.user_color) == ("Anna", "192.0.2.7", (0.25, 0.5, 0.75))


def test_names_are_one_line_and_bounded() -> None:
    assert settings.clean_name("  An\nna\x00\x1b[31m ") == "An na[31m"
    assert len(settings.clean_name("x" * 10_000)) == settings.NAME_MAX


def test_every_sentence_has_only_fields_that_are_filled() -> None:
    known = {"address", "room", "port", "seconds", "text", "name"}
    for code, template in sentences.ERRORS.items():
        fields = {name for _, name, _, _ in string.Formatter().parse(template) if name}
        assert fields <= known, code
        assert sentences.problem(code).sentence


def test_braces_in_what_others_sent_are_text() -> None:
    trouble = sentences.problem("VERSION", text="{0} {address.__class__}", address="{x}")
    assert "{0} {address.__class__}" in trouble.sentence and "{x}" in trouble.sentence


def test_what_was_typed_is_shown_in_bounds() -> None:
    trouble = sentences.problem("ADDR_SYNTAX", text="It is too long.", address="x" * 10_000)
    assert len(trouble.sentence) < 250 and trouble.sentence.endswith("It is too long.")
    assert len(sentences.problem("ROOM_NAME", room="y" * 10_000).sentence) < 250


def test_an_unknown_code_shows_the_engines_text() -> None:
    assert sentences.problem("SOMETHING_NEW", text="It rained.").sentence == "It rained."


# --- hosts that were used --------------------------------------------------------------------------------------------


def test_the_history_is_shared_by_two_blenders_of_one_user(tmp_path: Path) -> None:
    anna, ben = history.History(tmp_path), history.History(tmp_path)
    anna.add("studio.example")
    ben.add("[2001:db8::5]:9090")
    assert ben.hosts == ["[2001:db8::5]:9090", "studio.example"] == history.History(tmp_path).hosts
    anna.add("studio.example")
    assert anna.hosts == ["studio.example", "[2001:db8::5]:9090"]
    before = (tmp_path / history.FILE).stat()
    ben.add("studio.example")
    assert ben.hosts == anna.hosts and (tmp_path / history.FILE).stat().st_ino == before.st_ino, "the newest already"
    ben.forget("studio.example")
    assert history.History(tmp_path).hosts == ["[2001:db8::5]:9090"]
    anna.forget_all()
    assert history.History(tmp_path).hosts == []
    assert [path.name for path in tmp_path.iterdir()] == [history.FILE]


def test_the_history_is_bounded(tmp_path: Path) -> None:
    used = history.History(tmp_path)
    for number in range(40):
        used.add(f"192.0.2.{number}")
    assert len(used.hosts) == history.HOSTS_MAX and used.hosts[0] == "192.0.2.39"


@pytest.mark.parametrize(
    "secret",
    [
        "atrium://join#AQID",
        "see you: <atrium://join#AQID>",
        "trium://join#AQID",
        "atrium://join%23AQID",
        "AQAbCdEf" * 14,
        "anna:geheim@example.org",
        "wss://example.org/?token=abc",
        "wss://example.org/#abc",
        "x" * 300,
        "localhost",
        "",
    ],
)
def test_the_history_keeps_no_secrets(tmp_path: Path, secret: str) -> None:
    used = history.History(tmp_path)
    used.add(secret)
    assert used.hosts == [] and not (tmp_path / history.FILE).exists()
    (tmp_path / history.FILE).write_text(json.dumps([secret, 7, "192.0.2.7"]))
    assert history.History(tmp_path).hosts == ["192.0.2.7"], "nor does it offer any that lie there"


def test_a_damaged_or_unwritable_history_is_no_error(tmp_path: Path) -> None:
    for damage in ("", "{", "{}", "[null]", '"text"'):
        (tmp_path / history.FILE).write_text(damage)
        assert history.History(tmp_path).hosts == []
    (tmp_path / "file").write_text("")
    used = history.History(tmp_path / "file")
    used.add("192.0.2.7")
    assert used.hosts == ["192.0.2.7"]


# --- who can reach this machine --------------------------------------------------------------------------------------

INTERNET = {"audience": "internet", "label": "", "addresses": [], "state": "no", "reason": "no_mapping"}
RULE = {"address": "192.168.0.48", "port": 12800, "public_port": 9090}


def test_what_does_not_work_comes_with_the_next_step_and_the_rule() -> None:
    (verdict,) = reaching.verdicts([{**INTERNET, "with": RULE}])
    assert (
        verdict.title == "The internet"
        and "does not open ports" in verdict.sentence
        and "Enter the rule" in verdict.step
    )
    assert [value for _, value in verdict.rule] == ["TCP", "9090", "192.168.0.48", "12800"]
    (mapped,) = reaching.verdicts(
        [{**INTERNET, "state": "should", "reason": "mapped", "with": {**RULE, "protocol": "PCP"}}]
    )
    assert mapped.rule == (), "nothing to enter where the router did it"


def test_what_was_typed_keeps_its_rule_and_the_hints_beside_it() -> None:
    typed = {**INTERNET, "addresses": ["203.0.113.17:9090"], "state": "unknown", "reason": "typed"}
    (plain,) = reaching.verdicts([{**typed, "with": RULE}])
    assert [value for _, value in plain.rule] == ["TCP", "9090", "192.168.0.48", "12800"]
    assert plain.texts == (plain.sentence, plain.step) and not plain.good
    (shared,) = reaching.verdicts([{**typed, "beside": "cgnat", "with": {"outside": "100.70.1.2"}}])
    assert any("CGNAT" in text for text in shared.texts) and "typed" in shared.texts[0]
    assert any("CGNAT" in line for line in reaching.report(shared)) and shared.rule == ()
    (odd,) = reaching.verdicts([{**typed, "beside": "eclipse"}])
    assert any("eclipse" in text for text in odd.texts)
    firewall = {"tool": "ufw", "tcp": "sudo ufw allow 1/tcp", "udp": "sudo ufw allow 2/udp"}
    (walled,) = reaching.verdicts([{**typed, "beside": "firewall", "with": firewall}])
    assert walled.commands == () and any("sudo ufw allow 1/tcp" in text for text in walled.texts)


def test_this_machine_says_whether_its_server_listens_everywhere() -> None:
    here = {"audience": "machine", "addresses": ["localhost:12800"], "state": "works", "reason": "proved"}
    everywhere, only_here = reaching.verdicts([{**here, "with": {"bound": b}} for b in ("*", "127.0.0.1")])
    assert everywhere.texts[-1] == "This server listens on all networks of this machine."
    assert only_here.texts == (only_here.sentence,)


def test_what_nobody_has_come_by_stands_apart() -> None:
    works = {**INTERNET, "state": "works", "reason": "proved", "addresses": ["[2001:db8::5]:12800"]}
    (verdict,) = reaching.verdicts([{**works, "others": ["203.0.113.17:9090"]}])
    assert verdict.addresses == ("[2001:db8::5]:12800",) and verdict.others == ("203.0.113.17:9090",)
    assert reaching.report(verdict)[-1].endswith("yet: 203.0.113.17:9090")
    assert reaching.report(reaching.verdicts([works])[0])[-1].strip() == verdict.texts[-1]


def test_what_comes_from_the_server_is_text_and_no_template() -> None:
    entry = {"audience": "vpn", "label": "{0} {x.__class__}", "addresses": ["{y}"], "state": "odd", "reason": "new"}
    (verdict,) = reaching.verdicts([entry])
    assert verdict.title == "VPN: {0} {x.__class__}" and verdict.addresses == ("{y}",)
    assert reaching.report(verdict)[0] == "VPN: {0} {x.__class__}: odd: {y}"


def test_a_command_for_the_firewall_can_be_copied() -> None:
    given = {"tool": "ufw", "tcp": "sudo ufw allow 12800/tcp", "udp": "sudo ufw allow 12800/udp"}
    entry = {"audience": "lan", "label": "LAN", "addresses": [], "state": "should", "reason": "firewall", "with": given}
    (verdict,) = reaching.verdicts([entry])
    assert verdict.commands == (given["tcp"], given["udp"]) and "ufw" in verdict.sentence
    mine = {"audience": "machine", "label": "", "addresses": [], "state": "works", "reason": "proved"}
    vpn = {**entry, "audience": "vpn", "label": "ZeroTier"}
    told = reaching.firewall(reaching.verdicts([mine, entry, vpn]))
    assert told is not None and told.audience == "lan", "once"
    assert reaching.firewall(reaching.verdicts([mine, entry, {**vpn, "state": "works", "reason": "proved"}])) is None


def test_trouble_is_shown_unasked_until_there_is_a_way_in_from_far_away() -> None:
    lan = {"audience": "lan", "label": "Wi-Fi", "addresses": ["192.0.2.7:1"], "state": "should", "reason": "listening"}
    vpn = {**lan, "audience": "vpn", "label": "ZeroTier"}
    alone = reaching.verdicts([lan, INTERNET])
    assert [reaching.wants_attention(v, alone) for v in alone] == [False, True]
    with_vpn = reaching.verdicts([lan, vpn, INTERNET])
    assert not any(reaching.wants_attention(v, with_vpn) for v in with_vpn)
    no_lan = reaching.verdicts([{**lan, "state": "no", "reason": "loopback_only"}, vpn])
    assert reaching.wants_attention(no_lan[0], no_lan)


def test_the_systems_question_is_explained_before_it_comes() -> None:
    assert "Windows asks" in reaching.before_hosting("win32")[0]
    assert "macOS asks" in reaching.before_hosting("darwin")[0]
    assert reaching.before_hosting("linux") == ()


@pytest.mark.parametrize(("magic", "header"), [(b"BLENDER-v402", 24), (b"BLENDER17-01v0500", 32)])
def test_the_original_path_goes_where_blender_looks_for_it(tmp_path: Path, magic: bytes, header: int) -> None:
    size = 1200
    head = b"GLOB" + (
        size.to_bytes(4, "little") + bytes(16) if header == 24 else bytes(12) + size.to_bytes(8, "little") + bytes(8)
    )
    block = b"\x01" * backup.FIELD_OFFSET + bytes(backup.FIELD_BYTES) + b"\x01" * 100
    path = tmp_path / "copy.blend"
    path.write_bytes(magic + b"GLOBbut no block" + b"\x02" * 50 + head + block)
    assert backup.set_original(path, "/home/anna/set.blend")
    assert path.read_bytes().endswith(b"/home/anna/set.blend".ljust(backup.FIELD_BYTES, b"\0") + b"\x01" * 100)


def test_a_file_of_another_shape_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "copy.blend"
    for content in (b"", b"GLOB", b"BLENDER-v402GLOB" + b"\x01" * 2000, b"\x28\xb5\x2f\xfd" + bytes(3000)):
        path.write_bytes(content)
        assert not backup.set_original(path, "/home/anna/set.blend")
        assert path.read_bytes() == content


def compressed(*frames: bytes) -> bytes:
    """As Blender writes it: frames, and the table of their lengths."""
    pairs = b"".join(struct.pack("<II", len(frame), 1000) for frame in frames)
    head = struct.pack("<II", 0x184D2A5E, len(pairs) + 9)
    return b"".join(frames) + head + pairs + struct.pack("<IBI", len(frames), 0, 0x8F92EAB1)


FRAMES = (whole.COMPRESSED_MAGIC + b"one", b"two and more", b"")
PLAIN = [
    b"BLENDER-v405" + b"\x01" * 50 + b"ENDB" + bytes(20),
    b"BLENDER17-01v0500" + b"\x01" * 50 + b"ENDB" + bytes(28),
]


@pytest.mark.parametrize("content", [*PLAIN, compressed(*FRAMES)])
def test_a_file_that_lost_its_end_is_not_whole(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "scene.blend"
    path.write_bytes(content)
    assert whole.is_whole(path)
    for end in range(len(content)):
        path.write_bytes(content[:end])
        assert not whole.is_whole(path), end


def test_a_file_that_lost_something_inside_is_not_whole(tmp_path: Path) -> None:
    """The disk was full for a moment, and the table at the end was written again."""
    path = tmp_path / "scene.blend"
    for content in (
        compressed(*FRAMES).replace(b"two", b""),
        compressed(*FRAMES)[:-9] + struct.pack("<IBI", 2**31, 0, 0x8F92EAB1),
        b"anything" + PLAIN[0][8:],
    ):
        path.write_bytes(content)
        assert not whole.is_whole(path)


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the day begins nine hours before Greenwich's."""
    monkeypatch.setenv("TZ", "JST-9")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("expires_s", "said"),
    [
        (0, "It works until you revoke it."),
        (3600, "It works until 10:00 today."),
        (15 * 3600 - 60, "It works until 23:59 today."),
        (15 * 3600, "It works until 1970-01-02, 00:00."),  # in Greenwich the day has not ended yet
        (168 * 3600, "It works until 1970-01-08, 09:00."),
    ],
)
def test_until_when_an_invite_works(far_east: None, expires_s: int, said: str) -> None:
    assert inviting.lasting(expires_s, 0) == said


def test_what_an_invite_opens_is_said() -> None:
    assert inviting.opening("Studio") == "It opens the room “Studio” only."
    assert inviting.opening("") == "It opens every room."


def test_an_invite_is_over_when_its_time_has_come() -> None:
    assert not inviting.is_over(0, 5e9), "it never is"
    assert not inviting.is_over(100, 99.9)
    assert inviting.is_over(100, 100)
    assert inviting.HOURS[inviting.USUAL] == 168, "what scripts get that say nothing"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("all in one", ["all in one"]),
        ("just ten c", ["just ten c"]),
        ("more than ten letters", ["more than", "ten", "letters"]),
        ("a word-that-is-too-long fits", ["a", "word-that-", "is-too-lon", "g fits"]),
        ("ünïcödé is ñarrow", ["ünïcödé is", "ñarrow"]),
    ],
)
def test_sentences_are_folded_to_the_width_that_there_is(text: str, lines: list[str]) -> None:
    assert words.folded(text, 10, len) == lines


def test_a_sidebar_without_any_width_still_shows_every_letter() -> None:
    assert "".join(words.folded("two words", -5, len)) == "twowords"


def test_what_fails_in_every_tick_is_logged_once_in_a_while() -> None:
    written = []
    handler = logging.Handler()
    handler.emit = lambda record: written.append(record.getMessage())  # type: ignore[method-assign]
    handler.addFilter(repeats.Repeats())

    def say(at_s: float, error: str) -> None:
        exc = ValueError(error)
        record = logging.LogRecord("atrium", logging.ERROR, "", 0, "tick", None, (ValueError, exc, None))
        record.created = at_s
        handler.handle(record)

    for n in range(1500):
        say(n / 100, "broken")
    say(15.0, "other")
    say(15.1, "broken")
    assert written == ["tick", "tick [999 more]", "tick", "tick"]
