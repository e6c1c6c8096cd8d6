# SPDX-License-Identifier: MIT
"""What the documentation says is so: its Python blocks are run as they stand, its links lead somewhere, what it quotes of the panel the
panel says, what it tells to type exists, and a guide in Spanish has the shape of the English one."""

from __future__ import annotations

import ast
import functools
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from atrium import reach, tunnels

from .conftest import ROOT


@pytest.mark.parametrize("page", ["docs/scripting.md", "python/atrium/__init__.py"])
def test_code_in_the_documentation_runs(page: str, tmp_path: Path) -> None:
    text = (ROOT / page).read_text()
    if page.endswith(".md"):
        code = "".join(re.findall(r"^```python\n(.*?)^```", text, re.M | re.S))
    else:
        code = "".join(line[4:] or "\n" for line in text.split('"""')[1].splitlines(True) if line.startswith("    "))
    assert "import atrium" in code
    environment = {**os.environ, "ATRIUM_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT / "python")}
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""


@functools.cache
def flags_of(*command: str) -> frozenset[str]:
    """The options that a program of ours names in its help."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    words = [sys.executable, "-m", *command, "--help"]
    run = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=True)
    spelled = re.findall(r"^  (-.*?)(?:  |$)", run.stdout, re.M)
    return frozenset(flag for option in spelled for flag in re.findall(r"--[a-z-]+", option))


def options_in(heading: str) -> set[str]:
    """Those that the part of the page with that heading tells of."""
    text = (ROOT / "docs" / "scripting.md").read_text()
    part = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"`(--[a-z-]+)", part))


def test_the_servers_options_are_those_of_its_help() -> None:
    assert options_in("A server of its own") == flags_of("atrium.server")


def test_the_commands_options_are_those_of_their_help() -> None:
    assert options_in("From a terminal") == flags_of("atrium", "check") | flags_of("atrium", "invite")
    text = (ROOT / "docs" / "scripting.md").read_text()
    assert {"check", "invite"} == set(re.findall(r"^\| `python -m atrium ([a-z]+)", text, re.M))


def test_every_benchmark_says_how_it_measures() -> None:
    """A figure without its method is worth nothing; and the page names no benchmark that is not there."""
    text = (ROOT / "docs" / "benchmarks.md").read_text()
    methods = text.split("\n| name | what is measured | peer |\n")[1].split("\n\n")[0]
    told = {row.split("`")[1]: row.split("|")[2] for row in methods.splitlines()[1:]}
    source = (ROOT / "tests" / "bench" / "bench.py").read_text()
    groups = re.findall(r'^    "([a-z._]+)": ', source.split("BENCHMARKS: ")[1], re.M)
    assert len(groups) > 10
    for name in groups:
        assert any(row.startswith(name) for row in told), f"{name} has no row"
    for name, method in told.items():
        assert any(name.startswith(group) for group in groups), f"there is no benchmark {name}"
        assert len(method.split()) > 2, f"{name} has a figure where its method should stand"


PAGES = sorted(str(page.relative_to(ROOT)) for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SOURCES = ("csrc", "addon", "python", "tests", "docs")
# A name with one of these endings is a file of ours, unless it is one that Atrium writes.
ENDINGS = (".c", ".h", ".py", ".sh", ".md", ".txt", ".ini", ".mk")


def files() -> set[str]:
    """Every file of the repository by its path, without what was built."""
    return {
        str(path.relative_to(ROOT))
        for folder in SOURCES
        for path in (ROOT / folder).rglob("*")
        if "__pycache__" not in path.parts
    }


def anchors(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_every_picture_is_shown() -> None:
    shown = "".join((ROOT / page).read_text() for page in PAGES)
    images = ROOT / "docs" / "images"
    names = [str(path.relative_to(images)) for path in images.rglob("*.png")]
    assert [name for name in names if f"images/{name})" not in shown] == []


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_exist(page: str) -> None:
    """`room.c`, `transport/tls.c` and `csrc/base/error.h` are all names of files; a renamed one is noticed here."""
    known = files()
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(), flags=re.M | re.S)
    named = {word for quoted in re.findall(r"`([^`\n]+)`", text) for word in quoted.split() if word.endswith(ENDINGS)}
    lacking = [name for name in named if not any(file == name or file.endswith("/" + name) for file in known)]
    assert [name for name in lacking if not re.search(r"[<*{]|\.\.\.|^(build|\.\.)/", name)] == []


def test_every_folder_of_sources_is_on_the_map() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    folders = [path for top in ("csrc", "addon", "addon/sync") for path in (ROOT / top).iterdir() if path.is_dir()]
    names = [str(path.relative_to(ROOT)) for path in folders if any(path.glob("*.[ch]")) or any(path.glob("*.py"))]
    assert [name for name in names if name not in page and f"`{Path(name).name}/`" not in page] == []


def test_every_source_file_is_on_the_map() -> None:
    """By its name, with as much of its path as the page gives; a header by that of its C file, too."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    named = {"/" + word for quoted in re.findall(r"`([^`\n]+)`", page) for word in quoted.split()}
    sources = [
        file
        for file in files()
        if file.endswith((".c", ".h", ".py", ".pyi")) and not file.startswith(("tests/", "docs/"))
    ]
    assert len(sources) > 250

    def is_named(file: str) -> bool:
        return any(f"/{file}".endswith(word) for word in named)

    lacking = [
        file for file in sources if not is_named(file) and not (file.endswith(".h") and is_named(file[:-1] + "c"))
    ]
    assert sorted(lacking) == []


# --- the guides for users --------------------------------------------------------------------------------------------

GUIDES = ["quick-start.md", "get-connected.md", "faq.md", "security.md"]


def addon_sentences() -> ModuleType:
    """addon/session/sentences.py, which needs no Blender; its package would."""
    package = ModuleType("session_of_docs")
    package.__path__ = [str(ROOT / "addon" / "session")]
    sys.modules[package.__name__] = package
    return importlib.import_module("session_of_docs.sentences")


def texts_of(*folders: str) -> set[str]:
    """Every text that stands in the sources there."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    nodes = (node for path in paths for node in ast.walk(ast.parse(path.read_text())))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def fields(template: str, said: str) -> dict[str, str] | None:
    """What stands in the template's fields, where this is the template filled in. What is nearly all field would match anything, and counts
    for nothing."""
    parts = re.split(r"\{(\w+)\}", template)
    if len("".join(parts[::2])) < 12:
        return None
    pattern = "".join(f"(?P<f_{part}>.+)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
    found = re.fullmatch(pattern, said)
    return found.groupdict() if found else None


def matches(template: str, said: str) -> bool:
    return fields(template, said) is not None


def quotes(page: Path) -> list[str]:
    return [line.removeprefix("> ") for line in page.read_text().splitlines() if line.startswith("> ")]


def test_the_faq_quotes_what_atrium_says() -> None:
    said = texts_of("addon/session", "addon/ui", "python/atrium")
    strange = [quote for quote in quotes(ROOT / "docs/faq.md") if not any(matches(t, quote) for t in said)]
    assert strange == []


# These say all that there is to say.
OBVIOUS = {
    *("BUSY", "NOT_CONNECTED", "CONNECTED", "NOT_IN_ROOM", "IN_ROOM", "NOT_HOST", "NO_KNOCK", "NO_QUESTION"),
    *("NO_ADDRESS", "HOST_UNKNOWN", "WAITED", "CANCELED", "ROOM_NAME", "EXISTS"),
}


def test_whatever_can_go_wrong_is_in_the_faq() -> None:
    quoted = quotes(ROOT / "docs/faq.md")
    errors: dict[str, str] = addon_sentences().ERRORS
    lacking = [code for code, text in errors.items() if not any(matches(text, quote) for quote in quoted)]
    assert sorted(set(lacking) - OBVIOUS) == []
    assert set(errors) >= OBVIOUS


# Reasons of the table in atrium/reach.py with which all is well, or that wait; and those of systems on which Atrium does not run yet.
FINE = {"proved", "listening", "asking_router", "mapped", "public_address", "ipv6_opened", "tunnel"}
ELSEWHERE = {"firewall_windows", "firewall_macos"}


def test_whatever_keeps_guests_out_is_in_the_faq() -> None:
    """For every reason that the panel of a host can give, and every tunnel that does not open."""
    quoted = quotes(ROOT / "docs/faq.md")
    reasons = {name: reason.sentence for name, reason in reach.REASONS.items() if name not in FINE | ELSEWHERE}
    failures = {name: failure.sentence for name, failure in tunnels.FAILURES.items()}
    assert set(reach.REASONS) >= FINE | ELSEWHERE
    for table in (reasons, failures):
        assert [name for name, text in table.items() if not any(matches(text, quote) for quote in quoted)] == []


def names_in_bold(text: str) -> set[str]:
    """What the text calls by its name on the screen. Bold words that open a paragraph or an item are its title."""
    lines = [line for line in text.splitlines() if not re.search(r"\[(English|Español)\]\(", line)]
    bodies = [re.sub(r"^(\s*(- |\d+\. )?)\*\*[^*]+\*\*", "", line) for line in lines]
    return set(re.findall(r"\*\*([^*]+)\*\*", "\n".join(bodies)))


@pytest.mark.parametrize("guide", GUIDES)
def test_buttons_are_called_by_their_names(guide: str) -> None:
    assert names_in_bold((ROOT / "docs" / guide).read_text()) - texts_of("addon") == set()


@pytest.mark.parametrize("page", PAGES)
def test_commands_take_the_options_that_are_told(page: str) -> None:
    """`atrium-server ...` and `python -m atrium ...`, in the text and on lines of their own; and options that stand alone."""
    text = (ROOT / page).read_text()
    ours = flags_of("atrium.server") | flags_of("atrium") | flags_of("atrium", "check") | flags_of("atrium", "invite")
    for command in re.findall(r"^    (.*)$|`([^`\n]+)`", text, re.M):
        words = "".join(command).split()
        flags = {word.partition("=")[0] for word in words if re.fullmatch(r"--[a-z-]+(=.*)?", word)}
        if words[:1] in (["atrium-server"], ["build/release/atrium-server"]):
            assert flags <= flags_of("atrium.server"), words
        elif words[:3] == ["python", "-m", "atrium"]:
            assert flags <= flags_of("atrium") | flags_of("atrium", *words[3:4]), words
        elif words[:1] == sorted(flags)[:1] and flags:
            assert flags <= ours | NOT_OURS, words


# Blender's own, and those of our own scripts' makers.
NOT_OURS = {"--offline-mode", "--background"}


# --- the same in Spanish ---------------------------------------------------------------------------------------------


def shape(page: Path) -> tuple[list[int], list[str], int]:
    """Levels of the headings; lines of code, which are the same in every language; how many pictures."""
    text = page.read_text()
    levels = [len(mark) for mark in re.findall(r"^(#+) ", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)]
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    code = [line for block in fenced for line in block.splitlines()] + re.findall(r"^ {4,}(.*)$", text, re.M)
    return levels, code, len(re.findall(r"!\[", text))


@functools.cache
def spanish() -> dict[str, set[str]]:
    """English text -> what the add-on shows for it in Spanish, as a text and as a button."""
    package = ModuleType("translations_of_docs")  # the real one wants Blender
    package.__path__ = [str(ROOT / "addon/ui/translations")]
    sys.modules[package.__name__] = package
    module = importlib.import_module("translations_of_docs.es")
    out: dict[str, set[str]] = {}
    for table in (module.TEXTS, module.BUTTONS):
        for english, text in table.items():
            out.setdefault(english, set()).add(text)
    return out


@pytest.mark.parametrize("guide", GUIDES)
def test_buttons_have_the_names_that_a_spanish_blender_shows(guide: str) -> None:
    english, shown = (names_in_bold((ROOT / "docs" / folder / guide).read_text()) for folder in ("", "es"))
    names = {name: spanish().get(name, set()) for name in english}
    assert [name for name, texts in names.items() if not texts & shown] == []
    assert shown - set().union(*names.values()) == set()
    slanted = [
        set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", (ROOT / "docs" / d / guide).read_text())) for d in ("", "es")
    ]
    assert [name for name in slanted[0] & set(spanish()) if not spanish()[name] & slanted[1]] == []


def means(english: str, text: str) -> bool:
    """Whether the add-on says the second where it says the first, with the same in the fields."""
    for template, translations in spanish().items():
        filled = fields(template, english)
        for translation in translations if filled is not None else ():
            other = fields(translation, text)
            if other is not None and all(
                other[name] == value or means(value, other[name]) for name, value in filled.items()
            ):
                return True
    return False


def test_the_spanish_faq_quotes_a_spanish_blender() -> None:
    pairs = zip(quotes(ROOT / "docs/faq.md"), quotes(ROOT / "docs/es/faq.md"), strict=True)
    assert [text for english, text in pairs if not means(english, text)] == []


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_has_the_same_shape_in_spanish(guide: str) -> None:
    english, spanish = (shape(ROOT / "docs" / folder / guide) for folder in ("", "es"))
    assert spanish == english
    assert len(quotes(ROOT / "docs" / guide)) == len(quotes(ROOT / "docs/es" / guide))


def test_every_guide_is_there_in_both_languages() -> None:
    assert sorted(path.name for path in (ROOT / "docs/es").glob("*.md")) == sorted(GUIDES)
    for guide in GUIDES:
        assert f"[Español](es/{guide})" in (ROOT / "docs" / guide).read_text()
        assert f"[English](../{guide})" in (ROOT / "docs/es" / guide).read_text()


def test_every_attack_has_its_test() -> None:
    """And each is told in both languages."""
    named = re.compile(r"`((?:python|c|net|addon)/test_\w+\.\w+)` `(\w+)`")
    both = [named.findall((ROOT / "docs" / folder / "security.md").read_text()) for folder in ("", "es")]
    assert both[0] == both[1] and len(both[0]) > 20
    lacking = [
        f"{file} {name}"
        for file, name in both[0]
        if not re.search(rf"^(def|static void) {name}\(", (ROOT / "tests" / file).read_text(), re.M)
    ]
    assert lacking == []
