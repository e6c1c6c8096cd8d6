# SPDX-License-Identifier: MIT
"""Every text that the add-on shows, read from the sources that say it.

Blender looks texts up by context: what names an operator or stands on its button is "Operator", all else "*". In the add-on's Python
that follows from where a literal stands (`RULES` of `_Reader`); tables of sentences are modules' constants; in C it is any string
that reads like a sentence, where those are written that reach a person.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from atrium_session import said, sentences

from atrium import check, machine, reach, tunnels

REPO = Path(__file__).resolve().parents[2]
PLAIN, BUTTON = "*", "Operator"
Text = tuple[str, str]

PROPERTIES = frozenset(
    {
        "CollectionProperty",
        "BoolProperty",
        "EnumProperty",
        "FloatProperty",
        "FloatVectorProperty",
        "IntProperty",
        "StringProperty",
    }
)
# Modules with tables of texts, which `translated` looks up by a name: what they pass to it is no literal.
WITH_TABLES = frozenset(f"addon/session/{name}.py" for name in ("sentences", "said", "reaching", "tunneling"))
C_FOLDERS = ("client", "server", "session", "transport", "room", "reach")
# Sentences in C that no person sees in the panel: texts of the command line, a page for browsers, and what is glued from the system's
# own words.
C_IGNORED_FILES = frozenset({"csrc/server/command.c"})
C_IGNORED = frozenset({"%s %s: %s; %s."})


class _Reader(ast.NodeVisitor):
    """Collects the texts of one module of the add-on, and what cannot be translated because it is no literal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.texts: dict[Text, str] = {}
        self.faults: list[str] = []
        self.tree = ast.parse(path.read_text("utf-8"))
        self._constants = {
            target.id: node.value
            for node in self.tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self.visit(self.tree)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Labels and descriptions; the docstring is the description where there is none, as in Blender."""
        fields = {
            target.id: statement.value
            for statement in node.body
            if isinstance(statement, ast.Assign)
            for target in statement.targets
            if isinstance(target, ast.Name)
        }
        if "bl_label" in fields:
            operator = "_OT_" in node.name
            self._take(fields["bl_label"], BUTTON if operator else PLAIN)
            if "bl_description" in fields:
                self._take(fields["bl_description"], PLAIN)
            elif description := ast.get_docstring(node):
                self._put(description, PLAIN, node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        keywords = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        if name in PROPERTIES:
            self._property(keywords)
        elif name in ("translated", "n_"):
            context = ast.literal_eval(node.args[1]) if len(node.args) > 1 else PLAIN
            self._take(node.args[0], context)
        elif name == "report" and len(node.args) == 2:
            self._take(node.args[1], PLAIN, lenient=True)
        elif "text" in keywords or "heading" in keywords:
            self._drawn(name, keywords)
        self.generic_visit(node)

    def _property(self, keywords: dict[str, ast.expr]) -> None:
        for part in ("name", "description"):
            if part in keywords:
                self._take(keywords[part], PLAIN)
        items = keywords.get("items")
        if isinstance(items, ast.Name):
            items = self._constants[items.id]
        for item in getattr(items, "elts", ()):
            _, label, description = item.elts[:3]
            self._take(label, PLAIN)
            self._take(description, PLAIN)

    def _drawn(self, name: str, keywords: dict[str, ast.expr]) -> None:
        """`text=` of label(), prop(), operator() and their like. One that Blender shall not look up is ours already."""
        context = BUTTON if name == "operator" else PLAIN
        translate = keywords.get("translate")
        if isinstance(translate, ast.Constant) and translate.value is False:
            return
        for part in ("text", "heading"):
            if part in keywords:
                self._take(keywords[part], context, lenient=True)

    def _take(self, node: ast.expr, context: str, lenient: bool = False) -> None:
        """`lenient`: it may be a name or a call, whose literal is met elsewhere."""
        if isinstance(node, ast.IfExp):
            self._take(node.body, context, lenient)
            self._take(node.orelse, context, lenient)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self._put(node.value, context, node)
        elif isinstance(node, ast.JoinedStr) or not lenient:
            self.faults.append(f"{self._where(node)}: {ast.unparse(node)[:70]} cannot be looked up")

    def _put(self, text: str, context: str, node: ast.AST) -> None:
        if text:
            self.texts[context, text] = self._where(node)

    def _where(self, node: ast.AST) -> str:
        return f"{self.path.relative_to(REPO)}:{getattr(node, 'lineno', 0)}"


def python_files() -> list[Path]:
    """What draws, and what has sentences for it."""
    return sorted(
        path
        for folder in ("ui", "session")
        for path in (REPO / "addon" / folder).rglob("*.py")
        if path.parent.name != "translations"
    )


def of_python() -> tuple[dict[Text, str], list[str]]:
    """Texts with their places, and faults."""
    texts: dict[Text, str] = {}
    faults: list[str] = []
    for path in python_files():
        if path.name == "words.py":
            continue
        reader = _Reader(path)
        texts.update(reader.texts)
        faults += [fault for fault in reader.faults if path.relative_to(REPO).as_posix() not in WITH_TABLES]
    return texts, faults


PHRASE = re.compile(r"[A-Z“{]\S* .*[a-z]{2}", re.DOTALL)


def unmarked(known: set[str]) -> list[str]:
    """Literals of the add-on that read like words for a person and are none of the known texts: forgotten ones."""
    return [fault for path in python_files() for fault in _unmarked_in(path, known)]


def _unmarked_in(path: Path, known: set[str]) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = list(ast.walk(tree))
    docstrings = {id(n.body[0].value) for n in nodes if isinstance(n, documented) and isinstance(n.body[0], ast.Expr)}
    pieces = {id(part) for n in nodes if isinstance(n, ast.JoinedStr) for part in ast.walk(n)}
    for node in nodes:
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)) or id(node) in docstrings:
            continue
        text = node.value
        if text in known or "%" in text:  # a log's format
            continue
        if PHRASE.match(text) or (id(node) in pieces and re.search(r"[a-z]{2,} [a-z]|[a-z] [a-z]{2,}", text)):
            yield f"{path.relative_to(REPO)}:{node.lineno}: {text!r}"


def of_tables() -> dict[Text, str]:
    """The sentences of modules that keep them in tables."""
    tables = {
        "addon/session/sentences.py": (
            sentences.ERRORS,
            sentences.REFUSALS,
            sentences.REFUSED,
            sentences.REFUSED_UNNAMED,
        ),
        "addon/session/said.py": said.TEMPLATES,
        "python/atrium/check.py": (check.KEYS, check.TEXTS),
        "python/atrium/reach.py": (
            *(reach.TITLES, reach.STATES, reach.REASONS, reach.ALL_NETWORKS, reach.UNKNOWN, reach.OTHERS),
            *(name for name, _ in reach.RULE),
        ),
        "python/atrium/machine.py": machine.TEXTS,
        "python/atrium/tunnels.py": (tunnels.FAILURES, tunnels.SAID_NOTHING),
    }
    return {(PLAIN, text): place for place, table in tables.items() for text in _values(table) if text}


def _values(table: object) -> Iterator[str]:
    """Every text in it, however it is kept."""
    if isinstance(table, str):
        yield table
    elif isinstance(table, dict):
        yield from _values(list(table.values()))
    elif dataclasses.is_dataclass(table) and not isinstance(table, type):
        yield from _values(dataclasses.astuple(table))
    elif isinstance(table, (list, tuple)):
        for value in table:
            yield from _values(value)


STRING = r'"(?:[^"\\\n]|\\.)*"'
SENTENCE = re.compile(r"[A-Z%].*[.?]|.*failed: %s|No key could be made: %s", re.DOTALL)
PROGRESS = re.compile(r"Loading .*")
CONVERSION = re.compile(r"%[-+#0-9.*]*(?:ll|l|z)?[a-zA-Z]")


def of_c() -> dict[Text, str]:
    """Sentences of the engine and the server, with numbered fields in place of printf's."""
    files = [path for folder in C_FOLDERS for path in sorted((REPO / "csrc" / folder).glob("*.c"))]
    out: dict[Text, str] = {}
    for path in [REPO / "csrc/base/error.h", *files]:
        name = path.relative_to(REPO).as_posix()
        if name in C_IGNORED_FILES:
            continue
        source = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
        for run in re.finditer(rf"{STRING}(?:\s*{STRING})*", source):
            text = "".join(part[1:-1] for part in re.findall(STRING, run.group())).replace('\\"', '"')
            if _is_for_people(text):
                out[PLAIN, with_fields(text)] = name
    return out


def _is_for_people(text: str) -> bool:
    if text in C_IGNORED:
        return False
    return bool(PROGRESS.fullmatch(text)) or (len(text.split()) >= 3 and bool(SENTENCE.fullmatch(text)))


def with_fields(text: str) -> str:
    numbers = iter(range(20))
    return CONVERSION.sub(lambda _: "{" + str(next(numbers)) + "}", text)
